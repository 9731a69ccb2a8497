"""Outlines of a mask as polygons."""

import numpy as np
from contourpy import contour_generator

from lgeqa.records import BoolArray

Polygon = list[tuple[float, float]]


def outlines(mask: BoolArray) -> list[Polygon]:
    """Return the lines between a mask and its surroundings, by marching squares at one half.

    Args:
        mask: Mask, bool (row, column).

    Returns:
        Closed polygons of (row, column) points in pixels, where pixel (0, 0) extends from 0 to 1 in both. Each point
        is the middle of a side of a pixel, and points on a straight line are left out. Pixels that touch only at a
        corner are separate. A hole is a separate polygon.
    """
    middles = np.pad(mask, 1).astype(np.float64)  # the first pixel, with its middle at 0.5, gets index 1
    lines = contour_generator(z=middles).lines(0.5)  # closed, so that the last point is the first
    points = ((np.asarray(line)[:-1, ::-1] - 0.5).tolist() for line in lines)
    return [_without_straight([(row, column) for row, column in polygon]) for polygon in points]


def _without_straight(points: Polygon) -> Polygon:
    """Return the points without those on a straight line between their neighbours."""
    around = zip([points[-1], *points[:-1]], points, [*points[1:], points[0]], strict=True)
    return [here for a, here, b in around if (here[0] - a[0]) * (b[1] - here[1]) != (here[1] - a[1]) * (b[0] - here[0])]
