"""From the detector's probabilities to the slices that hold the left atrium (section 3.1 of the paper)."""

from typing import Any

import numpy as np
from pydantic import Field, NonNegativeFloat

from lgeqa.config import Settings
from lgeqa.records import BoolArray, FloatArray


class SliceRule(Settings):
    """Which pixels, and so which slices, count as left atrium.

    With the last two at their defaults this is the paper's rule: any pixel above t.

    Attributes:
        threshold: t, the probability that a pixel must exceed.
        largest_component: keep only the largest 3-D component (26 neighbours).
        minimum_area_mm2: a slice with less atrium than this is dropped.
    """

    threshold: float = Field(0.5, gt=0, lt=1)
    largest_component: bool = False
    minimum_area_mm2: NonNegativeFloat = 0.0


def atrium_mask(probabilities: FloatArray, spacing_mm: tuple[float, float, float], rule: SliceRule) -> BoolArray:
    """Apply the slice rule.

    Args:
        probabilities: (slice, row, column), 0 to 1.
        spacing_mm: (slice, row, column).
        rule: threshold and options.

    Returns:
        bool of the same shape; a slice holds the atrium where any of its pixels is set.
    """
    mask = probabilities > rule.threshold
    if rule.largest_component and mask.any():
        mask = _largest_component(mask)
    too_small = slice_areas_mm2(mask, spacing_mm) < rule.minimum_area_mm2
    mask[too_small] = False
    return mask


def _largest_component(mask: BoolArray) -> BoolArray:
    import SimpleITK

    sitk: Any = SimpleITK  # comes without types
    pieces = sitk.ConnectedComponent(sitk.GetImageFromArray(mask.astype(np.uint8)), True)
    largest: BoolArray = sitk.GetArrayFromImage(sitk.RelabelComponent(pieces)) == 1
    return largest


def slice_areas_mm2(mask: BoolArray, spacing_mm: tuple[float, float, float]) -> FloatArray:
    """Area of the mask on each slice, in mm2."""
    areas: FloatArray = (mask.sum(axis=(1, 2)) * (spacing_mm[1] * spacing_mm[2])).astype(np.float32)
    return areas
