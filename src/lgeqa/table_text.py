"""Tables as text: CSV for programs, Markdown for pages."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

#: First character of a table in a file, from which Excel knows that it is UTF-8.
BOM: Final = "\ufeff"


def csv_text(columns: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """Return a header and the rows below it as CSV with commas and line feeds.

    A carriage return in a cell becomes a line feed, since Python 3.11 does not quote it and it would end the row.
    """
    return csv_line(columns) + "".join(map(csv_line, rows))


def csv_line(cells: Iterable[object]) -> str:
    """Return one row of CSV as in `csv_text`, with the line feed at its end."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow([_line_feeds(cell) for cell in cells])
    return text.getvalue()


def _line_feeds(cell: object) -> object:
    return cell.replace("\r\n", "\n").replace("\r", "\n") if isinstance(cell, str) else cell


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown, where a bar in a cell, which would split the cell, becomes a slash."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(text.replace('|', '/') for text in line)} |" for line in lines)
