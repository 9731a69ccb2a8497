"""A scan of a cohort with its patient and every reader's scores."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lgeqa.errors import CohortError
from lgeqa.scales import HIGHEST_SCORE, LOWEST_SCORE, SCALE_NAMES

#: One reader's scores, in the order of `scales.SCALE_NAMES`.
Scores = tuple[float, ...]
#: Handler of the error of one row or entry, which raises the error, or stores it so that reading continues.
Note = Callable[[CohortError], None]

#: Reader name of a simulated cohort's scores before reader noise.
TRUTH: Final = "truth"
#: Reader name of the agreed label in the authors' `labels.json`.
LABEL: Final = "label"
#: Reader name of the scores that a panel agreed on where readers differed.
ADJUDICATED: Final = "adjudicated"
#: Reader name of the scores derived from image quality measures (`lgeqa.measures.measured_reader`).
MEASURED: Final = "measured"
#: Names in `Case.scores` that are not a person's reading.
PSEUDO_READERS: Final = (TRUTH, LABEL, ADJUDICATED, MEASURED)
#: Columns of a table, which it may lack, by whose values figures are given.
GROUPS: Final = ("site", "scanner", "field_strength_t")


@dataclass(frozen=True)
class Case:
    """One scan of a cohort.

    Attributes:
        scan_id: Name of the scan, unique in the cohort.
        patient: Patient of the scan. Splits never separate the scans of one patient.
        image: File of the scan.
        mask: Blood-pool mask on the same grid. None if there is no mask.
        scores: Scores by reader name. Empty for an unscored scan.
        groups: Value of each column of `GROUPS` that the table has for the scan.
    """

    scan_id: str
    patient: str
    image: Path
    mask: Path | None
    scores: dict[str, Scores] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)


@contextmanager
def noting(note: Note) -> Iterator[None]:
    """Pass a CohortError of the block to `note`, which may raise it."""
    try:
        yield
    except CohortError as error:
        note(error)


def checked_scores(values: Sequence[Any], where: str) -> Scores:
    """Convert four scores in the order of `scales.SCALE_NAMES` to numbers.

    Raises:
        CohortError: At least one score is missing, is not a number or is off the scale. The message names all of them.
    """
    wrong = [
        f"{name} is {_shown(value)}" for name, value in zip(SCALE_NAMES, values, strict=True) if not _is_score(value)
    ]
    if wrong:
        span = f"Scores are numbers from {LOWEST_SCORE} to {HIGHEST_SCORE}"
        raise CohortError(f"{where}: {', '.join(wrong)}. {span}, and a reader gives all four or none: correct them.")
    return tuple(map(float, values))


def is_missing(value: Any) -> bool:
    """Return whether a cell or entry is empty."""
    return value is None or value == ""


def _is_score(value: Any) -> bool:
    try:
        return LOWEST_SCORE <= float(value) <= HIGHEST_SCORE
    except (TypeError, ValueError):
        return False


def _shown(value: Any) -> str:
    return "missing" if is_missing(value) else repr(value)
