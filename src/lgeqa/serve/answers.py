"""Kinds of answers that are no JSON."""

import csv
import io
from typing import Final

from fastapi import Response

from lgeqa.tables import csv_text

#: Media types of the files that are given out, by suffix.
_KINDS: Final = {
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "md": "text/markdown; charset=utf-8",
}
#: With what a cell begins that a spreadsheet takes for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class Nifti(Response):
    """A volume as gzipped NIfTI."""

    media_type = "application/gzip"


class Jpeg(Response):
    """A picture."""

    media_type = "image/jpeg"


def as_file(text: str, name: str) -> Response:
    """A text that the browser keeps as a file of this name, whose suffix tells what it is."""
    kind = _KINDS[name.rpartition(".")[2]]
    return Response(text, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def as_table(text: str, name: str) -> Response:
    """Return a CSV table for people, who open it in a spreadsheet: no cell that is no number is a formula there.

    Names and comments come from files and from readers. One that would be a formula gets an apostrophe before it, which
    spreadsheets do not show.
    """
    rows = csv.reader(io.StringIO(text, newline=""))
    return as_file(csv_text(next(rows), ([_harmless(cell) for cell in row] for row in rows)), name)


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) and not _is_number(cell) else cell


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
