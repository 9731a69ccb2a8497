"""Compare the strategies on scans of held-out patients, each assessed by the network of the fold that never saw them.

    python benchmarks/study.py --folds WORK/folds --strategy baseline --strategy multitask [--jobs 2]

WORK/folds is the output of training/folds.py, with a finished run of each strategy in each fold. The first scans of
each patient in each cohort are assessed: as acquired, with artefacts, in a full field. Some have artefacts of
mechanisms that a fold left out. The masks are the reference masks. The page goes to standard output, once with the
measured scores as the labels and once with the scores of a simulated reader, which scatter around the measured ones.
The measured reader can only be a row in the second. Neither label is an expert's.
"""

import argparse
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from lgeqa.bootstrap import Bootstrap
from lgeqa.cohort import MEASURED, Case, LabelRule, read_cohort, read_split
from lgeqa.documents import markdown
from lgeqa.evaluation.bundle_evaluation import join
from lgeqa.evaluation.out_of_fold import pool
from lgeqa.experiment.out_of_fold_section import pooled_section
from lgeqa.inference.bundle import open_bundle
from lgeqa.inference.pipeline import AssessSettings, assess_source
from lgeqa.io import Source
from lgeqa.records import ScanResult

READER = "reader-1"


def main() -> None:
    """Assess the held-out scans with all networks and print the page."""
    parser = argparse.ArgumentParser(description="Compare strategies on scans of kept-out patients.")
    parser.add_argument("--folds", required=True, type=Path)
    parser.add_argument("--strategy", required=True, action="append", help="The first is what others are held against.")
    parser.add_argument("--each", default=1, type=int, help="Scans of each patient in each cohort.")
    parser.add_argument("--jobs", default=1, type=int)
    options = parser.parse_args()
    cases = list(_first(read_cohort(options.folds / "all" / "scans.csv"), options.each))
    folds = {path: read_split(path / "split.json") for path in sorted(options.folds.glob("fold-*"))}
    work = [(fold, case) for fold, split in folds.items() for case in cases if split.get(case.patient) == "test"]
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as processes:
        results = list(processes.map(partial(_judge, strategies=options.strategy), *zip(*work, strict=True)))
    judged = [case for _, case in work]
    for reader in (MEASURED, READER):
        rule = LabelRule(rule="reader", reader=reader)
        by_strategy = {
            name: join(judged, [result[number] for result in results], rule)
            for number, name in enumerate(options.strategy)
        }
        print(f"# Labels: {reader}")
        pooled = pool(by_strategy, rule, Bootstrap(1000, 0))
        print(markdown(pooled_section(pooled, len(judged), len(folds))))


def _first(cases: Sequence[Case], n: int) -> Iterator[Case]:
    """Yield the first scans of each patient in each cohort."""
    counts: dict[tuple[str, str], int] = {}
    for case in cases:
        key = (case.patient, case.image.parents[1].name)
        counts[key] = counts.get(key, 0) + 1
        if counts[key] <= n:
            yield case


def _judge(fold: Path, case: Case, strategies: Sequence[str]) -> list[ScanResult]:
    """Return the records of a scan by the networks of all strategies."""
    source = Source(case.scan_id, "volume", case.image, (case.image,), case.mask)
    settings = AssessSettings(given_masks=True, force=True)
    return [assess_source(source, open_bundle(fold / name / "bundle"), settings).result for name in strategies]


if __name__ == "__main__":
    main()
