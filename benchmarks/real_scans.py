"""Evaluate trained networks on real scans of held-out patients and on artefacts of mechanisms that they never saw.

    python benchmarks/real_scans.py --scans ../shared/data/lge --folds WORK/folds --strategy baseline [--jobs 2]
        [--measured-share 0.5] [--mask-error 1.5]

WORK/folds is the output of training/folds.py, with a finished run of the strategy in each fold. Each fold's network
only sees its own held-out patients, with their reference masks or, with `--mask-error`, with masks whose outline is
moved by a smooth random distance of this standard deviation in mm. The page goes to standard output. It compares the
network alone, the measured reader alone, and their average as in a bundle with this `measured_share`, and shows for
that average:

- unchanged scans: Spearman's correlation of each scale's probability with the measured score, share called diagnostic;
- each mechanism, by the network that never saw it: share of scans whose probability falls at its heaviest severity, and
  the AUROC of quality between scans measured as diagnostic and the same scans with the artefact;
- five severities of each mechanism: Kendall's tau of the scale's probability, with its sign chosen so that 1 means a
  fall at each step. The probability is expected to rise instead for a mechanism that improves a scan;
- distractors: share of scans whose probabilities move by less than .05;
- verdicts that contradict the attributes.
"""

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter
from scipy.stats import kendalltau, spearmanr
from sklearn.metrics import roc_auc_score

from lgeqa.cohort import read_split
from lgeqa.inference.bundle import Bundle, open_bundle
from lgeqa.inference.vote import vote
from lgeqa.io import Source, discover, read_mask, read_scan
from lgeqa.measures import Heart, measured_reader
from lgeqa.measures.compute import FUNCTIONS
from lgeqa.preprocessing import prepare_for_quality
from lgeqa.records import BoolArray, FloatArray
from lgeqa.scales import SCALE_NAMES, is_diagnostic
from lgeqa.simulation.artefacts import BY_NAME, MECHANISMS, Artefact, Mechanism, apply_artefacts
from lgeqa.simulation.distractors import Volume, apply_distractors, draw_distractors

QUALITY = SCALE_NAMES.index("quality")
STEPS = (0.2, 0.4, 0.6, 0.8, 1.0)
#: Number of evenly spaced slices that represent a changed scan. An unchanged scan shows all.
SLICES = 8
#: Number of draws of distractors for each scan.
DRAWS = 2
#: Length in mm over which the error of a mask's outline changes.
SMOOTH_MM = 5.0


@dataclass(frozen=True)
class Seen:
    """What the network and the measured reader say of one volume.

    Attributes:
        network: Probabilities by the network, (slice, 4) in the order of `scales.SCALE_NAMES`.
        measured: Probabilities by the measured reader, (4,). NaN where undefined.
        scores: Scores of the measured reader, (4,). NaN where undefined.
    """

    network: FloatArray
    measured: FloatArray
    scores: FloatArray

    def slices(self, share: float) -> FloatArray:
        """Return the probabilities if the measured reader has this share in them, (slice, 4)."""
        average = (1 - share) * self.network + share * self.measured
        return np.where(np.isnan(average), self.network, average)

    def mean(self, share: float) -> FloatArray:
        """Return the probabilities of the scan if the measured reader has this share in them, (4,)."""
        means: FloatArray = self.slices(share).mean(axis=0)
        return means


@dataclass(frozen=True)
class ScanRecord:
    """What was seen of one held-out scan.

    Attributes:
        scan_id: Name of the scan.
        scores: Scores of the measured reader with the reference mask, (4,).
        dice: Overlap of the mask in use with the reference mask.
        whole: The unchanged scan, all slices.
        before: The unchanged scan, the slices that represent it.
        heavy: The scan at the heaviest severity, by left-out mechanism.
        steps: The scan at each of `STEPS`, by mechanism.
        distracted: The scan with each draw of distractors.
    """

    scan_id: str
    scores: FloatArray
    dice: float
    whole: Seen
    before: Seen
    heavy: dict[str, Seen]
    steps: dict[str, list[Seen]]
    distracted: list[Seen]

    @property
    def good(self) -> bool:
        """Whether the unchanged scan is measured as diagnostic."""
        return is_diagnostic(self.scores[QUALITY])


