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
    rows, columns = (
        slice(max(span.start - margin, 0), span.stop + margin)
        for span, margin in zip(tight_box(mask), (int(np.ceil(margin_mm / mm)) for mm in pixel_mm), strict=True)
    )
    return rows, columns


def tight_box(mask: BoolArray) -> tuple[slice, ...]:
    """Return the smallest box that holds a mask, one slice for each axis, all without elements if the mask is empty."""
    axes = range(mask.ndim)
    places = (np.flatnonzero(mask.any(axis=tuple(other for other in axes if other != axis))) for axis in axes)
    return tuple(slice(int(place[0]), int(place[-1]) + 1) if len(place) else slice(0, 0) for place in places)
