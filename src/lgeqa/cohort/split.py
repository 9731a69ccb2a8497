"""Splits by patient: one, several with the same test part, or one for each fold."""

from collections import Counter
from collections.abc import Collection, Sequence
from itertools import islice
from typing import Literal

from lgeqa.cohort.case import Case
from lgeqa.errors import CohortError

Part = Literal["train", "validation", "test"]
#: Patient to part.
Split = dict[str, Part]


def draw_split(cases: Sequence[Case], strata: Sequence[int], test: float, validation: float, seed: int) -> Split:
    """Deal patients to training, validation and test, the strata spread alike over the three.

    Args:
        cases: the scans to be dealt.
        strata: one class per scan, for instance whether it is diagnostic.
        test: share of the scans for the test part, up to a half; 1/n is met best, .3 gives a third.
        validation: share of the remaining scans for validation.
        seed: the draw is the same for the same cases and seed.

    Raises:
        CohortError: there are too few patients for the shares, or a share is none.
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
    """Draw a test part once, and deal the rest to training and validation `n` times anew (section 4.1).

    The first is that of `draw_split` with the same shares and seed.

    Args:
        cases: the scans to be dealt.
        strata: one class per scan.
        test: share of the scans for the test part; or the patients that are the test part, such as
            `patients_of(split, "test")`, of whom some may not be in the cohort.
        validation: share of the remaining scans for validation.
        n: number of splits.
        seed: the draws are the same for the same cases and seed.

    Raises:
        CohortError: there are too few patients for the shares, a share is none, or no test patient is in the cohort.
    """
    patients = [case.patient for case in cases]
    if not isinstance(test, Collection):
        held = _fold(patients, strata, test, seed)
    elif not (held := set(test) & set(patients)):
        raise CohortError(
            f"None of the {len(test)} given test patients is in the cohort. Give the split of this cohort."
        )
    return [_with_validation(patients, strata, held, validation, seed + 1 + number) for number in range(n)]


def fold_splits(cases: Sequence[Case], strata: Sequence[int], folds: int, validation: float, seed: int) -> list[Split]:
    """Deal patients to folds; in each split another fold is the test part, so each patient is tested once.

    Args:
        cases: the scans to be dealt.
        strata: one class per scan.
        folds: number of folds and of splits, 2 at least.
        validation: share of the scans outside of the fold for validation.
        seed: the draws are the same for the same cases and seed.

    Raises:
        CohortError: there is one fold only, or there are too few patients for the folds or the share.
    """
    if folds < 2:
        raise CohortError(f"{folds} fold(s) leave nothing to learn from: 2 at least are needed.")
    patients = [case.patient for case in cases]
    return [
        _with_validation(patients, strata, held, validation, seed + 1)
        for held in _folds(patients, strata, folds, folds, seed)
    ]


def patients_of(split: Split, part: Part) -> set[str]:
    """The patients of one part."""
    return {patient for patient, its_part in split.items() if its_part == part}


def _with_validation(
    patients: Sequence[str], strata: Sequence[int], held: Collection[str], validation: float, seed: int
) -> Split:
    """A split whose test part is `held`, with a validation part drawn from the rest."""
    rest = [i for i, patient in enumerate(patients) if patient not in held]
    checked = _fold([patients[i] for i in rest], [strata[i] for i in rest], validation, seed)
    split: Split = dict.fromkeys(sorted(set(patients)), "train")
    split |= dict.fromkeys(held, "test")
    return split | dict.fromkeys(checked, "validation")


def _fold(patients: Sequence[str], strata: Sequence[int], share: float, seed: int) -> set[str]:
    """Patients of one fold of about `share` of the scans."""
    if not 0 < share <= 0.5:
        raise CohortError(f"A share of {share:g} cannot be dealt: it must be above 0 and at most 0.5.")
    return _folds(patients, strata, round(1 / share), 1, seed)[0]


def _folds(patients: Sequence[str], strata: Sequence[int], folds: int, wanted: int, seed: int) -> list[set[str]]:
    """Patients of the first `wanted` of `folds` folds."""
    from sklearn.model_selection import StratifiedGroupKFold

    if len(set(patients)) < folds:
        raise CohortError(
            f"{len(set(patients))} patients cannot be dealt to {folds} folds, or a share of 1/{folds}: "
            f"at least {folds} are needed. Give a larger share, or fewer folds."
        )
    # Fewer scans of a class than folds leave some folds without it; with the commonest class they do not warn.
    counts = Counter(strata)
    [(common, _)] = counts.most_common(1)
    classes = [stratum if counts[stratum] >= folds else common for stratum in strata]
    deal = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    dealt = deal.split(list(range(len(patients))), classes, list(patients))
    return [{patients[i] for i in chosen} for _, chosen in islice(dealt, wanted)]
