"""What a cohort is made of: one scan, whose it is, and every reader's scores."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lgeqa.attributes import HIGHEST_SCORE, LOWEST_SCORE, NAMES
from lgeqa.errors import CohortError

#: One reader's scores, in the order of `attributes.NAMES`.
Scores = tuple[float, float, float, float]
#: What is done with a fault of one row or entry: raise it, or keep it and go on.
Note = Callable[[CohortError], None]

#: The reader name under which a simulated cohort keeps the scores before reader noise.
TRUTH: Final = "truth"
#: The reader name of the agreed label in the authors' `labels.json`.
LABEL: Final = "label"
#: The reader name of scores that a panel agreed on where readers differed.
ADJUDICATED: Final = "adjudicated"
#: The reader name of scores that follow from image quality measures (`lgeqa.measure.measured_reader`).
MEASURED: Final = "measured"
#: Names under `Case.scores` that are not a person's reading.
PSEUDO_READERS: Final = (TRUTH, LABEL, ADJUDICATED, MEASURED)


@dataclass(frozen=True)
class Case:
    """One scan of a cohort.

    Attributes:
        scan_id: unique in the cohort.
        patient: splits never part scans of one patient.
        image: the scan's file.
        mask: the blood-pool mask on the same grid, where there is one.
        scores: reader name to scores; empty for an unscored scan.
    """

    scan_id: str
    patient: str
    image: Path
    mask: Path | None
    scores: dict[str, Scores] = field(default_factory=dict)


@contextmanager
def noting(note: Note) -> Iterator[None]:
    """Hand a CohortError of the block to `note`, which may raise it."""
    try:
        yield
    except CohortError as fault:
        note(fault)


def checked_scores(values: Sequence[Any], where: str) -> Scores:
    """Four scores in the order of `attributes.NAMES`, as numbers.

    Raises:
        CohortError: one or more are missing, no number or off the scale; the message names them all.
    """
    wrong = [f"{name} is {_shown(value)}" for name, value in zip(NAMES, values, strict=True) if not _is_score(value)]
    if wrong:
        span = f"Scores are numbers from {LOWEST_SCORE} to {HIGHEST_SCORE}"
        raise CohortError(f"{where}: {', '.join(wrong)}. {span}, and a reader gives all four or none: correct them.")
    nulling, sharpness, enhancement, quality = map(float, values)
    return nulling, sharpness, enhancement, quality


def is_missing(value: Any) -> bool:
    """Whether a cell or entry holds nothing."""
    return value is None or value == ""


def _is_score(value: Any) -> bool:
    try:
        return LOWEST_SCORE <= float(value) <= HIGHEST_SCORE
    except (TypeError, ValueError):
        return False


def _shown(value: Any) -> str:
    return "missing" if is_missing(value) else repr(value)
