"""Geometric augmentation (section 4.2): flip, perspective, shift, scale and rotation, each applied at random.

A sixth change is not in the paper: the field of view is cropped, so that a network does not depend on its extent.

Intensities stay unchanged, since they are what is scored. All changes of a slice are composed into one homography and
sampled once, bicubically: each further interpolation would soften the slice, and sharpness is scored too.
"""

import math

import torch
from pydantic import Field, NonNegativeFloat
from torch import Tensor
from torch.nn.functional import grid_sample

from lgeqa.config import Settings


class Augmentation(Settings):
    """Settings of the geometric augmentation: how far and how often slices are moved.

    Attributes:
        probability: Probability of each kind of change (section 4.2).
        flip: Whether left and right may be swapped.
        perspective: Largest displacement of the corners, as a share of half the side.
        shift: Largest shift, as a share of the side.
        scale: Largest enlargement or reduction, as a share of the size.
        rotation_degrees: Largest rotation in either direction, in degrees.
        margin: Largest share of the field of view cut off on each of its four sides. 0, as in the paper, for none.
        window: Share of the side that a training slice spans, with the same share of the side's pixels. 1, as in the
            paper, for the whole slice. In a smaller window the same heart looks different each time, and a slice costs
            less. The trained network only sees the middle window.
    """

    probability: float = Field(0.5, ge=0, le=1)
    flip: bool = True
    perspective: NonNegativeFloat = 0.1
    shift: NonNegativeFloat = 0.06
    scale: float = Field(0.1, ge=0, lt=1)
    rotation_degrees: NonNegativeFloat = 15.0
    margin: float = Field(0.0, ge=0, lt=0.5)
    window: float = Field(1.0, gt=0, le=1)


def draw_homographies(n: int, augmentation: Augmentation, generator: torch.Generator, zoom: float = 1.0) -> Tensor:
    """Draw one homography per slice.

    Args:
        n: Number of slices.
        augmentation: Ranges and probability of the changes.
        generator: Only source of randomness.
        zoom: Share of the input's side that the output spans.

    Returns:
        Homographies (n, 3, 3) from output to input, in coordinates of -1 to 1 across the slice (x, y, 1).
    """

    def draw(reach: float, directions: int = 1) -> Tensor:
        """Draw the change of each slice in each direction, (directions, n), decided once per slice."""
        amounts = (torch.rand(directions, n, generator=generator) * 2 - 1) * reach
        return torch.where(torch.rand(n, generator=generator) < augmentation.probability, amounts, 0)

    [turn] = draw(math.radians(augmentation.rotation_degrees))
    size = zoom * (1 + draw(augmentation.scale)[0])
    flipped = torch.rand(n, generator=generator) < (augmentation.probability if augmentation.flip else 0)
    mirror = torch.where(flipped, -1.0, 1.0)
    matrices = torch.zeros(n, 3, 3)
    matrices[:, 0, 0] = mirror * turn.cos() * size
    matrices[:, 0, 1] = -turn.sin() * size
    matrices[:, 1, 0] = mirror * turn.sin() * size
    matrices[:, 1, 1] = turn.cos() * size
    # The side is 2 in these coordinates.
    matrices[:, :2, 2] = draw(2 * augmentation.shift, directions=2).T
    tilt = torch.eye(3).repeat(n, 1, 1)
    tilt[:, 2, :2] = draw(augmentation.perspective, directions=2).T
    matrices[:, 2, 2] = 1
    return matrices.matmul(tilt)


def crop(slices: Tensor, masks: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """Crop the field of view of slices, each side by its own random draw.

    The part cut off takes the darkest value. The field of view extends from the first to the last pixel that is
    brighter. The atrium is never cut, and a slice without an atrium stays unchanged.

    Args:
        slices: Slices (slice, channel, row, column).
        masks: Masks (slice, 1, row, column), above 0 in the atrium.
        augmentation: Probability and largest share of the crop.
        generator: Only source of randomness.

    Returns:
        The cropped slices, of the same shape.
    """
    n = len(slices)
    floor = slices.amin(dim=(1, 2, 3), keepdim=True)
    inside = torch.ones_like(masks, dtype=torch.bool)
    for axis, shape in ((2, (n, 1, -1, 1)), (3, (n, 1, 1, -1))):
        places = torch.arange(slices.shape[axis], device=slices.device)
        first, last = _ends(slices > floor, axis)
        first_of_atrium, last_of_atrium = _ends(masks > 0, axis)
        chosen = torch.rand(2, n, generator=generator) < augmentation.probability
        shares = torch.rand(2, n, generator=generator) * augmentation.margin * chosen
        before, after = (shares.to(slices) * (last - first + 1)).round().long()
        first, last = torch.minimum(first + before, first_of_atrium), torch.maximum(last - after, last_of_atrium)
        inside = inside & ((places >= first[:, None]) & (places <= last[:, None])).reshape(shape)
    return torch.where(inside, slices, floor)


def _ends(filled: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Return the first and last index along an axis of a True pixel in each slice, both (slice,).

    Without such a pixel they are the first and last index of the axis.
    """
    line = filled.any(dim=1).any(dim=4 - axis).int()
    return line.argmax(dim=1), line.shape[1] - 1 - line.flip(1).argmax(dim=1)


def warp(slices: Tensor, homographies: Tensor, side: int, mode: str = "bicubic") -> Tensor:
    """Sample slices through homographies, with the slice's darkest value outside of it.

    Args:
        slices: Slices (slice, channel, row, column).
        homographies: Homographies (slice, 3, 3) from output to input, the input's side being 2.
        side: Rows and columns of the output.
        mode: Interpolation, `bicubic` for images and `nearest` for masks.

    Returns:
        The sampled slices, (slice, channel, side, side).
    """
    axis = (torch.arange(side, dtype=slices.dtype) * 2 + 1) / side - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    points = torch.stack([x, y, torch.ones_like(x)], dim=-1).reshape(1, -1, 3).to(slices.device)
    projected = points.matmul(homographies.to(slices).transpose(1, 2))
    grid = (projected[..., :2] / projected[..., 2:]).reshape(-1, side, side, 2)
    floor = slices.amin(dim=(1, 2, 3), keepdim=True)
    moved = grid_sample(slices - floor, grid, mode=mode, align_corners=False)
    return moved.clamp(min=0) + floor
