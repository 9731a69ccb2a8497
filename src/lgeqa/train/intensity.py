"""Changes of intensity for the detector, which must find the atrium whatever the scan's contrast and noise.

Stage 2 never sees them: there intensities are what is scored.
"""

import torch
from pydantic import Field, NonNegativeFloat
from torch import Tensor

from lgeqa.config import Settings

#: Knots of a tone curve, evenly spaced over the grey levels.
_KNOTS = 6


class Intensity(Settings):
    """How far grey levels are changed, and how often; nothing by default.

    Attributes:
        probability: that a slice is changed, in all of these ways at once.
        tone: how far the tone curve goes from a straight line to one drawn at random, up to this share. Such a curve
            can make blood the darkest tissue, as a wrong inversion time does.
        shading: span over the slice of the natural logarithm of a coil's sensitivity, up to this.
        noise: standard deviation of Rician noise, up to this share of the grey levels' range.
    """

    probability: float = Field(0.0, ge=0, le=1)
    tone: float = Field(0.0, ge=0, le=1)
    shading: NonNegativeFloat = 0.0
    noise: NonNegativeFloat = 0.0


def change(slices: Tensor, intensity: Intensity, generator: torch.Generator) -> Tensor:
    """Change the grey levels of slices, each by a draw of its own; neighbours in one input alike, but for the noise.

    Mean and spread stay as they are over what is not at the lowest level, the empty surroundings of a scan.

    Args:
        slices: (slice, channel, row, column), any grey scale.
        intensity: ranges and probability.
        generator: the only source of chance.
    """
    n, _, rows, columns = slices.shape

    def draw(*shape: int) -> Tensor:
        return torch.rand(n, *shape, generator=generator)

    floor = slices.amin(dim=(1, 2, 3), keepdim=True)
    held = slices > floor
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
    changed = torch.where(held, _like(changed, slices, held), slices)
    chosen = draw(1, 1, 1) < intensity.probability
    return torch.where(chosen.to(slices.device), changed, slices)


def _through(level: Tensor, knots: Tensor) -> Tensor:
    """Levels of 0 to 1 through a curve, linear between the (slice, knot) values of evenly spaced knots."""
    place = level * (_KNOTS - 1)
    below = place.floor().clamp(max=_KNOTS - 2)
    flat = below.long().flatten(1)
    low, high = knots.gather(1, flat), knots.gather(1, flat + 1)
    share = (place - below).flatten(1)
    return ((1 - share) * low + share * high).view_as(level)


def _plane(rows: int, columns: int, slopes: Tensor) -> Tensor:
    """Exp of a plane, 1 in the middle: (slice, 1, row, column)."""
    y, x = torch.linspace(-0.5, 0.5, rows), torch.linspace(-0.5, 0.5, columns)
    return (slopes[:, :1, None] * y[:, None] + slopes[:, 1:, None] * x).exp()[:, None]


def _like(changed: Tensor, slices: Tensor, held: Tensor) -> Tensor:
    """Bring `changed` to the mean and spread of `slices` where they hold something."""
    count = held.sum(dim=(1, 2, 3), keepdim=True).clamp(min=1)

    def moments(values: Tensor) -> tuple[Tensor, Tensor]:
        mean = (values * held).sum(dim=(1, 2, 3), keepdim=True) / count
        spread = (((values - mean) * held) ** 2).sum(dim=(1, 2, 3), keepdim=True) / count
        return mean, spread.sqrt().clamp(min=1e-6)

    old, new = moments(slices), moments(changed)
    return (changed - new[0]) / new[1] * old[1] + old[0]
