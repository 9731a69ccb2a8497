"""Rules that choose the series that are LGE of the left atrium: by description, by sequence and, last, by looks."""

import re
from dataclasses import dataclass
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from lgeqa.config import Settings
from lgeqa.listener.instance import InstanceHeader, unread_keywords

#: Elements whose texts describe a series.
_DESCRIPTIONS: Final = ("SeriesDescription", "ProtocolName", "SequenceName")
#: Patterns of descriptions that LGE series usually have.
_LGE: Final = (
    r"\bLGE",
    r"late.?gad",
    r"\bL?DE.?MRI?\b",
    r"delayed?.?enh",
    r"\bPSIR\b",
    r"atri\w+.?scar",
    r"atri\w+.?fibro",
)
#: Patterns of descriptions of series that nobody measures fibrosis on.
_OTHER: Final = (
    r"locali[sz]er",
    r"\bscout",
    r"survey",
    r"\bcine\b",
    r"TI.?scout",
    r"look.?locker",
    r"\bMOLLI",
    r"\bmap\b",
)


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is not a regular expression ({error}). See the syntax of Python's module re.") from None
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]


class NumberRange(Settings):
    """Range of a number in the header.

    Attributes:
        min: Smallest value.
        max: Largest value.
    """

    min: float = float("-inf")
    max: float = float("inf")

    @model_validator(mode="after")
    def _holds_numbers(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min = {self.min:g} is larger than max = {self.max:g}. Exchange them.")
        return self


@dataclass(frozen=True)
class Choice:
    """What the rules say about a series.

    Attributes:
        chosen: Whether the series is LGE of the left atrium. None if only its looks can decide.
        reason: Rule that decided.
    """

    chosen: bool | None
    reason: str


class Selection(Settings):
    """Rules of which series are assessed, in the order in which they apply.

    Attributes:
        exclude: Patterns of descriptions of series that are not assessed. Descriptions are SeriesDescription,
            ProtocolName and SequenceName. Case does not matter.
        description: Patterns of descriptions of series that are assessed.
        attributes: Values of elements of a series that is assessed, all of which it must have: a pattern for the whole
            of one value, or a range of numbers. Only elements up to group 0020 can be named.
        looks: Whether any other series is assessed too, and belongs to LGE if the gate does not refuse it.
    """

    exclude: tuple[Pattern, ...] = _OTHER
    description: tuple[Pattern, ...] = _LGE
    attributes: dict[str, Pattern | NumberRange] = Field({})
    looks: bool = False

    @model_validator(mode="after")
    def _knows_elements(self) -> Self:
        if unread := unread_keywords(self.attributes):
            raise ValueError(
                f"attributes.{unread[0]}: is not an element that the listener reads. Name elements of DICOM up to "
                "group 0020, such as InversionTime."
            )
        return self

    def choose(self, header: InstanceHeader) -> Choice:
        """Return whether a series is assessed, by the header of one of its images."""
        descriptions = [text for keyword in _DESCRIPTIONS for text in header.texts(keyword)]
        if pattern := _matching(self.exclude, descriptions):
            return Choice(False, f"excluded by description, {pattern!r}")
        if pattern := _matching(self.description, descriptions):
            return Choice(True, f"description, {pattern!r}")
        if self.attributes and all(_has(header, keyword, wanted) for keyword, wanted in self.attributes.items()):
            return Choice(True, f"attributes, {', '.join(self.attributes)}")
        if self.looks:
            return Choice(None, "looks")
        return Choice(False, "no rule chooses it")


def _matching(patterns: tuple[str, ...], texts: list[str]) -> str | None:
    """Return the first pattern that one of the texts holds."""
    for pattern in patterns:
        if any(re.search(pattern, text, re.IGNORECASE) for text in texts):
            return pattern
    return None


def _has(header: InstanceHeader, keyword: str, wanted: str | NumberRange) -> bool:
    values = header.texts(keyword)
    if isinstance(wanted, str):
        return any(re.fullmatch(wanted, value.strip(), re.IGNORECASE) for value in values)
    return any(wanted.min <= number <= wanted.max for number in map(_number, values) if number is not None)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
