"""Geometric augmentation (section 4.2): flip, perspective, shift, scale and rotation, each by chance.

Ours is a sixth: the field of view is cropped, so that a network does not depend on how much of it a scan has.

Intensities are left alone, since they are what is scored. All of a slice's changes are composed into one homography
and sampled once, bicubically: each further interpolation would soften the slice, and sharpness is scored too.
"""

import math

import torch
from pydantic import Field, NonNegativeFloat
from torch import Tensor
from torch.nn.functional import grid_sample

from lgeqa.config import Settings


class Augmentation(Settings):
    """How far slices are moved, and how often.

    Attributes:
        probability: of each kind of change (section 4.2).
        flip: whether left and right are swapped.
        perspective: corners move by up to this share of half the side.
        shift: up to this share of the side.
        scale: up to this share larger or smaller.
        rotation_degrees: up to this angle either way.
        margin: largest share of the field of view that is cut off on each of its four sides; 0, the paper's, for none.
        window: share of the side that a training slice spans, on as many of the pixels; 1, the paper's, for all. The
            same heart then looks different each time, and a slice costs less. The trained network is shown the middle
            window alone.
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
    """Draw one homography a slice.

    Args:
        n: number of slices.
        augmentation: ranges and probability.
        generator: the only source of chance.
        zoom: share of the input's side that the output spans.

    Returns:
        (n, 3, 3), from output to input, in coordinates of -1 to 1 across the slice (x, y, 1).
    """

    def draw(reach: float, directions: int = 1) -> Tensor:
        """Draw how far each slice is changed in each direction, (directions, n); the kind is chosen once a slice."""
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
    """Crop the field of view of slices, each side by a draw of its own.

    What is cut off takes the darkest value. The field of view reaches from the first to the last pixel that is brighter
    than that. The atrium is never cut, and a slice without it stays as it is.

    Args:
        slices: (slice, channel, row, column).
        masks: (slice, 1, row, column), above 0 in the atrium.
        augmentation: probability and largest share.
        generator: the only source of chance.

    Returns:
        The slices, of the same shape.
    """
    n = len(slices)
    floor = slices.amin(dim=(1, 2, 3), keepdim=True)
    kept = torch.ones_like(masks, dtype=torch.bool)
    for axis, shape in ((2, (n, 1, -1, 1)), (3, (n, 1, 1, -1))):
        places = torch.arange(slices.shape[axis], device=slices.device)
        first, last = _ends(slices > floor, axis)
        first_of_atrium, last_of_atrium = _ends(masks > 0, axis)
        chosen = torch.rand(2, n, generator=generator) < augmentation.probability
        shares = torch.rand(2, n, generator=generator) * augmentation.margin * chosen
        before, after = (shares.to(slices) * (last - first + 1)).round().long()
        first, last = torch.minimum(first + before, first_of_atrium), torch.maximum(last - after, last_of_atrium)
        kept = kept & ((places >= first[:, None]) & (places <= last[:, None])).reshape(shape)
    return torch.where(kept, slices, floor)


def _ends(filled: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Return the first and last place along an axis of what is True in each slice, or of all places, both (slice,)."""
    line = filled.any(dim=1).any(dim=4 - axis).int()
    return line.argmax(dim=1), line.shape[1] - 1 - line.flip(1).argmax(dim=1)


def warp(slices: Tensor, homographies: Tensor, side: int, mode: str = "bicubic") -> Tensor:
    """Sample slices through homographies; what lies outside takes the slice's darkest value.

    Args:
        slices: (slice, channel, row, column).
        homographies: (slice, 3, 3), from output to input, the input's side being 2.
        side: rows and columns of the output.
        mode: `bicubic` for images, `nearest` for masks.

    Returns:
        (slice, channel, side, side).
    """
    axis = (torch.arange(side, dtype=slices.dtype) * 2 + 1) / side - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    points = torch.stack([x, y, torch.ones_like(x)], dim=-1).reshape(1, -1, 3).to(slices.device)
    seen = points.matmul(homographies.to(slices).transpose(1, 2))
    grid = (seen[..., :2] / seen[..., 2:]).reshape(-1, side, side, 2)
    floor = slices.amin(dim=(1, 2, 3), keepdim=True)
    moved = grid_sample(slices - floor, grid, mode=mode, align_corners=False)
    return moved.clamp(min=0) + floor