def main() -> None:
    """Evaluate the networks of all folds and print the page."""
    parser = argparse.ArgumentParser(description="Judge networks by real scans of kept-out patients.")
    parser.add_argument("--scans", required=True, type=Path)
    parser.add_argument("--folds", required=True, type=Path)
    parser.add_argument("--strategy", default="baseline")
    parser.add_argument("--stepped", default=2, type=int, help="Scans of each fold that go through all severities.")
    parser.add_argument("--measured-share", default=0.5, type=float, help="Share of the measured reader.")
    parser.add_argument("--mask-error", default=0.0, type=float, help="Error of the masks' outlines in mm.")
    parser.add_argument("--jobs", default=1, type=int)
    options = parser.parse_args()
    folds = sorted(options.folds.glob("fold-*"))
    work = [
        (fold, source, number < options.stepped)
        for fold in folds
        for number, source in enumerate(_kept_out(options.scans, fold))
    ]
    look = partial(_look, strategy=options.strategy, mask_error=options.mask_error)
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        records = list(pool.map(look, *zip(*work, strict=True)))
    for line in _page(records, options.measured_share):
        print(line)


def _kept_out(scans: Path, fold: Path) -> list[Source]:
    """Return the sources of a fold's held-out patients, in order."""
    split = read_split(fold / "split.json")
    return [source for source in discover([scans]) if split.get(source.scan_id) == "test"]


def _look(fold: Path, source: Source, stepped: bool, strategy: str, mask_error: float) -> ScanRecord:
    """Return what a fold's network and the measured reader say of a held-out scan, unchanged and changed."""
    bundle = open_bundle(fold / strategy / "bundle")
    left_out = json.loads((fold / "left-out.json").read_text(encoding="utf-8"))
    scan = read_scan(source)
    assert source.mask_path
    reference = read_mask(source.mask_path, scan)
    seed = int(source.scan_id.encode().hex(), 16) % 2**32
    rng = np.random.default_rng(seed)
    atrium = _moved(reference, scan.spacing_mm, mask_error, rng) if mask_error else reference
    unchanged = Volume(scan.voxels, atrium, scan.spacing_mm)
    see = partial(_see, bundle)

    def changed(name: str, share: float) -> Seen:
        artefact = Artefact(mechanism=name, severity=BY_NAME[name].at(share), seed=seed)
        return see(
            Volume(apply_artefacts(scan.voxels, reference, scan.spacing_mm, (artefact,)), atrium, scan.spacing_mm)
        )

    return ScanRecord(
        source.scan_id,
        _measured(Volume(scan.voxels, reference, scan.spacing_mm))[1],
        float(2 * (atrium & reference).sum() / (atrium.sum() + reference.sum())),
        see(unchanged, every=True),
        see(unchanged),
        {name: changed(name, 1.0) for name in left_out},
        {m.name: [changed(m.name, share) for share in STEPS] for m in MECHANISMS if stepped},
        [see(apply_distractors(unchanged, draw_distractors(rng))) for _ in range(DRAWS)],
    )


def _moved(
    atrium: BoolArray, spacing_mm: tuple[float, float, float], error_mm: float, rng: np.random.Generator
) -> BoolArray:
    """Return a mask whose outline is moved by a smooth random distance with a standard deviation in mm."""
    inside, outside = (distance_transform_edt(part, spacing_mm) for part in (atrium, ~atrium))
    noise = gaussian_filter(rng.standard_normal(atrium.shape), [SMOOTH_MM / step for step in spacing_mm])
    moved: BoolArray = outside - inside < error_mm * noise / noise.std()
    return moved


def _see(bundle: Bundle, volume: Volume, *, every: bool = False) -> Seen:
    """Return what a network says of all slices of a volume, or of some, and what the measured reader says."""
    prepared = prepare_for_quality(volume.voxels, volume.atrium, volume.spacing_mm, bundle.manifest.quality.preparation)
    if not every:
        chosen = np.unique(np.linspace(0, len(prepared) - 1, min(SLICES, len(prepared))).round().astype(int))
        prepared = prepared[chosen]
    return Seen(bundle.score(prepared).probabilities, *_measured(volume))


