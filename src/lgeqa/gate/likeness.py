"""How much the surroundings of the atrium look like those of real scans, as they are and turned over."""

from functools import cache
from importlib import resources
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates

from lgeqa.measure import Heart
from lgeqa.records import FloatArray

#: Grid around the centroid of the atrium on which scans are compared, in mm: (slice, row, column).
_GRID_MM = (np.arange(-36, 37, 8.0), np.arange(-48, 49, 6.0), np.arange(-60, 61, 6.0))
#: The signal is averaged over this many mm to either side along each axis, so that only anatomy counts.
_AVERAGE_MM = 3.0
#: Signal above this, in units of blood, is cut off: fat says little.
_BRIGHTEST = 2.0
#: Points of the grid that a comparison needs.
_LEAST_POINTS = 300

Signs = tuple[int, int, int]
#: Every way in which an axis or several can be reversed: (slice, row, column).
WAYS: tuple[Signs, ...] = tuple(product((1, -1), repeat=3))  # type: ignore[arg-type]
AS_IT_IS: Signs = (1, 1, 1)


def likeness(heart: Heart) -> dict[Signs, float]:
    """Correlate the surroundings of the atrium with the mean of real scans, for each way of reversing the axes.

    Args:
        heart: The anatomy of a scan with an atrium.

    Returns:
        Pearson correlation over the points of a coarse grid that lie on the scan, for each of `WAYS`. NaN where fewer
        than 300 points do.
    """
    here, mean = surroundings(heart), mean_heart()
    return {way: _correlation(here[:: way[0], :: way[1], :: way[2]], mean) for way in WAYS}


def surroundings(heart: Heart) -> FloatArray:
    """Return the signal around the atrium on the coarse grid, in units of blood above air; NaN off the scan."""
    voxels, spacing = heart.image, heart.spacing_mm
    corner = (0, heart.image_box[0].start, heart.image_box[1].start)
    places = np.nonzero(heart.whole_atrium)
    centres = [(axis.mean() - first) * mm for axis, first, mm in zip(places, corner, spacing, strict=True)]
    total: npt.NDArray[np.float64] = np.zeros([len(axis) for axis in _GRID_MM])
    offsets = (-_AVERAGE_MM, 0.0, _AVERAGE_MM)
    for shift in product(offsets, repeat=3):
        axes = [
            (centre + grid + move) / mm
            for centre, grid, move, mm in zip(centres, _GRID_MM, shift, spacing, strict=True)
        ]
        points = np.meshgrid(*axes, indexing="ij")
        total += map_coordinates(voxels, points, order=1, mode="constant", cval=np.nan)
    signal = (total / len(offsets) ** 3 - heart.reference.air) / (heart.reference.blood - heart.reference.air)
    return np.clip(signal, 0, _BRIGHTEST).astype(np.float32)


@cache
def mean_heart() -> FloatArray:
    """Return the mean of the real scans on the coarse grid; NaN where fewer than half of them reach.

    `benchmarks/gate.py --mean-heart` makes it.
    """
    path = resources.files("lgeqa.gate") / "mean_heart.npy"
    with path.open("rb") as file:
        mean: FloatArray = np.load(file, allow_pickle=False).astype(np.float32)
    return mean


def _correlation(a: FloatArray, b: FloatArray) -> float:
    """Return the Pearson correlation over the points that both have; NaN where they are few, or one is constant."""
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < _LEAST_POINTS or a[both].std() == 0:
        return float("nan")
    return float(np.corrcoef(a[both], b[both])[0, 1])
