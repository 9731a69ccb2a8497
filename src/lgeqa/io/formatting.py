"""Formatting of paths, numbers and text from files for messages, and the length limit of header fields."""

import os
from collections.abc import Iterable
from pathlib import Path

from lgeqa.io.limits import MAX_FIELD

#: Longest text from a file that a message quotes, in characters.
_LONGEST = 80
#: Longest text from a header that a record keeps, in characters.
_MOST_KEPT = 64


def printable_path(path: Path) -> str:
    """Return a path as printable text on one line, with '?' for undecodable bytes and control characters."""
    text = os.fsencode(path).decode("utf-8", errors="replace")
    return "".join(character if character.isprintable() else "?" for character in text)


def numbers(values: Iterable[float]) -> str:
    """Return numbers as text, for example `(0.625, 0.625, 2.5)`."""
    return "(" + ", ".join(f"{value:.6g}" for value in values) + ")"


def extent(size: Iterable[int]) -> str:
    """Return a size in voxels as text, for example `183 x 140 x 44`."""
    return " x ".join(str(count) for count in size)


def printable(text: str) -> str:
    """Return text from a file on one short line, with '?' for control characters and a long end cut off."""
    line = "".join(character if character.isprintable() else "?" for character in text)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def short_line(text: str) -> str:
    """Return the start of a text from a header on one line, for a record, without control characters."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:_MOST_KEPT]


def bounded(text: str) -> str:
    """Return a field of a text header if it is not too long.

    Raises:
        ValueError: The field has more than `MAX_FIELD` characters.
    """
    if len(text) > MAX_FIELD:
        raise ValueError(f"field of {len(text)} characters")
    return text
