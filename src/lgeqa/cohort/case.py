"""A scan of a cohort with its patient and every reader's scores."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lgeqa.errors import CohortError
from lgeqa.scales import HIGHEST_SCORE, LOWEST_SCORE, SCALE_NAMES

#: One reader's scores, in the order of `scales.SCALE_NAMES`. NaN on a scale that the reader did not score.
Scores = tuple[float, ...]
#: Scores of a reader who scored nothing.
NO_SCORES: Final[Scores] = (math.nan,) * len(SCALE_NAMES)
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
        image: File of the scan, or folder of its DICOM series.
        mask: Blood-pool mask on the same grid. None if there is no mask.
        scores: Scores by reader name. Empty for an unscored scan.
        series: Series of the scan if its folder holds several: its number, its SeriesInstanceUID, or the name of the
            scan that `io.discover` gives. Empty if the folder holds one.
        groups: Value of each column of `GROUPS` that the table has for the scan.
    """

    scan_id: str
    patient: str
    image: Path
    mask: Path | None
    scores: dict[str, Scores] = field(default_factory=dict)
    series: str = ""
    groups: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> tuple[Path, str]:
        """Place of the scan, which no other scan of a cohort shares: its image and series."""
        return self.image, self.series


@contextmanager
def noting(note: Note) -> Iterator[None]:
    """Pass a CohortError of the block to `note`, which may raise it."""
    try:
        yield
    except CohortError as error:
        note(error)


def checked_scores(values: Sequence[Any], where: str, names: Sequence[str] = SCALE_NAMES) -> Scores:
    """Convert scores in the order of `scales.SCALE_NAMES` to numbers, with NaN for a missing one.

    A score may have a decimal comma, since no score has thousands.

    Args:
        values: Cells or entries with the scores.
        where: File and line or entry, for messages.
        names: Name of each score in the file.

    Raises:
        CohortError: At least one score is not a number or is off the scale. The message names all of them.
    """
    scores = tuple(map(_number, values))
    wrong = [
        f"{name} is {value!r}"
        for name, value, score in zip(names, values, scores, strict=True)
        if not (is_missing(value) or LOWEST_SCORE <= score <= HIGHEST_SCORE)
    ]
    if wrong:
        raise CohortError(
            f"{where}: {', '.join(wrong)}. Scores are numbers from {LOWEST_SCORE} to {HIGHEST_SCORE}: correct them, or "
            "leave the cell empty."
        )
    return scores


def is_missing(value: Any) -> bool:
    """Return whether a cell or entry is empty, or NaN in a file that has numbers."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, float) and math.isnan(value))


def _number(value: Any) -> float:
    """Return a value as a number, or NaN if it is not one."""
    try:
        return float(value.replace(",", ".") if isinstance(value, str) else value)
    except (TypeError, ValueError):
        return math.nan
