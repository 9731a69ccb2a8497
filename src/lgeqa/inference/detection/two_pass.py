"""Detection of the atrium in two passes: over whole slices to find it, and over a window around it to outline it.

The first pass depends on the field of view, which sets its grid and its grey scale. The second does not: its window and
its grey scale follow the atrium, so a crop, padding or a larger field give nearly the same outline.
"""

from collections.abc import Callable

import numpy as np

from lgeqa.inference.detection.atrium import SliceRule, atrium_mask
from lgeqa.preprocessing import AtriumPlace, DetectorPreparation, context_slices, prepare_for_detector, to_scan_grid
from lgeqa.records import FloatArray, IntArray

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

    If the first pass finds no atrium, its probabilities are returned.

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
    prepared, grid = prepare_for_detector(voxels, spacing_mm, preparation)
    probabilities = detect(prepared, context)
    atrium = atrium_mask(probabilities, prepared, (spacing_mm[0], grid.pixel_mm, grid.pixel_mm), rule)
    if atrium.any():
        place = AtriumPlace.of(np.where(atrium, probabilities, np.float32(0)), grid)
        prepared, grid = prepare_for_detector(voxels, spacing_mm, preparation, place)
        probabilities = detect(prepared, context)
    return to_scan_grid(probabilities, grid)
