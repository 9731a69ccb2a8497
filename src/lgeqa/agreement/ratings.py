"""Readings of scans with their scores, from a cohort or from the table of a rating study."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Final

from lgeqa.cohort import PSEUDO_READERS, Case, Scores
from lgeqa.cohort.case import MEASURED, checked_scores, is_missing
from lgeqa.cohort.csv_lines import csv_lines
from lgeqa.errors import CohortError
from lgeqa.scales import SCALE_NAMES

#: Columns that the table of a rating study must have. Other columns are ignored.
COLUMNS: Final = ("scan", "patient", "reader", "reading", *SCALE_NAMES, "cannot_rate")


@dataclass(frozen=True)
class Reading:
    """One scan, read once by one reader.

    Attributes:
        scan_id: Name of the scan, unique in the study.
        patient: Patient of the scan. Bootstrap draws never separate the scans of one patient.
        reader: Name of the reader.
        number: Number of the reading: 1, or 2 if the scan was shown to this reader again.
        scores: Scores of 1 to 5 on each scale, where 5 is best, and NaN on a scale that was not scored. None if the
            reader said that the scan cannot be rated.
    """

    scan_id: str
    patient: str
    reader: str
    number: int
    scores: Scores | None


def readings_of(cases: Sequence[Case]) -> list[Reading]:
    """Return the readings of a cohort: the scores of every human reader and of the measured reader."""
    return [
        Reading(case.scan_id, case.patient, reader, 1, scores)
        for case in cases
        for reader, scores in case.scores.items()
        if reader == MEASURED or reader not in PSEUDO_READERS
    ]


def read_ratings(table: Path) -> list[Reading]:
    """Read the table that a rating study exports.

    Args:
        table: CSV file, as `csv_lines` reads it, with at least `COLUMNS`. A scan with an empty patient counts as
            a separate patient.

    Raises:
        CohortError: The file cannot be read, lacks a column or has no row. Or a row lacks a name, has scores outside 1
            to 5, has both scores and a reason in `cannot_rate` or neither, has a reading other than 1 or 2, or occurs
            twice.
    """
    readings: dict[tuple[str, str, int], Reading] = {}
    patients: dict[str, str] = {}
    for where, row in _rows(table):
        reading = _reading(row, where)
        key = (reading.scan_id, reading.reader, reading.number)
        if key in readings:
            raise CohortError(
                f"{where}: reading {reading.number} of scan {reading.scan_id!r} by {reading.reader!r} is in an "
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
    """Yield each row with its position in the file, with empty cells where a row is short."""
    lines = csv_lines(table)
    _, names = next(lines, (0, []))
    if missing := [name for name in COLUMNS if name not in names]:
        raise CohortError(
            f"{table}: lacks the column(s) {', '.join(missing)}. It has {', '.join(names) or 'none'}; name the "
            "ratings.csv of a study, or give a cohort with --cohort."
        )
    for number, cells in lines:
        yield f"{table}, line {number}", dict(zip_longest(names, cells[: len(names)], fillvalue=""))


def _reading(row: Mapping[str, str], where: str) -> Reading:
    if empty := [name for name in ("scan", "reader") if not row[name]]:
        raise CohortError(f"{where}: has no {' and no '.join(empty)}. Every row needs them.")
    if row["reading"] not in {"1", "2"}:
        raise CohortError(f"{where}: reading is {row['reading']!r}. It is 1, or 2 for a scan that was shown once more.")
    return Reading(row["scan"], row["patient"] or row["scan"], row["reader"], int(row["reading"]), _scores(row, where))


def _scores(row: Mapping[str, str], where: str) -> Scores | None:
    """Return the scores of a row, or None if it gives a reason why the scan cannot be rated."""
    values, reason = [row[name] for name in SCALE_NAMES], row["cannot_rate"]
    scored = not all(map(is_missing, values))
    if not reason and not scored:
        raise CohortError(f"{where}: has no score, and no reason in cannot_rate. Give one of the two.")
    if not reason:
        return checked_scores(values, where)
    if scored:
        raise CohortError(
            f"{where}: cannot_rate is {reason!r} and there are scores ({', '.join(values)}). Keep one of the two."
        )
    return None
