"""Ratings as files: the table that training reads, the authors' layout, and every reading for agreement."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from lgeqa.attributes import NAMES, SCALES
from lgeqa.cohort.rows import COLUMNS
from lgeqa.rate.tables import Rating, Reading, Study, StudyScan

#: Columns of `ratings.csv`: one row for each reading that was rated, or found impossible to rate.
RATING_COLUMNS: Final = (
    *("scan", "patient", "reader", "reading", *NAMES),
    *("comment", "cannot_rate", "seconds", "saved_at"),
)
#: Columns of `history.csv`: one row for each save, those that a later one replaced too.
HISTORY_COLUMNS: Final = (*RATING_COLUMNS, "version")


def scores_csv(study: Study) -> str:
    """The cohort's table, from first readings alone, so that no reader counts twice.

    A scan that a reader could not rate, or did not, has a row without scores.
    """
    return _csv(COLUMNS, (row for scan in study.scans for row in _score_rows(study, scan)))


def ratings_csv(study: Study) -> str:
    """Each reading as it counts, first and second ones."""
    return _csv(RATING_COLUMNS, (row.values() for row in rating_rows(study)))


def rating_rows(study: Study) -> list[dict[str, Any]]:
    """The rows of `ratings_csv`, by column; an empty text where there is nothing."""
    return [dict(zip(RATING_COLUMNS, _row(one.rating), strict=True)) for one in _rated(study) if one.rating]


def history_csv(study: Study) -> str:
    """Every save there ever was, in the order of saving within each reading."""
    return _csv(HISTORY_COLUMNS, ((*_row(rating), rating.version) for one in _rated(study) for rating in one.ratings))


def labels_json(study: Study) -> str:
    """The authors' `labels.json`, from first readings; `"label": 0`, since nobody has agreed on scores yet."""
    labels: dict[str, Any] = {scan.scan_id: {"label": 0, "labeler": {}} for scan in study.scans}
    for one in _rated(study):
        if one.round == 1 and one.rating and one.rating.scores:
            scores = {scale.file_keys[0]: float(one.rating.scores[scale.name]) for scale in SCALES}
            labels[one.scan.scan_id]["labeler"][one.reader.name] = scores
    return json.dumps(labels, indent=2, ensure_ascii=False) + "\n"


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


def _row(rating: Rating) -> tuple[Any, ...]:
    reading = rating.reading
    whose = (reading.scan.scan_id, reading.scan.patient, reading.reader.name, reading.round)
    return (*whose, *_cells(rating), rating.comment, rating.cannot_rate, round(rating.seconds, 1), rating.saved_at)


def _cells(rating: Rating | None) -> list[int | str]:
    """The four scores; empty cells where there are none."""
    scores = rating.scores if rating else None
    return [scores[name] if scores else "" for name in NAMES]


def _csv(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    table.writerows(rows)
    return text.getvalue()
