import numpy as np
import pytest

from lgeqa.errors import NotAssessableError
from lgeqa.prepare import DetectorPreparation, context_slices, prepare_for_detector, to_scan_grid
from lgeqa.prepare.detector import detector_grid

PREPARATION = DetectorPreparation()
SPACING_MM = (2.5, 1.0, 1.25)


def volume() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 200, (6, 50, 40)).astype(np.float32)


def test_prepared_voxels_have_zero_mean_and_unit_spread_where_they_are_not_empty() -> None:
    prepared, grid = prepare_for_detector(volume(), SPACING_MM, PREPARATION)
    assert prepared.shape == (6, 32, 32)
    assert grid.shape == (32, 32)
    assert grid.start_mm == (-6.0, -6.0)
    filled = prepared[:, 3:28, 3:28]
    assert filled.mean() == pytest.approx(0, abs=1e-3)
    assert filled.std() == pytest.approx(1, abs=1e-3)
    assert (prepared[:, :3] == prepared.min()).all()
    assert (prepared[:, 28:] == prepared.min()).all()


def test_a_small_scan_is_padded_to_what_the_network_knows() -> None:
    preparation = DetectorPreparation(least=40)
    prepared, grid = prepare_for_detector(volume(), SPACING_MM, preparation)
    assert prepared.shape == (6, 48, 48)
    plain, _ = prepare_for_detector(volume(), SPACING_MM, PREPARATION)
    np.testing.assert_allclose(prepared[:, 11:36, 11:36], plain[:, 3:28, 3:28], atol=1e-5)
    assert to_scan_grid(prepared, grid).shape == volume().shape


def test_a_part_of_a_pixel_takes_a_whole_one() -> None:
    grid = detector_grid((51, 33), (1.0, 1.1), DetectorPreparation(multiple=1, least=1))
    assert grid.shape == (26, 19)


@pytest.mark.parametrize(("gain", "offset"), [(0.01, 0.0), (30.0, 0.0), (3.0, -500.0), (1.0, 1024.0)])
def test_grey_scale_does_not_matter(gain: float, offset: float) -> None:
    plain, _ = prepare_for_detector(volume(), SPACING_MM, PREPARATION)
    scaled, _ = prepare_for_detector(volume() * np.float32(gain) + np.float32(offset), SPACING_MM, PREPARATION)
    np.testing.assert_allclose(scaled, plain, atol=2e-3)


def test_the_way_back_puts_a_blob_where_it_was() -> None:
    voxels = np.zeros((5, 60, 80), np.float32)
    y, x = np.mgrid[:60, :80]
    blob = ((y - 22.0) ** 2 + (x - 51.0) ** 2) < 8**2
    voxels[:, blob] = 100
    prepared, grid = prepare_for_detector(voxels, (2.5, 0.9, 1.1), PREPARATION)
    back = to_scan_grid((prepared > 0).astype(np.float32), grid) > 0.5
    assert back.shape == voxels.shape
    overlap = 2 * (back[0] & blob).sum() / (back[0].sum() + blob.sum())
    assert overlap > 0.93


def test_input_is_left_as_it_was() -> None:
    voxels = volume()
    before = voxels.copy()
    prepare_for_detector(voxels, SPACING_MM, PREPARATION)
    np.testing.assert_array_equal(voxels, before)


def test_a_constant_volume_is_refused() -> None:
    with pytest.raises(NotAssessableError, match="same grey level"):
        prepare_for_detector(np.full((5, 20, 20), 7, np.float32), SPACING_MM, PREPARATION)


@pytest.mark.parametrize(
    ("slice_mm", "expected"),
    [
        (2.5, [[0, 0, 2], [0, 1, 3], [0, 2, 3], [1, 3, 3]]),
        (3.0, [[0, 0, 2], [0, 1, 3], [0, 2, 3], [1, 3, 3]]),
        (5.0, [[0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 3]]),
    ],
)
def test_context_is_the_nearest_slices_and_repeats_at_the_ends(slice_mm: float, expected: list[list[int]]) -> None:
    preparation = DetectorPreparation(context_mm=(-5.0, 0.0, 5.0))
    assert context_slices(4, slice_mm, preparation).tolist() == expected


def test_without_neighbours_each_slice_stands_alone() -> None:
    assert context_slices(3, 2.5, DetectorPreparation()).tolist() == [[0], [1], [2]]
