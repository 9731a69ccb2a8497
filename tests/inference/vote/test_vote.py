from statistics import mean, multimode

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lgeqa.inference.vote import vote


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=40), st.sampled_from([0.3, 0.5, 0.8]))
def test_the_verdict_is_the_mode_of_the_predictions(probabilities: list[float], threshold: float) -> None:
    """The naive twin: predict each slice, take the most frequent prediction, a tie going by the mean."""
    array = np.array(probabilities, np.float32)
    modes = multimode([bool(p >= np.float32(threshold)) for p in array])
    found = vote(array, threshold)
    assert found.tie == (len(modes) == 2)
    expected = modes[0] if len(modes) == 1 else float(array.mean()) >= threshold
    assert found.verdict == ("diagnostic" if expected else "non-diagnostic")
    assert found.total == len(probabilities)
    assert found.probability == pytest.approx(mean(array.tolist()), abs=1e-5)


def test_a_tie_goes_by_the_mean() -> None:
    up, down = vote(np.array([0.45, 0.95]), 0.5), vote(np.array([0.05, 0.55]), 0.5)
    assert (up.tie, up.verdict) == (True, "diagnostic")
    assert (down.tie, down.verdict) == (True, "non-diagnostic")


def test_the_vote_and_not_the_mean_decides() -> None:
    found = vote(np.array([0.51, 0.51, 0.0]), 0.5)
    assert found.verdict == "diagnostic"
    assert found.probability < 0.5
    assert (found.diagnostic, found.total) == (2, 3)


def test_a_slice_at_the_threshold_is_diagnostic() -> None:
    assert vote(np.array([0.5]), 0.5).verdict == "diagnostic"


def test_no_slice_no_vote() -> None:
    with pytest.raises(ValueError, match="at least one slice, got 0"):
        vote(np.array([]), 0.5)
