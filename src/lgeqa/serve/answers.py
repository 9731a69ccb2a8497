"""Kinds of answers that are no JSON."""

from typing import Final

from fastapi import Response

#: Media types of the files that are given out, by suffix.
_KINDS: Final = {
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "md": "text/markdown; charset=utf-8",
}


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
