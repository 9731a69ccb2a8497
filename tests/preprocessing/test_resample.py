import numpy as np
import pytest

from lgeqa.preprocessing.resampling import axis_weights, centred_points, resample


def naive(samples: list[float], old_mm: float, place: float, new_mm: float) -> float:
    """Triangle-weighted mean of samples about `place`, straight from the definition."""
    last = (len(samples) - 1) * old_mm
    if place < -old_mm / 2 or place > last + old_mm / 2:
        return 0.0
    place = min(max(place, 0.0), last)
    width = max(old_mm, new_mm)
    weights = [max(0.0, 1 - abs(place - i * old_mm) / width) for i in range(len(samples))]
    return sum(w * s for w, s in zip(weights, samples, strict=True)) / sum(weights)


@pytest.mark.parametrize("old_mm", [0.5, 1.0, 1.7])
@pytest.mark.parametrize("new_mm", [0.4, 1.0, 2.3])
def test_rows_of_weights_equal_the_definition(old_mm: float, new_mm: float) -> None:
    samples = np.random.default_rng(0).uniform(size=9).tolist()
    points = centred_points(21, new_mm, 3.3)
    found = axis_weights(9, old_mm, points, new_mm) @ np.array(samples)
    expected = [naive(samples, old_mm, place, new_mm) for place in points]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_same_grid_changes_nothing() -> None:
    volume = np.random.default_rng(1).uniform(size=(3, 5, 7)).astype(np.float32)
    same = resample(
        volume, axis_weights(5, 0.7, np.arange(5) * 0.7, 0.7), axis_weights(7, 0.9, np.arange(7) * 0.9, 0.9)
    )
    np.testing.assert_allclose(same, volume, rtol=1e-6)


def test_a_ramp_stays_a_ramp_between_samples() -> None:
    found = axis_weights(11, 1.0, np.array([2.25, 7.5]), 0.5) @ np.arange(11)
    np.testing.assert_allclose(found, [2.25, 7.5], rtol=1e-6)


def test_coarser_pixels_average_noise() -> None:
    noise = np.random.default_rng(2).standard_normal(4000)
    coarse = axis_weights(4000, 0.5, np.arange(1000) * 2.0, 2.0) @ noise
    assert coarse.std() < 0.6 * noise.std()


def test_points_are_spread_about_the_centre() -> None:
    np.testing.assert_allclose(centred_points(4, 2.0, 10.0), [7, 9, 11, 13])
