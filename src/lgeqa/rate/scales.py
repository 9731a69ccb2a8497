"""The four scales in words, score by score, as readers see them."""

from dataclasses import dataclass
from typing import Final

from lgeqa.attributes import SCALES


@dataclass(frozen=True)
class DefinedScale:
    """A scale and what each of its scores means.

    Attributes:
        name, title: as in `attributes.Scale`.
        question: what the reader looks at.
        scores: meaning of the scores 1 to 5. The ends are the paper's; it gives no words to 2, 3 and 4, which are even
            steps between them, so they are told as steps.
    """

    name: str
    title: str
    question: str
    scores: tuple[str, str, str, str, str]


_QUESTIONS: Final = {
    "myocardium_nulling": "How dark is the myocardium of the left ventricle, against its blood pool?",
    "sharpness": "How clear are the borders of the left atrium and the other chambers?",
    "enhancement": "Do the wall of the aorta and the valves enhance?",
    "quality": "Do enhanced fibrous structures stand out from the blood pool?",
}

DEFINED_SCALES: Final = tuple(
    DefinedScale(
        scale.name,
        scale.title,
        _QUESTIONS[scale.name],
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
