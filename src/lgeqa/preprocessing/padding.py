"""Padding of a scan: pixels at its borders with the same value on all slices.

Exports add it to make slices square, or where a gradient correction moved the image. It contains no signal, so every
computation on grey levels leaves it out.
"""

import numpy as np
from scipy import ndimage

from lgeqa.records import BoolArray, FloatArray

#: Number of slices on which a padding pixel may have another value, so that one outlier does not hide it.
_ODD_SLICES = 1


def image_area(voxels: FloatArray) -> BoolArray:
    """Return the pixels of the slices that hold the image and not padding, bool (row, column).

    Padding starts at a corner of the slices. It consists of the pixels that are connected to the corner and have the
    corner's value on all slices, or on all except one. A scan that consists of padding alone counts as image.

    Args:
        voxels: Volume (slice, row, column).
    """
    padding = np.zeros(voxels.shape[1:], bool)
    for row in (0, -1):
        for column in (0, -1):
            if not padding[row, column]:
                padding |= _around_corner(voxels, row, column)
    return np.ones_like(padding) if padding.all() else ~padding


def image_window(area: BoolArray) -> tuple[slice, slice]:
    """Return the range of rows and the range of columns that hold the image, from the result of `image_area`."""
    (top, bottom), (left, right) = (np.flatnonzero(area.any(axis=axis))[[0, -1]] for axis in (1, 0))
    return slice(int(top), int(bottom) + 1), slice(int(left), int(right) + 1)


def _around_corner(voxels: FloatArray, row: int, column: int) -> BoolArray:
    """Return the pixels of one value that are connected to a corner, or none if the corner has several values."""
    level = np.float32(np.median(voxels[:, row, column]))
    enough = len(voxels) - _ODD_SLICES
    if np.count_nonzero(voxels[:, row, column] == level) < enough:
        return np.zeros(voxels.shape[1:], bool)
    pieces, _ = ndimage.label(np.count_nonzero(voxels == level, axis=0) >= enough)
    connected: BoolArray = pieces == pieces[row, column]
    return connected
