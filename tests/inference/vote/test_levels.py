import numpy as np
import numpy.typing as npt
import pytest

from lgeqa.inference.pipeline import quality_at_other_levels
from lgeqa.records import FloatArray, IntArray


def score(slices: FloatArray, context: IntArray | None = None) -> FloatArray:
    """Quality is half of a slice's signal; the other scales never change."""
    slices = slices if context is None else slices[context[:, 0]]
    probabilities = np.full((len(slices), 4), 0.2, np.float32)
    probabilities[:, 3] = slices.mean(axis=(1, 2)) / 2
    return probabilities


def alone(slices: FloatArray) -> IntArray:
    return np.arange(len(slices))[:, None]


def prepared(levels: npt.NDArray[np.float64]) -> FloatArray:
    return np.broadcast_to(levels[:, None, None], (len(levels), 4, 4)).astype(np.float32)


@pytest.mark.parametrize("n", [1, 4, 30])
def test_the_probability_moves_by_what_the_other_level_changes(n: int) -> None:
    slices = prepared(np.full(n, 0.8))
    lower, higher = quality_at_other_levels(slices, alone(slices), score(slices), score)
    assert (lower, higher) == pytest.approx((0.4 / 0.95, 0.4 / 1.05), rel=1e-5)


def test_mean_is_over_all_slices_and_change_over_six() -> None:
    slices = prepared(np.linspace(0.1, 1.5, 31))
    seen: list[FloatArray] = []

    def watched(given: FloatArray, context: IntArray) -> FloatArray:
        seen.append(given[context[:, 0], 0, 0])
        return score(given, context)

    lower, _ = quality_at_other_levels(slices, alone(slices), score(slices), watched)
    assert lower == pytest.approx(0.4 + 0.4 * (1 / 0.95 - 1), rel=1e-4)
    np.testing.assert_allclose(seen[0] * 0.95, np.linspace(0.1, 1.5, 6), rtol=1e-5)
    assert len(seen) == 2


def test_it_stays_a_probability() -> None:
    slices = prepared(np.full(3, 1.99))
    assert quality_at_other_levels(slices, alone(slices), score(slices), score)[0] == 1.0
