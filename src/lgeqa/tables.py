"""Tables as text: CSV for programs, Markdown for people."""

import csv
import io
from collections.abc import Iterable, Sequence


def csv_text(columns: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """Rows below a head line, as CSV with commas and line feeds."""
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    table.writerows(rows)
    return text.getvalue()


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; a bar in a cell, which would part it, becomes a slash."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(text.replace('|', '/') for text in line)} |" for line in lines)
