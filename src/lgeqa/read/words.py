"""How files and numbers are written in messages for people."""

import os
from collections.abc import Iterable
from pathlib import Path


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
