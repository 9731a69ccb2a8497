"""A crop set into a phantom."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from lgeqa.errors import NotAssessableError
from lgeqa.records import BoolArray
from lgeqa.simulation.composite import CompositeRecipe, composite, draw_composite
from lgeqa.simulation.phantom import Phantom, build_phantom, draw_phantom
from tests.simulation.chest import BLOOD_LEVEL, SPACING_MM, chest

CHEST = chest()
EXACT = CompositeRecipe(scale=1, shift_mm=(0, 0), feather_mm=5, fat_signal=0.2, seed=0)


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return build_phantom(draw_phantom(np.random.default_rng(1), "full", slices=16, spacing_mm=(7.5, 2.5, 2.5)))


def middle(mask: BoolArray, spacing_mm: tuple[float, float, float]) -> npt.NDArray[np.float64]:
    """Centre of the bounding box over rows and columns, in mm from the first voxel."""
    ends = [np.flatnonzero(mask.any(axis=(0, other)))[[0, -1]] for other in (2, 1)]
    return np.mean(ends, axis=1, dtype=np.float64) * np.array(spacing_mm[1:])


def changed(**changes: object) -> CompositeRecipe:
    return EXACT.model_copy(update=changes)


def test_the_crop_is_on_the_phantom_s_atrium(phantom: Phantom) -> None:
    made = composite(CHEST.voxels, CHEST.atrium, SPACING_MM, phantom, changed(shift_mm=(10, -5)))
    rows, columns = (2 * n for n in phantom.labels.shape[1:])
    assert made.voxels.shape == made.atrium.shape == (len(CHEST.voxels), rows, columns)
    assert made.spacing_mm == SPACING_MM
    wanted = middle(phantom.atrium, phantom.spacing_mm) + np.array((10, -5))
    np.testing.assert_allclose(middle(made.atrium, made.spacing_mm), wanted, atol=2.5)


@pytest.mark.parametrize("scale", [1.0, 0.93, 1.1])
def test_voxels_inside_are_the_crop_s_own(phantom: Phantom, scale: float) -> None:
    """The scale changes the size of the voxels and nothing else."""
    made = composite(CHEST.voxels, CHEST.atrium, SPACING_MM, phantom, changed(scale=scale))
    assert made.spacing_mm == pytest.approx((2.5, 1.25 * scale, 1.25 * scale))
    np.testing.assert_array_equal(made.voxels[made.atrium], CHEST.voxels[CHEST.atrium])
    first = np.argwhere(made.atrium)[0] - np.argwhere(CHEST.atrium)[0]
    edge = 8
    inner = CHEST.voxels[:, edge:-edge, edge:-edge]
    rows, columns = (slice(n + edge, n + edge + size) for n, size in zip(first[1:], inner.shape[1:], strict=True))
    np.testing.assert_array_equal(made.voxels[:, rows, columns], inner)


def test_outside_is_the_thorax_at_the_crop_s_levels(phantom: Phantom) -> None:
    made = composite(CHEST.voxels, CHEST.atrium, SPACING_MM, phantom, EXACT)
    edge = made.voxels[:, :3]
    assert 0 < edge.mean() < 0.1 * BLOOD_LEVEL  # air, with the crop's noise
    half = composite(0.5 * CHEST.voxels, CHEST.atrium, SPACING_MM, phantom, EXACT).voxels
    np.testing.assert_allclose(half, 0.5 * made.voxels, atol=0.01 * BLOOD_LEVEL)


@pytest.mark.parametrize("grain_px", [0.0, 1.0])
def test_noise_outside_has_the_crop_s_strength_and_grain(phantom: Phantom, grain_px: float) -> None:
    """Air holds the magnitude of the noise, whose square has the autocorrelation of the noise, squared."""
    plain = chest(noise=0)
    white = np.random.default_rng(1).standard_normal(plain.voxels.shape)
    grain = ndimage.gaussian_filter(white, (0, grain_px, grain_px))
    deviation = 0.05 * BLOOD_LEVEL
    noisy = (plain.voxels + deviation * grain / grain.std()).astype(np.float32)
    made = composite(noisy, plain.atrium, SPACING_MM, phantom, EXACT)
    air = made.voxels[:, :24, :24].astype(float) ** 2
    assert air.mean() == pytest.approx(2 * deviation**2, rel=0.25)
    neighbours = float(np.corrcoef(air[:, :, 1:].ravel(), air[:, :, :-1].ravel())[0, 1])
    expected = float(np.corrcoef(grain[:, :, 1:].ravel(), grain[:, :, :-1].ravel())[0, 1]) ** 2
    assert neighbours == pytest.approx(expected, abs=0.12)


def test_slices_without_atrium_stay_so(phantom: Phantom) -> None:
    atrium = CHEST.atrium.copy()
    atrium[:2] = atrium[-1:] = False
    made = composite(CHEST.voxels, atrium, SPACING_MM, phantom, EXACT)
    np.testing.assert_array_equal(made.atrium.any(axis=(1, 2)), atrium.any(axis=(1, 2)))


def test_replayed_and_without_a_trace(phantom: Phantom) -> None:
    voxels, recipe = CHEST.voxels.copy(), draw_composite(np.random.default_rng(0))
    first, again = (composite(voxels, CHEST.atrium, SPACING_MM, phantom, recipe) for _ in range(2))
    np.testing.assert_array_equal(first.voxels, again.voxels)
    np.testing.assert_array_equal(voxels, CHEST.voxels)
    assert recipe == CompositeRecipe.model_validate_json(recipe.model_dump_json())


def test_refuses_a_phantom_without_atrium(phantom: Phantom) -> None:
    empty = replace(phantom, atrium=np.zeros_like(phantom.atrium))
    with pytest.raises(NotAssessableError, match="phantom holds no atrium"):
        composite(CHEST.voxels, CHEST.atrium, SPACING_MM, empty, EXACT)
