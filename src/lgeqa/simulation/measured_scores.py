"""The four scores of one simulated scan, computed from its measures."""

from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from lgeqa.config import Settings
from lgeqa.measures import measured_reader
from lgeqa.records import Measures
from lgeqa.scales import HIGHEST_SCORE, LOWEST_SCORE, SCALE_NAMES


class Scores(Settings):
    """The scores of one scan, 1 to 5 on each scale, where 5 is best."""

    myocardium_nulling: float = Field(ge=LOWEST_SCORE, le=HIGHEST_SCORE)
    sharpness: float = Field(ge=LOWEST_SCORE, le=HIGHEST_SCORE)
    enhancement: float = Field(ge=LOWEST_SCORE, le=HIGHEST_SCORE)
    quality: float = Field(ge=LOWEST_SCORE, le=HIGHEST_SCORE)

    @classmethod
    def from_row(cls, row: npt.ArrayLike) -> Self:
        """Create scores from four numbers in the order of `scales.SCALE_NAMES`."""
        return cls(**dict(zip(SCALE_NAMES, np.asarray(row, float).tolist(), strict=True)))

    def row(self) -> npt.NDArray[np.float64]:
        """Return the four scores in the order of `scales.SCALE_NAMES`."""
        return np.array([getattr(self, name) for name in SCALE_NAMES])

    def rounded_down(self) -> Self:
        """Return the whole parts of the scores, as experts write them."""
        return self.from_row(np.floor(self.row()))


def measured_scores(measures: Measures) -> Scores | None:
    """Return the measured reader's scores with two decimals, or None if a scale has no score."""
    reading = measured_reader().reading(measures.values)
    return Scores(**reading) if reading else None
