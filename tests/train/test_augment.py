import math

import pytest
import torch

from lgeqa.train.augment import Augmentation, draw_homographies, warp

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


def test_each_change_happens_with_its_probability_and_stays_in_its_range() -> None:
    settings = Augmentation(probability=0.5, flip=False, perspective=0, shift=0, scale=0, rotation_degrees=20)
    found = draw_homographies(4000, settings, generator())
    angles = torch.atan2(found[:, 1, 0], found[:, 0, 0])
    assert angles.abs().max() <= math.radians(20)
    assert (angles != 0).float().mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("flip", [False, True])
def test_shift_is_a_share_of_the_side(flip: bool) -> None:
    settings = Augmentation(probability=1, flip=flip, perspective=0, shift=0.25, scale=0, rotation_degrees=0)
    found = draw_homographies(4000, settings, generator())
    assert found[:, :2, 2].abs().max() == pytest.approx(0.5, abs=0.01)


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
