"""Simulated readers against the counts that they are drawn from."""

import numpy as np
import numpy.typing as npt
import pytest

from lgeqa.scales import SCALE_NAMES
from lgeqa.simulation.simulated_readers import SCORES, agreement_counts, confusions, draw_reading, joint_counts

Table = npt.NDArray[np.float64]


def test_counts_are_those_of_the_study() -> None:
    combinations, scans = joint_counts()
    assert scans.sum() == 473
    shares = [scans[combinations[:, place] >= 3].sum() / 473 for place in range(4)]
    np.testing.assert_allclose(shares, (0.68, 0.64, 0.58, 0.51), atol=0.006)
    assert agreement_counts().sum(axis=(1, 2)).tolist() == [1022] * 4
    np.testing.assert_array_equal(agreement_counts(), agreement_counts().transpose(0, 2, 1))


def test_counts_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        joint_counts()[1][0] = 0


def agreement(pairs: Table) -> tuple[float, float, float]:
    """Quadratic-weighted kappa, share of equal scores, share on one side of the 3-or-more line."""
    pairs = pairs / pairs.sum()
    distance = (SCORES[:, None] - SCORES) ** 2
    expected = np.outer(pairs.sum(axis=1), pairs.sum(axis=0))
    diagnostic = SCORES >= 3
    same_side = pairs[diagnostic[:, None] == diagnostic].sum()
    return 1 - (distance * pairs).sum() / (distance * expected).sum(), float(np.trace(pairs)), float(same_side)


@pytest.mark.parametrize("place", range(4), ids=SCALE_NAMES)
def test_two_readers_agree_as_was_observed(place: int) -> None:
    observed = agreement_counts()[place] / agreement_counts()[place].sum()
    confusion = confusions()[place]
    implied = confusion.T @ np.diag(observed.sum(axis=0)) @ confusion
    np.testing.assert_allclose(implied, observed, atol=0.005)
    np.testing.assert_allclose(agreement(implied), agreement(observed), atol=0.035)


def test_confusions_are_probabilities_with_a_strong_diagonal() -> None:
    np.testing.assert_allclose(confusions().sum(axis=2), 1)
    assert confusions().min() >= 0
    # The likeliest reading is the true score, but for sharpness 5, which readers shun: there it is 4.
    likeliest = confusions().argmax(axis=2)
    likeliest[SCALE_NAMES.index("sharpness"), 4] = 4
    assert (likeliest == np.arange(5)).all()


def test_drawn_readings_agree_as_was_observed() -> None:
    """With the truth drawn from the joint counts, which are a little lower than the twice-read scans' scores."""
    rng = np.random.default_rng(0)
    combinations, scans = joint_counts()
    rows = combinations[rng.choice(len(combinations), 3000, p=scans / scans.sum())]
    truths = [dict(zip(SCALE_NAMES, row, strict=True)) for row in rows.tolist()]
    first, second = (np.array([[*draw_reading(rng, truth).values()] for truth in truths]) for _ in range(2))
    for place in range(4):
        pairs = np.zeros((5, 5))
        np.add.at(pairs, (first[:, place] - 1, second[:, place] - 1), 1)
        kappa, equal, same_side = agreement(pairs)
        assert kappa == pytest.approx(0.71, abs=0.06)
        assert equal == pytest.approx(0.57, abs=0.06)
        assert 0.78 < same_side < 0.9
