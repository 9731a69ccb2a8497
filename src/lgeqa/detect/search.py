"""Running the detector over a scan, twice: over whole slices to find the atrium, and around it to outline it.

The first pass depends on the field of view, which sets its grid and its grey scale. The second does not: its window and
its grey scale follow the atrium, so a crop, padding or a larger field give nearly the same outline.
"""

from collections.abc import Callable

import numpy as np

from lgeqa.detect.atrium import SliceRule, atrium_mask
from lgeqa.prepare import AtriumPlace, DetectorPreparation, context_slices, prepare_for_detector, to_scan_grid
from lgeqa.records import FloatArray, IntArray

#: Gives the probability of atrium of slices (slice, row, column) that each see those of (slice, context).
Detect = Callable[[FloatArray, IntArray], FloatArray]


def search_atrium(
    voxels: FloatArray,
    spacing_mm: tuple[float, float, float],
    detect: Detect,
    preparation: DetectorPreparation,
    rule: SliceRule,
) -> FloatArray:
    """Return the probability of atrium at each voxel, float32 (slice, row, column).

    Where the first pass finds no atrium its probabilities are returned.

    Args:
        voxels: (slice, row, column), axial LPS, any grey scale.
        spacing_mm: (slice, row, column).
        detect: the network, such as `Bundle.detect`.
        preparation: the settings the network was trained with.
        rule: the rule that says which pixels count.

    Raises:
        NotAssessableError: the volume holds a single grey level.
    """
    context = context_slices(len(voxels), spacing_mm[0], preparation)
    prepared, grid = prepare_for_detector(voxels, spacing_mm, preparation)
    found = detect(prepared, context)
    atrium = atrium_mask(found, prepared, (spacing_mm[0], grid.pixel_mm, grid.pixel_mm), rule)
    if atrium.any():
        place = AtriumPlace.of(np.where(atrium, found, np.float32(0)), grid)
        prepared, grid = prepare_for_detector(voxels, spacing_mm, preparation, place)
        found = detect(prepared, context)
    return to_scan_grid(found, grid)
