"""A crop set into a phantom."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from lgeqa.errors import NotAssessableError
from lgeqa.records import BoolArray
from lgeqa.simulate.composite import CompositeRecipe, composite, draw_composite
from lgeqa.simulate.phantom import Phantom, build_phantom, draw_phantom
from tests.simulate.chest import BLOOD_LEVEL, SPACING_MM, chest

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


def test_the_crop_lies_on_the_phantom_s_atrium(phantom: Phantom) -> None:
    made = composite(CHEST.voxels, CHEST.atrium, SPACING_MM, phantom, changed(shift_mm=(10, -5)))
    assert made.voxels.shape == made.atrium.shape == (len(CHEST.voxels), *phantom.labels.shape[1:])
    assert made.spacing_mm == (2.5, 2.5, 2.5)
    wanted = middle(phantom.atrium, phantom.spacing_mm) + np.array((10, -5))
    np.testing.assert_allclose(middle(made.atrium, made.spacing_mm), wanted, atol=2.5)


def test_scale_stretches_the_atrium_in_plane(phantom: Phantom) -> None:
    areas = [
        composite(CHEST.voxels, CHEST.atrium, SPACING_MM, phantom, changed(scale=scale)).atrium.sum()
        for scale in (1.0, 1.1)
    ]
    assert areas[1] / areas[0] == pytest.approx(1.21, rel=0.05)
    assert areas[0] * 2.5**3 == pytest.approx(CHEST.atrium.sum() * np.prod(SPACING_MM), rel=0.05)


def test_inside_is_the_crop_and_outside_the_thorax_at_its_levels(phantom: Phantom) -> None:
    made = composite(CHEST.voxels, CHEST.atrium, SPACING_MM, phantom, EXACT)
    assert np.median(made.voxels[made.atrium]) == pytest.approx(BLOOD_LEVEL, rel=0.02)
    edge = made.voxels[:, :3]
    assert 0 < edge.mean() < 0.1 * BLOOD_LEVEL  # air, with the crop's noise
    thorax = composite(0.5 * CHEST.voxels, CHEST.atrium, SPACING_MM, phantom, EXACT).voxels
    np.testing.assert_allclose(thorax, 0.5 * made.voxels, atol=0.01 * BLOOD_LEVEL)


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
