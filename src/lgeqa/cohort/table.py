"""Cohorts in a table: one row for each scan and reader."""

from pathlib import Path

from lgeqa.cohort.case import GROUPS, Case, Note, checked_scores, is_missing, noting
from lgeqa.cohort.table_io import SERIES, Row, read_rows
from lgeqa.errors import CohortError
from lgeqa.scales import SCALE_NAMES

_FIELD_STRENGTH = GROUPS[2]


def cases_of_table(table: Path, note: Note) -> list[Case]:
    """Return the scans of a table.

    Paths are relative to the table's folder, unless they are absolute. A row with an empty reader adds a scan without
    scores. A row with a reader and no score at all means that this reader did not score the scan, and one with some
    scores means that the reader scored these scales only. The columns `site`, `scanner` and `field_strength_t` may be
    missing, as may their values.

    Args:
        table: CSV or Parquet file, as `table_io.read_rows` reads it.
        note: Handler of the error of each row that cannot be used.

    Raises:
        CohortError: The table as a whole cannot be read.
        MissingExtraError: The file is Parquet, and PyArrow is not installed.
    """
    cases: dict[str, Case] = {}
    keys: set[tuple[str, str]] = set()
    for row in read_rows(table, note):
        with noting(note):
            _add(row, table.parent, cases, keys)
    return list(cases.values())


def _add(row: Row, folder: Path, cases: dict[str, Case], keys: set[tuple[str, str]]) -> None:
    case, reader = _case(row, folder), _text(row, "reader")
    known = cases.setdefault(case.scan_id, case)
    _check_same(known, case, row.where)
    if (case.scan_id, reader) in keys:
        raise CohortError(
            f"{row.where}: scan {case.scan_id!r} with reader {reader!r} is in an earlier row too. Keep one of them."
        )
    keys.add((case.scan_id, reader))
    values = [row.cells[name] for name in SCALE_NAMES]
    if all(map(is_missing, values)):
        return
    scores = checked_scores(values, row.where)
    if not reader:
        raise CohortError(f"{row.where}: scan {case.scan_id!r} has scores and no reader. Name who gave them.")
    known.scores[reader] = scores


def _case(row: Row, folder: Path) -> Case:
    texts = {name: _text(row, name) for name in ("scan", "patient", "image", "mask")}
    if empty := [name for name in ("scan", "patient", "image") if not texts[name]]:
        raise CohortError(f"{row.where}: has no {' and no '.join(empty)}. Every row needs them.")
    mask = folder / texts["mask"] if texts["mask"] else None
    series = _text(row, SERIES) if SERIES in row.cells else ""
    image = folder / texts["image"]
    return Case(texts["scan"], texts["patient"], image, mask, series=series, groups=_groups(row))


def _groups(row: Row) -> dict[str, str]:
    """Return the site, the scanner and the field strength, as far as the table has them."""
    groups = {name: _text(row, name) for name in GROUPS[:2] if not is_missing(row.cells.get(name))}
    if not is_missing(strength := row.cells.get(_FIELD_STRENGTH, "")):
        try:
            groups[_FIELD_STRENGTH] = f"{float(strength):g}"  # 3, 3.0 and 3.00 are one
        except ValueError:
            raise CohortError(
                f"{row.where}: {_FIELD_STRENGTH} is {strength!r}. Give the field strength in tesla, such as 1.5, or "
                "leave it empty."
            ) from None
    return groups


def _text(row: Row, name: str) -> str:
    """Return a name or path from a cell, which must be text or, in Parquet, an integer: 1.0 would differ from 1."""
    value = row.cells[name]
    if not isinstance(value, str | int):
        raise CohortError(f"{row.where}: {name} is {value!r}. Names and paths are text or whole numbers.")
    return str(value)


def _check_same(known: Case, case: Case, where: str) -> None:
    for name in ("patient", "image", "mask", "series", "groups"):
        first, second = getattr(known, name), getattr(case, name)
        if first != second:
            raise CohortError(
                f"{where}: scan {case.scan_id!r} has {name} {second}, and {first} in an earlier row. Correct one."
            )
