import numpy as np
import numpy.typing as npt
import pytest

from lgeqa.inference.attribution import heat_volume
from lgeqa.preprocessing import QualityPreparation, prepare_for_quality

SPACING_MM = (2.5, 0.8, 1.4)
SHAPE = (6, 170, 130)
ATRIUM = QualityPreparation(field_mm=96)
FULL = QualityPreparation(field="full")
Numbers = npt.NDArray[np.float32]


@pytest.fixture
def atrium() -> npt.NDArray[np.bool_]:
    """Off the scan's centre, on slices 1, 2 and 4 of 6."""
    held = np.zeros(SHAPE, bool)
    held[[1, 2, 4], 90:110, 20:50] = True
    return held


def one_cell(row: int, column: int, slices: int = 3) -> Numbers:
    """Maps of 4 x 4 with 1 in one cell of the second slice."""
    maps = np.zeros((slices, 4, 4), np.float32)
    maps[1, row, column] = 1
    return maps


@pytest.mark.parametrize("preparation", [ATRIUM, FULL])
@pytest.mark.parametrize(("row", "column"), [(1, 1), (2, 1), (1, 2)])
def test_a_planted_peak_is_where_the_network_saw_it(
    atrium: npt.NDArray[np.bool_], preparation: QualityPreparation, row: int, column: int
) -> None:
    """A bright spot under the heat's peak lands, once prepared, on the pixel that the cell is centred on."""
    heat = heat_volume(one_cell(row, column), atrium, SPACING_MM, preparation)

    z, y, x = np.unravel_index(heat.argmax(), heat.shape)
    # A background of one value would be padding.
    plain = np.asarray(atrium + np.random.default_rng(0).uniform(0, 1e-3, SHAPE), np.float32)
    voxels = plain.copy()
    voxels[z, y, x] = 4
    spot = (
        prepare_for_quality(voxels, atrium, SPACING_MM, preparation)[1]
        - prepare_for_quality(plain, atrium, SPACING_MM, preparation)[1]
    )
    found = np.array([np.average(np.arange(128), weights=spot.sum(axis=1 - axis)) for axis in range(2)])

    assert z == 2
    pixel_mm = (96 if preparation is ATRIUM else 1.4 * 130) / 128
    half = np.array(SPACING_MM[1:]) / 2 / pixel_mm
    assert (np.abs(found - 32 * np.array([row, column])) <= half + 0.1).all()


def test_no_heat_is_beyond_the_margin_that_the_network_sees(atrium: npt.NDArray[np.bool_]) -> None:
    preparation = QualityPreparation(field_mm=96, margin_mm=14)
    maps = np.ones((3, 4, 4), np.float32)
    heat = heat_volume(maps, atrium, SPACING_MM, preparation)
    rows, columns = (np.flatnonzero((heat != 0).any(axis=axes)) for axes in ((0, 2), (0, 1)))
    assert (rows[0], rows[-1]) == (90 - 17, 109 + 17)  # of .8 mm
    assert (columns[0], columns[-1]) == (20 - 10, 49 + 10)  # of 1.4 mm
    assert (heat_volume(maps, atrium, SPACING_MM, ATRIUM) != 0).sum() > (heat != 0).sum()


def test_heat_is_bilinear_between_the_cells(atrium: npt.NDArray[np.bool_]) -> None:
    """A naive twin, place for place. The field is 96 mm: pixels of .75 mm, cells of 24 mm from its first pixel on."""
    maps = np.random.default_rng(0).normal(size=(3, 4, 4)).astype(np.float32)
    heat = heat_volume(maps, atrium, SPACING_MM, ATRIUM)
    middle = (99.5 * 0.8, 34.5 * 1.4)
    for y in range(0, 170, 3):
        for x in range(0, 130, 2):
            off = [y * 0.8 - middle[0], x * 1.4 - middle[1]]
            expected = 0.0
            if max(map(abs, off)) <= 48:
                at = [min(max((o + 48 - 0.375) / 24, 0), 3) for o in off]
                for i in range(4):
                    for j in range(4):
                        expected += max(0, 1 - abs(at[0] - i)) * max(0, 1 - abs(at[1] - j)) * maps[2, i, j]
            assert heat[4, y, x] == pytest.approx(expected, abs=1e-5)


def test_the_full_field_covers_the_scan_and_keeps_a_level_map(atrium: npt.NDArray[np.bool_]) -> None:
    heat = heat_volume(np.full((3, 4, 4), -2, np.float32), atrium, SPACING_MM, FULL)
    np.testing.assert_allclose(heat[[1, 2, 4]], -2, rtol=1e-6)
    assert not heat[[0, 3, 5]].any()
    assert heat.dtype == np.float32


def test_maps_of_other_slices_are_refused(atrium: npt.NDArray[np.bool_]) -> None:
    with pytest.raises(ValueError, match="2 maps for 3 slices with the atrium"):
        heat_volume(one_cell(1, 1, slices=2), atrium, SPACING_MM, ATRIUM)


def test_a_scan_without_atrium_has_no_heat() -> None:
    heat = heat_volume(np.zeros((0, 4, 4), np.float32), np.zeros(SHAPE, bool), SPACING_MM, ATRIUM)
    assert heat.shape == SHAPE
    assert not heat.any()
