import numpy as np
import pytest

from lgeqa.errors import NotAssessableError
from lgeqa.preprocessing import AtriumPlace, DetectorPreparation, context_slices, prepare_for_detector, to_scan_grid
from lgeqa.preprocessing.detector_input import detector_grid, window_grid

PREPARATION = DetectorPreparation()
SPACING_MM = (2.5, 1.0, 1.25)


def volume() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 200, (6, 50, 40)).astype(np.float32)


def test_prepared_voxels_have_zero_mean_and_unit_sd() -> None:
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
    voxels = np.random.default_rng(0).uniform(0, 5, (5, 60, 80)).astype(np.float32)
    y, x = np.mgrid[:60, :80]
    blob = ((y - 22.0) ** 2 + (x - 51.0) ** 2) < 8**2
    voxels[:, blob] = 100
    prepared, grid = prepare_for_detector(voxels, (2.5, 0.9, 1.1), PREPARATION)
    back = to_scan_grid((prepared > prepared.max() / 2).astype(np.float32), grid) > 0.5
    assert back.shape == voxels.shape
    overlap = 2 * (back[0] & blob).sum() / (back[0].sum() + blob.sum())
    assert overlap > 0.93


def test_input_is_left_as_it_was() -> None:
    voxels = volume()
    before = voxels.copy()
    prepare_for_detector(voxels, SPACING_MM, PREPARATION)
    np.testing.assert_array_equal(voxels, before)


@pytest.mark.parametrize("level", [7.0, 1e5 + 0.1, 0.0])
def test_a_constant_volume_is_refused(level: float) -> None:
    with pytest.raises(NotAssessableError, match="same grey level"):
        prepare_for_detector(np.full((5, 20, 20), level, np.float32), SPACING_MM, PREPARATION)


#: Where the ball of `scan` lies, as a detector finds it.
PLACE = AtriumPlace((4, 16), (40.2, 68.6), ((25.0, 55.0), (53.75, 83.75)))


def scan() -> np.ndarray:
    """A bright ball of 15 mm in a dim, uneven surrounding."""
    z, y, x = np.ogrid[:20, :90, :100]
    voxels = np.random.default_rng(0).uniform(20, 40, (20, 90, 100)).astype(np.float32) + 0.2 * x
    ball = ((z - 10) * 2.5) ** 2 + (y - 40) ** 2 + (1.25 * (x - 55)) ** 2 < 15**2
    voxels[ball] += 150
    return voxels.astype(np.float32)


def moved(place: AtriumPlace, row_mm: float, column_mm: float) -> AtriumPlace:
    """The same place, on the rulers of a crop or of padding."""
    rows, columns = place.ends_mm
    ends = ((rows[0] + row_mm, rows[1] + row_mm), (columns[0] + column_mm, columns[1] + column_mm))
    return AtriumPlace(place.slices, (place.centre_mm[0] + row_mm, place.centre_mm[1] + column_mm), ends)


def test_an_atrium_beside_the_image_is_refused() -> None:
    voxels = np.zeros((20, 160, 160), np.float32)
    voxels[:, :20, :20] = np.random.default_rng(0).uniform(1, 2, (20, 20, 20))
    with pytest.raises(NotAssessableError, match="Hardly a voxel"):
        prepare_for_detector(
            voxels, (2.5, 1.25, 1.25), PREPARATION, AtriumPlace((4, 16), (185, 185), ((180, 190), (180, 190)))
        )


def test_the_place_of_an_atrium_is_in_the_scans_millimetres() -> None:
    grid = detector_grid((60, 80), (1.0, 1.0), PREPARATION)
    found = np.zeros((6, *grid.shape), np.float32)
    found[2:4, 10:13, 20:25] = 1
    found[3, 12, 20:25] = 0.5
    place = AtriumPlace.of(found, grid)
    top, left = grid.start_mm
    assert place.slices == (2, 3)
    assert place.ends_mm == ((top + 20, top + 24), (left + 40, left + 48))
    assert place.centre_mm == pytest.approx((top + 2 * (10 * 10 + 11 * 10 + 12 * 7.5) / 27.5, left + 44))


@pytest.mark.parametrize("place", [(3, 4, 5), (10, 40, 55)])
@pytest.mark.parametrize("level", [1e6, -1e6])
def test_an_odd_voxel_does_not_set_the_scale(place: tuple[int, int, int], level: float) -> None:
    voxels = scan()
    plain, _ = prepare_for_detector(voxels, SPACING_MM, PREPARATION)
    voxels[place] = level
    odd, _ = prepare_for_detector(voxels, SPACING_MM, PREPARATION)
    assert np.count_nonzero(np.abs(odd - plain) > 0.02) < 12


def test_window_follows_the_atrium_in_any_field_of_view() -> None:
    voxels = scan()
    plain, grid = prepare_for_detector(voxels, SPACING_MM, PREPARATION, PLACE)
    assert grid.shape == (32, 32)  # 30 mm of ball, 10 mm on each side, in pixels of 2 mm, rounded up
    centre = [start + (32 - 1) / 2 * 2.0 for start in grid.start_mm]
    assert centre == pytest.approx([40.0, 55 * 1.25])  # the nearest voxel
    crop = np.s_[:, 12:80, 30:85]
    cropped, _ = prepare_for_detector(voxels[crop], SPACING_MM, PREPARATION, moved(PLACE, -12, -30 * 1.25))
    near = np.s_[:, 5:27, 5:27]
    np.testing.assert_allclose(cropped[near], plain[near], atol=0.02)
    sides = ((0, 0), (7, 20), (15, 4))
    padded, _ = prepare_for_detector(
        np.pad(voxels, sides, constant_values=-1000), SPACING_MM, PREPARATION, moved(PLACE, 7, 15 * 1.25)
    )
    np.testing.assert_allclose(padded, plain, atol=1e-4)


@pytest.mark.parametrize("level", [0.0, -1000.0, 5000.0])
def test_padding_changes_nothing(level: float) -> None:
    voxels = scan()
    plain, plain_grid = prepare_for_detector(voxels, SPACING_MM, PREPARATION)
    sides = ((0, 0), (7, 20), (15, 4))
    padded, grid = prepare_for_detector(np.pad(voxels, sides, constant_values=level), SPACING_MM, PREPARATION)
    np.testing.assert_allclose(padded, plain, atol=1e-5)
    np.testing.assert_allclose(to_scan_grid(padded, grid)[:, 7:-20, 15:-4], to_scan_grid(plain, plain_grid), atol=1e-4)


def test_a_large_atrium_gets_a_larger_window() -> None:
    place = AtriumPlace((0, 4), (55.0, 55.0), ((20.0, 90.0), (30.0, 80.0)))
    grid = window_grid(place, (120, 120), (1.0, 1.0), PREPARATION)
    assert grid.shape == (48, 48)  # 70 and 50 mm, and 10 mm on each side, in pixels of 2 mm, rounded up to 16
    assert window_grid(place, (120, 120), (1.0, 1.0), DetectorPreparation(least=96)).shape == (96, 96)


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


def test_without_neighbours_each_slice_is_independent() -> None:
    assert context_slices(3, 2.5, DetectorPreparation()).tolist() == [[0], [1], [2]]
