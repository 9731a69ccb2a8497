"""Scores as experts give them: the four scales of a scan, drawn from their joint distribution."""

from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from lgeqa.attributes import HIGHEST_SCORE, LOWEST_SCORE, NAMES
from lgeqa.config import Settings
from lgeqa.simulate.counts import joint_counts


class Scores(Settings):
    """The scores of one scan, 1 to 5 on each scale; 5 is best."""

    myocardium_nulling: float = Field(ge=LOWEST_SCORE, le=HIGHEST_SCORE)
    sharpness: float = Field(ge=LOWEST_SCORE, le=HIGHEST_SCORE)
    enhancement: float = Field(ge=LOWEST_SCORE, le=HIGHEST_SCORE)
    quality: float = Field(ge=LOWEST_SCORE, le=HIGHEST_SCORE)

    @classmethod
    def from_row(cls, row: npt.ArrayLike) -> Self:
        """From four numbers in the order of `attributes.NAMES`."""
        return cls(**dict(zip(NAMES, np.asarray(row, float).tolist(), strict=True)))

    def row(self) -> npt.NDArray[np.float64]:
        """Four numbers in the order of `attributes.NAMES`."""
        return np.array([getattr(self, name) for name in NAMES])


def draw_scores(rng: np.random.Generator, n: int) -> list[Scores]:
    """Draw the scores of `n` scans; each combination as often as experts gave it to 473 real scans."""
    combinations, scans = joint_counts()
    drawn = rng.choice(len(combinations), size=n, p=scans / scans.sum())
    return [Scores.from_row(combinations[place]) for place in drawn]
