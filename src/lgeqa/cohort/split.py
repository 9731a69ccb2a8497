"""Splits by patient: drawn once, saved, and used again."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from lgeqa.cohort.table import Case
from lgeqa.errors import CohortError

Part = Literal["train", "validation", "test"]
#: Patient to part.
Split = dict[str, Part]


def draw_split(cases: Sequence[Case], strata: Sequence[int], test: float, validation: float, seed: int) -> Split:
    """Deal patients to training, validation and test, the strata spread alike over the three.

    Args:
        cases: the scans to be dealt.
        strata: one class per scan, for instance whether it is diagnostic.
        test: share of the scans for the test part.
        validation: share of the remaining scans for validation.
        seed: the draw is the same for the same cases and seed.

    Raises:
        CohortError: there are too few patients for the shares.
    """
    patients = [case.patient for case in cases]
    held = _fold(patients, strata, test, seed)
    rest = [i for i, patient in enumerate(patients) if patient not in held]
    checked = _fold([patients[i] for i in rest], [strata[i] for i in rest], validation, seed + 1)
    split: Split = dict.fromkeys(sorted(set(patients)), "train")
    split |= dict.fromkeys(held, "test")
    return split | dict.fromkeys(checked, "validation")


def _fold(patients: Sequence[str], strata: Sequence[int], share: float, seed: int) -> set[str]:
    """Patients of one fold of about `share` of the scans."""
    from sklearn.model_selection import StratifiedGroupKFold

    folds = max(2, round(1 / share))
    if len(set(patients)) < folds:
        raise CohortError(f"{len(set(patients))} patients cannot give a share of {share}: at least {folds} are needed.")
    # Fewer scans of a class than folds leave some folds without it; one stratum is then as good and does not warn.
    classes = list(strata) if min(Counter(strata).values()) >= folds else [0] * len(strata)
    deal = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    _, chosen = next(deal.split(list(range(len(patients))), classes, list(patients)))
    return {patients[i] for i in chosen}


def save_split(split: Split, path: Path) -> None:
    """Write a split as JSON, patient to part."""
    path.write_text(json.dumps(dict(sorted(split.items())), indent=1) + "\n", encoding="utf-8")


def load_split(path: Path, cases: Sequence[Case]) -> Split:
    """Read a saved split and check that it deals every patient of the cohort.

    Raises:
        CohortError: the file cannot be read, or leaves a patient of the cohort out.
    """
    try:
        split: Split = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise CohortError(f"{path}: is no readable split ({fault}).") from None
    if missing := sorted({case.patient for case in cases} - set(split)):
        raise CohortError(f"{path}: does not deal the patient(s) {', '.join(missing[:5])}. Draw a new split.")
    if wrong := sorted(set(split.values()) - {"train", "validation", "test"}):
        raise CohortError(f"{path}: knows the part {wrong[0]!r}; the parts are train, validation and test.")
    return split
