"""Unprocessed rows of a table of scores, from CSV or, by PyArrow, from Parquet."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lgeqa.cohort.case import Note
from lgeqa.cohort.csv_lines import csv_lines
from lgeqa.errors import CohortError
from lgeqa.scales import SCALE_NAMES

#: Columns that a table must have. Columns other than these and `SERIES` are ignored.
COLUMNS: Final = ("scan", "patient", "image", "mask", "reader", *SCALE_NAMES)
#: Column that a table may have, for scans in folders that hold several DICOM series.
SERIES: Final = "series"


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        where: File and line, or row from 1, for messages.
        cells: Value of each column. An empty string if there is none.
    """

    where: str
    cells: dict[str, Any]


def read_rows(table: Path, note: Note) -> list[Row]:
    """Read the rows of a table that has the columns of a cohort.

    Args:
        table: Path of the file, as for `read_table`.
        note: Handler of the error of a row with too few or too many cells, which is left out.

    Raises:
        CohortError: The file cannot be read, lacks a column, has a column twice, or has no usable row.
        MissingExtraError: The file is Parquet, and PyArrow is not installed.
    """
    names, rows = read_table(table, note)
    _check_columns(names, table)
    if not rows:
        raise CohortError(f"{table}: has no row that can be used. Give one for each scan and reader.")
    return rows


def read_table(table: Path, note: Note) -> tuple[list[str], list[Row]]:
    """Read the column names and the rows of a CSV file, as `csv_lines` reads it, or of a Parquet file.

    Args:
        table: Path of the file, whose suffix gives its format.
        note: Handler of the error of a row with too few or too many cells, which is left out.

    Raises:
        CohortError: The file cannot be read.
        MissingExtraError: The file is Parquet, and PyArrow is not installed.
    """
    if table.suffix.lower() == ".parquet":
        names, records = read_parquet(table)
        return names, [Row(f"{table}, row {number}", cells) for number, cells in enumerate(records, start=1)]
    if table.suffix.lower() not in {".csv", ".tsv", ".txt"}:
        raise CohortError(
            f"{table}: is not a table by its name. Give a .csv or .parquet file, or the cohort's folder; spreadsheets "
            "save as CSV."
        )
    lines = csv_lines(table)
    _, names = next(lines, (0, []))
    return names, list(_csv_rows(table, names, lines, note))


def _csv_rows(table: Path, names: Sequence[str], lines: Iterator[tuple[int, list[str]]], note: Note) -> Iterator[Row]:
    for number, cells in lines:
        where = f"{table}, line {number}"
        if len(cells) == len(names):
            yield Row(where, dict(zip(names, cells, strict=True)))
        else:
            note(CohortError(f"{where}: has {len(cells)} cells for {len(names)} columns. Correct the line."))


def _check_columns(names: Sequence[str], table: Path) -> None:
    if missing := [name for name in COLUMNS if name not in names]:
        has = ", ".join(names) or "none"
        raise CohortError(
            f"{table}: lacks the column(s) {', '.join(missing)}. It has {has}. "
            "lgeqa cohort import reads tables with other names."
        )
    if twice := [name for name in (*COLUMNS, SERIES) if names.count(name) > 1]:
        raise CohortError(f"{table}: has the column(s) {', '.join(twice)} twice. Keep one.")


def read_parquet(table: Path) -> tuple[list[str], list[dict[str, Any]]]:
    """Read the column names and the rows of a Parquet file, with empty strings for null and NaN.

    Raises:
        CohortError: The file cannot be read or is not Parquet.
        MissingExtraError: PyArrow is not installed.
    """
    from lgeqa.extras import require

    require("train", feature="reading Parquet")
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(table) as file:
            names, content = file.schema_arrow.names, file.read()
    except (OSError, ArrowException) as error:
        raise CohortError(f"{table}: is not a readable Parquet file ({error}). Write it again.") from None
    columns = [column.to_pylist() for column in content.columns]
    rows = [dict(zip(names, map(_cell, cells), strict=True)) for cells in zip(*columns, strict=True)]
    return names, rows


def _cell(value: Any) -> Any:
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else value
