"""Conversion between the axes of a file and axial LPS order, by permutations and flips and never by resampling.

The axes of a file are (i, j, k) with i fastest, so its array has the axes (k, j, i), see `records.Grid`. Axial order is
(slice, row, column) with indices that increase towards superior, posterior and left. All positions are LPS in mm.
"""

import math
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt

from lgeqa.errors import NotAssessableError, ReadError
from lgeqa.io.formatting import extent, numbers
from lgeqa.io.limits import MAX_POSITION_MM, Limits
from lgeqa.records import Grid

#: A stack has a distinct slice axis if one spacing exceeds the others by more than this ratio.
ANISOTROPY = 1.2
#: Tilt above which there is a warning. Rounding in headers stays below it.
WARN_TILT_DEGREES = 2.0
#: Largest deviation of the scalar product of two direction columns from its value for orthonormal axes.
RIGHT_ANGLE_TOLERANCE = 1e-3
#: Largest differences between two volumes on the same grid.
SAME_SPACING_MM = 1e-3
SAME_ORIGIN_MM = 0.1
SAME_DIRECTION = 1e-3

_LEFT, _POSTERIOR, _SUPERIOR = range(3)
_STACKS = {_LEFT: "sagittal", _POSTERIOR: "coronal"}


@dataclass(frozen=True)
class AxialOrder:
    """Mapping from the axes of a file to axial order.

    Attributes:
        axes: File axes (0 = i) of the slice, row and column index.
        flipped: Whether each of these axes runs against superior, posterior, left.
        tilt_degrees: Largest angle between one of these axes and its patient axis.
    """

    axes: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]
    tilt_degrees: float

    def apply(self, stored: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return a view of an array in file order (k, j, i) as (slice, row, column)."""
        return np.flip(stored.transpose(self._numpy_axes), self._flips)

    def undo(self, axial: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return a view of an array (slice, row, column) in file order (k, j, i)."""
        return np.flip(axial, self._flips).transpose(np.argsort(self._numpy_axes))

    @property
    def _numpy_axes(self) -> list[int]:
        return [2 - axis for axis in self.axes]

    @property
    def _flips(self) -> tuple[int, ...]:
        return tuple(axis for axis, flip in enumerate(self.flipped) if flip)


def check_grid(grid: Grid, where: str, limits: Limits) -> None:
    """Refuse a grid that is impossible for a scan.

    Raises:
        ReadError: The grid has too many voxels, a spacing that is zero, negative or implausible, a position outside any
            scanner, or axes that are not at right angles.
    """
    check_size(grid.size, where, limits)
    check_spacing(grid.spacing_mm, where, limits)
    if not all(abs(position) <= MAX_POSITION_MM for position in grid.origin_mm):
        raise ReadError(
            f"{where}: its first voxel is at {numbers(grid.origin_mm)} mm, outside of any scanner. "
            "Correct the header or export it again."
        )
    directions = np.clip(_directions(grid), -2, 2)  # clipped values are still refused, and cannot overflow
    skew = np.abs(directions.T @ directions - np.eye(3)).max()
    if not skew <= RIGHT_ANGLE_TOLERANCE:  # also true for NaN
        raise ReadError(
            f"{where}: its axes are not at right angles (direction {numbers(grid.direction)}). "
            "Resample it to a grid without shear."
        )


def check_size(size: tuple[int, ...], where: str, limits: Limits) -> None:
    """Refuse a size without voxels or with more voxels than the limit.

    Raises:
        ReadError: The number of voxels is zero or too large.
    """
    if min(size, default=0) < 1:
        raise ReadError(f"{where}: its header gives a size of {extent(size)} voxels. Export it again.")
    if math.prod(size) > limits.max_voxels:
        raise ReadError(
            f"{where}: its header announces {extent(size)} voxels; lgeqa reads up to {limits.max_voxels}. "
            "Crop the volume to the heart."
        )


def check_spacing(spacing_mm: tuple[float, ...], where: str, limits: Limits) -> None:
    """Refuse a spacing that is zero, negative, not a number or implausible.

    Raises:
        ReadError: A spacing is outside the limits.
    """
    low, high = limits.min_spacing_mm, limits.max_spacing_mm
    if not all(low <= spacing <= high for spacing in spacing_mm):
        raise ReadError(
            f"{where}: its voxel spacing {numbers(spacing_mm)} mm is outside {low:g} to {high:g} mm. "
            "Correct the header or export it again."
        )


def axial_order(grid: Grid) -> AxialOrder:
    """Find the file axes of the slice, row and column index, which are the closest to the patient axes."""
    directions = _directions(grid)
    closeness = np.abs(directions)  # (patient axis, file axis)
    axes = max(permutations(range(3)), key=lambda axes: sum(closeness[patient, axes[patient]] for patient in range(3)))
    slices, rows, columns = axes[_SUPERIOR], axes[_POSTERIOR], axes[_LEFT]
    worst = min(closeness[patient, axes[patient]] for patient in range(3))
    return AxialOrder(
        axes=(slices, rows, columns),
        flipped=(
            bool(directions[_SUPERIOR, slices] < 0),
            bool(directions[_POSTERIOR, rows] < 0),
            bool(directions[_LEFT, columns] < 0),
        ),
        tilt_degrees=_degrees(worst),
    )


def check_axial(grid: Grid, order: AxialOrder, where: str, limits: Limits) -> None:
    """Refuse a stack whose slices are not axial.

    The slice axis is the coarsest axis if one is coarser than the others, or else the axis closest to superior.

    Raises:
        NotAssessableError: The stack is sagittal, coronal or oblique by more than the limit.
    """
    slice_axis = _acquired_slice_axis(grid, order)
    towards = np.abs(_directions(grid)[:, slice_axis])
    nearest = int(towards.argmax())
    if nearest != _SUPERIOR and _degrees(towards[nearest]) <= limits.max_tilt_degrees:
        raise NotAssessableError(
            f"{where}: is a {_STACKS[nearest]} stack (spacing {numbers(grid.spacing_mm)} mm). Give an axial stack."
        )
    tilt = max(order.tilt_degrees, _degrees(towards[_SUPERIOR]))
    if tilt > limits.max_tilt_degrees:
        raise NotAssessableError(
            f"{where}: is oblique, {tilt:.0f} degrees off the patient's axes; up to {limits.max_tilt_degrees:g} "
            "can be judged. Give an axial stack."
        )


def axial_grid(grid: Grid, order: AxialOrder) -> Grid:
    """Return the grid of the same voxels whose axes (i, j, k) are (column, row, slice) in axial order."""
    directions = _directions(grid)
    origin = np.array(grid.origin_mm)
    columns = []
    for axis, flip in zip(reversed(order.axes), reversed(order.flipped), strict=True):
        if flip:
            origin += directions[:, axis] * grid.spacing_mm[axis] * (grid.size[axis] - 1)
        columns.append(-directions[:, axis] if flip else directions[:, axis])
    column, row, slice_ = reversed(order.axes)
    return Grid(
        size=(grid.size[column], grid.size[row], grid.size[slice_]),
        spacing_mm=(grid.spacing_mm[column], grid.spacing_mm[row], grid.spacing_mm[slice_]),
        origin_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
        direction=tuple(float(value) for value in np.stack(columns, axis=1).ravel()),
    )


def slice_positions(axial: Grid) -> tuple[float, ...]:
    """Return the LPS z in mm of the centre of each slice of an axial grid, in increasing order."""
    z_steps = _directions(axial)[2] * axial.spacing_mm
    columns, rows, slices = axial.size
    first = axial.origin_mm[2] + z_steps[0] * (columns - 1) / 2 + z_steps[1] * (rows - 1) / 2
    return tuple(round(float(first + z_steps[2] * index), 6) for index in range(slices))


def tilt_warnings(order: AxialOrder) -> tuple[str, ...]:
    """Return a warning if a stack is slightly oblique."""
    if order.tilt_degrees <= WARN_TILT_DEGREES:
        return ()
    return (f"The stack is oblique, {order.tilt_degrees:.0f} degrees off the patient's axes; it was not resampled.",)


def check_same_grid(mask: Grid, scan: Grid, where: str) -> None:
    """Refuse a mask that is not on the voxels of the scan, both grids being in axial order.

    Raises:
        ReadError: Size, spacing, origin or direction differ by more than the tolerances of this module.
    """
    pairs = (
        ("size", mask.size, scan.size, 0.0),
        ("spacing", mask.spacing_mm, scan.spacing_mm, SAME_SPACING_MM),
        ("origin", mask.origin_mm, scan.origin_mm, SAME_ORIGIN_MM),
        ("direction", mask.direction, scan.direction, SAME_DIRECTION),
    )
    for name, of_mask, of_scan, tolerance in pairs:
        if np.abs(np.subtract(of_mask, of_scan)).max() > tolerance:
            raise ReadError(
                f"{where}: the mask's {name} in axial order is {numbers(of_mask)}, the scan's is {numbers(of_scan)}. "
                "Save the mask on the grid of the scan."
            )


def _directions(grid: Grid) -> npt.NDArray[np.float64]:
    return np.array(grid.direction, dtype=np.float64).reshape(3, 3)


def _degrees(cosine: float) -> float:
    return math.degrees(math.acos(min(cosine, 1.0)))


def _acquired_slice_axis(grid: Grid, order: AxialOrder) -> int:
    coarsest = int(np.argmax(grid.spacing_mm))
    others = [spacing for axis, spacing in enumerate(grid.spacing_mm) if axis != coarsest]
    return coarsest if grid.spacing_mm[coarsest] > ANISOTROPY * max(others) else order.axes[0]
