"""Distractors change the picture, and not the measures."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from lgeqa.errors import ConfigError
from lgeqa.io import discover, read_mask, read_scan
from lgeqa.measures import FUNCTIONS, Heart
from lgeqa.simulation.artefacts import Artefact, apply_artefacts
from lgeqa.simulation.distractors import (
    DISTRACTORS,
    Distractor,
    DistractorKind,
    Volume,
    apply_distractors,
    draw_distractors,
)
from tests.factories import heart
from tests.simulation.chest import SPACING_MM, chest

KINDS = pytest.mark.parametrize("kind", DISTRACTORS, ids=lambda kind: kind.name)
BY_NAME = {kind.name: kind for kind in DISTRACTORS}


def of(name: str, share: float, seed: int = 0) -> Distractor:
    return Distractor(kind=name, amount=BY_NAME[name].at(share), seed=seed)


def small() -> Volume:
    scene = chest()
    return Volume(scene.voxels, scene.atrium, SPACING_MM)


def geometric() -> Volume:
    """A heart with noise that ends where an acquired k-space does, as in interpolated scans."""
    voxels = heart.GeometricHeart(wall=140, aortic_wall=140, blur_mm=0.8, noise=0.5).voxels()[13:27]
    atrium = heart.atrium()[13:27]
    noise = Artefact(mechanism="white_noise", severity=6.0, seed=0)
    return Volume(apply_artefacts(voxels, atrium, heart.SPACING_MM, [noise]), atrium, heart.SPACING_MM)


@KINDS
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_volumes_stay_whole(kind: DistractorKind, share: float) -> None:
    before = small()
    kept = before.voxels.copy()
    first, again = (apply_distractors(before, [of(kind.name, share, 1)]) for _ in range(2))
    np.testing.assert_array_equal(first.voxels, again.voxels)
    np.testing.assert_array_equal(before.voxels, kept)
    assert first.voxels.dtype == np.float32
    assert first.atrium.dtype == np.bool_
    assert first.voxels.shape == first.atrium.shape
    assert first.voxels.min() >= 0
    assert first.atrium.any()


@KINDS
def test_pictures_change(kind: DistractorKind) -> None:
    before = geometric()
    made = apply_distractors(before, [of(kind.name, 0.0, 1)])
    assert made.voxels.shape != before.voxels.shape or not np.array_equal(made.voxels, before.voxels)


@KINDS
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_measures_stay(kind: DistractorKind, share: float) -> None:
    """By no more than what a gamma of 8 % makes of noise and contrast, and linear interpolation of edges."""
    before = geometric()
    made = apply_distractors(before, [of(kind.name, share, 1)])
    for measure, within in (("edge_width_mm", 0.1), ("asnr", 0.1), ("wall_cnr", 0.1)):
        assert measured(made, measure) == pytest.approx(measured(before, measure), rel=within), measure


def test_a_filter_hardly_widens_real_edges(real_folder: Path) -> None:
    source = discover([real_folder / "lge-060"])[0]
    assert source.mask_path
    scan = read_scan(source)
    before = Volume(scan.voxels, read_mask(source.mask_path, scan), scan.spacing_mm)
    for seed in (1, 2):  # one window of each shape
        made = apply_distractors(before, [of("reconstruction_filter", 0.0, seed)])
        assert measured(made, "edge_width_mm") == pytest.approx(measured(before, "edge_width_mm"), rel=0.03)


def measured(volume: Volume, measure: str) -> float:
    return FUNCTIONS[measure](Heart(volume.voxels, volume.atrium, volume.spacing_mm)).value


@pytest.mark.parametrize("name", ["pixel_size", "part_of_a_pixel", "crop", "padding"])
def test_the_atrium_stays_where_it_was(name: str) -> None:
    before = small()
    made = apply_distractors(before, [of(name, 0.7, 2)])
    assert centre_mm(made) == pytest.approx(centre_mm(before), abs=0.5)


def test_first_voxels_add_up() -> None:
    before = small()
    made = apply_distractors(before, [of("padding", 1, 3), of("crop", 0, 3), of("part_of_a_pixel", 1, 3)])
    assert centre_mm(made) == pytest.approx(centre_mm(before), abs=0.7)
    assert made.first_mm != (0, 0, 0)


def centre_mm(volume: Volume) -> tuple[float, ...]:
    """Centroid of the atrium in the frame of the scan as it was."""
    means = [at.mean() for at in np.nonzero(volume.atrium)]
    return tuple(first + mean * mm for first, mean, mm in zip(volume.first_mm, means, volume.spacing_mm, strict=True))


def test_a_crop_leaves_its_margin() -> None:
    volume = apply_distractors(geometric(), [of("crop", 0.5, 5)])
    margin = BY_NAME["crop"].at(0.5)
    for axis in (1, 2):
        held = np.flatnonzero(volume.atrium.any(axis=tuple({0, 1, 2} - {axis})))
        for side in (held[0], volume.atrium.shape[axis] - 1 - held[-1]):
            assert margin - 0.7 <= side * volume.spacing_mm[axis] <= margin * 4 / 3 + 0.7


def test_coarse_pixels_are_not_made_coarser() -> None:
    assert apply_distractors(small(), [of("pixel_size", 1.0)]).spacing_mm == SPACING_MM


def test_rounding_leaves_few_levels() -> None:
    few = apply_distractors(small(), [of("whole_levels", 0.0)])
    bits = apply_distractors(small(), [of("eight_bits", 1.0)])
    assert len(np.unique(few.voxels)) <= 121
    assert len(np.unique(bits.voxels)) <= 256


def test_draws_are_varied_and_continuous() -> None:
    draws = [draw_distractors(np.random.default_rng(seed)) for seed in range(300)]
    numbers = Counter(len(drawn) for drawn in draws)
    assert set(numbers) == {0, 1, 2, 3, 4}
    assert {one.kind for drawn in draws for one in drawn} == set(BY_NAME)
    amounts = [one.amount for drawn in draws for one in drawn]
    assert len(set(amounts)) == len(amounts)
    assert all(len({one.kind for one in drawn}) == len(drawn) for drawn in draws)
    again = Distractor.model_validate_json(draws[1][0].model_dump_json()) if draws[1] else None
    assert again == (draws[1][0] if draws[1] else None)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "blur", "amount": 1.0, "seed": 0}, "blur is not a distractor"),
        ({"kind": "gamma", "amount": 2.0, "seed": 0}, "Give 0.92 to 1.08"),
    ],
)
def test_a_wrong_recipe_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Distractor.of(values)
