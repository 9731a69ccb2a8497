"""Check how far calibrated probabilities and promises hold on kept-out scans of a calibrated bundle.

    python benchmarks/decisions.py --bundle BUNDLE [--risk 0.1] [--resamples 200]

BUNDLE comes from `lgeqa calibrate`: each of its scans was answered by a calibration that left the patient out. For a
promise, half of the patients set the limits, and the other half shows how often they fail; by scans as well, for which
the promise is proved. The page goes to standard output.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from lgeqa.bootstrap import Bootstrap, Numbers, cell
from lgeqa.errors import CohortError
from lgeqa.evaluation.predictions import Predictions, measured
from lgeqa.inference.bundle import open_bundle
from lgeqa.inference.bundle.kept_out import OUTCOMES, KeptOut, nearest_to
from lgeqa.operating_point import Costs, OperatingPoint
from lgeqa.records import IntArray
from lgeqa.table_text import markdown_table

#: Costs of a missed poor scan and of a needless repeat for which the outcomes are shown.
PRICES: Final = ((5, 5), (10, 5), (20, 5), (5, 10))
SHOWN: Final = ("calibration_error", "brier", "auroc")


def main() -> None:
    """Read the options and print the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--risk", type=float, default=0.1)
    parser.add_argument("--resamples", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    choices = parser.parse_args()
    calibration = open_bundle(choices.bundle).manifest.quality.calibration
    if calibration is None or calibration.kept_out is None:
        parser.error(f"{choices.bundle}: is not calibrated")
    for line in page(calibration.kept_out, choices.risk, choices.resamples, choices.seed):
        print(line)


def page(kept_out: KeptOut, risk: float, resamples: int, seed: int) -> Iterator[str]:
    """Yield the lines of the page."""
    shares, labels = np.array(kept_out.probabilities), np.array(kept_out.diagnostic)
    patients = np.array(kept_out.patients)
    answers = Predictions(labels, patients, shares >= 0.5, shares, shares)
    figures = measured(answers, Bootstrap(seed=seed))
    yield f"{len(shares)} scans of {patients.max() + 1} patients, {labels.sum()} diagnostic"
    yield markdown_table(("figure", ""), [(name, cell(figures[name])) for name in SHOWN])
    yield "\nrisk and coverage"
    nearest = nearest_to(kept_out.risk_coverage(), (0.1, 0.2, 0.3, 0.5, 0.75, 1))
    yield markdown_table(("accepted", "poor among them"), [(f"{part:.0%}", f"{poor:.1%}") for part, poor in nearest])
    yield "\noutcomes of 100 scans"
    rows = []
    for missed, needless in PRICES:
        point = OperatingPoint.of_costs(Costs(missed=missed, needless=needless))
        outcomes = kept_out.outcomes(point, Bootstrap(seed=seed))
        rows.append((f"missed {missed}, needless {needless}", *(cell(outcomes[name], ".0%") for name in OUTCOMES)))
    yield markdown_table(("costs", *OUTCOMES.values()), rows)
    yield f"\npromise of {risk:.0%}, {resamples} resamples"
    splits = {"patients": _by_patient(patients), "scans": _by_scan(len(shares))}
    yield markdown_table(
        ("halves of", "poor accepted", "good repeated", "reviewed", "too few scans"),
        [(name, *coverage(shares, labels, split, risk, resamples, seed)) for name, split in splits.items()],
    )


def coverage(
    shares: Numbers,
    labels: Any,
    split: Callable[[np.random.Generator], IntArray],
    risk: float,
    resamples: int,
    seed: int,
) -> tuple[str, str, str, str]:
    """Return the mean error of each class, the share of reviews, and the number of halves with too few scans."""
    rng = np.random.default_rng(seed)
    errors, few = [], 0
    for _ in range(resamples):
        calibration = split(rng)
        test = np.setdiff1d(np.arange(len(shares)), calibration)
        try:
            point = OperatingPoint.of_promise(shares[calibration], labels[calibration], risk)
        except CohortError:
            few += 1
            continue
        accepted, repeated = shares[test] >= point.accept_from, shares[test] < point.repeat_below
        errors.append((accepted[~labels[test]].mean(), repeated[labels[test]].mean(), (~accepted & ~repeated).mean()))
    poor, good, review = np.nanmean(errors, axis=0)
    return f"{poor:.1%}", f"{good:.1%}", f"{review:.1%}", f"{few}"


def _by_patient(patients: IntArray) -> Callable[[np.random.Generator], IntArray]:
    numbers = np.unique(patients)
    return lambda rng: np.flatnonzero(np.isin(patients, rng.permutation(numbers)[: len(numbers) // 2]))


def _by_scan(count: int) -> Callable[[np.random.Generator], IntArray]:
    return lambda rng: np.sort(rng.permutation(count)[: count // 2])


if __name__ == "__main__":
    main()
