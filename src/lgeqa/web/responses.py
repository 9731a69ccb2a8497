"""Responses other than JSON."""

import csv
import io
from typing import Final

from fastapi import Response

from lgeqa.table_text import BOM, csv_text

#: Media types of exported files, by suffix.
_KINDS: Final = {
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "md": "text/markdown; charset=utf-8",
    "pdf": "application/pdf",
}
#: First characters of a cell that a spreadsheet takes for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class Nifti(Response):
    """A volume as gzipped NIfTI."""

    media_type = "application/gzip"


class Jpeg(Response):
    """A picture."""

    media_type = "image/jpeg"


def as_file(content: str | bytes, name: str) -> Response:
    """Return a text or bytes as a download under this name, whose suffix sets the media type."""
    kind = _KINDS[name.rpartition(".")[2]]
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def as_table(text: str, name: str) -> Response:
    """Return a CSV table for spreadsheets, in which only numbers start with a sign that could begin a formula.

    Names and comments come from files and from readers. A cell that would be a formula gets an apostrophe in front,
    which spreadsheets do not show.
    """
    rows = csv.reader(io.StringIO(text, newline=""))
    return as_file(BOM + csv_text(next(rows), ([_harmless(cell) for cell in row] for row in rows)), name)


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) and not _is_number(cell) else cell


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
