"""What was read: who gave a scan which scores, from a cohort or from the table of a rating study."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Final

from lgeqa.attributes import NAMES
from lgeqa.cohort import PSEUDO_READERS, Case, Scores
from lgeqa.cohort.case import MEASURED, checked_scores
from lgeqa.cohort.lines import csv_lines
from lgeqa.errors import CohortError

#: Columns that the table of a rating study must have; others are ignored.
COLUMNS: Final = ("scan", "patient", "reader", "reading", *NAMES, "cannot_rate")


@dataclass(frozen=True)
class Reading:
    """One scan, read once by one reader.

    Attributes:
        scan_id: unique in the study.
        patient: whose scan it is; intervals never part scans of one patient.
        reader: who read it.
        number: 1, or 2 where the scan was shown to this reader once more.
        scores: 1 to 5 on each scale, 5 is best; None if the reader said that the scan cannot be rated.
    """

    scan_id: str
    patient: str
    reader: str
    number: int
    scores: Scores | None


def readings_of(cases: Sequence[Case]) -> list[Reading]:
    """Return the readings of a cohort: the scores of every reader who is a person, and of the measured reader."""
    return [
        Reading(case.scan_id, case.patient, reader, 1, scores)
        for case in cases
        for reader, scores in case.scores.items()
        if reader == MEASURED or reader not in PSEUDO_READERS
    ]


def read_ratings(table: Path) -> list[Reading]:
    """Read the table that a rating study exports.

    Args:
        table: CSV in UTF-8 with at least `COLUMNS`. An empty patient makes the scan a patient of its own.

    Raises:
        CohortError: the file cannot be read, lacks a column or has no row; a row lacks a name, has other scores than
            1 to 5, scores and a reason in `cannot_rate` or neither, a reading that is not 1 or 2, or stands twice.
    """
    readings: dict[tuple[str, str, int], Reading] = {}
    patients: dict[str, str] = {}
    for where, row in _rows(table):
        reading = _reading(row, where)
        key = (reading.scan_id, reading.reader, reading.number)
        if key in readings:
            raise CohortError(
                f"{where}: reading {reading.number} of scan {reading.scan_id!r} by {reading.reader!r} stands in an "
                "earlier row too. Keep one of them."
            )
        if (known := patients.setdefault(reading.scan_id, reading.patient)) != reading.patient:
            raise CohortError(
                f"{where}: scan {reading.scan_id!r} has patient {reading.patient!r}, and {known!r} in an earlier row. "
                "Correct one."
            )
        readings[key] = reading
    if not readings:
        raise CohortError(f"{table}: has no reading. Export the study once something was rated.")
    return list(readings.values())


def _rows(table: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row with the place where it stands; cells that a short row lacks are empty."""
    lines = csv_lines(table)
    _, names = next(lines, (0, []))
    if missing := [name for name in COLUMNS if name not in names]:
        raise CohortError(
            f"{table}: lacks the column(s) {', '.join(missing)}. It has {', '.join(names) or 'none'}; name the "
            "ratings.csv of a study, or give a cohort with --cohort."
        )
    for number, cells in lines:
        if cells:
            yield f"{table}, line {number}", dict(zip_longest(names, cells[: len(names)], fillvalue=""))


def _reading(row: Mapping[str, str], where: str) -> Reading:
    if empty := [name for name in ("scan", "reader") if not row[name]]:
        raise CohortError(f"{where}: has no {' and no '.join(empty)}. Every row needs them.")
    if row["reading"] not in {"1", "2"}:
        raise CohortError(f"{where}: reading is {row['reading']!r}. It is 1, or 2 for a scan that was shown once more.")
    return Reading(row["scan"], row["patient"] or row["scan"], row["reader"], int(row["reading"]), _scores(row, where))


def _scores(row: Mapping[str, str], where: str) -> Scores | None:
    """The scores of a row; None if it gives a reason why the scan cannot be rated."""
    values, reason = [row[name] for name in NAMES], row["cannot_rate"]
    if not reason:
        return checked_scores(values, where)
    if any(values):
        raise CohortError(
            f"{where}: cannot_rate is {reason!r} and there are scores ({', '.join(values)}). Keep one of the two."
        )
    return None
