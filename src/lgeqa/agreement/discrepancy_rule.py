"""Rule that says on which scans readers differ so much that they should adjudicate."""

from collections.abc import Iterator, Sequence
from typing import Annotated, get_args

from pydantic import AfterValidator, Field

from lgeqa.config import Settings
from lgeqa.scales import SCALE_NAMES, SCALES, ScaleName


def _in_order(names: tuple[ScaleName, ...]) -> tuple[ScaleName, ...]:
    """Return each name once, in the order of `SCALE_NAMES`."""
    return tuple(sorted(set(names), key=SCALE_NAMES.index))


ScaleNames = Annotated[tuple[ScaleName, ...], AfterValidator(_in_order)]


class DiscrepancyRule(Settings):
    """Rule for the scans to adjudicate. A scan that one reader scores and another cannot rate is always among them.

    Attributes:
        points: Range of the readers' scores on a scale from which a scan is adjudicated.
        points_on: Scales on which the range counts. Empty for none.
        sides_on: Scales on which readers on different sides of 3 count. Empty for none.
    """

    points: int = Field(2, ge=1, le=4)
    points_on: ScaleNames = get_args(ScaleName)
    sides_on: ScaleNames = ("quality",)

    @property
    def text(self) -> str:
        """The rule as the end of a sentence."""
        return "; ".join(self._parts())

    def _parts(self) -> Iterator[str]:
        yield "one reader says that it cannot be rated and another scores it"
        if self.sides_on:
            yield f"readers are on different sides of 3 on {_listed(self.sides_on)}"
        if self.points_on:
            yield f"scores are {self.points} or more apart on {_listed(self.points_on)}"


def _listed(names: Sequence[str]) -> str:
    titles = [scale.title.lower() for scale in SCALES if scale.name in names]
    return "any scale" if len(titles) == len(SCALES) else " or ".join(titles)
