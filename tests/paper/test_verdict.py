"""Section 4.3: the verdict of a scan is the mode of its slices' predictions; the mean breaks a tie."""

import itertools

import numpy as np
import pytest

from lgeqa.inference.vote import vote


def naive(probabilities: tuple[float, ...], threshold: float) -> tuple[str, int, bool]:
    """Predict slice by slice and count; where the counts are equal, predict the mean."""
    votes = {"diagnostic": 0, "non-diagnostic": 0}
    total = 0.0
    for probability in probabilities:
        votes["diagnostic" if probability >= threshold else "non-diagnostic"] += 1
        total += probability
    tie = votes["diagnostic"] == votes["non-diagnostic"]
    if tie:
        verdict = "diagnostic" if total / len(probabilities) >= threshold else "non-diagnostic"
    else:
        verdict = max(votes, key=votes.__getitem__)
    return verdict, votes["diagnostic"], tie


@pytest.mark.parametrize("threshold", [0.25, 0.5, 0.75])
@pytest.mark.parametrize("slices", [1, 2, 3, 4, 5])
def test_every_scan_of_a_few_slices(threshold: float, slices: int) -> None:
    """All scans whose probabilities lie on a grid; its steps are exact in binary, so equality is meant."""
    for probabilities in itertools.product((0.0, 0.25, 0.375, 0.5, 0.75, 1.0), repeat=slices):
        found = vote(np.array(probabilities, np.float32), threshold)
        assert (found.verdict, found.diagnostic, found.tie) == naive(probabilities, threshold), probabilities
