"""Outlines of a mask as polygons."""

from collections import defaultdict
from itertools import pairwise

import numpy as np

from lgeqa.records import BoolArray

Corner = tuple[int, int]
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
    steps = _steps(mask)
    polygons = []
    while steps:
        loop = _walk(steps, next(iter(steps)))
        middles = [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in pairwise([*loop, loop[0]])]
        polygons.append(_without_straight(middles))
    return polygons


def _steps(mask: BoolArray) -> dict[Corner, list[Corner]]:
    """Return the steps from each corner on the line to the next, with the mask on the right as rows run down."""
    padded = np.pad(mask, 1)
    inner = padded[1:-1, 1:-1]
    sides = (
        (inner & ~padded[:-2, 1:-1], (0, 0), (0, 1)),  # open above: to the right along the top
        (inner & ~padded[1:-1, 2:], (0, 1), (1, 1)),
        (inner & ~padded[2:, 1:-1], (1, 1), (1, 0)),
        (inner & ~padded[1:-1, :-2], (1, 0), (0, 0)),
    )
    steps: defaultdict[Corner, list[Corner]] = defaultdict(list)
    for open_side, start, end in sides:
        for row, column in np.argwhere(open_side).tolist():
            steps[row + start[0], column + start[1]].append((row + end[0], column + end[1]))
    return dict(steps)


def _walk(steps: dict[Corner, list[Corner]], start: Corner) -> list[Corner]:
    """Remove one closed line from `steps` and return it."""
    loop, before, here = [], None, start
    while before is None or here != start:
        loop.append(here)
        before, here = here, _next(steps, before, here)
    return loop


def _next(steps: dict[Corner, list[Corner]], before: Corner | None, here: Corner) -> Corner:
    """Remove and return the step from `here` that stays with the same pixel where two pixels touch at a corner."""
    ways = steps[here]
    if before is not None and len(ways) > 1:
        right = (here[0] + (here[1] - before[1]), here[1] - (here[0] - before[0]))
        ways.sort(key=lambda way: way == right)
    way = ways.pop()
    if not ways:
        del steps[here]
    return way


def _without_straight(points: Polygon) -> Polygon:
    """Return the points without those on a straight line between their neighbours."""
    around = zip([points[-1], *points[:-1]], points, [*points[1:], points[0]], strict=True)
    return [here for a, here, b in around if (here[0] - a[0]) * (b[1] - here[1]) != (here[1] - a[1]) * (b[0] - here[0])]
