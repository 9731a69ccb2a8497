"""How a score becomes the size of a fault."""

from collections.abc import Sequence

import numpy as np


def grade(rng: np.random.Generator, score: float) -> float:
    """A point on the scale near `score`: within .35 of it, so that neighbouring scores border but do not overlap."""
    return score + float(rng.uniform(-0.35, 0.35))


def at_grade(grade_: float, levels: Sequence[float]) -> float:
    """The size of a fault at a grade, from its sizes at the scores 1 to 5; linear between, constant beyond."""
    return float(np.interp(grade_, (1, 2, 3, 4, 5), levels))
