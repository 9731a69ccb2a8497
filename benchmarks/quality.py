"""How well scans are scored on kept-out patients, against the scores before reader noise and against readers.

python benchmarks/quality.py --cohort FOLDER [--cohort ...] --split RUN/split.json [--bundle DIR ...] [--seed 0]
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lgeqa.attributes import DIAGNOSTIC_FROM, NAMES
from lgeqa.bundle import Bundle, open_bundle
from lgeqa.cohort import TRUTH, Case, load_split, read_cohort
from lgeqa.errors import NotAssessableError
from lgeqa.evaluate.quality import auroc, f1, specificity, with_interval
from lgeqa.pipeline import AssessSettings, assess_source
from lgeqa.read import Source
from lgeqa.records import ScanResult


def assess(case: Case, bundle: Bundle, given_masks: bool) -> ScanResult | None:
    """The scan's record, or None where it could not be assessed."""
    source = Source(case.scan_id, "volume", case.image, (case.image,), case.mask)
    try:
        return assess_source(source, bundle, AssessSettings(given_masks=given_masks)).result
    except NotAssessableError:
        return None


def labels(cases: list[Case], reader: str, scale: str) -> npt.NDArray[np.bool_]:
    """Whether a reader called each scan diagnostic."""
    return np.array([case.scores[reader][NAMES.index(scale)] >= DIAGNOSTIC_FROM for case in cases])


def raw(cases: list[Case], reader: str, scale: str) -> npt.NDArray[np.float64]:
    """A reader's scores."""
    return np.array([case.scores[reader][NAMES.index(scale)] for case in cases])


def main() -> None:
    """Print a table for each bundle."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--cohort", type=Path, action="append", required=True)
    options.add_argument("--split", type=Path, required=True)
    options.add_argument("--bundle", type=Path, action="append")
    options.add_argument("--given-masks", action="store_true")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    everything = [case for cohort in given.cohort for case in read_cohort(cohort)]
    split = load_split(given.split, everything)
    kept_out = [case for case in everything if split[case.patient] == "test"]
    readers = sorted(set(kept_out[0].scores) - {TRUTH})
    for path in given.bundle or [None]:
        bundle = open_bundle(path)
        records = [assess(case, bundle, given.given_masks) for case in kept_out]
        pairs = [(case, record) for case, record in zip(kept_out, records, strict=True) if record]
        print(
            f"\n{path or 'default bundle'}: {len(pairs)} of {len(kept_out)} scans assessed, of "
            f"{len({case.patient for case in kept_out})} patients kept out"
        )
        tables([case for case, _ in pairs], [record for _, record in pairs], readers, np.random.default_rng(given.seed))


def tables(cases: list[Case], records: list[ScanResult], readers: list[str], rng: np.random.Generator) -> None:
    """AUROC of each scale; then quality against each kind of label, beside what the second reader reaches."""
    patients = [case.patient for case in cases]
    print("| scale | AUROC against the scores before reader noise |\n|---|---|")
    for scale in NAMES:
        found = np.array([getattr(record, f"p_{scale}") for record in records])
        value, low, high = with_interval(auroc, labels(cases, TRUTH, scale), found, patients, rng)
        print(f"| {scale} | {value:.3f} ({low:.3f} to {high:.3f}) |")
    probability = np.array([record.probability for record in records])
    verdict = np.array([record.verdict == "diagnostic" for record in records])
    rows = [("model", TRUTH, probability, verdict)]
    rows += [("model", reader, probability, verdict) for reader in readers]
    rows += [
        (second, first, raw(cases, second, "quality"), labels(cases, second, "quality"))
        for first, second in zip([TRUTH, *readers], [readers[0], *readers[1:], readers[0]], strict=True)
    ]
    print("\n| who | against | AUROC | F1 | specificity |\n|---|---|---|---|---|")
    for who, against, scores, calls in rows:
        truth = labels(cases, against, "quality")
        cells = [
            "{:.3f} ({:.3f} to {:.3f})".format(*with_interval(figure, truth, values, patients, rng))
            for figure, values in ((auroc, scores), (f1, calls), (specificity, calls))
        ]
        print(f"| {who} | {against} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
