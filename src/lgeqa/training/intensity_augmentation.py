"""Intensity changes for the detector, which must find the atrium at any contrast and noise of the scan.

They are never used for stage 2, since it scores intensities.
"""

import torch
from pydantic import Field, NonNegativeFloat
from torch import Tensor

from lgeqa.config import Settings

#: Knots of a tone curve, evenly spaced over the grey levels.
_KNOTS = 6


class Intensity(Settings):
    """Settings of the intensity changes: how far and how often grey levels are changed, by default never.

    Attributes:
        probability: Probability that a slice is changed, in all of these ways at once.
        tone: Largest share by which the tone curve moves from a straight line to a random curve. A random curve can
            make blood the darkest tissue, as a wrong inversion time does.
        shading: Largest span over the slice of the natural logarithm of a coil's sensitivity.
        noise: Largest standard deviation of Rician noise, as a share of the range of grey levels.
    """

    probability: float = Field(0.0, ge=0, le=1)
    tone: float = Field(0.0, ge=0, le=1)
    shading: NonNegativeFloat = 0.0
    noise: NonNegativeFloat = 0.0


def change(slices: Tensor, intensity: Intensity, generator: torch.Generator) -> Tensor:
    """Change the grey levels of slices, each by its own random draw.

    Neighbouring slices in one input get the same change except for the noise. Mean and spread stay the same over all
    pixels above the lowest level, which is the level of the empty surroundings of a scan.

    Args:
        slices: Slices (slice, channel, row, column) of any grey scale.
        intensity: Ranges and probability of the changes.
        generator: Only source of randomness.
    """
    n, _, rows, columns = slices.shape

    def draw(*shape: int) -> Tensor:
        return torch.rand(n, *shape, generator=generator)

    floor = slices.amin(dim=(1, 2, 3), keepdim=True)
    filled = slices > floor
    top = slices.amax(dim=(1, 2, 3), keepdim=True) - floor
    level = ((slices - floor) / top.clamp(min=1e-6)).clamp(0, 1)
    straight = torch.linspace(0, 1, _KNOTS)
    reach = intensity.tone * draw(1)
    knots = ((1 - reach) * straight + reach * draw(_KNOTS)).to(slices)
    knots[:, 0] = 0  # air stays dark
    changed = _through(level, knots) * _plane(rows, columns, intensity.shading * (2 * draw(2) - 1)).to(slices)
    deviation = (intensity.noise * draw(1, 1, 1)).to(slices)
    noise = torch.randn(2, *slices.shape, generator=generator).to(slices) * deviation
    changed = torch.hypot(changed + noise[0], noise[1])
    changed = torch.where(filled, _like(changed, slices, filled), slices)
    chosen = draw(1, 1, 1) < intensity.probability
    return torch.where(chosen.to(slices.device), changed, slices)


def _through(level: Tensor, knots: Tensor) -> Tensor:
    """Map levels of 0 to 1 through a curve that is linear between the values (slice, knot) of evenly spaced knots."""
    place = level * (_KNOTS - 1)
    below = place.floor().clamp(max=_KNOTS - 2)
    flat = below.long().flatten(1)
    low, high = knots.gather(1, flat), knots.gather(1, flat + 1)
    share = (place - below).flatten(1)
    return ((1 - share) * low + share * high).view_as(level)


def _plane(rows: int, columns: int, slopes: Tensor) -> Tensor:
    """Return the exponential of a plane, 1 in the middle, (slice, 1, row, column)."""
    y, x = torch.linspace(-0.5, 0.5, rows), torch.linspace(-0.5, 0.5, columns)
    return (slopes[:, :1, None] * y[:, None] + slopes[:, 1:, None] * x).exp()[:, None]


def _like(changed: Tensor, slices: Tensor, filled: Tensor) -> Tensor:
    """Bring `changed` to the mean and spread of `slices` over the filled pixels."""
    count = filled.sum(dim=(1, 2, 3), keepdim=True).clamp(min=1)

    def moments(values: Tensor) -> tuple[Tensor, Tensor]:
        mean = (values * filled).sum(dim=(1, 2, 3), keepdim=True) / count
        spread = (((values - mean) * filled) ** 2).sum(dim=(1, 2, 3), keepdim=True) / count
        return mean, spread.sqrt().clamp(min=1e-6)

    old, new = moments(slices), moments(changed)
    return (changed - new[0]) / new[1] * old[1] + old[0]
