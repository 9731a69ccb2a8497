"""The table of the results, `results.csv`."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from lgeqa.records import ScanResult
from lgeqa.results import CSV_COLUMNS, csv_rows
from lgeqa.table_text import csv_line, csv_text

#: Decimal places in the table. The records have full precision.
_DECIMALS: Final = 6


def table_text(results: Iterable[ScanResult]) -> str:
    """Return the results as CSV with a header line."""
    columns, rows = csv_rows(tuple(results))
    return csv_text(columns, (_cells(row, columns) for row in rows))


def table_lines(result: ScanResult) -> tuple[str, str]:
    """Return the line of a result in two parts: the cells of `CSV_COLUMNS`, and those of `SCORE_COLUMNS`.

    Neither part has a line feed at its end. The second is empty if the result has no scores.
    """
    columns, (row,) = csv_rows([result])
    cells = _cells(row, columns)
    scores = cells[len(CSV_COLUMNS) :]
    return csv_line(cells[: len(CSV_COLUMNS)])[:-1], csv_line(scores)[:-1] if scores else ""


def _cells(row: Mapping[str, Any], columns: Iterable[str]) -> list[object]:
    return [_cell(row, column) for column in columns]


def _cell(row: Mapping[str, Any], column: str) -> object:
    value = row[column]
    if column == "review" and row["status"] != "assessed":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return round(value, _DECIMALS) if isinstance(value, float) else value