def _measured(volume: Volume) -> tuple[FloatArray, FloatArray]:
    """Return the probabilities and the scores of the measured reader, each (4,), NaN where undefined."""
    reader = measured_reader()
    heart = Heart(volume.voxels, volume.atrium, volume.spacing_mm)
    taken = {name: FUNCTIONS[name](heart).value for name in reader.measures}
    values = {name: None if np.isnan(value) else value for name, value in taken.items()}
    probabilities, scores = (
        np.array([*found.values()], np.float32) for found in (reader.probabilities(values), reader.scores(values))
    )
    return probabilities, scores


def _page(records: Sequence[ScanRecord], share: float) -> Iterator[str]:
    """Yield the comparison of network, measures and both, and the details of both."""
    dice = np.mean([record.dice for record in records])
    yield f"{len(records)} scans, each judged by the network of the fold that held its patient out.\n"
    yield f"Mean Dice of the masks with the reference masks: {dice:.3f}.\n"
    yield "## Network, measures and both\n"
    shares = {"network alone": 0.0, "measured reader alone": 1.0, f"measured reader with a share of {share:g}": share}
    summaries = {name: _summary(records, by) for name, by in shares.items()}
    yield f"| what | {' | '.join(summaries)} |"
    yield "|---|" + "---|" * len(summaries)
    for what in next(iter(summaries.values())):
        yield f"| {what} | {' | '.join(summary[what] for summary in summaries.values())} |"
    yield ""
    yield from _left_out_page(records, share)
    yield from _steps_page(records, share)


def _summary(records: Sequence[ScanRecord], share: float) -> dict[str, str]:
    """Return the figures that bars are set for, as text, by name."""
    scores = np.array([record.scores for record in records])
    probabilities = np.array([record.whole.mean(share) for record in records])
    rhos = [_spearman(probabilities[:, place], scores[:, place]) for place in range(len(SCALE_NAMES))]
    called = np.array([_is_called_diagnostic(record, share) for record in records])
    right = np.mean(called == [record.good for record in records])
    attributes = probabilities[:, :QUALITY]
    contradicted = np.where(called, attributes.min(axis=1) < 0.2, attributes.min(axis=1) > 0.8)
    falls = {name: [_left_out(records, m, share) for m in _harmful(name) if _has(records, m)] for name in SCALE_NAMES}
    before = np.array([record.before.mean(share) for record in records])
    moved = np.abs([[one.mean(share) for one in r.distracted] - at for r, at in zip(records, before, strict=True)])
    taus = [_taus(records, mechanism, share)[0] for mechanism in MECHANISMS]
    return {
        **{
            f"Spearman of {name} (95 % interval)": f"{rho:.2f} ({low:.2f} to {high:.2f})"
            for name, (rho, low, high) in zip(SCALE_NAMES, rhos, strict=True)
        },
        "called diagnostic; as the measured score": f"{called.mean():.2f}; {right:.2f}",
        "contradicting verdicts": str(int(contradicted.sum())),
        "own probability falls, by scale": _joined(np.mean([one[0] for one in falls[n]]) for n in SCALE_NAMES),
        "quality falls, by scale": _joined(np.mean([one[1] for one in falls[n]]) for n in SCALE_NAMES),
        "AUROC of quality, by scale": _joined(np.nanmean([one[2] for one in falls[n]]) for n in SCALE_NAMES),
        "Kendall's tau": f"{np.mean(taus):.2f}",
        "distractors: moved by less than .05, by scale": _joined((moved < 0.05).mean(axis=(0, 1))),
    }


def _joined(values: Iterable[np.floating | float]) -> str:
    return ", ".join(f"{value:.2f}" for value in values)


def _is_called_diagnostic(record: ScanRecord, share: float) -> bool:
    return vote(record.whole.slices(share)[:, QUALITY], 0.5).verdict == "diagnostic"


def _harmful(scale: str) -> list[Mechanism]:
    return [mechanism for mechanism in MECHANISMS if mechanism.scale == scale and not mechanism.improves]


