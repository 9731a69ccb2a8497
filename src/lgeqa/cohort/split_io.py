"""Reading and writing of splits, which are drawn once and used again."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final, get_args

from lgeqa.atomic_io import write_whole
from lgeqa.cohort.case import Case
from lgeqa.cohort.json_io import read_object
from lgeqa.cohort.split import Part, Split
from lgeqa.errors import CohortError, OutputError

PARTS: Final[tuple[Part, ...]] = get_args(Part)


def save_split(split: Split, path: Path) -> None:
    """Write a split as a JSON object that maps each patient to a part.

    Raises:
        OutputError: The file cannot be written.
    """
    write_whole(path, json.dumps(dict(sorted(split.items())), indent=1) + "\n")


def save_new_split(split: Split, path: Path) -> None:
    """Write a split and create its folders, unless the file already holds the same split.

    Raises:
        OutputError: The file holds something else, or cannot be written.
    """
    try:
        if path.exists():
            if _holds(path, split):
                return
            raise OutputError(f"{path}: holds something else already. Name another file, or move this one away.")
        path.parent.mkdir(parents=True, exist_ok=True)
        save_split(split, path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}). Name another file.") from None


def read_split(path: Path) -> Split:
    """Read a saved split.

    Raises:
        CohortError: The file cannot be read, assigns a patient twice, or has an unknown part.
    """
    split = read_object(path, "split")
    if wrong := [(patient, part) for patient, part in split.items() if part not in PARTS]:
        patient, part = wrong[0]
        raise CohortError(f"{path}: deals {patient!r} to {part!r}; the parts are train, validation and test.")
    return split


def load_split(path: Path, cases: Sequence[Case]) -> Split:
    """Read a saved split and check that it assigns every patient of the cohort.

    Raises:
        CohortError: As for `read_split`, or a patient of the cohort is left out.
    """
    split = read_split(path)
    if missing := sorted({case.patient for case in cases} - set(split)):
        raise CohortError(f"{path}: has no part for the patient(s) {', '.join(missing[:5])}. Draw a new split.")
    return split


def _holds(path: Path, split: Split) -> bool:
    try:
        return read_split(path) == split
    except CohortError:
        return False
