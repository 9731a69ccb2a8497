"""Detection of the slices that hold the left atrium (section 3.1 of the paper), in two passes of the detector.

The first pass, over a slice every few millimetres, finds the atrium. It depends on the field of view, which sets its
grid and its grey scale. The second, over a window around the atrium and the slices near it, outlines it. Its window and
its grey scale follow the atrium, so a crop, padding or a larger field give nearly the same outline.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from pydantic import Field, NonNegativeFloat
from scipy.ndimage import label

from lgeqa.config import Settings
from lgeqa.preprocessing import AtriumPlace, DetectorPreparation, context_slices, prepare_for_detector, to_scan_grid
from lgeqa.records import BoolArray, FloatArray, IntArray

#: Quantile of the scan's voxels above which a voxel counts as bright, computed on every third row and column.
_BRIGHT_SHARE: Final = 0.75
_STRIDE: Final = 3
#: Largest distance of the slices of the first pass in mm, unless the scan's own are farther apart.
_STEP_MM: Final = 5.0
#: Distance in mm beyond the slices of the first pass's atrium in which the second looks for its ends.
_BEYOND_MM: Final = 7.5


class SliceRule(Settings):
    """Rule for the pixels, and therefore the slices, that count as left atrium.

    With the last two settings at their defaults this is the paper's rule: any pixel above t.

    Attributes:
        threshold: Probability t that a pixel must exceed.
        largest_component: Whether only the largest 3-D component (26 neighbours) by bright voxels is kept.
        minimum_area_mm2: Area of atrium below which a slice is dropped.
    """

    threshold: float = Field(0.5, gt=0, lt=1)
    largest_component: bool = False
    minimum_area_mm2: NonNegativeFloat = 0.0


def atrium_mask(
    probabilities: FloatArray, voxels: FloatArray, spacing_mm: tuple[float, float, float], rule: SliceRule
) -> BoolArray:
    """Apply the slice rule to the probabilities of the detector.

    Args:
        probabilities: Probability of atrium (slice, row, column), 0 to 1.
        voxels: Volume of the same shape that the probabilities refer to, on any grey scale.
        spacing_mm: Voxel spacing (slice, row, column).
        rule: Threshold and options.

    Returns:
        Mask, bool of the same shape. A slice holds the atrium if any of its pixels is set.
    """
    mask = probabilities > rule.threshold
    if rule.largest_component and mask.any():
        mask = _largest_component(mask, voxels)
    too_small = slice_areas_mm2(mask, spacing_mm) < rule.minimum_area_mm2
    mask[too_small] = False
    return mask


def _largest_component(mask: BoolArray, voxels: FloatArray) -> BoolArray:
    """Keep the component with the most bright voxels, or the most voxels if none is bright.

    Blood with contrast agent is bright. In a full field of view a detector may take the noise of a large region of air
    for tissue, and such a region has no bright voxels.
    """
    box = tuple(slice(int(indices.min()), int(indices.max()) + 1) for indices in np.nonzero(mask))
    pieces = label(mask[box], np.ones((3, 3, 3)))[0]
    bright = voxels[box] > np.quantile(voxels[:, ::_STRIDE, ::_STRIDE], _BRIGHT_SHARE)
    sizes = np.bincount(pieces[bright & mask[box]], minlength=2)[1:]
    if not sizes.any():
        sizes = np.bincount(pieces.ravel())[1:]
    largest = np.zeros_like(mask)
    largest[box] = pieces == 1 + sizes.argmax()
    return largest


def slice_areas_mm2(mask: BoolArray, spacing_mm: tuple[float, float, float]) -> FloatArray:
    """Return the area of the mask on each slice in mm2."""
    areas: FloatArray = (mask.sum(axis=(1, 2)) * (spacing_mm[1] * spacing_mm[2])).astype(np.float32)
    return areas


#: Function that returns the probability of atrium from slices (slice, row, column) and the indices (slice, context) of
#: the slices that each one sees.
Detect = Callable[[FloatArray, IntArray], FloatArray]


def search_atrium(
    voxels: FloatArray,
    spacing_mm: tuple[float, float, float],
    detect: Detect,
    preparation: DetectorPreparation,
    rule: SliceRule,
) -> FloatArray:
    """Return the probability of atrium at each voxel, float32 (slice, row, column).

    It is 0 on slices far from the atrium. If the first pass finds no atrium, its probabilities are returned, where each
    slice has those of the nearest one that was searched.

    Args:
        voxels: Volume (slice, row, column), axial LPS, any grey scale.
        spacing_mm: Voxel spacing (slice, row, column).
        detect: Network, such as `Bundle.detect`.
        preparation: Settings that the network was trained with.
        rule: Rule for the pixels that count as atrium.

    Raises:
        NotAssessableError: The volume holds a single grey level.
    """
    context = context_slices(len(voxels), spacing_mm[0], preparation)
    searched, nearest = _sparse_slices(len(voxels), spacing_mm[0])
    prepared, grid = prepare_for_detector(voxels, spacing_mm, preparation)
    probabilities = detect(prepared, context[searched])
    atrium = atrium_mask(probabilities, prepared[searched], (_STEP_MM, grid.pixel_mm, grid.pixel_mm), rule)
    if not atrium.any():
        return to_scan_grid(probabilities[nearest], grid)
    place = AtriumPlace.of(np.where(atrium, probabilities, np.float32(0))[nearest], grid)
    prepared, grid = prepare_for_detector(voxels, spacing_mm, preparation, place)
    beyond = int(np.ceil(_BEYOND_MM / spacing_mm[0]))
    near = slice(max(place.slices[0] - beyond, 0), place.slices[1] + beyond + 1)
    probabilities = np.zeros(prepared.shape, np.float32)
    probabilities[near] = detect(prepared, context[near])
    return to_scan_grid(probabilities, grid)


def _sparse_slices(slices: int, spacing_mm: float) -> tuple[IntArray, IntArray]:
    """Return the indices of the slices of the first pass, and of the nearest of these for each slice of the scan."""
    stride = max(int(_STEP_MM / spacing_mm + 1e-6), 1)  # the addend keeps rounding from halving an exact quotient
    searched = np.arange(0, slices, stride)
    nearest = np.minimum((np.arange(slices) + stride // 2) // stride, len(searched) - 1)
    return searched, nearest
