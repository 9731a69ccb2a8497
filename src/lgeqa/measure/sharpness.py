"""The measure of sharpness: how wide the edges of the blood pools are."""

import numpy as np

from lgeqa.measure.heart import ALL, LEAST_EDGES, Heart
from lgeqa.measure.measured import Measured, undefined

#: Edges that the width on a single slice needs.
_LEAST_ON_SLICE = 8


def edge_width_mm(heart: Heart, slices: slice = ALL) -> Measured:
    """Measure the width of the edges of the atrium and the descending aorta.

    Formula: median 10-90 % width of the error functions fitted to the signal across the borders (see `find_edges`).
    The wall is part of what is fitted, so an enhancing wall can widen an edge.
    Unit: mm. Direction: lower is better.
    Undefined: fewer than 20 edges (8 on one slice) are described by an error function.
    Source: this package; edge width by a fitted error function is the usual edge-spread measure.
    """
    first, stop, _ = slices.indices(len(heart.signal))
    widths = np.concatenate(
        [one.widths_mm[(one.slices >= first) & (one.slices < stop)] for one in (heart.edges, heart.aorta_edges)]
    )
    if len(widths) < (LEAST_EDGES if slices == ALL else _LEAST_ON_SLICE):
        return undefined("The borders of the blood pools show too few clear edges.")
    return Measured(float(np.median(widths)))
