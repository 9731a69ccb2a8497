"""Measures of nulling: the signal left in the myocardium, and dark lines of an early inversion time."""

import numpy as np

from lgeqa.measures.heart import LEAST_EDGES, Heart, coarse_distance_mm
from lgeqa.measures.value import Measured, undefined

#: Range of distances from a blood pool in which muscle is searched for, in mm.
_BESIDE_MM = (3.0, 13.0)
#: Darkest share of that tissue, which counts as muscle.
_DARKEST = 0.5
#: Smallest number of pixels of 2 mm of muscle and of background.
_LEAST_PIXELS = 100


def nulling_ratio(heart: Heart) -> Measured:
    """Measure how much signal is left in the myocardium.

    Formula: (muscle - background) / (blood - background). Muscle is the mean of the darker half of the pixels of 2 mm
    at 3 to 13 mm from a blood pool (atrium, aorta or another one) that are neither blood nor background. It may be
    another tissue where no myocardium is near. Background is the mean of dark regions at least 12 mm across, which are
    lung and air, so the noise floor of magnitude images cancels.
    Unit: none; 0 is as dark as lung and 1 as bright as blood. Direction: lower is better.
    Undefined: fewer than 100 pixels of either.
    Source: this package; it measures myocardium nulling as scored in the paper (arXiv 2310.08805, section 3.2).
    """
    blood = heart.coarse_pools | (heart.coarse_atrium > 0.5) | heart.coarse_aorta
    background = heart.coarse_background
    away = coarse_distance_mm(blood)
    beside = (away >= _BESIDE_MM[0]) & (away <= _BESIDE_MM[1]) & ~background
    if min(beside.sum(), background.sum()) < _LEAST_PIXELS:
        return undefined("Too little tissue beside the blood pools, or too little lung, is in the field of view.")
    tissue = np.sort(heart.coarse_smooth[beside])
    muscle = float(tissue[: int(_DARKEST * len(tissue))].mean())
    floor = float(heart.coarse[background].mean())
    return Measured((muscle - floor) / (1 - floor))


def dark_line_percent(heart: Heart) -> Measured:
    """Measure how dark a line surrounds the atrial blood.

    Formula: median, over rays across the border of the atrium on which the signal falls by at least 15 % of blood, of
    the rise beyond the darkest point up to 8 mm outside the border, over the signal of blood, times 100. Each ray is
    the mean of four parallel ones (see `find_edges`), smoothed by a Gaussian of 1.25 mm. An image that is taken before
    muscle passes its null shows inverted muscle as bright, and a dark line where it meets blood, since both cancel
    in the voxels that they share. Blur hides the line.
    Unit: % of blood. Direction: lower is better.
    Undefined: the signal falls on fewer than 20 rays.
    Source: this package. The line is the black boundary artefact of magnitude inversion recovery.
    """
    lines = heart.edges.lines
    if len(lines) < LEAST_EDGES:
        return undefined("The signal hardly falls across the border of the atrium.")
    return Measured(100 * float(np.median(lines)))
