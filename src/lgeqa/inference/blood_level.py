"""Dependence of the probability of quality on the level of the blood pool."""

from collections.abc import Callable

import numpy as np

from lgeqa.preprocessing.quality_input import at_other_blood_level
from lgeqa.records import FloatArray
from lgeqa.scales import NAMES

#: Relative change of the level of blood above air.
STEP = 0.05
#: Largest number of evenly spaced slices that are scored again at each other level.
MOST_SLICES = 6


def quality_at_other_levels(
    prepared: FloatArray, probabilities: FloatArray, score: Callable[[FloatArray], FloatArray]
) -> tuple[float, float]:
    """Return the scan's probability of quality if blood were 5 % lower, and if it were 5 % higher.

    Each is the scan's own probability plus the mean change at the other level over a few slices.

    Args:
        prepared: Slices prepared for the quality network, (slice, row, column).
        probabilities: Probabilities that the network gives for these slices, (slice, 4).
        score: Quality network, from prepared slices to such probabilities.
    """
    quality = NAMES.index("quality")
    chosen = np.unique(np.linspace(0, len(prepared) - 1, min(MOST_SLICES, len(prepared))).round().astype(int))
    lower, higher = (
        float((score(at_other_blood_level(prepared[chosen], factor)) - probabilities[chosen])[:, quality].mean())
        for factor in (1 - STEP, 1 + STEP)
    )
    mean = float(probabilities[:, quality].mean(dtype=float))
    return min(max(mean + lower, 0.0), 1.0), min(max(mean + higher, 0.0), 1.0)
