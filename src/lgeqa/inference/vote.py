"""Vote of the slices on the verdict of a scan (section 4.3 of the paper), and a record's verdict on each scale."""

from dataclasses import dataclass

import numpy as np

from lgeqa.outcomes import Verdict
from lgeqa.records import FloatArray, ScanResult
from lgeqa.scales import PASSES_FROM


@dataclass(frozen=True)
class Vote:
    """The vote of a scan's slices.

    Attributes:
        verdict: Mode of the slices' predictions.
        diagnostic: Number of slices whose probability reaches the threshold.
        total: Number of slices that voted.
        tie: Whether the vote was even, in which case the mean probability decides.
        probability: Mean of the slices' probabilities.
    """

    verdict: Verdict
    diagnostic: int
    total: int
    tie: bool
    probability: float


def vote(probabilities: FloatArray, threshold: float) -> Vote:
    """Return the vote of the slices, whose verdict is the mode of their predictions.

    Args:
        probabilities: Probability of being diagnostic for quality of each slice, (slices,), at least one.
        threshold: Smallest probability with which a slice is predicted diagnostic.

    Raises:
        ValueError: There is no slice.
    """
    total = len(probabilities)
    if total == 0:
        raise ValueError("a vote needs at least one slice, got 0")
    diagnostic = int((probabilities >= threshold).sum())
    mean = float(probabilities.mean(dtype=float))
    tie = 2 * diagnostic == total
    passes = mean >= threshold if tie else 2 * diagnostic > total
    return Vote("diagnostic" if passes else "non-diagnostic", diagnostic, total, tie, mean)


def scan_call(result: ScanResult, scale: str) -> bool:
    """Return whether the record calls the scan diagnostic on a scale.

    For quality this is the verdict. For an attribute it is the mode of the slices' predictions, with the tie rule of
    the verdict, or the side of the threshold on which the scan's probability lies if its slices have weights.
    """
    if scale == "quality":
        return result.verdict == "diagnostic"
    return vote(deciding_probabilities(result, scale), slice_threshold(result, scale)).verdict == "diagnostic"


def weighs_slices(result: ScanResult) -> bool:
    """Return whether the bundle weighs the slices of a scan, so that their votes do not decide."""
    return any(scores.weight is not None for scores in result.slices)


def slice_threshold(result: ScanResult, scale: str) -> float:
    """Return the probability from which a slice counts as diagnostic on a scale."""
    return result.threshold or PASSES_FROM if scale == "quality" else PASSES_FROM


def deciding_probabilities(result: ScanResult, scale: str) -> FloatArray:
    """Return the probabilities that decide on a scan: those of its slices, or that of the scan if slices have weights.

    The second is a single one, (1,).
    """
    if weighs_slices(result):
        return np.array([getattr(result, f"p_{scale}")], np.float32)
    return slice_probabilities(result, scale)


def slice_probabilities(result: ScanResult, scale: str) -> FloatArray:
    """Return the probability of each slice, from inferior to superior, in the precision in which the slices voted."""
    return np.array([getattr(scores, f"p_{scale}") for scores in result.slices], np.float32)
