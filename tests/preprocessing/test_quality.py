import numpy as np
import numpy.typing as npt
import pytest

from lgeqa.errors import NotAssessableError
from lgeqa.preprocessing import (
    QualityPreparation,
    intensity_reference,
    prepare_for_quality,
    quality_context,
    quality_field,
)
from lgeqa.preprocessing.quality_input import at_other_blood_level

SPACING_MM = (2.5, 1.0, 1.25)
ATRIUM = QualityPreparation()


def scan(centre: tuple[float, float] = (40.0, 50.0)) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Blood of 200 in a disc of 15 mm on slices 2 to 5 of 8, over a background of 20 to 60."""
    voxels = np.random.default_rng(0).uniform(20, 60, (8, 90, 80)).astype(np.float32)
    y, x = np.mgrid[:90, :80]
    disc = (y * 1.0 - centre[0]) ** 2 + (x * 1.25 - centre[1]) ** 2 < 15**2
    atrium = np.zeros(voxels.shape, bool)
    atrium[2:6, disc] = True
    voxels[atrium] = 200
    voxels[0, 0, 0] = 0
    return voxels, atrium


def test_only_atrium_slices_and_blood_at_one() -> None:
    prepared = prepare_for_quality(*scan(), SPACING_MM, ATRIUM)
    assert prepared.shape == (4, 128, 128)
    assert prepared.dtype == np.float32
    np.testing.assert_allclose(prepared[:, 60:68, 60:68], 1, rtol=1e-6)


@pytest.mark.parametrize(("gain", "offset"), [(0.01, 0.0), (7.0, 0.0), (2.0, -300.0)])
def test_grey_scale_does_not_matter(gain: float, offset: float) -> None:
    voxels, atrium = scan()
    plain = prepare_for_quality(voxels, atrium, SPACING_MM, ATRIUM)
    scaled = prepare_for_quality(voxels * np.float32(gain) + np.float32(offset), atrium, SPACING_MM, ATRIUM)
    np.testing.assert_allclose(scaled, plain, atol=1e-4)


def test_the_square_follows_the_atrium_and_keeps_the_size_in_mm() -> None:
    for centre in ((40.0, 50.0), (30.0, 60.0)):
        voxels, atrium = scan(centre)
        prepared = prepare_for_quality(voxels, atrium, SPACING_MM, ATRIUM)
        held = prepared[0] > 0.9
        rows, columns = np.flatnonzero(held.any(axis=1)), np.flatnonzero(held.any(axis=0))
        assert (rows[0] + rows[-1]) / 2 == pytest.approx(63.5, abs=1)
        assert (columns[0] + columns[-1]) / 2 == pytest.approx(63.5, abs=1)
        assert len(rows) * 1.25 == pytest.approx(30, abs=2.5)
        assert len(columns) * 1.25 == pytest.approx(30, abs=2.5)


def test_what_is_off_the_scan_is_zero() -> None:
    prepared = prepare_for_quality(*scan(), SPACING_MM, ATRIUM)
    assert (prepared[:, :16] == 0).all()
    assert prepared[:, 40:90, 40:90].min() > 0


def test_the_full_field_shows_the_whole_slice() -> None:
    voxels, atrium = scan()
    voxels[:, :3] += 100
    voxels[:, -3:] += 100
    prepared = prepare_for_quality(voxels, atrium, SPACING_MM, QualityPreparation(field="full"))
    assert prepared.shape == (4, 128, 128)
    lit = np.flatnonzero(prepared[0, :, 64] > 0.55)
    # 90 mm of rows within 100 mm of columns: 5 mm, or 6 pixels, are empty on either side.
    assert lit[0] == pytest.approx(6, abs=1)
    assert lit[-1] == pytest.approx(121, abs=1)


def test_the_full_field_is_centred_on_the_slice() -> None:
    field = quality_field(scan()[1], SPACING_MM, QualityPreparation(field="full"))
    for points, n, step in zip((field.rows_mm, field.columns_mm), scan()[1].shape[1:], SPACING_MM[1:], strict=True):
        assert points.mean() == pytest.approx((n - 1) / 2 * step)


def test_very_bright_signal_is_cut_off() -> None:
    voxels, atrium = scan()
    voxels[3, 70:75, 40:45] = 5000
    assert prepare_for_quality(voxels, atrium, SPACING_MM, ATRIUM).max() == 4


@pytest.mark.parametrize(("pixels", "share", "side"), [(128, 0.75, 96), (127, 0.75, 95), (128, 1.0, 128)])
def test_the_middle_of_slices_is_cut_out_pixel_by_pixel(pixels: int, share: float, side: int) -> None:
    whole = QualityPreparation(pixels=pixels, field_mm=140, margin_mm=14)
    middle = whole.middle(share)
    assert middle.pixels == side
    cut = (pixels - side) // 2
    expected = prepare_for_quality(*scan(), SPACING_MM, whole)[:, cut : pixels - cut, cut : pixels - cut]
    np.testing.assert_allclose(prepare_for_quality(*scan(), SPACING_MM, middle), expected, atol=1e-5)


def test_no_atrium_is_refused() -> None:
    voxels, atrium = scan()
    with pytest.raises(NotAssessableError, match="No slice holds the left atrium"):
        prepare_for_quality(voxels, np.zeros_like(atrium), SPACING_MM, ATRIUM)


def test_a_dark_blood_pool_is_refused() -> None:
    voxels, atrium = scan()
    voxels[atrium] = 0
    with pytest.raises(
        NotAssessableError, match=r"The blood pool \(0\) is as dark as the darkest voxels near it \(0\)"
    ):
        prepare_for_quality(voxels, atrium, SPACING_MM, ATRIUM)


def test_padding_leaves_no_trace() -> None:
    voxels, atrium = scan()
    plain = prepare_for_quality(voxels, atrium, SPACING_MM, ATRIUM)
    for level in (0.0, -1000.0, 5000.0):
        sides = ((0, 0), (4, 11), (0, 8))
        padded = prepare_for_quality(
            np.pad(voxels, sides, constant_values=level), np.pad(atrium, sides), SPACING_MM, ATRIUM
        )
        np.testing.assert_allclose(padded, plain, atol=1e-5)


def test_the_square_keeps_its_place_between_the_voxels() -> None:
    _, atrium = scan()
    plain = quality_field(atrium, SPACING_MM, ATRIUM)
    atrium[3, 40, 63] = True
    assert quality_field(atrium, SPACING_MM, ATRIUM).columns_mm.tolist() == plain.columns_mm.tolist()
    for shift in range(1, 6):
        moved = quality_field(np.roll(atrium, (shift, -shift), (1, 2)), SPACING_MM, ATRIUM)
        assert moved.rows_mm[0] - plain.rows_mm[0] == pytest.approx(shift * 1.0)
        assert moved.columns_mm[0] - plain.columns_mm[0] == pytest.approx(-shift * 1.25)
    atrium[2:4] = False
    assert (quality_field(atrium, SPACING_MM, ATRIUM).rows_mm.mean() - 0.5) % 1 == pytest.approx(0)


def test_another_blood_level_is_that_of_another_reference() -> None:
    voxels, atrium = scan()
    prepared = prepare_for_quality(voxels, atrium, SPACING_MM, ATRIUM)
    reference = intensity_reference(voxels, atrium, SPACING_MM)
    brighter = (voxels - reference.air).astype(np.float32)
    brighter[atrium] *= 1.05
    other = at_other_blood_level(prepared, 1.05)
    np.testing.assert_allclose(other, prepared / 1.05, rtol=1e-5)
    np.testing.assert_allclose(
        other[:, 16:112][:, :, 20:24],
        prepare_for_quality(brighter, atrium, SPACING_MM, ATRIUM)[:, 16:112][:, :, 20:24],
        atol=2e-3,
    )
    assert at_other_blood_level(np.full((1, 2, 2), 3.9, np.float32), 0.95).max() == 4


MARGIN = QualityPreparation(margin_mm=8)


def test_crop_outside_the_margin_equals_the_full_field() -> None:
    voxels, atrium = scan()
    plain = prepare_for_quality(voxels, atrium, SPACING_MM, MARGIN)
    # The disc spans rows 25 to 55 and columns 28 to 52; 8 mm are 8 rows, or 7 columns.
    for crop in ((slice(17, 64), slice(21, 60)), (slice(5, 64), slice(21, 80)), (slice(12, 90), slice(0, 63))):
        cropped = prepare_for_quality(voxels[:, *crop], atrium[:, *crop], SPACING_MM, MARGIN)
        np.testing.assert_allclose(cropped, plain, atol=1e-5)
    sides = ((0, 0), (4, 11), (0, 8))
    padded = prepare_for_quality(np.pad(voxels, sides), np.pad(atrium, sides), SPACING_MM, MARGIN)
    np.testing.assert_allclose(padded, plain, atol=1e-5)
    other = np.where(atrium.any(axis=0), voxels, voxels[:, ::-1, ::-1])
    other[:, 17:64, 21:60] = voxels[:, 17:64, 21:60]
    np.testing.assert_allclose(prepare_for_quality(other, atrium, SPACING_MM, MARGIN), plain, atol=1e-5)
    assert np.abs(prepare_for_quality(other, atrium, SPACING_MM, ATRIUM) - plain).max() > 0.1


def test_pixels_beyond_the_margin_are_zero_and_others_unchanged() -> None:
    voxels, atrium = scan()
    plain, limited = (prepare_for_quality(voxels, atrium, SPACING_MM, kind) for kind in (ATRIUM, MARGIN))
    field = quality_field(atrium, SPACING_MM, ATRIUM)
    # The box of the disc reaches 15 mm from (40, 50), and the margin 8 mm from there.
    reach = np.maximum(np.abs(field.rows_mm - 40)[:, None], np.abs(field.columns_mm - 50)[None])
    assert (limited[:, reach > 25] == 0).all()
    assert (limited[:, reach < 21] > 0).all()
    # Air is that of the margin.
    air, blood = (np.median(slices[:, reach < 12]) for slices in (limited, plain))
    assert air == pytest.approx(blood, abs=0.01)
    np.testing.assert_allclose(limited[:, reach < 21], plain[:, reach < 21], atol=0.03)


def test_box_ignores_stray_voxels_of_the_mask() -> None:
    voxels, atrium = scan((40.4, 50.6))
    plain = prepare_for_quality(voxels, atrium, SPACING_MM, MARGIN)
    atrium[3, 5, 5] = True
    stray = prepare_for_quality(voxels, atrium, SPACING_MM, MARGIN)
    assert np.abs(stray - plain).max() < 0.03
    assert np.count_nonzero(stray) == pytest.approx(np.count_nonzero(plain), rel=0.001)


def test_the_border_moves_with_the_margin_without_steps() -> None:
    voxels, atrium = scan()
    voxels[~atrium] = voxels[~atrium] / 40 + 99  # 99.5 to 100.5
    voxels[2:6, 25:30, 28:32] = 0  # air in a corner of the box
    seen = [
        float(prepare_for_quality(voxels, atrium, SPACING_MM, QualityPreparation(margin_mm=margin)).sum())
        for margin in np.arange(4, 8, 0.1)
    ]
    steps = np.diff(seen)
    assert steps.min() >= 0
    assert steps.max() < 1.5 * steps.mean()


def test_each_slice_is_seen_with_the_nearest_slices_of_the_atrium() -> None:
    atrium = np.zeros((12, 4, 4), bool)
    atrium[[2, 3, 4, 6, 9], 1, 1] = True
    preparation = QualityPreparation(context_mm=(-5.0, 0.0, 5.0))
    # Two slices below and above 2, 3, 4, 6 and 9 lie 0, 1, 2, 4, 7 and 4, 5, 6, 8, 11.
    assert quality_context(atrium, 2.5, preparation).tolist() == [
        [0, 0, 2],
        [0, 1, 2],
        [0, 2, 3],
        [2, 3, 4],
        [3, 4, 4],
    ]
    assert quality_context(atrium, 2.5, QualityPreparation()).tolist() == [[0], [1], [2], [3], [4]]
