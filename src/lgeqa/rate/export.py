"""Ratings as files: the table that training reads, the authors' layout, and every reading for agreement."""

import json
from collections.abc import Iterator
from typing import Any, Final

from lgeqa.attributes import NAMES, SCALES
from lgeqa.cohort import ADJUDICATED
from lgeqa.cohort.rows import COLUMNS
from lgeqa.rate.tables import Rating, Reading, Saved, Study, StudyScan
from lgeqa.tables import csv_text

#: Columns of `ratings.csv`: one row for each reading that was rated, or found impossible to rate.
RATING_COLUMNS: Final = (
    *("scan", "patient", "reader", "reading", *NAMES),
    *("comment", "cannot_rate", "seconds", "saved_at"),
)
#: Columns of `history.csv`: one row for each save, those that a later one replaced too.
HISTORY_COLUMNS: Final = (*RATING_COLUMNS, "version")
#: Columns of `adjudications.csv`: one row for each time that a panel agreed on a scan.
ADJUDICATION_COLUMNS: Final = ("scan", "version", *NAMES, "cannot_rate", "comment", "panel", "saved_at")


def scores_csv(study: Study) -> str:
    """The cohort's table, from first readings alone, so that no reader counts twice.

    A scan that a reader could not rate, or did not, has a row without scores. What a panel agreed on is a row more, of
    the reader `adjudicated`.
    """
    return csv_text(COLUMNS, (row for scan in study.scans for row in _score_rows(study, scan)))


def ratings_csv(study: Study) -> str:
    """Each reading as it counts, first and second ones."""
    return csv_text(RATING_COLUMNS, (row.values() for row in rating_rows(study)))


def rating_rows(study: Study) -> list[dict[str, Any]]:
    """The rows of `ratings_csv`, by column; an empty text where there is nothing."""
    return [dict(zip(RATING_COLUMNS, _row(one.rating), strict=True)) for one in _rated(study) if one.rating]


def history_csv(study: Study) -> str:
    """Every save there ever was, in the order of saving within each reading."""
    return csv_text(
        HISTORY_COLUMNS, ((*_row(rating), rating.version) for one in _rated(study) for rating in one.ratings)
    )


def labels_json(study: Study) -> str:
    """The authors' `labels.json`, from first readings; `"label": 0` where no panel has agreed on scores."""
    labels: dict[str, Any] = {
        scan.scan_id: {"label": _authors(scan.adjudication) or 0, "labeler": {}} for scan in study.scans
    }
    for one in _rated(study):
        if one.round == 1 and (scores := _authors(one.rating)):
            labels[one.scan.scan_id]["labeler"][one.reader.name] = scores
    return json.dumps(labels, indent=2, ensure_ascii=False) + "\n"


def adjudications_csv(study: Study) -> str:
    """Everything that a panel ever agreed on, in the order of saving for each scan."""
    rows = ((scan, one) for scan in study.scans for one in scan.adjudications)
    return csv_text(
        ADJUDICATION_COLUMNS,
        (
            (scan.scan_id, one.version, *_cells(one), one.cannot_rate, one.comment, one.panel, one.saved_at)
            for scan, one in rows
        ),
    )


def _authors(given: Saved | None) -> dict[str, float] | None:
    """Scores in the authors' words; None if there are none."""
    scores = given.scores if given else None
    return {scale.file_keys[0]: float(scores[scale.name]) for scale in SCALES} if scores else None


def _rated(study: Study) -> Iterator[Reading]:
    """Readings with a rating, by scan, reader and round."""
    found = (one for reader in study.readers for one in reader.readings if one.ratings)
    return iter(sorted(found, key=lambda one: (one.scan_id, one.reader.number, one.round)))


def _score_rows(study: Study, scan: StudyScan) -> Iterator[tuple[Any, ...]]:
    place = (scan.scan_id, scan.patient, scan.location, scan.mask or "")
    if not study.readers:
        yield (*place, "", *_cells(None))
    for reader in study.readers:
        first = next(one for one in reader.readings if one.scan_id == scan.id and one.round == 1)
        yield (*place, reader.name, *_cells(first.rating))
    if scan.adjudication:
        yield (*place, ADJUDICATED, *_cells(scan.adjudication))


def _row(rating: Rating) -> tuple[Any, ...]:
    reading = rating.reading
    whose = (reading.scan.scan_id, reading.scan.patient, reading.reader.name, reading.round)
    return (*whose, *_cells(rating), rating.comment, rating.cannot_rate, round(rating.seconds, 1), rating.saved_at)


def _cells(rating: Saved | None) -> list[int | str]:
    """The four scores; empty cells where there are none."""
    scores = rating.scores if rating else None
    return [scores[name] if scores else "" for name in NAMES]
