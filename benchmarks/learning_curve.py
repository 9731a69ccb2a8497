"""Compare what a lab gains from 10 to 200 scored scans: a bundle as it is, calibrated, adapted, or a new network.

    python benchmarks/learning_curve.py --bundle BUNDLE --cohort COHORT [--cohort COHORT] --work WORK

The patients of COHORT must not be among those that BUNDLE learnt from. A third of them is kept out, and the scans of
the others are drawn so that few scans are of many patients. The scores stand in for a site with other habits: those of
the reader `measured`, with each scale shifted by its own amount, noise of a reader added, and rounded. They are not an
expert's. Masks are the given ones. A run that was interrupted goes on; the page goes to standard output.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from lgeqa.bootstrap import Bootstrap, cell, numbered
from lgeqa.cohort import MEASURED, Case, LabelRule, read_cohort
from lgeqa.evaluation.calibration import Labelled, Map, best_threshold, fit_scale
from lgeqa.evaluation.metrics import METRICS
from lgeqa.evaluation.predictions import Predictions, measured
from lgeqa.inference.bundle import open_bundle
from lgeqa.inference.vote import vote
from lgeqa.scales import PASSES_FROM, SCALE_NAMES
from lgeqa.table_text import markdown_table
from lgeqa.training.onnx_export import export_onnx
from lgeqa.training.quality import AdaptConfig, Prepared, QualityConfig, find_strategy, quality_store
from lgeqa.training.self_check import probabilities_of
from lgeqa.training.slice_store import SliceDataset

SIZES: Final = (10, 20, 50, 100, 200)
#: Added to the measured score of each scale, and the standard deviation of the reader's noise.
SHIFTS: Final = (0.5, -0.5, 0.3, -0.6)
NOISE: Final = 0.5
#: Smallest number of steps of a training, so that ten scans are not given up after twenty steps.
STEPS: Final = 300
SITE: Final = "site"
RULE: Final = LabelRule(rule="reader", reader=SITE)
#: Learning rate of the encoder as a share of the heads', by the name of the method.
ENCODER_RATES: Final = {"heads adapted": 0.0, "adapted": 0.1}
_QUALITY: Final = SCALE_NAMES.index("quality")
SHOWN: Final = ("auroc", "balanced_accuracy", "brier", "calibration_error")


@dataclass(frozen=True)
class Site:
    """The scans of the site as prepared slices, and the bundle that it starts from.

    Attributes:
        bundle: Folder of the bundle.
        work: Folder of the runs.
        cases: Scans to learn from, in the order in which they are taken, and then the kept-out ones.
        learnt: Number of scans to learn from.
    """

    bundle: Path
    work: Path
    cases: Sequence[Case]
    learnt: int

    @property
    def network(self) -> Path:
        """ONNX file of the bundle's quality network."""
        return self.bundle / open_bundle(self.bundle).manifest.quality.file

    def slices(self, numbers: Sequence[int]) -> SliceDataset:
        """Return the prepared slices of some scans."""
        return SliceDataset(self.work / "prepared", numbers)

    def trained(self, method: str, size: int) -> Path:
        """Return the network of a training on the first scans, which is done unless it is there."""
        run = self.work / f"{method}-{size}"
        network = run / "network.onnx"
        if not network.is_file():
            slices = self.slices(range(size))
            per_scan = 8
            epochs = max(12, -(-STEPS // max(1, per_scan * size // 32)))
            loop = {"epochs": epochs, "batch": 32, "slices_per_scan": per_scan, "threads": 1, "patience": 0}
            decided = AdaptConfig.network_settings(self.bundle)
            if method == "scratch":
                values = decided | {"weights": "random", "label": RULE.model_dump()}
                more = {"learning_rate": 1e-3, "keep": "last", "augmentation": AdaptConfig().loop.augmentation}
                config: QualityConfig = QualityConfig.of(values | {"loop": loop | more})
            else:
                values = decided | {"encoder_rate": ENCODER_RATES[method], "label": RULE.model_dump()}
                config = AdaptConfig().changed(values | {"loop": loop}, method)
            strategy = find_strategy("baseline" if method == "scratch" else "adapt")
            # Validation picks nothing here, so one scan is enough.
            trained = strategy.train(Prepared(slices, self.slices([0]), slices), config, run, True)
            export_onnx(trained, (1, *slices.slices.shape[1:]), None, network)
        return network

    def labelled(self, network: Path, numbers: Sequence[int]) -> list[Labelled]:
        """Return the answers of a network on some scans, and their labels, scale by scale."""
        store = self.slices(numbers)
        probabilities = probabilities_of(network, store, range(len(store)))
        by_scan = [probabilities[store.owner == scan] for scan in range(len(numbers))]
        patients = numbered([self.cases[number].patient for number in numbers])
        return [
            Labelled([scan[:, column] for scan in by_scan], store.labels[:, column] > 0.5, patients)
            for column in range(len(SCALE_NAMES))
        ]


def main() -> None:
    """Train, calibrate and judge, size by size, and print the page."""
    parser = argparse.ArgumentParser(description="Learning curves of a bundle on a site's scans.")
    parser.add_argument("--bundle", required=True, type=Path)
    parser.add_argument("--cohort", required=True, action="append", type=Path)
    parser.add_argument("--work", required=True, type=Path)
    parser.add_argument("--seed", default=0, type=int)
    options = parser.parse_args()
    cases = [case for cohort in options.cohort for case in read_cohort(cohort) if MEASURED in case.scores]
    train, test = _split(list(map(_scored, cases)), options.seed)
    site = Site(options.bundle, options.work, [*train, *test], len(train))
    quality_store(site.cases, open_bundle(site.bundle).manifest.quality.preparation, RULE, site.work / "prepared")
    rows = [_row("as it is", 0, site, site.network, calibrate=False)]
    for size in SIZES:
        rows.append(_row("calibrated", size, site, site.network, calibrate=True))
        rows += [
            _row(name, size, site, site.trained(name, size), calibrate=False) for name in (*ENCODER_RATES, "scratch")
        ]
    patients = len({case.patient for case in test})
    print(f"{len(train)} scans to learn from, {len(test)} of {patients} kept-out patients, seed {options.seed}\n")
    titles = [metric.title for metric in METRICS if metric.name in SHOWN]
    print(markdown_table(("", "Scans", *titles, "AUROC of nulling, sharpness, enhancement"), rows))


def _row(name: str, size: int, site: Site, network: Path, calibrate: bool) -> list[str]:
    """Return the figures on the kept-out scans of a network, calibrated on the first scans if wanted."""
    tested = site.labelled(network, range(site.learnt, len(site.cases)))
    threshold = PASSES_FROM
    fitted: list[Map] = [None] * len(SCALE_NAMES)
    if calibrate:
        learnt = site.labelled(network, range(size))
        scales = [fit_scale(data, 0) for data in learnt]
        fitted = [scale.map for scale, _ in scales]
        if (kept_out := scales[_QUALITY][1]) is not None:
            threshold = best_threshold(kept_out, learnt[_QUALITY].labels)
    figures = []
    for data, scale_map in zip(tested, fitted, strict=True):
        slices = [scan if scale_map is None else scale_map.apply(scan) for scan in data.slices]
        votes = [vote(scan.astype(np.float32), threshold) for scan in slices]
        probabilities = np.array([decision.probability for decision in votes])
        calls = np.array([decision.verdict == "diagnostic" for decision in votes])
        answers = Predictions(data.labels, data.patients, calls, probabilities, probabilities)
        figures.append(measured(answers, Bootstrap(1000, 0)))
    quality = figures[_QUALITY]
    attributes = ", ".join(f"{scale['auroc'].value or 0:.2f}" for scale in figures[:_QUALITY])
    return [name, str(size), *(cell(quality[m.name], ".2f") for m in METRICS if m.name in SHOWN), attributes]


def _scored(case: Case) -> Case:
    """Return a case with the scores of the site alone, drawn by the name of the scan."""
    noise = np.random.default_rng([ord(letter) for letter in case.scan_id]).normal(0, NOISE, len(SCALE_NAMES))
    scores = np.clip(np.round(np.array(case.scores[MEASURED]) + SHIFTS + noise), 1, 5)
    return replace(case, scores={SITE: tuple(scores.tolist())})


def _split(cases: Sequence[Case], seed: int) -> tuple[list[Case], list[Case]]:
    """Return the scans to learn from, one of each patient after another, and those of the kept-out patients."""
    rng = np.random.default_rng(seed)
    patients = rng.permutation(sorted({case.patient for case in cases}))
    kept_out = set(patients[: len(patients) // 3])
    of_each = {
        patient: rng.permutation(np.array([n for n, case in enumerate(cases) if case.patient == patient]))
        for patient in patients
        if patient not in kept_out
    }
    longest = max(map(len, of_each.values()))
    order = [numbers[turn] for turn in range(longest) for numbers in of_each.values() if turn < len(numbers)]
    return [cases[number] for number in order], [case for case in cases if case.patient in kept_out]


if __name__ == "__main__":
    main()
