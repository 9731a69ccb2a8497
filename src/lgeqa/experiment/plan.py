"""Which scans each iteration of an experiment learns from, checks on and is tested on."""

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
from lgeqa.experiment.settings import ExperimentConfig, Strategy


@dataclass(frozen=True)
class Run:
    """One training of an experiment.

    Attributes:
        strategy: how it is trained.
        iteration: from 0.
    """

    strategy: Strategy
    iteration: int

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.strategy}-{self.iteration}"


@dataclass(frozen=True)
class Plan:
    """An experiment before anything is trained.

    Attributes:
        cases: the labelled scans with masks that take part.
        splits: of their patients, one for each iteration; a patient who takes no part in it is not in it.
        runs: all trainings, iteration by iteration.
    """

    cases: tuple[Case, ...]
    splits: tuple[Split, ...]
    runs: tuple[Run, ...]

    def numbers(self, iteration: int, part: str) -> list[int]:
        """Places in `cases` of the scans of one part."""
        split = self.splits[iteration]
        return [number for number, case in enumerate(self.cases) if split.get(case.patient) == part]


def split_file(out: Path, iteration: int) -> Path:
    """Where the split of an iteration lies."""
    return out / "splits" / f"split-{iteration}.json"


def make_plan(cohorts: Sequence[Path], config: ExperimentConfig) -> Plan:
    """Read the cohorts and deal the patients.

    Raises:
        CohortError: there are too few labelled scans with masks, or patients, for the settings.
    """
    everything = [case for cohort in cohorts for case in read_cohort(cohort)]
    check_labelled(everything, config.label)
    cases = [case for case in everything if case.mask and is_labelled(case, config.label)]
    if not cases:
        raise CohortError(f"{', '.join(map(str, cohorts))}: no scan has both a mask and scores.")
    kept, splits = _deal(cases, config)
    runs = tuple(Run(strategy, i) for i in range(config.iterations) for strategy in config.strategies)
    return Plan(tuple(kept), tuple(splits), runs)


def _deal(cases: list[Case], config: ExperimentConfig) -> tuple[list[Case], list[Split]]:
    """The cases that take part, and a split for each iteration."""
    strata = strata_of(cases, config.label)
    if config.splits == "folds":
        folds = fold_splits(cases, strata, config.iterations, config.validation, config.seed)
        return cases, [_limited_splits(cases, patients_of(fold, "test"), 1, config)[1][0] for fold in folds]
    whole = draw_split(cases, strata, config.test, config.validation, config.seed)
    return _limited_splits(cases, patients_of(whole, "test"), config.iterations, config)


def _limited_splits(
    cases: list[Case], held: set[str], n: int, config: ExperimentConfig
) -> tuple[list[Case], list[Split]]:
    """The cases that take part where `held` is the test part, and `n` splits of them."""
    kept = _limited(cases, held, config) if config.scans else cases
    strata = strata_of(kept, config.label)
    return kept, repeated_splits(kept, strata, held, config.validation, n, config.seed)


def _limited(cases: list[Case], held: set[str], config: ExperimentConfig) -> list[Case]:
    """The test part, and whole patients of the rest up to the number of scans; more scans contain the fewer."""
    order = np.random.default_rng(config.seed).permutation(sorted({case.patient for case in cases}))
    taken = set(held)
    left = config.scans
    for patient in (one for one in order if one not in held):
        own = sum(case.patient == patient for case in cases)
        if own > left:
            break
        taken.add(str(patient))
        left -= own
    if taken == held:
        raise CohortError(f"scans = {config.scans}: is less than the first patient has. Choose a larger number.")
    return [case for case in cases if case.patient in taken]
