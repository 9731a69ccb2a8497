"""Distances in the plane of the slices, in millimetres, computed near a mask alone."""

import numpy as np
from scipy.ndimage import distance_transform_edt

from lgeqa.records import BoolArray, FloatArray


def depth_mm(mask: BoolArray, pixel_mm: tuple[float, float], reach_mm: float) -> FloatArray:
    """Return how deep each voxel lies inside a mask, slice by slice.

    Args:
        mask: bool (slice, row, column).
        pixel_mm: (row, column) spacing.
        reach_mm: Distance outside of the mask up to which the depth is computed.

    Returns:
        float32 of the same shape, in mm: above 0 inside, below 0 outside, 0 on the border between two voxels. Voxels
        farther outside than `reach_mm`, and slices without the mask, hold minus infinity.
    """
    depth = np.full(mask.shape, -np.inf, np.float32)
    half = sum(pixel_mm) / 4
    for z in np.flatnonzero(mask.any(axis=(1, 2))):
        box = bounding_box(mask[z], pixel_mm, reach_mm)
        # The frame of background stands for what lies beyond the box.
        padded = np.pad(mask[z][box], 1)
        inside = distance_transform_edt(padded, sampling=pixel_mm)[1:-1, 1:-1]
        outside = distance_transform_edt(~padded, sampling=pixel_mm)[1:-1, 1:-1]
        near = np.where(mask[z][box], inside - half, half - outside)
        depth[z][box] = np.where(near < -reach_mm, -np.inf, near)
    return depth


def bounding_box(mask: BoolArray, pixel_mm: tuple[float, float], margin_mm: float) -> tuple[slice, slice]:
    """Return rows and columns that hold a mask (row, column), not empty, and `margin_mm` more on each side."""
    spans = []
    for axis in (0, 1):
        held = np.flatnonzero(mask.any(axis=1 - axis))
        margin = int(np.ceil(margin_mm / pixel_mm[axis]))
        spans.append(slice(max(int(held[0]) - margin, 0), int(held[-1]) + 1 + margin))
    return spans[0], spans[1]
