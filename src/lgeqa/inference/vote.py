"""Vote of the slices on the verdict of a scan (section 4.3 of the paper)."""

from dataclasses import dataclass

from lgeqa.records import FloatArray, Verdict


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
