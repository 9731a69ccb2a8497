"""How files and numbers are written in messages for people, and how long a file's own words may be."""

import os
from collections.abc import Iterable
from pathlib import Path

from lgeqa.read.limits import MAX_FIELD

#: Characters of a file's own words that a message quotes.
_LONGEST = 80


def shown(path: Path) -> str:
    """The path as printable text on one line: undecodable bytes and control characters become '?'."""
    text = os.fsencode(path).decode("utf-8", errors="replace")
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def numbers(values: Iterable[float]) -> str:
    """A few numbers, as in `(0.625, 0.625, 2.5)`."""
    return "(" + ", ".join(f"{value:.6g}" for value in values) + ")"


def extent(size: Iterable[int]) -> str:
    """A size in voxels, as in `183 x 140 x 44`."""
    return " x ".join(str(count) for count in size)


def reason(fault: OSError) -> str:
    """What the operating system says, without numbers and paths."""
    return (fault.strerror or "unknown fault").lower()


def printable(text: str) -> str:
    """Return text from a file on one short line: control characters become '?', and what is too long is cut."""
    line = "".join(sign if sign.isprintable() else "?" for sign in text)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def bounded(text: str) -> str:
    """Return a field of a text header, unless it is too long. Raises ValueError."""
    if len(text) > MAX_FIELD:
        raise ValueError(f"field of {len(text)} characters")
    return text