def _has(records: Sequence[ScanRecord], mechanism: Mechanism) -> bool:
    return any(mechanism.name in record.heavy for record in records)


def _left_out(records: Sequence[ScanRecord], mechanism: Mechanism, share: float) -> tuple[float, float, float]:
    """Return the shares of scans whose own and whose quality probability fall, and the AUROC of quality."""
    place = SCALE_NAMES.index(mechanism.scale)
    scans = [record for record in records if mechanism.name in record.heavy]
    before = np.array([record.before.mean(share) for record in scans])
    after = np.array([record.heavy[mechanism.name].mean(share) for record in scans])
    own, quality = (float(np.mean(after[:, at] < before[:, at])) for at in (place, QUALITY))
    good = np.array([record.good for record in scans])
    ranks = np.concatenate([before[good, QUALITY], after[good, QUALITY]])
    auroc = float(roc_auc_score(np.repeat([1, 0], good.sum()), ranks)) if good.any() else np.nan
    return own, quality, auroc


def _left_out_page(records: Sequence[ScanRecord], share: float) -> Iterator[str]:
    yield "## Mechanisms that the network never saw, at their heaviest\n"
    yield "| scale | mechanism | scans | own falls | quality falls | AUROC of quality | by the network alone |"
    yield "|---|---|---|---|---|---|---|"
    for scale in SCALE_NAMES:
        for mechanism in _harmful(scale):
            if n := sum(mechanism.name in record.heavy for record in records):
                own, quality, auroc = _left_out(records, mechanism, share)
                alone = _left_out(records, mechanism, 0.0)[2]
                yield (f"| {scale} | {mechanism.title} | {n} | {own:.2f} | {quality:.2f} | {auroc:.2f} | {alone:.2f} |")
    yield ""


def _steps_page(records: Sequence[ScanRecord], share: float) -> Iterator[str]:
    yield "## Severities in five steps\n"
    n = sum(bool(record.steps) for record in records)
    yield f"{n} scans; Kendall's tau over the untouched scan and five steps, 1 falls at each.\n"
    yield "| scale | mechanism | mean tau, own scale | mean tau, quality |"
    yield "|---|---|---|---|"
    for mechanism in MECHANISMS:
        own, quality = _taus(records, mechanism, share)
        yield f"| {mechanism.scale} | {mechanism.title} | {own:.2f} | {quality:.2f} |"


def _taus(records: Sequence[ScanRecord], mechanism: Mechanism, share: float) -> tuple[float, float]:
    """Return the mean of Kendall's tau over the scans, of the mechanism's own scale and of quality."""
    sign = 1 if mechanism.improves else -1
    places = (SCALE_NAMES.index(mechanism.scale), QUALITY)
    found = []
    for record in records:
        if record.steps:
            path = np.array([seen.mean(share) for seen in (record.before, *record.steps[mechanism.name])])
            found.append([_tau(path[:, at], sign) for at in places])
    own, quality = np.mean(found, axis=0).tolist()
    return own, quality


def _tau(probabilities: FloatArray, sign: int) -> float:
    """Return Kendall's tau over increasing severities, times a sign, or 0 if no step moves the probability."""
    if np.ptp(probabilities) == 0:
        return 0.0
    return float(sign * kendalltau(range(len(probabilities)), probabilities).statistic)


def _spearman(a: FloatArray, b: FloatArray) -> tuple[float, float, float]:
    """Return Spearman's correlation and its 95 % interval by a bootstrap over scans."""
    known = ~np.isnan(b)
    a, b = a[known], b[known]
    rng = np.random.default_rng(0)
    picks = rng.integers(len(a), size=(2000, len(a)))
    # The correlation of a draw of equal values is undefined.
    draws = [spearmanr(a[pick], b[pick]).statistic for pick in picks if np.ptp(a[pick]) > 0 and np.ptp(b[pick]) > 0]
    low, high = np.percentile(draws, (2.5, 97.5))
    return float(spearmanr(a, b).statistic), float(low), float(high)


if __name__ == "__main__":
    main()
