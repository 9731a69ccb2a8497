"""The four scales with a description of each score, as readers see them."""

from dataclasses import dataclass
from typing import Final

from lgeqa.scales import SCALES


@dataclass(frozen=True)
class DefinedScale:
    """A scale and the meaning of each of its scores.

    Attributes:
        name: Identifier, as in `scales.Scale`.
        title: Title, as in `scales.Scale`.
        question: Question, as in `scales.Scale`.
        scores: Meanings of the scores 1 to 5. The ends are from the paper. It does not describe 2, 3 and 4, which are
            even steps between the ends, so they are described as steps.
    """

    name: str
    title: str
    question: str
    scores: tuple[str, str, str, str, str]


DEFINED_SCALES: Final = tuple(
    DefinedScale(
        scale.name,
        scale.title,
        scale.question,
        (
            scale.worst,
            "between, nearer to 1",
            "half-way between 1 and 5: just enough to be diagnostic",
            "between, nearer to 5",
            scale.best,
        ),
    )
    for scale in SCALES
)
