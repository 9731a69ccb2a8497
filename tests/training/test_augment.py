import math

import pytest
import torch

from lgeqa.training.augmentation import Augmentation, crop, draw_homographies, warp

STILL = Augmentation(probability=0)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def slices(n: int = 4, side: int = 32) -> torch.Tensor:
    return torch.rand(n, 1, side, side, generator=generator(9))


def test_no_change_by_chance_is_no_change_at_all() -> None:
    homographies = draw_homographies(4, STILL, generator())
    torch.testing.assert_close(homographies, torch.eye(3).repeat(4, 1, 1))
    torch.testing.assert_close(warp(slices(), homographies, 32), slices(), atol=1e-5, rtol=0)


def test_the_draw_depends_on_the_generator_alone() -> None:
    torch.manual_seed(1)
    one = draw_homographies(8, Augmentation(), generator(3))
    torch.manual_seed(2)
    torch.testing.assert_close(draw_homographies(8, Augmentation(), generator(3)), one, rtol=0, atol=0)
    assert not torch.equal(draw_homographies(8, Augmentation(), generator(4)), one)


def test_a_flip_swaps_left_and_right() -> None:
    only_flip = Augmentation(probability=1, perspective=0, shift=0, scale=0, rotation_degrees=0)
    flipped = warp(slices(), draw_homographies(4, only_flip, generator()), 32)
    torch.testing.assert_close(flipped, slices().flip(-1), atol=1e-5, rtol=0)


def test_each_change_follows_its_probability_and_range() -> None:
    settings = Augmentation(probability=0.5, flip=False, perspective=0, shift=0, scale=0, rotation_degrees=20)
    found = draw_homographies(4000, settings, generator())
    angles = torch.atan2(found[:, 1, 0], found[:, 0, 0])
    assert angles.abs().max() <= math.radians(20)
    assert (angles != 0).float().mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(("kind", "part"), [("shift", (slice(0, 2), 2)), ("perspective", (2, slice(0, 2)))])
def test_a_kind_in_two_directions_is_chosen_once(kind: str, part: tuple[int | slice, ...]) -> None:
    still = {"flip": False, "perspective": 0, "shift": 0, "scale": 0, "rotation_degrees": 0}
    settings = Augmentation.of(still | {"probability": 0.5, kind: 0.1})
    found = draw_homographies(4000, settings, generator())[:, part[0], part[1]]
    assert ((found != 0).any(dim=1)).float().mean() == pytest.approx(0.5, abs=0.03)
    assert ((found != 0).any(dim=1) == (found != 0).all(dim=1)).all()
    assert found[:, 0].abs().max() > 0.09
    assert torch.corrcoef(found[(found != 0).all(dim=1)].T)[0, 1].abs() < 0.1


@pytest.mark.parametrize("flip", [False, True])
def test_shift_is_a_share_of_the_side(flip: bool) -> None:
    settings = Augmentation(probability=1, flip=flip, perspective=0, shift=0.25, scale=0, rotation_degrees=0)
    found = draw_homographies(4000, settings, generator())
    assert found[:, :2, 2].abs().max() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("perspective", [0.05, 0.1])
def test_perspective_is_a_share_of_half_the_side(perspective: float) -> None:
    settings = Augmentation(probability=1, flip=False, perspective=perspective, shift=0, scale=0, rotation_degrees=0)
    tilts = draw_homographies(4000, settings, generator())[:, 2, :2]
    for direction in tilts.T:
        assert direction.min() == pytest.approx(-perspective, rel=0.01)
        assert direction.max() == pytest.approx(perspective, rel=0.01)


def test_scale_enlarges_as_often_as_it_reduces() -> None:
    settings = Augmentation(probability=1, flip=False, perspective=0, shift=0, scale=0.2, rotation_degrees=0)
    found = draw_homographies(4000, settings, generator())
    for size in (found[:, 0, 0], found[:, 1, 1]):
        assert size.min() == pytest.approx(0.8, abs=0.002)
        assert size.max() == pytest.approx(1.2, abs=0.002)
        assert (size < 1).float().mean() == pytest.approx(0.5, abs=0.03)


