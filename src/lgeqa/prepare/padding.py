"""Padding of a scan: pixels at its borders that hold one and the same value throughout.

Exports add it to make slices square, or where a correction of the gradients moved the image. It holds no signal, so
whatever is computed from grey levels leaves it out.
"""

import numpy as np
from scipy import ndimage

from lgeqa.records import BoolArray, FloatArray

#: Slices on which a pixel of padding may hold another value, so that one odd voxel hides none.
_ODD_SLICES = 1


def image_area(voxels: FloatArray) -> BoolArray:
    """Return which pixels of the slices hold the image, bool (row, column); the others are padding.

    Padding starts at a corner of the slices. It is every pixel connected to the corner that holds the corner's value on
    all slices but one at most. A scan that is padding throughout counts as image.

    Args:
        voxels: (slice, row, column).
    """
    padding = np.zeros(voxels.shape[1:], bool)
    for row in (0, -1):
        for column in (0, -1):
            if not padding[row, column]:
                padding |= _around_corner(voxels, row, column)
    return np.ones_like(padding) if padding.all() else ~padding


def image_window(area: BoolArray) -> tuple[slice, slice]:
    """Return the rows and the columns from the first to the last that hold the image, for `image_area`'s answer."""
    (top, bottom), (left, right) = (np.flatnonzero(area.any(axis=axis))[[0, -1]] for axis in (1, 0))
    return slice(int(top), int(bottom) + 1), slice(int(left), int(right) + 1)


def _around_corner(voxels: FloatArray, row: int, column: int) -> BoolArray:
    """The pixels of one value that are connected to a corner; none if the corner holds more than one."""
    level = np.float32(np.median(voxels[:, row, column]))
    enough = len(voxels) - _ODD_SLICES
    if np.count_nonzero(voxels[:, row, column] == level) < enough:
        return np.zeros(voxels.shape[1:], bool)
    pieces, _ = ndimage.label(np.count_nonzero(voxels == level, axis=0) >= enough)
    connected: BoolArray = pieces == pieces[row, column]
    return connected
