"""Training, validation and test scans of each iteration of an experiment."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lgeqa.cohort import (
    Case,
    LabelRule,
    Split,
    check_labelled,
    draw_split,
    fold_splits,
    has_quality_label,
    patients_of,
    read_cohort,
    repeated_splits,
    settled_rule,
    strata_of,
)
from lgeqa.errors import CohortError
from lgeqa.experiment.settings import ExperimentConfig


@dataclass(frozen=True)
class Run:
    """One training of an experiment.

    Attributes:
        strategy: Strategy of the training.
        iteration: Number of the iteration, from 0.
    """

    strategy: str
    iteration: int

    @property
    def name(self) -> str:
        """Name of the training's folder."""
        return f"{self.strategy}-{self.iteration}"


@dataclass(frozen=True)
class Plan:
    """The scans, splits and trainings of an experiment, before anything is trained.

    Attributes:
        cases: Scans with a label of quality that take part.
        label: Rule that derives the labels, which fits the scores if the settings say `auto`.
        splits: Splits of their patients, one per iteration. A patient who takes no part in an iteration is not in its
            split.
        runs: All trainings, iteration by iteration.
        sites: Site that is tested in each iteration. Empty unless one site is left out at a time.
    """

    cases: tuple[Case, ...]
    label: LabelRule
    splits: tuple[Split, ...]
    runs: tuple[Run, ...]
    sites: tuple[str, ...] = ()

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
        CohortError: There are too few labelled scans, or patients, for the settings, or sites are to be left out and
            the cohort's table does not give one for each patient.
    """
    everything = [case for cohort in cohorts for case in read_cohort(cohort)]
    config = config.model_copy(update={"label": settled_rule(everything, config.label)})
    for rule in config.rules:
        check_labelled(everything, rule)
    # All strategies learn from the same scans, also one with a label rule of its own.
    cases = [case for case in everything if all(has_quality_label(case, rule) for rule in config.rules)]
    if not cases:
        raise CohortError(f"{', '.join(map(str, cohorts))}: no scan has a label of quality.")
    selected, splits = _splits(cases, config)
    runs = tuple(Run(strategy, i) for i in range(len(splits)) for strategy in config.strategies)
    sites = tuple(_patients_of_sites(cases)) if config.splits == "sites" else ()
    return Plan(tuple(selected), config.label, tuple(splits), runs, sites)


def _splits(cases: list[Case], config: ExperimentConfig) -> tuple[list[Case], list[Split]]:
    """Return the cases that take part and a split for each iteration."""
    strata = strata_of(cases, config.label)
    if config.splits != "repeated":
        if config.splits == "sites":
            tested = list(_patients_of_sites(cases).values())
        else:
            folds = fold_splits(cases, strata, config.iterations, config.validation, config.seed)
            tested = [patients_of(fold, "test") for fold in folds]
        return cases, [_limited_splits(cases, patients, 1, config)[1][0] for patients in tested]
    whole = draw_split(cases, strata, config.test, config.validation, config.seed)
    return _limited_splits(cases, patients_of(whole, "test"), config.iterations, config)


def _patients_of_sites(cases: Sequence[Case]) -> dict[str, set[str]]:
    """Return the patients of each site.

    Raises:
        CohortError: A scan has no site, a patient has scans of two sites, or there is only one site.
    """
    if without := [case.scan_id for case in cases if "site" not in case.groups]:
        raise CohortError(
            f'splits = "sites": {len(without)} of {len(cases)} scans have no site, such as {without[0]}. Give the site '
            "of each scan in the column site of the cohort's table."
        )
    patients: dict[str, set[str]] = {}
    for case in cases:
        patients.setdefault(case.groups["site"], set()).add(case.patient)
    names = sorted(patients)
    if len(names) < 2:
        raise CohortError(f'splits = "sites": all scans are of the site {names[0]}, and leaving it out leaves nothing.')
    for number, name in enumerate(names):
        for other in names[:number]:
            if both := patients[name] & patients[other]:
                raise CohortError(
                    f'splits = "sites": patient {min(both)} has scans of the sites {other} and {name}, so leaving one '
                    "out does not keep the patient out. Remove the scans of one of them from the cohort."
                )
    return {name: patients[name] for name in names}


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
