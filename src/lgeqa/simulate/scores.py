"""The four scores of one simulated scan, which follow from its measures."""

from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from lgeqa.attributes import HIGHEST_SCORE, LOWEST_SCORE, NAMES
from lgeqa.config import Settings
from lgeqa.measure import measured_reader
from lgeqa.records import Measures


class Scores(Settings):
    """The scores of one scan, 1 to 5 on each scale; 5 is best."""

    myocardium_nulling: float = Field(ge=LOWEST_SCORE, le=HIGHEST_SCORE)
    sharpness: float = Field(ge=LOWEST_SCORE, le=HIGHEST_SCORE)
    enhancement: float = Field(ge=LOWEST_SCORE, le=HIGHEST_SCORE)
    quality: float = Field(ge=LOWEST_SCORE, le=HIGHEST_SCORE)

    @classmethod
    def from_row(cls, row: npt.ArrayLike) -> Self:
        """Take four numbers in the order of `attributes.NAMES`."""
        return cls(**dict(zip(NAMES, np.asarray(row, float).tolist(), strict=True)))

    def row(self) -> npt.NDArray[np.float64]:
        """Return four numbers in the order of `attributes.NAMES`."""
        return np.array([getattr(self, name) for name in NAMES])

    def rounded_down(self, decimals: int = 0) -> Self:
        """Return the scores with so many decimals, none of them higher than before, so that none becomes diagnostic."""
        factor = 10**decimals
        return self.from_row(np.floor(self.row() * factor + 1e-9) / factor)


def measured_scores(measures: Measures) -> Scores | None:
    """Return the measured reader's scores, to two decimals; None if a scale has none."""
    scores = measured_reader().scores(measures.values)
    if None in scores.values():
        return None
    return Scores.of(dict(scores)).rounded_down(decimals=2)


def why_unscored(measures: Measures) -> str:
    """Return why a scan has no scores: each undefined measure that a scale needs, and its reason."""
    lacking = sorted({name for names in measured_reader().lacking(measures.values).values() for name in names})
    return " ".join(f"{name}: {measures.reasons[name]}" for name in lacking)
