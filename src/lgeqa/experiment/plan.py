"""Training, validation and test scans of each iteration of an experiment."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lgeqa.cohort import (
    Case,
    Split,
    check_labelled,
    draw_split,
    fold_splits,
    is_labelled,
    patients_of,
    read_cohort,
    repeated_splits,
    strata_of,
)
from lgeqa.errors import CohortError
from lgeqa.experiment.settings import ExperimentConfig
from lgeqa.strategies import StrategyName


@dataclass(frozen=True)
class Run:
    """One training of an experiment.

    Attributes:
        strategy: Strategy of the training.
        iteration: Number of the iteration, from 0.
    """

    strategy: StrategyName
    iteration: int

    @property
    def name(self) -> str:
        """Name of the training's folder."""
        return f"{self.strategy}-{self.iteration}"


@dataclass(frozen=True)
class Plan:
    """The scans, splits and trainings of an experiment, before anything is trained.

    Attributes:
        cases: Labelled scans with masks that take part.
        splits: Splits of their patients, one per iteration. A patient who takes no part in an iteration is not in its
            split.
        runs: All trainings, iteration by iteration.
    """

    cases: tuple[Case, ...]
    splits: tuple[Split, ...]
    runs: tuple[Run, ...]

    def numbers(self, iteration: int, part: str) -> list[int]:
        """Return the indices in `cases` of the scans of one part."""
        split = self.splits[iteration]
        return [number for number, case in enumerate(self.cases) if split.get(case.patient) == part]


def split_file(out: Path, iteration: int) -> Path:
    """Return the path of the split of an iteration."""
    return out / "splits" / f"split-{iteration}.json"


def make_plan(cohorts: Sequence[Path], config: ExperimentConfig) -> Plan:
    """Read the cohorts and assign the patients to the parts of each iteration.

    Raises:
        CohortError: There are too few labelled scans with masks, or patients, for the settings.
    """
    everything = [case for cohort in cohorts for case in read_cohort(cohort)]
    for rule in config.rules:
        check_labelled(everything, rule)
    # All strategies learn from the same scans, also one with a label rule of its own.
    cases = [case for case in everything if case.mask and all(is_labelled(case, rule) for rule in config.rules)]
    if not cases:
        raise CohortError(f"{', '.join(map(str, cohorts))}: no scan has both a mask and scores.")
    selected, splits = _splits(cases, config)
    runs = tuple(Run(strategy, i) for i in range(config.iterations) for strategy in config.strategies)
    return Plan(tuple(selected), tuple(splits), runs)


def _splits(cases: list[Case], config: ExperimentConfig) -> tuple[list[Case], list[Split]]:
    """Return the cases that take part and a split for each iteration."""
    strata = strata_of(cases, config.label)
    if config.splits == "folds":
        folds = fold_splits(cases, strata, config.iterations, config.validation, config.seed)
        return cases, [_limited_splits(cases, patients_of(fold, "test"), 1, config)[1][0] for fold in folds]
    whole = draw_split(cases, strata, config.test, config.validation, config.seed)
    return _limited_splits(cases, patients_of(whole, "test"), config.iterations, config)


def _limited_splits(
    cases: list[Case], test_patients: set[str], n: int, config: ExperimentConfig
) -> tuple[list[Case], list[Split]]:
    """Return the cases that take part with the given test part, and `n` splits of them."""
    selected = _limited(cases, test_patients, config) if config.scans else cases
    strata = strata_of(selected, config.label)
    return selected, repeated_splits(selected, strata, test_patients, config.validation, n, config.seed)


def _limited(cases: list[Case], test_patients: set[str], config: ExperimentConfig) -> list[Case]:
    """Return the test part, and whole patients of the rest up to the number of scans.

    A larger number of scans contains the scans of a smaller one.
    """
    order = np.random.default_rng(config.seed).permutation(sorted({case.patient for case in cases}))
    selected = set(test_patients)
    remaining = config.scans
    for patient in (name for name in order if name not in test_patients):
        count = sum(case.patient == patient for case in cases)
        if count > remaining:
            break
        selected.add(str(patient))
        remaining -= count
    if selected == test_patients:
        raise CohortError(f"scans = {config.scans}: is less than the first patient has. Choose a larger number.")
    return [case for case in cases if case.patient in selected]
