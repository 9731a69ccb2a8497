"""Distances in the plane of the slices, in millimetres, computed only near a mask."""

import numpy as np
from scipy.ndimage import distance_transform_edt

from lgeqa.records import BoolArray, FloatArray


def depth_mm(mask: BoolArray, pixel_mm: tuple[float, float], reach_mm: float) -> FloatArray:
    """Return the depth of each voxel inside a mask, slice by slice.

    Args:
        mask: Boolean mask (slice, row, column).
        pixel_mm: Pixel spacing (row, column).
        reach_mm: Distance outside the mask up to which the depth is computed.

    Returns:
        Depth in mm, float32 of the same shape: above 0 inside, below 0 outside, 0 on the border between two voxels.
        Voxels farther outside than `reach_mm`, and slices without the mask, are minus infinity.
    """
    depth = np.full(mask.shape, -np.inf, np.float32)
    half = sum(pixel_mm) / 4
    for z in np.flatnonzero(mask.any(axis=(1, 2))):
        box = bounding_box(mask[z], pixel_mm, reach_mm)
        # The frame represents the background beyond the box.
        padded = np.pad(mask[z][box], 1)
        inside = distance_transform_edt(padded, sampling=pixel_mm)[1:-1, 1:-1]
        outside = distance_transform_edt(~padded, sampling=pixel_mm)[1:-1, 1:-1]
        near = np.where(mask[z][box], inside - half, half - outside)
        depth[z][box] = np.where(near < -reach_mm, -np.inf, near)
    return depth


def bounding_box(mask: BoolArray, pixel_mm: tuple[float, float], margin_mm: float) -> tuple[slice, slice]:
    """Return the rows and columns of a mask (row, column) that is not empty, with `margin_mm` more on each side."""
    spans = []
    for axis in (0, 1):
        indices = np.flatnonzero(mask.any(axis=1 - axis))
        margin = int(np.ceil(margin_mm / pixel_mm[axis]))
        spans.append(slice(max(int(indices[0]) - margin, 0), int(indices[-1]) + 1 + margin))
    return spans[0], spans[1]
