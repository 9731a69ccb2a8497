import numpy as np
import pytest

from lgeqa.preprocessing.padding import image_area, image_window


def image() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 100, (6, 30, 40)).astype(np.float32)


@pytest.mark.parametrize("level", [0.0, -1000.0, 4095.0])
@pytest.mark.parametrize("sides", [((8, 8), (8, 8)), ((0, 5), (3, 0)), ((1, 0), (0, 0))])
def test_borders_of_one_value_are_padding(level: float, sides: tuple[tuple[int, int], tuple[int, int]]) -> None:
    area = image_area(np.pad(image(), ((0, 0), *sides), constant_values=level))
    (top, bottom), (left, right) = sides
    expected = np.zeros((30 + top + bottom, 40 + left + right), bool)
    expected[top : top + 30, left : left + 40] = True
    np.testing.assert_array_equal(area, expected)
    assert image_window(area) == (slice(top, top + 30), slice(left, left + 40))


def test_rounded_corners_are_padding() -> None:
    voxels = image()
    y, x = np.mgrid[:30, :40]
    corners = (y - 15) ** 2 + (x - 20) ** 2 > 22**2
    voxels[:, corners] = 7
    np.testing.assert_array_equal(image_area(voxels), ~corners)


def test_an_odd_voxel_hides_no_padding() -> None:
    voxels = np.pad(image(), ((0, 0), (8, 8), (8, 8)))
    plain = image_area(voxels)
    voxels[3, 0, 0] = 1e6
    voxels[2, 5, 30] = -50
    np.testing.assert_array_equal(image_area(voxels), plain)


def test_a_dark_place_inside_is_image() -> None:
    voxels = image()
    voxels[:, 10:20, 10:20] = 0
    assert image_area(voxels).all()


def test_a_border_that_is_dark_on_some_slices_is_image() -> None:
    voxels = image()
    voxels[:4, :5] = 0
    assert image_area(voxels).all()


def test_a_single_value_is_image() -> None:
    assert image_area(np.full((4, 8, 8), 3, np.float32)).all()
