"""Export of ratings as files: the table that training reads, the authors' layout, and all readings for agreement."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from lgeqa.cohort import ADJUDICATED
from lgeqa.cohort.paper_layout import label_entry
from lgeqa.cohort.table_io import COLUMNS, SERIES
from lgeqa.database import SourceColumns
from lgeqa.io import discover
from lgeqa.scales import SCALE_NAMES
from lgeqa.studies.models import Rating, Reading, Saved, Study, StudyScan
from lgeqa.table_text import csv_text

#: Columns of `ratings.csv`: one row for each reading that was rated or marked as impossible to rate.
RATING_COLUMNS: Final = (
    *("scan", "patient", "reader", "reading", *SCALE_NAMES),
    *("comment", "cannot_rate", "seconds", "saved_at"),
)
#: Columns of `history.csv`: one row for each save, including those that a later one replaced.
HISTORY_COLUMNS: Final = (*RATING_COLUMNS, "version")
#: Columns of `adjudications.csv`: one row for each consensus of a panel on a scan.
ADJUDICATION_COLUMNS: Final = ("scan", "version", *SCALE_NAMES, "cannot_rate", "comment", "panel", "saved_at")


def scores_csv(study: Study) -> str:
    """Return the cohort's table, from first readings only, so that no reader counts twice.

    A scan that a reader could not rate, or has not rated, has a row without scores. The consensus of a panel has a row
    of its own, with `adjudicated` as the reader.
    """
    return csv_text((*COLUMNS, SERIES), (row for scan in study.scans for row in _score_rows(study, scan)))


def ratings_csv(study: Study) -> str:
    """Return the rating that counts for each first and second reading."""
    return csv_text(RATING_COLUMNS, (row.values() for row in rating_rows(study)))


def rating_rows(study: Study) -> list[dict[str, Any]]:
    """Return the rows of `ratings_csv` as dictionaries by column, with an empty string for an empty cell."""
    ratings = (reading.rating for reading in _rated(study))
    return [dict(zip(RATING_COLUMNS, _row(rating), strict=True)) for rating in ratings if rating]


def history_csv(study: Study) -> str:
    """Return all saves, in the order of saving within each reading."""
    return csv_text(
        HISTORY_COLUMNS, ((*_row(rating), rating.version) for reading in _rated(study) for rating in reading.ratings)
    )


def labels_json(study: Study) -> str:
    """Return the authors' `labels.json` from first readings, with `"label": 0` for scans without consensus scores."""
    readers: dict[str, dict[str, dict[str, int]]] = {scan.scan_id: {} for scan in study.scans}
    for reading in _rated(study):
        if reading.round == 1 and reading.rating and (scores := reading.rating.scores):
            readers[reading.scan.scan_id][reading.reader.name] = scores
    labels = {
        scan.scan_id: label_entry(scan.adjudication.scores if scan.adjudication else None, readers[scan.scan_id])
        for scan in study.scans
    }
    return json.dumps(labels, indent=2, ensure_ascii=False) + "\n"


def adjudications_csv(study: Study) -> str:
    """Return every consensus of a panel, in the order of saving for each scan."""
    rows = ((scan, agreed) for scan in study.scans for agreed in scan.adjudications)
    return csv_text(
        ADJUDICATION_COLUMNS,
        (
            (
                *(scan.scan_id, agreed.version, *_cells(agreed)),
                *(agreed.cannot_rate, agreed.comment, agreed.panel, agreed.saved_at),
            )
            for scan, agreed in rows
        ),
    )


def _rated(study: Study) -> Iterator[Reading]:
    """Return the readings with a rating, sorted by scan, reader and round."""
    readings = (reading for reader in study.readers for reading in reader.readings if reading.ratings)
    return iter(sorted(readings, key=lambda reading: (reading.scan_id, reading.reader.number, reading.round)))


def _score_rows(study: Study, scan: StudyScan) -> Iterator[tuple[Any, ...]]:
    place, series = (scan.scan_id, scan.patient, scan.location, scan.mask or ""), series_name(scan)
    if not study.readers:
        yield (*place, "", *_cells(None), series)
    for reader in study.readers:
        first = next(reading for reading in reader.readings if reading.scan_id == scan.id and reading.round == 1)
        yield (*place, reader.name, *_cells(first.rating), series)
    if scan.adjudication:
        yield (*place, ADJUDICATED, *_cells(scan.adjudication), series)


def series_name(scan: SourceColumns) -> str:
    """Return the name of the scan's DICOM series, or nothing for a volume and for files that cannot be read."""
    first = discover([Path(scan.files[0])])[0] if scan.kind == "dicom" else None
    return first.series if first else ""


def _row(rating: Rating) -> tuple[Any, ...]:
    reading = rating.reading
    whose = (reading.scan.scan_id, reading.scan.patient, reading.reader.name, reading.round)
    return (*whose, *_cells(rating), rating.comment, rating.cannot_rate, round(rating.seconds, 1), rating.saved_at)


def _cells(rating: Saved | None) -> list[int | str]:
    """Return the four scores, or empty cells if there are none."""
    scores = rating.scores if rating else None
    return [scores[name] if scores else "" for name in SCALE_NAMES]
