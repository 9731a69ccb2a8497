"""Tables of scores with columns of other names, and with a column for each reader."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lgeqa.cohort.case import Note, Scores, checked_scores, noting
from lgeqa.cohort.table_io import SERIES, Row, read_table
from lgeqa.errors import CohortError, UsageError
from lgeqa.scales import SCALE_NAMES

#: Columns of a foreign table, under their canonical names, that are not scores.
NAMES: Final = ("scan", "patient", "reader", SERIES)


@dataclass(frozen=True)
class ColumnMap:
    """Columns of a foreign table.

    Attributes:
        names: Column of each of `NAMES` that the table has.
        scores: Column of each scale, by reader and scale. The reader is empty where the column `reader`, or the default
            reader, gives the name.
    """

    names: Mapping[str, str]
    scores: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class ForeignRow:
    """One row of a foreign table.

    Attributes:
        where: File and line, for messages.
        scan: Name of the scan as the table has it.
        patient: Patient of the scan. Empty if the table does not say.
        series: DICOM series of the scan, as in `Case`.
        scores: Scores by reader, without readers who gave none.
    """

    where: str
    scan: str
    patient: str
    series: str
    scores: Mapping[str, Scores]


def read_foreign_table(table: Path, columns: Mapping[str, str], reader: str, note: Note) -> list[ForeignRow]:
    """Read a table of scores whose columns may have other names.

    Args:
        table: CSV or Parquet file, as for `table_io.read_table`.
        columns: Column of the table by its canonical name: one of `NAMES`, a scale, or `<scale>@<reader>` for a table
            with a column for each reader. Columns that have their canonical name need no entry.
        reader: Reader of the scores where the table names none.
        note: Handler of the error of each row that cannot be used.

    Raises:
        UsageError: A canonical name is not known.
        CohortError: The file cannot be read, or lacks a column.
        MissingExtraError: The file is Parquet, and PyArrow is not installed.
    """
    names, rows = read_table(table, note)
    mapped = _column_map(names, columns, table)
    read = []
    for row in rows:
        with noting(note):
            read.append(_row(row, mapped, reader))
    return read


def _column_map(names: Sequence[str], columns: Mapping[str, str], table: Path) -> ColumnMap:
    if unknown := [name for name in columns if name.partition("@")[0] not in {*NAMES, *SCALE_NAMES}]:
        raise UsageError(
            f"--column {unknown[0]}={columns[unknown[0]]}: {unknown[0]!r} is not a column of a cohort. There are "
            f"{', '.join((*NAMES, *SCALE_NAMES))}, and SCALE@READER."
        )
    wanted = {name: name for name in (*NAMES, *SCALE_NAMES) if name in names and name not in columns} | dict(columns)
    has = f"It has {', '.join(map(repr, names)) or 'none'}."
    if absent := [f"{theirs!r} (for {name})" for name, theirs in wanted.items() if theirs not in names]:
        raise CohortError(f"{table}: lacks the column(s) {', '.join(absent)}. {has} Correct --column.")
    if twice := [repr(theirs) for theirs in wanted.values() if names.count(theirs) > 1]:
        raise CohortError(f"{table}: has the column(s) {', '.join(twice)} twice. Rename one.")
    scores: dict[str, dict[str, str]] = {}
    for name, theirs in wanted.items():
        scale, _, reader = name.partition("@")
        if scale in SCALE_NAMES:
            scores.setdefault(reader, {})[scale] = theirs
    if "scan" not in wanted or not scores:
        lacks = "the names of the scans" if "scan" not in wanted else "scores"
        example = "scan" if "scan" not in wanted else "quality"
        raise CohortError(f"{table}: has no column for {lacks}. {has} Name it with --column {example}=THEIR_NAME.")
    return ColumnMap({name: theirs for name, theirs in wanted.items() if name in NAMES}, scores)


def _row(row: Row, columns: ColumnMap, default_reader: str) -> ForeignRow:
    texts = {name: _text(row.cells[columns.names[name]]) if name in columns.names else "" for name in NAMES}
    if not texts["scan"]:
        raise CohortError(f"{row.where}: {columns.names['scan']} is empty. Every row needs the name of its scan.")
    readings, problems = {}, []
    for reader, by_scale in columns.scores.items():
        values = [row.cells[by_scale[scale]] if scale in by_scale else "" for scale in SCALE_NAMES]
        try:
            scores = checked_scores(values, row.where, [by_scale.get(scale, scale) for scale in SCALE_NAMES])
        except CohortError as error:
            problems.append(str(error))
            continue
        if not all(map(math.isnan, scores)):
            readings[reader or texts["reader"] or default_reader] = scores
    if problems:
        raise CohortError("\n".join(problems))
    return ForeignRow(row.where, texts["scan"], texts["patient"], texts[SERIES], readings)


def _text(value: Any) -> str:
    return str(value).strip()
