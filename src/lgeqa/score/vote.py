"""From the slices' probabilities to the verdict of the scan (section 4.3 of the paper)."""

from dataclasses import dataclass

from lgeqa.records import FloatArray, Verdict


@dataclass(frozen=True)
class Vote:
    """The vote of a scan's slices.

    Attributes:
        verdict: mode of the slices' predictions.
        diagnostic: slices whose probability reaches the threshold.
        total: slices that voted.
        tie: whether the vote was even; the mean probability then decides.
        probability: mean of the slices' probabilities.
    """

    verdict: Verdict
    diagnostic: int
    total: int
    tie: bool
    probability: float


def vote(probabilities: FloatArray, threshold: float) -> Vote:
    """Take the mode of the slices' predictions.

    Args:
        probabilities: (slices,) of being diagnostic for quality; at least one.
        threshold: a slice is predicted diagnostic from this probability on.

    Raises:
        ValueError: there is no slice.
    """
    total = len(probabilities)
    if total == 0:
        raise ValueError("a vote needs at least one slice, got 0")
    diagnostic = int((probabilities >= threshold).sum())
    mean = float(probabilities.mean(dtype=float))
    tie = 2 * diagnostic == total
    passes = mean >= threshold if tie else 2 * diagnostic > total
    return Vote("diagnostic" if passes else "non-diagnostic", diagnostic, total, tie, mean)
