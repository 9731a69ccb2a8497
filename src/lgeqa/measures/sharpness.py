"""The measure of sharpness: the width of the edges of the atrium."""

import numpy as np

from lgeqa.measures.heart import ALL, LEAST_EDGES, Heart
from lgeqa.measures.value import Measured, undefined

#: Smallest number of edges for the width on a single slice.
_LEAST_ON_SLICE = 8


def edge_width_mm(heart: Heart, slices: slice = ALL) -> Measured:
    """Measure the width of the edges of the atrium.

    Formula: median 10-90 % width of the error functions fitted to the signal across the border (see `find_edges`).
    The fit includes the wall, so an enhancing wall can widen an edge.
    Unit: mm. Direction: lower is better.
    Undefined: an error function describes fewer than 20 edges (8 on one slice).
    Source: this package; the width of a fitted error function is the usual edge-spread measure.
    """
    first, stop, _ = slices.indices(len(heart.signal))
    edges = heart.edges
    widths = edges.widths_mm[(edges.slices >= first) & (edges.slices < stop)]
    if len(widths) < (LEAST_EDGES if slices == ALL else _LEAST_ON_SLICE):
        return undefined("The border of the atrium shows too few clear edges.")
    return Measured(float(np.median(widths)))
