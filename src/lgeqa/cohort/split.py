"""Splits by patient: a single split, several splits with the same test part, or one split for each fold."""

from collections import Counter
from collections.abc import Collection, Sequence
from itertools import islice
from typing import Literal

from lgeqa.cohort.case import Case
from lgeqa.errors import CohortError

Part = Literal["train", "validation", "test"]
#: Part of each patient.
Split = dict[str, Part]


def draw_split(cases: Sequence[Case], strata: Sequence[int], test: float, validation: float, seed: int) -> Split:
    """Assign patients to training, validation and test, with similar proportions of the strata in each.

    Args:
        cases: Scans to assign.
        strata: Class of each scan, for instance whether it is diagnostic.
        test: Share of the scans for the test part, at most .5. Shares of 1/n are met best, and .3 gives a third.
        validation: Share of the remaining scans for validation.
        seed: Random seed. The same cases and seed give the same split.

    Raises:
        CohortError: There are too few patients for the shares, or a share is out of range.
    """
    return repeated_splits(cases, strata, test, validation, 1, seed)[0]


def repeated_splits(
    cases: Sequence[Case],
    strata: Sequence[int],
    test: float | Collection[str],
    validation: float,
    n: int,
    seed: int,
) -> list[Split]:
    """Draw a test part once, and assign the rest to training and validation `n` times (section 4.1).

    The first split is the one that `draw_split` gives with the same shares and seed.

    Args:
        cases: Scans to assign.
        strata: Class of each scan.
        test: Share of the scans for the test part, or the patients of the test part, such as
            `patients_of(split, "test")`, some of whom may not be in the cohort.
        validation: Share of the remaining scans for validation.
        n: Number of splits.
        seed: Random seed. The same cases and seed give the same splits.

    Raises:
        CohortError: There are too few patients for the shares, a share is out of range, or no test patient is in the
            cohort.
    """
    patients = [case.patient for case in cases]
    if not isinstance(test, Collection):
        tested = _fold(patients, strata, test, seed)
    elif not (tested := set(test) & set(patients)):
        raise CohortError(
            f"None of the {len(test)} given test patients is in the cohort. Give the split of this cohort."
        )
    return [_with_validation(patients, strata, tested, validation, seed + 1 + number) for number in range(n)]


def fold_splits(cases: Sequence[Case], strata: Sequence[int], folds: int, validation: float, seed: int) -> list[Split]:
    """Assign patients to folds and return one split for each fold, with the fold as the test part.

    Each patient is in the test part of exactly one split.

    Args:
        cases: Scans to assign.
        strata: Class of each scan.
        folds: Number of folds and of splits, at least 2.
        validation: Share of the scans outside the fold for validation.
        seed: Random seed. The same cases and seed give the same splits.

    Raises:
        CohortError: There is only one fold, or there are too few patients for the folds or the share.
    """
    if folds < 2:
        raise CohortError(f"{folds} fold(s) leave nothing to learn from: 2 at least are needed.")
    patients = [case.patient for case in cases]
    return [
        _with_validation(patients, strata, fold, validation, seed + 1)
        for fold in _folds(patients, strata, folds, folds, seed)
    ]


def patients_of(split: Split, part: Part) -> set[str]:
    """Return the patients of one part."""
    return {patient for patient, its_part in split.items() if its_part == part}


def _with_validation(
    patients: Sequence[str], strata: Sequence[int], tested: Collection[str], validation: float, seed: int
) -> Split:
    """Return a split with the test part `tested` and a validation part drawn from the rest."""
    rest = [i for i, patient in enumerate(patients) if patient not in tested]
    checked = _fold([patients[i] for i in rest], [strata[i] for i in rest], validation, seed)
    split: Split = dict.fromkeys(sorted(set(patients)), "train")
    split |= dict.fromkeys(tested, "test")
    return split | dict.fromkeys(checked, "validation")


def _fold(patients: Sequence[str], strata: Sequence[int], share: float, seed: int) -> set[str]:
    """Return the patients of one fold with about `share` of the scans."""
    if not 0 < share <= 0.5:
        raise CohortError(f"A share of {share:g} cannot be drawn: it must be above 0 and at most 0.5.")
    return _folds(patients, strata, round(1 / share), 1, seed)[0]


def _folds(patients: Sequence[str], strata: Sequence[int], folds: int, wanted: int, seed: int) -> list[set[str]]:
    """Return the patients of each of the first `wanted` of `folds` folds."""
    from sklearn.model_selection import StratifiedGroupKFold

    if len(set(patients)) < folds:
        raise CohortError(
            f"{len(set(patients))} patients cannot be split into {folds} folds, or a share of 1/{folds}: "
            f"at least {folds} are needed. Give a larger share, or fewer folds."
        )
    # scikit-learn warns of a class with fewer scans than folds, so such a class counts as the most common one.
    counts = Counter(strata)
    [(common, _)] = counts.most_common(1)
    classes = [stratum if counts[stratum] >= folds else common for stratum in strata]
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    splits = splitter.split(list(range(len(patients))), classes, list(patients))
    return [{patients[i] for i in chosen} for _, chosen in islice(splits, wanted)]
