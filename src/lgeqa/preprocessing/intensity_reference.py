"""Reference grey levels of a scan: air and the atrial blood pool.

Both are weighted means over many voxels, so that they change little and continuously with the mask, the borders and the
grey scale. A median of integers would jump from one grey level to the next, which is 5 % in a dark scan.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from lgeqa.errors import NotAssessableError
from lgeqa.preprocessing.padding import image_area
from lgeqa.records import BoolArray, FloatArray

#: Half of the window, in mm (slice, row, column), in which the share of the mask measures the depth of a voxel.
CORE_MM = (7.5, 2.4, 2.4)
#: Exponent with which the weight of a voxel increases with depth.
_STEEPNESS = 4
#: Air is searched within this in-plane distance of the atrium, in mm, so that the field of view does not matter.
NEIGHBOURHOOD_MM = 10.0
#: Share of the atrium on the slices at either end in which air is not searched.
_ENDS = 0.05
#: Quantiles between which voxels are air. Voxels below the first are outliers.
_DARKEST = (0.0002, 0.002)


@dataclass(frozen=True)
class IntensityReference:
    """Grey levels of a scan that define its signal.

    Attributes:
        air: Grey level of the darkest tissue near the atrium, which is lung or air.
        blood: Grey level of the atrial blood pool, which is above `air`.
    """

    air: float
    blood: float

    def signal(self, voxels: FloatArray) -> FloatArray:
        """Return grey levels as signal, with 0 for air and 1 for blood."""
        signal: FloatArray = (voxels - np.float32(self.air)) / np.float32(self.blood - self.air)
        return signal


def intensity_reference(
    voxels: FloatArray, atrium: BoolArray, spacing_mm: tuple[float, float, float]
) -> IntensityReference:
    """Measure the grey levels of air and of the atrial blood pool.

    Blood is the interquartile mean of the atrium. The weight of a voxel rises from 0 at the border of the mask to 1 at
    about 2.5 mm inside it, so the core counts if there is one. Air is the mean of the darkest 0.2 % of the voxels near
    the atrium, without the darkest 0.02 % and without padding.

    Args:
        voxels: Volume (slice, row, column), axial LPS, any grey scale.
        atrium: Blood pool, bool (slice, row, column), with at least one voxel set.
        spacing_mm: Voxel spacing (slice, row, column).

    Raises:
        NotAssessableError: No voxel of the atrium is in the image, or the blood pool is not brighter than the darkest
            voxels near it.
    """
    area = image_area(voxels)
    inside = atrium & area
    if not inside.any():
        raise NotAssessableError("No voxel of the atrium's mask is in the image. Check that the mask fits the scan.")
    air, blood = _air(voxels, area, neighbourhood(inside, spacing_mm)), _blood(voxels, inside, spacing_mm)
    if not blood > air:
        raise NotAssessableError(
            f"The blood pool ({blood:g}) is as dark as the darkest voxels near it ({air:g}). Check that the mask fits "
            "the scan."
        )
    return IntensityReference(air, blood)


def neighbourhood(atrium: BoolArray, spacing_mm: tuple[float, float, float]) -> tuple[slice, slice, slice]:
    """Return a box around the atrium without its outermost slices, with `NEIGHBOURHOOD_MM` on each side in-plane."""
    _, rows, columns = _box(atrium, [0, *(int(np.rint(NEIGHBOURHOOD_MM / mm)) for mm in spacing_mm[1:])])
    share = np.cumsum(np.count_nonzero(atrium, axis=(1, 2))) / np.count_nonzero(atrium)
    first, last = np.searchsorted(share, (_ENDS, 1 - _ENDS))
    return slice(int(first), int(last) + 1), rows, columns


def _box(atrium: BoolArray, margins: Sequence[int]) -> tuple[slice, slice, slice]:
    """Return the box from the first to the last voxel along each axis, with `margins` on both sides."""
    plane = np.asarray(atrium.any(axis=0))
    filled = (atrium.any(axis=(1, 2)), plane.any(axis=1), plane.any(axis=0))
    ends = [np.flatnonzero(line)[[0, -1]] for line in filled]
    z, y, x = (slice(max(0, int(a) - n), int(b) + n + 1) for (a, b), n in zip(ends, margins, strict=True))
    return z, y, x


def _air(voxels: FloatArray, area: BoolArray, box: tuple[slice, slice, slice]) -> float:
    near = voxels[box][:, area[box[1:]]].ravel()
    first, last = (min(int(np.ceil(share * near.size)), near.size - 1) for share in _DARKEST)
    return float(np.partition(near, (first, last))[first : last + 1].mean(dtype=np.float64))


def _blood(voxels: FloatArray, atrium: BoolArray, spacing_mm: tuple[float, float, float]) -> float:
    window = [2 * int(np.rint(mm / step)) + 1 for mm, step in zip(CORE_MM, spacing_mm, strict=True)]
    box = _box(atrium, (0, 0, 0))
    inside = atrium[box]
    depth = 2 * ndimage.uniform_filter(inside.astype(np.float32), window, mode="constant")[inside] - 1
    weights = np.clip(depth, 0, 1).astype(np.float64) ** _STEEPNESS
    if not weights.any():  # a mask of single voxels has no core
        weights = np.ones_like(weights)
    return _interquartile_mean(voxels[box][inside].astype(np.float64), weights)


def _interquartile_mean(values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]) -> float:
    """Return the mean between the weighted quartiles, to which a value on a quartile contributes its share inside."""
    order = np.argsort(values)
    rises = np.concatenate([[0.0], np.cumsum(weights[order])]) / weights.sum()
    inside = np.diff(np.clip(rises, 0.25, 0.75))
    return float(inside @ values[order] / inside.sum())
