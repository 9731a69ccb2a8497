import io
from base64 import b64decode
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from lgeqa.inference.pipeline import Assessment
from lgeqa.preprocessing import QualityPreparation
from lgeqa.reporting import ScanPictures, draw_pictures
from lgeqa.reporting.pictures import PIXELS, THUMBNAIL_PIXELS
from lgeqa.scales import SCALE_NAMES
from tests.reporting.shown import PREPARATION, SPACING_MM, FakeHeart, drawn, pictured, scan
from tests.results import assessed

Grey = npt.NDArray[np.uint8]


def opened(jpeg: str) -> Grey:
    return np.asarray(Image.open(io.BytesIO(b64decode(jpeg))))


def square(rows: slice, columns: slice) -> npt.NDArray[np.bool_]:
    """An atrium on slices 1 to 3 of 5."""
    atrium = np.zeros((5, 60, 50), bool)
    atrium[1:4, rows, columns] = True
    return atrium


def test_each_atrium_slice_has_a_picture_by_its_file_index() -> None:
    found = drawn(np.ones((5, 60, 50), np.float32), square(slice(10, 20), slice(20, 40)))
    assert [one.index for one in found.slices] == [20, 19, 18]
    assert {opened(one.jpeg).shape for one in found.slices} == {(PIXELS, PIXELS)}
    assert opened(found.thumbnail).shape == (THUMBNAIL_PIXELS, THUMBNAIL_PIXELS)
    assert found.pixel_mm == 40 / 256


def test_the_outline_is_on_what_it_outlines() -> None:
    """In each picture the bright rectangle is where the polygon of the atrium says."""
    atrium = square(slice(10, 20), slice(20, 36))
    found = drawn(atrium.astype(np.float32), atrium).slices[0]
    [outline] = found.outline
    x, y = np.array(outline).reshape(-1, 2).T
    rows, columns = np.nonzero(opened(found.jpeg) > 127)
    assert (y.min(), y.max()) == (pytest.approx(rows.min(), abs=1), pytest.approx(rows.max() + 1, abs=1))
    assert (x.min(), x.max()) == (pytest.approx(columns.min(), abs=1), pytest.approx(columns.max() + 1, abs=1))
    assert np.ptp(x) == pytest.approx(16 * SPACING_MM[2] / found_pixel_mm(), abs=0.1)
    assert np.ptp(y) == pytest.approx(10 * SPACING_MM[1] / found_pixel_mm(), abs=0.1)


def found_pixel_mm() -> float:
    return PREPARATION.field_mm / PIXELS


def test_aorta_and_pools_are_outlined_where_they_are() -> None:
    atrium = square(slice(15, 25), slice(16, 32))
    heart = FakeHeart(atrium.shape)
    found = drawn(heart.aorta.astype(np.float32), atrium, heart=heart)
    assert [(len(one.aorta), len(one.pools)) for one in found.slices] == [(0, 0), (1, 1), (1, 1)]
    x, y = np.array(found.slices[1].aorta[0]).reshape(-1, 2).T
    rows, columns = np.nonzero(opened(found.slices[1].jpeg) > 127)
    assert (y.min(), y.max()) == (pytest.approx(rows.min(), abs=1), pytest.approx(rows.max() + 1, abs=1))
    assert (x.min(), x.max()) == (pytest.approx(columns.min(), abs=1), pytest.approx(columns.max() + 1, abs=1))
    pool = np.array(found.slices[1].pools[0]).reshape(-1, 2)
    assert pool[:, 1].max() < np.array(found.slices[1].outline[0]).reshape(-1, 2)[:, 1].min()  # anterior is above


def test_without_the_anatomy_only_the_atrium_is_outlined() -> None:
    found = drawn(np.ones((5, 60, 50), np.float32), square(slice(10, 20), slice(20, 30)))
    assert {(one.aorta, one.pools) for one in found.slices} == {((), ())}


def test_a_picture_has_the_position_of_its_slice() -> None:
    found = drawn(np.ones((5, 60, 50), np.float32), square(slice(10, 20), slice(20, 30)))
    assert [one.position_mm for one in found.slices] == [-7.5, -5.0, -2.5]


def test_the_whole_slice_is_shown_where_the_network_saw_it() -> None:
    atrium = square(slice(0, 6), slice(0, 5))
    one = Assessment(assessed(), scan(atrium.astype(np.float32)), atrium, None)
    found = draw_pictures(one, QualityPreparation(field="full"))
    assert found.pixel_mm == pytest.approx(60 * 1.25 / PIXELS)
    [outline] = found.slices[0].outline
    x, y = np.array(outline).reshape(-1, 2).T
    assert (y.min(), x.min()) == (0, pytest.approx(5 * PIXELS / 60, abs=0.1))  # 50 columns in a field of 60


