"""Likeness of the surroundings of the atrium to real scans, as they are and with reversed axes."""

from functools import cache
from importlib import resources
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates

from lgeqa.measures import Heart
from lgeqa.records import FloatArray

#: Grid around the centroid of the atrium on which scans are compared, in mm: (slice, row, column).
_GRID_MM = (np.arange(-36, 37, 8.0), np.arange(-48, 49, 6.0), np.arange(-60, 61, 6.0))
#: The signal is averaged over this many mm on either side along each axis, so that only anatomy counts.
_AVERAGE_MM = 3.0
#: Signal above this, in units of blood, is clipped, since fat is not informative.
_BRIGHTEST = 2.0
#: Smallest number of grid points for a comparison.
_LEAST_POINTS = 300

Signs = tuple[int, int, int]
#: All combinations of reversed axes: (slice, row, column).
WAYS: tuple[Signs, ...] = tuple(product((1, -1), repeat=3))  # type: ignore[arg-type]
AS_IT_IS: Signs = (1, 1, 1)


def likeness(heart: Heart) -> dict[Signs, float]:
    """Correlate the surroundings of the atrium with the mean of real scans, for each way of reversing the axes.

    Args:
        heart: Anatomy of a scan with an atrium.

    Returns:
        Pearson correlation over the points of a coarse grid that are on the scan, for each of `WAYS`. NaN if these are
        fewer than 300 points.
    """
    here, mean = surroundings(heart), mean_heart()
    return {way: _correlation(here[:: way[0], :: way[1], :: way[2]], mean) for way in WAYS}


def surroundings(heart: Heart) -> FloatArray:
    """Return the signal around the atrium on the coarse grid, in units of blood above air, NaN outside the scan."""
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
    """Return the mean of the real scans on the coarse grid, with NaN where fewer than half of them reach.

    `benchmarks/gate.py --mean-heart` computes it.
    """
    path = resources.files("lgeqa.inference.gate") / "mean_heart.npy"
    with path.open("rb") as file:
        mean: FloatArray = np.load(file, allow_pickle=False).astype(np.float32)
    return mean


def _correlation(a: FloatArray, b: FloatArray) -> float:
    """Return the Pearson correlation over the points in both, or NaN if they are few or one array is constant."""
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < _LEAST_POINTS or a[both].std() == 0:
        return float("nan")
    return float(np.corrcoef(a[both], b[both])[0, 1])
