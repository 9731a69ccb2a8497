"""From the detector's probabilities to the slices that hold the left atrium (section 3.1 of the paper)."""

from typing import Final

import numpy as np
from pydantic import Field, NonNegativeFloat
from scipy.ndimage import label

from lgeqa.config import Settings
from lgeqa.records import BoolArray, FloatArray

#: A voxel brighter than this share of the scan's voxels counts as bright; looked up on every third row and column.
_BRIGHT_SHARE: Final = 0.75
_STRIDE: Final = 3


class SliceRule(Settings):
    """Which pixels, and so which slices, count as left atrium.

    With the last two at their defaults this is the paper's rule: any pixel above t.

    Attributes:
        threshold: t, the probability that a pixel must exceed.
        largest_component: keep only the largest 3-D component (26 neighbours), by bright voxels.
        minimum_area_mm2: a slice with less atrium than this is dropped.
    """

    threshold: float = Field(0.5, gt=0, lt=1)
    largest_component: bool = False
    minimum_area_mm2: NonNegativeFloat = 0.0


def atrium_mask(
    probabilities: FloatArray, voxels: FloatArray, spacing_mm: tuple[float, float, float], rule: SliceRule
) -> BoolArray:
    """Apply the slice rule.

    Args:
        probabilities: (slice, row, column), 0 to 1.
        voxels: of the same shape, what the probabilities are of, on any grey scale.
        spacing_mm: (slice, row, column).
        rule: threshold and options.

    Returns:
        bool of the same shape; a slice holds the atrium where any of its pixels is set.
    """
    mask = probabilities > rule.threshold
    if rule.largest_component and mask.any():
        mask = _largest_component(mask, voxels)
    too_small = slice_areas_mm2(mask, spacing_mm) < rule.minimum_area_mm2
    mask[too_small] = False
    return mask


def _largest_component(mask: BoolArray, voxels: FloatArray) -> BoolArray:
    """Keep the component with the most bright voxels; that with the most voxels if none is bright.

    Blood with contrast agent is bright. In a full field a detector may take the noise of a large piece of air for
    tissue, and such a piece has no bright voxels.
    """
    held = tuple(slice(int(at.min()), int(at.max()) + 1) for at in np.nonzero(mask))
    pieces = label(mask[held], np.ones((3, 3, 3)))[0]
    bright = voxels[held] > np.quantile(voxels[:, ::_STRIDE, ::_STRIDE], _BRIGHT_SHARE)
    sizes = np.bincount(pieces[bright & mask[held]], minlength=2)[1:]
    if not sizes.any():
        sizes = np.bincount(pieces.ravel())[1:]
    largest = np.zeros_like(mask)
    largest[held] = pieces == 1 + sizes.argmax()
    return largest


def slice_areas_mm2(mask: BoolArray, spacing_mm: tuple[float, float, float]) -> FloatArray:
    """Area of the mask on each slice, in mm2."""
    areas: FloatArray = (mask.sum(axis=(1, 2)) * (spacing_mm[1] * spacing_mm[2])).astype(np.float32)
    return areas
