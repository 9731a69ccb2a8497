"""Scores as experts give them: the four scales of a scan, drawn from what was counted."""

from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from lgeqa.attributes import HIGHEST_SCORE, LOWEST_SCORE, NAMES
from lgeqa.config import Settings
from lgeqa.simulate.counts import joint_counts

#: How the four scores of a scan go together: as experts give them, or each drawn for itself.
Together = Literal["joint", "independent"]


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


def draw_scores(rng: np.random.Generator, n: int, together: Together = "joint") -> list[Scores]:
    """Draw the scores of `n` scans from those that experts gave to 473 real scans.

    Args:
        rng: of the draw.
        n: number of scans.
        together: `joint` draws each combination as often as experts gave it; `independent` draws each scale as often
            as experts gave its scores, whatever the others are, so that a lone fault is as common as several.
    """
    combinations, scans = joint_counts()
    size = n if together == "joint" else (len(NAMES), n)
    drawn = rng.choice(len(combinations), size=size, p=scans / scans.sum())
    rows = combinations[drawn] if together == "joint" else np.stack([*map(np.take, combinations.T, drawn)], axis=1)
    return [Scores.from_row(row) for row in rows]
