"""Each measure against the value that a geometric heart was made with."""

import numpy as np
import pytest

from lgeqa.measures import FUNCTIONS, Heart
from lgeqa.measures.blood import blood_sd
from lgeqa.records import BoolArray
from tests.factories.heart import CENTRE_MM, SPACING_MM, GeometricHeart, atrium, distance_mm


def value_of(name: str, heart: Heart) -> float:
    measured = FUNCTIONS[name](heart)
    assert measured.reason == ""
    return measured.value


def heart_of(made: GeometricHeart) -> Heart:
    return Heart(made.voxels(), atrium(), SPACING_MM)


@pytest.mark.parametrize("noise", [3.0, 8.0, 15.0])
def test_noise_and_signal_to_noise_ratio(noise: float) -> None:
    heart = heart_of(GeometricHeart(noise=noise))
    level = heart.reference.blood - heart.reference.air
    assert level == pytest.approx(98, rel=0.05)  # the darkest voxels of Rician noise are near 0
    assert value_of("noise_percent", heart) == pytest.approx(100 * noise / level, rel=0.05)
    assert value_of("asnr", heart) == pytest.approx(level / noise, rel=0.05)


@pytest.mark.parametrize("blood", [20.0, 100.0, 900.0])
def test_blood_signal(blood: float) -> None:
    heart = heart_of(GeometricHeart(blood=blood, noise=1))
    assert value_of("blood_signal", heart) == pytest.approx(blood - 5, rel=0.2)
    assert heart.reference.blood == pytest.approx(blood, rel=0.005)


@pytest.mark.parametrize("sigma", [0.8, 1.2, 1.8, 2.4])
def test_edge_width_is_that_of_the_blur(sigma: float) -> None:
    heart = heart_of(GeometricHeart(blur_mm=sigma, muscle=5, wall=5, septum=5, aortic_wall=5, noise=2))
    assert value_of("edge_width_mm", heart) == pytest.approx(2.5631 * sigma, rel=0.1)


@pytest.mark.parametrize("wall", [130.0, 160.0, 220.0])
def test_contrast_of_a_thick_wall(wall: float) -> None:
    heart = heart_of(GeometricHeart(wall=wall, wall_mm=4, noise=5))
    assert value_of("wall_cnr", heart) == pytest.approx((wall - 100) / 5, rel=0.1)


def test_contrast_of_the_wall_is_that_of_most_of_it() -> None:
    plain = GeometricHeart(noise=5).voxels()
    in_wall = (distance_mm("atrium") >= 0) & (distance_mm("atrium") < 2)
    column = np.arange(plain.shape[2]) * SPACING_MM[2] - CENTRE_MM[1]
    part, most = (np.where(in_wall & (column > place), plain + 150, plain) for place in (12, -12))
    hearts = [Heart(voxels, atrium(), SPACING_MM) for voxels in (plain, part, most)]
    dark, scarred, enhanced = (value_of("wall_cnr", heart) for heart in hearts)
    assert scarred == pytest.approx(dark, abs=0.4)
    assert enhanced > dark + 5


def test_contrast_of_the_wall_refers_to_the_blood_of_each_slice() -> None:
    made = GeometricHeart(wall=130, wall_mm=4, noise=5)
    inflow = made.voxels()
    inflow[25:] *= np.float32(1.3)
    even, uneven = heart_of(made), Heart(inflow, atrium(), SPACING_MM)
    # Each wall is as far above its own blood as before, while the spread of all blood is larger.
    excess = [value_of("wall_cnr", heart) * blood_sd(heart) for heart in (even, uneven)]
    assert excess[1] == pytest.approx(excess[0], rel=0.1)


def test_wall_shares_of_a_bright_and_of_a_dark_wall() -> None:
    bright = heart_of(GeometricHeart(wall=140, wall_mm=4))
    # The band reaches 0.6 mm beyond the wall and is 3.9 mm wide, so no share can be 100 %.
    assert 60 < value_of("wall_above_iir_1_20_percent", bright) < 85
    assert value_of("wall_above_iir_0_97_percent", bright) >= value_of("wall_above_iir_1_20_percent", bright)
    assert value_of("wall_above_iir_1_61_percent", bright) == 0
    dark = heart_of(GeometricHeart(wall=30, noise=5))
    assert value_of("wall_above_iir_1_20_percent", dark) < 1
    assert value_of("wall_above_3_3_sd_percent", dark) < 1
    assert value_of("image_intensity_ratio", dark) < 0.9 < value_of("image_intensity_ratio", bright)


def test_wall_share_above_blood_and_3_3_deviations() -> None:
    above, below = (heart_of(GeometricHeart(wall=100 + 5 * sds, wall_mm=4, noise=5)) for sds in (8, 1))
    assert value_of("wall_above_3_3_sd_percent", above) > 60
    assert value_of("wall_above_3_3_sd_percent", below) < 5


@pytest.mark.parametrize("muscle", [32.0, 45.0, 60.0])
def test_nulling_ratio_is_that_of_muscle(muscle: float) -> None:
    heart = heart_of(GeometricHeart(muscle=muscle, wall=muscle, septum=muscle, aortic_wall=muscle, noise=3))
    assert value_of("nulling_ratio", heart) == pytest.approx((muscle - 5) / 95, rel=0.1)


def test_nulling_ratio_of_muscle_as_dark_as_lung_is_low() -> None:
    heart = heart_of(GeometricHeart(muscle=10, wall=10, septum=10, aortic_wall=10, noise=3))
    assert 0 < value_of("nulling_ratio", heart) < 0.15