def test_one_window_for_the_whole_scan_by_what_is_on_it() -> None:
    """The window goes by the pictures' own pixels; what lies off the scan is black and does not count."""
    voxels = np.tile(np.linspace(-300, -100, 60, dtype=np.float32)[:, None], (5, 1, 50))
    voxels[1] += 400
    voxels[4] = 5000  # a slice that is not shown
    found = drawn(voxels, square(slice(0, 10), slice(0, 10)))
    low, high = found.windows.automatic
    assert low == pytest.approx(found.windows.wide[0] - 0.05 * (high - low), abs=10)
    assert 100 < high < 300
    assert found.windows.wide[0] == pytest.approx(-300, abs=1)
    assert found.windows.wide[1] == pytest.approx(high, abs=5)
    first, second, _ = (opened(one.jpeg) for one in found.slices)
    assert first[200, 200] > second[200, 200] + 50
    assert second[2, 200] == 0  # the field reaches above the scan


def test_the_thumbnail_is_the_slice_with_the_most_atrium() -> None:
    atrium = square(slice(10, 20), slice(20, 30))
    atrium[2, 8:30, 15:40] = True
    voxels = np.random.default_rng(0).uniform(0, 1, atrium.shape).astype(np.float32)
    voxels[2, 5:35, 10:45] = 1
    assert opened(drawn(voxels, atrium).thumbnail)[40:60, 40:60].min() > 200


def test_maps_are_kept_for_each_scale_or_reported_missing() -> None:
    maps = np.random.default_rng(0).normal(0, 1, (3, 4, 4, 4)).astype(np.float32)
    atrium = square(slice(10, 20), slice(20, 30))
    found = drawn(atrium.astype(np.float32), atrium, maps)
    kept = np.array([one.maps for one in found.slices])
    assert kept.shape == (3, len(SCALE_NAMES), 4, 4)
    np.testing.assert_allclose(kept, maps, atol=6e-4)
    assert {one.maps for one in drawn(atrium.astype(np.float32), atrium).slices} == {None}


def test_a_scan_of_one_grey_level_is_drawn() -> None:
    found = drawn(np.full((5, 60, 50), 7, np.float32), square(slice(10, 20), slice(20, 30)))
    assert set(dict(found.windows).values()) == {(7, 7)}


def test_noise_of_air_is_not_clipped_to_black() -> None:
    voxels = np.random.default_rng(0).rayleigh(5, (5, 60, 50)).astype(np.float32)
    atrium = square(slice(10, 20), slice(20, 30))
    voxels[atrium] += 100
    found = drawn(voxels, atrium)
    black, white = found.windows.automatic
    assert black < found.windows.wide[0] < white < found.windows.wide[1]
    assert found.windows.blood[0] == black
    assert sum(found.windows.blood) / 2 == pytest.approx(np.median(voxels[atrium]))
    air = opened(found.slices[0].jpeg)[-60:-10, 100:150]
    assert np.count_nonzero(air == 0) < 0.01 * air.size


def test_prepared_part_leaves_out_frame_padding_and_margin() -> None:
    voxels = np.random.default_rng(0).uniform(1, 9, (5, 60, 50)).astype(np.float32)
    voxels[:, :14] = 0
    atrium = square(slice(20, 30), slice(2, 12))
    field_mm, side_mm = PREPARATION.field_mm, SPACING_MM[1]
    assert PREPARATION.margin_mm is None
    left, top, right, bottom = drawn(voxels, atrium).prepared
    middle_row, middle_column = 25 * side_mm, 7 * side_mm  # of the atrium, in mm from the corner of the scan
    assert left == pytest.approx(PIXELS * (field_mm / 2 - middle_column) / field_mm, abs=2)
    assert top == pytest.approx(PIXELS * (14 * side_mm - middle_row + field_mm / 2) / field_mm, abs=2)
    assert (right, bottom) == (PIXELS, PIXELS)
    near = PREPARATION.model_copy(update={"margin_mm": 5})
    seen = draw_pictures(Assessment(assessed(), scan(voxels), atrium, None), near).prepared
    assert seen[3] - seen[1] == pytest.approx(PIXELS * (10 * side_mm + 2 * 5) / field_mm, abs=10)


def test_a_record_comes_back_as_it_was() -> None:
    found = pictured()
    assert ScanPictures.model_validate_json(found.model_dump_json()) == found


def test_nothing_that_was_given_is_changed() -> None:
    atrium = square(slice(10, 20), slice(20, 30))
    one = Assessment(assessed(), scan(atrium.astype(np.float32)), atrium, np.ones((3, 4, 4, 4), np.float32))
    before = replace(one, scan=replace(one.scan, voxels=one.scan.voxels.copy()), atrium=atrium.copy())
    draw_pictures(one, PREPARATION)
    np.testing.assert_array_equal(one.scan.voxels, before.scan.voxels)
    np.testing.assert_array_equal(one.atrium, before.atrium)
