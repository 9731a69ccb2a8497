"""Findings of a check: errors, which prevent training, and cautions, which do not."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

_MOST_NAMED = 10


@dataclass(frozen=True)
class Finding:
    """One finding of a check.

    Attributes:
        level: Level of the finding. An error stops training or makes its figures wrong, and a caution does not.
        text: Message with the file, the value and how to correct it.
    """

    level: Literal["error", "caution"]
    text: str


def error(text: str) -> Finding:
    """Return a finding that prevents training."""
    return Finding("error", text)


def caution(text: str) -> Finding:
    """Return a finding that does not prevent training."""
    return Finding("caution", text)


def named(names: Iterable[str]) -> str:
    """Join names on one line, in order, and shorten the list to the first ten."""
    ordered = sorted(names)
    more = len(ordered) - _MOST_NAMED
    return ", ".join(ordered[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