@pytest.mark.parametrize("muscle", [40.0, 60.0, 80.0])
def test_dark_line_is_as_deep_as_muscle_is_brighter(muscle: float) -> None:
    heart = heart_of(GeometricHeart(muscle=muscle, wall=10, wall_mm=4, noise=3))
    # The smoothing against noise fills a line of 4 mm in part.
    assert 0.6 < value_of("dark_line_percent", heart) / (100 * (muscle - 10) / 95) < 1


@pytest.mark.parametrize("noise", [3.0, 10.0, 20.0])
def test_nulled_muscle_has_no_dark_line(noise: float) -> None:
    heart = heart_of(GeometricHeart(muscle=20, wall=20, septum=20, aortic_wall=20, noise=noise))
    assert value_of("dark_line_percent", heart) < 5


def test_dark_line_needs_blood_brighter_than_its_border() -> None:
    heart = heart_of(GeometricHeart(muscle=95, wall=95, septum=95, aortic_wall=95))
    assert FUNCTIONS["dark_line_percent"](heart).reason == "The signal hardly falls across the border of the atrium."


def test_aorta_is_found_where_it_is() -> None:
    heart = heart_of(GeometricHeart(noise=8))
    assert value_of("aortic_wall_contrast", heart) < 0.5
    bright = heart_of(GeometricHeart(aortic_wall=180, noise=8))
    # The smoothing against noise takes about a third from a wall of 2 mm.
    assert 0.6 < value_of("aortic_wall_contrast", bright) / (80 / 8) < 1
    z, rows, columns = np.nonzero(bright.aorta)
    assert set(z) == set(np.flatnonzero(atrium().any(axis=(1, 2))))
    assert rows.mean() * SPACING_MM[1] == pytest.approx(58 + 37, abs=1)
    assert columns.mean() * SPACING_MM[2] == pytest.approx(65 + 16, abs=1)


def test_other_pool_is_found_and_is_no_part_of_atrium_or_aorta() -> None:
    heart = heart_of(GeometricHeart(noise=5))
    assert heart.pools.any()
    assert not (heart.pools & (heart.aorta | atrium())).any()
    rows = np.nonzero(heart.pools)[1]
    assert rows.mean() * SPACING_MM[1] < 25  # anterior of the atrium


def test_septal_contrast_of_a_dark_septum_is_low() -> None:
    # Pixels of 2 mm mix a thin septum with blood, so a dark one is read too bright, but below blood.
    assert value_of("septal_contrast", heart_of(GeometricHeart(septum=30, wall=30, wall_mm=1))) < 0.9


@pytest.mark.parametrize("septum", [130.0, 150.0, 200.0])
def test_septal_contrast_is_that_of_a_bright_septum(septum: float) -> None:
    heart = heart_of(GeometricHeart(septum=septum, wall=septum, wall_mm=1))
    assert value_of("septal_contrast", heart) == pytest.approx((septum - 5) / 95, rel=0.15)


def test_shading_of_a_ramp() -> None:
    made = GeometricHeart(noise=3).voxels()
    ramp = 1 + 0.01 * (np.arange(made.shape[2]) * SPACING_MM[2] - 65)
    plain, shaded = (Heart(made * factor, atrium(), SPACING_MM) for factor in (np.float32(1), ramp.astype(np.float32)))
    inside = np.quantile(np.broadcast_to(ramp, made.shape)[core_of(shaded)], (0.05, 0.95))
    assert value_of("shading_percent", plain) < 3
    assert value_of("shading_percent", shaded) == pytest.approx(100 * np.ptp(inside), rel=0.15)


def core_of(heart: Heart) -> BoolArray:
    whole = np.zeros(heart.voxels.shape, bool)
    whole[heart.window] = heart.depth > 4
    return whole


@pytest.mark.parametrize("share", [0.1, 0.2])
@pytest.mark.parametrize("axis", [1, 2])
def test_ghosting_is_the_share_of_the_copy(share: float, axis: int) -> None:
    made = GeometricHeart(muscle=60, noise=2).voxels()
    ghost = made + np.float32(share) * np.roll(made, 50, axis=axis)
    plain, copied = (Heart(voxels, atrium(), SPACING_MM) for voxels in (made, ghost))
    assert value_of("ghosting_percent", plain) < 6
    # Anatomy that happens to lie where the copy does adds to it.
    assert 1 < value_of("ghosting_percent", copied) / (100 * share) < 1.8


def test_clipping_is_the_share_of_clipped_voxels() -> None:
    made = GeometricHeart(noise=5).voxels()
    level = float(np.quantile(made, 0.99))
    clipped = Heart(np.minimum(made, level), atrium(), SPACING_MM)
    around = made[clipped.window]
    assert value_of("clipping_percent", clipped) == pytest.approx(100 * (around >= level).mean(), rel=0.01)
    assert value_of("clipping_percent", Heart(made, atrium(), SPACING_MM)) < 0.01


def test_stack_measures_are_exact() -> None:
    made, mask = GeometricHeart(noise=2).voxels(), atrium()
    slices = np.flatnonzero(mask.any(axis=(1, 2)))
    made[0] = 7
    made[20] = made[19]
    heart = Heart(made, mask, SPACING_MM)
    expected = {
        "margin_below_mm": slices[0] * 2.5,
        "margin_above_mm": (39 - slices[-1]) * 2.5,
        "atrium_height_mm": len(slices) * 2.5,
        "atrium_volume_ml": mask.sum() * 2.5 * 0.625**2 / 1000,
        "empty_slices": 1,
        "repeated_slices": 1,
        "pixel_mm": 0.625,
        "slice_mm": 2.5,
    }
    assert {name: value_of(name, heart) for name in expected} == pytest.approx(expected)
