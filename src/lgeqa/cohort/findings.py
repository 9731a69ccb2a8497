"""What a check finds: errors stand in the way of training, cautions one should know of."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

_MOST_NAMED = 10


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        level: an error stops training or makes its figures wrong; a caution does not.
        text: for people; names the file and the value, and the way out.
    """

    level: Literal["error", "caution"]
    text: str


def error(text: str) -> Finding:
    """Something that stands in the way."""
    return Finding("error", text)


def caution(text: str) -> Finding:
    """Something to know of."""
    return Finding("caution", text)


def named(names: Iterable[str]) -> str:
    """Names on one line, in order; the first ten where there are more."""
    ordered = sorted(names)
    more = len(ordered) - _MOST_NAMED
    return ", ".join(ordered[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