def test_a_turn_keeps_distances() -> None:
    settings = Augmentation(probability=1, perspective=0, shift=0, scale=0)
    linear = draw_homographies(50, settings, generator())[:, :2, :2]
    torch.testing.assert_close(linear @ linear.transpose(1, 2), torch.eye(2).repeat(50, 1, 1))


def test_zoom_cuts_the_middle_out() -> None:
    middle = warp(slices(side=64), draw_homographies(4, STILL, generator(), zoom=0.5), 32)
    torch.testing.assert_close(middle, slices(side=64)[:, :, 16:48, 16:48], atol=1e-5, rtol=0)


def test_what_comes_in_from_outside_is_as_dark_as_the_darkest() -> None:
    settings = Augmentation(probability=1, flip=False, perspective=0, shift=0.4, scale=0, rotation_degrees=0)
    moved = warp(slices() - 3, draw_homographies(4, settings, generator()), 32)
    assert moved.amin() == pytest.approx(float((slices() - 3).amin()), abs=1e-3)


def test_masks_stay_masks() -> None:
    mask = (slices() > 0.5).float()
    moved = warp(mask, draw_homographies(4, Augmentation(), generator()), 32, mode="nearest")
    assert set(moved.flatten().tolist()) <= {0.0, 1.0}


def framed() -> tuple[torch.Tensor, torch.Tensor]:
    """Many slices of 1 and more within a frame of darkest pixels, and an atrium near the field's left side."""
    many, masks = torch.full((2000, 2, 32, 32), -3.0), torch.zeros(2000, 1, 32, 32)
    many[:, :, 4:24, 6:31] = 1 + slices(2000)[:, :, 4:24, 6:31]
    masks[:, :, 10:14, 7:20] = 1
    return many, masks


def ends(slices: torch.Tensor, axis: int) -> tuple[torch.Tensor, torch.Tensor]:
    lines = (slices > -3).any(dim=1).any(dim=axis)
    places = torch.arange(32).expand(len(slices), 32)
    return places.where(lines, 99).amin(dim=1), places.where(lines, -1).amax(dim=1)


def test_crop_cuts_each_side_with_its_probability_and_share() -> None:
    many, masks = framed()
    cropped = crop(many, masks, Augmentation(probability=0.5, margin=0.2), generator())

    top, bottom = ends(cropped, 2)
    left, right = ends(cropped, 1)

    # A fifth of 20 rows and 25 columns; the atrium's first column is one from the left side.
    for least, most, cuts in ((0, 4, top - 4), (0, 4, 23 - bottom), (0, 1, left - 6), (0, 5, 30 - right)):
        assert (int(cuts.min()), int(cuts.max())) == (least, most)
        assert (cuts > 0).float().mean() == pytest.approx(0.45, abs=0.05)
    assert torch.equal(cropped[masks.expand_as(many) > 0], many[masks.expand_as(many) > 0])
    assert torch.equal(cropped[cropped > -3], many[cropped > -3])
    both = torch.stack([top, bottom, left, right]).float().corrcoef()
    assert (both - torch.eye(4)).abs().max() < 0.1  # each side has a draw of its own


def test_crop_leaves_its_input_and_slices_without_atrium() -> None:
    many, masks = framed()
    given = many.clone()
    masks[:1000] = 0

    cropped = crop(many, masks, Augmentation(probability=1, margin=0.2), generator())

    assert torch.equal(many, given)
    assert torch.equal(cropped[:1000], many[:1000])
    assert not torch.equal(cropped[1000:], many[1000:])


def test_a_crop_depends_on_the_generator_alone() -> None:
    settings = Augmentation(margin=0.2)
    one, again, other = (crop(*framed(), settings, generator(seed)) for seed in (3, 3, 4))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
