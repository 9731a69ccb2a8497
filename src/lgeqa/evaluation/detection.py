"""Measures of how well the atrium and the slices that contain it were detected."""

import math
from dataclasses import dataclass

from lgeqa.records import BoolArray


def dice(found: BoolArray, truth: BoolArray) -> float:
    """Compute the Dice coefficient of two masks over the whole scan: 2 |A and B| / (|A| + |B|).

    1 is best. The result is NaN if both masks are empty, since there is nothing to agree on.
    """
    total = int(found.sum()) + int(truth.sum())
    return 2 * int((found & truth).sum()) / total if total else math.nan


@dataclass(frozen=True)
class SliceCounts:
    """Numbers of slices by whether they contain the atrium and whether it was found. Counts add up over scans."""

    true_positive: int = 0
    false_positive: int = 0
    false_negative: int = 0
    true_negative: int = 0

    def __add__(self, other: "SliceCounts") -> "SliceCounts":
        return SliceCounts(
            self.true_positive + other.true_positive,
            self.false_positive + other.false_positive,
            self.false_negative + other.false_negative,
            self.true_negative + other.true_negative,
        )

    @property
    def f1(self) -> float:
        """F1 of "this slice contains the atrium". NaN if no slice contains it and none was said to."""
        of_concern = 2 * self.true_positive + self.false_positive + self.false_negative
        return 2 * self.true_positive / of_concern if of_concern else math.nan


def count_slices(found: BoolArray, truth: BoolArray) -> SliceCounts:
    """Count the slices of one scan from boolean masks (slice, row, column)."""
    predicted, actual = found.any(axis=(1, 2)), truth.any(axis=(1, 2))
    return SliceCounts(
        int((predicted & actual).sum()),
        int((predicted & ~actual).sum()),
        int((~predicted & actual).sum()),
        int((~predicted & ~actual).sum()),
    )
