"""Splits of a cohort by patient, from the cohort to the files of the splits."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lgeqa.cohort import (
    Case,
    LabelRule,
    Split,
    check_labelled,
    fold_splits,
    patients_of,
    read_cohort,
    read_split,
    repeated_splits,
    save_new_split,
    settled_rule,
    strata_of,
)
from lgeqa.cohort.split_io import PARTS
from lgeqa.errors import UsageError

#: Default share of the scans for the test part.
_TEST = 0.1


@dataclass(frozen=True)
class SplitRequest:
    """Options of the user, which `lgeqa cohort split --help` explains."""

    test: float | None
    keep_test: Path | None
    validation: float
    seed: int
    folds: int | None
    repeats: int | None

    def __post_init__(self) -> None:
        """Raise UsageError if two of the options exclude each other."""
        options = {
            "--folds": self.folds,
            "--repeats": self.repeats,
            "--test": self.test,
            "--keep-test": self.keep_test,
        }
        for first, second in (
            ("--folds", "--repeats"),
            ("--folds", "--test"),
            ("--folds", "--keep-test"),
            ("--test", "--keep-test"),
        ):
            if options[first] is not None and options[second] is not None:
                raise UsageError(
                    f"{first} {options[first]} and {second} {options[second]} exclude each other. Leave one out."
                )


def split_cohorts(
    cohorts: Sequence[Path], rule: LabelRule, wanted: SplitRequest, output: Path
) -> dict[Path, dict[str, int]]:
    """Assign the patients of the cohorts to parts, and write the splits.

    Returns:
        Number of scans in each part, by the path of the split.

    Raises:
        CohortError: A cohort or the split to keep cannot be read, there are too few patients, or there are scores but
            no label by the rule.
        OutputError: A file already exists and holds something else.
        UsageError: One file is named for several splits.
    """
    several = wanted.folds or wanted.repeats
    if several and output.suffix == ".json":
        raise UsageError(f"-o {output}: is one file, and there are {several} splits. Name a folder.")
    cases = [case for cohort in cohorts for case in read_cohort(cohort)]
    rule = settled_rule(cases, rule)
    check_labelled(cases, rule)
    splits = _draw(cases, strata_of(cases, rule), wanted)
    if several:
        paths = [output / f"split-{number}.json" for number in range(several)]
    else:
        paths = [output if output.suffix == ".json" else output / "split.json"]
    for split, path in zip(splits, paths, strict=True):
        save_new_split(split, path)
    return {path: _counts(split, cases) for split, path in zip(splits, paths, strict=True)}


def _counts(split: Split, cases: Sequence[Case]) -> dict[str, int]:
    counts = Counter(split[case.patient] for case in cases)
    return {part: counts[part] for part in PARTS}


def _draw(cases: Sequence[Case], strata: Sequence[int], wanted: SplitRequest) -> list[Split]:
    if wanted.folds:
        return fold_splits(cases, strata, wanted.folds, wanted.validation, wanted.seed)
    if wanted.keep_test:
        return _repeat(cases, strata, patients_of(read_split(wanted.keep_test), "test"), wanted)
    return _repeat(cases, strata, _TEST if wanted.test is None else wanted.test, wanted)


def _repeat(cases: Sequence[Case], strata: Sequence[int], test: float | set[str], wanted: SplitRequest) -> list[Split]:
    return repeated_splits(cases, strata, test, wanted.validation, wanted.repeats or 1, wanted.seed)
