import numpy as np
import pytest

from lgeqa.errors import ConfigError
from lgeqa.inference.detection import SliceRule, atrium_mask, slice_areas_mm2

SPACING_MM = (2.5, 2.0, 1.5)


def probabilities() -> np.ndarray:
    """A large piece on slices 1 to 3, a lone pixel on slice 5, and a doubtful one on slice 0."""
    field = np.zeros((6, 10, 10), np.float32)
    field[1:4, 2:6, 2:6] = 0.9
    field[5, 8, 8] = 0.7
    field[0, 2, 2] = 0.5
    return field


def held(rule: SliceRule, voxels: np.ndarray | None = None) -> list[int]:
    """Return the slices of the mask, of a scan that is as bright as it is probable unless told otherwise."""
    found = probabilities()
    mask = atrium_mask(found, found if voxels is None else voxels, SPACING_MM, rule)
    return np.flatnonzero(mask.any(axis=(1, 2))).tolist()


def test_the_paper_takes_any_pixel_above_t() -> None:
    assert held(SliceRule()) == [1, 2, 3, 5]


def test_t_is_exceeded_and_not_reached() -> None:
    assert held(SliceRule(threshold=0.49)) == [0, 1, 2, 3, 5]
    assert held(SliceRule(threshold=0.8)) == [1, 2, 3]


def test_the_largest_component_drops_what_is_apart() -> None:
    assert held(SliceRule(largest_component=True)) == [1, 2, 3]


def test_voxels_that_meet_at_a_corner_are_one_component() -> None:
    found = np.zeros((3, 4, 4), np.float32)
    found[(0, 1, 2), (0, 1, 2), (0, 1, 2)] = 0.9
    mask = atrium_mask(found, found, SPACING_MM, SliceRule(largest_component=True))
    assert np.argwhere(mask).tolist() == [[0, 0, 0], [1, 1, 1], [2, 2, 2]]


def test_a_larger_component_that_is_dark_is_dropped() -> None:
    voxels = np.random.default_rng(0).normal(20, 5, (6, 10, 10)).astype(np.float32)
    voxels[1:4, 2:6, 2:6] -= 20
    voxels[5, 8, 8] = 200
    assert held(SliceRule(largest_component=True), voxels) == [5]
    assert held(SliceRule(), voxels) == [1, 2, 3, 5]
    voxels[1:4, 2:6, 2:6] = 200
    assert held(SliceRule(largest_component=True), voxels) == [1, 2, 3]


@pytest.mark.parametrize("level", [0.0, -1000.0])
def test_where_nothing_is_bright_the_number_of_voxels_counts(level: float) -> None:
    found = probabilities()[::-1]  # the small component comes first
    mask = atrium_mask(found, np.full(found.shape, level, np.float32), SPACING_MM, SliceRule(largest_component=True))
    assert np.flatnonzero(mask.any(axis=(1, 2))).tolist() == [2, 3, 4]


def test_the_minimum_area_is_in_mm2() -> None:
    assert held(SliceRule(minimum_area_mm2=3.0)) == [1, 2, 3, 5]
    assert held(SliceRule(minimum_area_mm2=3.1)) == [1, 2, 3]
    assert held(SliceRule(minimum_area_mm2=48.1)) == []


def test_nothing_above_t_is_an_empty_mask() -> None:
    nothing = np.zeros((5, 4, 4), np.float32)
    assert not atrium_mask(nothing, nothing, SPACING_MM, SliceRule(largest_component=True)).any()


def test_areas() -> None:
    np.testing.assert_allclose(slice_areas_mm2(probabilities() > 0.5, SPACING_MM), [0, 48, 48, 48, 0, 3])


def test_a_threshold_outside_of_0_to_1_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"threshold = 1.5"):
        SliceRule.of({"threshold": 1.5})
