"""From the axes of a file to axial LPS order and back: permutations and flips, never resampling.

A file's axes are (i, j, k) with i fastest, so its array has the axes (k, j, i); see `records.Grid`. Axial order is
(slice, row, column) with indices that rise to superior, posterior and left. All positions are LPS millimetres.
"""

import math
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt

from lgeqa.errors import NotAssessableError, ReadError
from lgeqa.read.limits import MAX_POSITION_MM, Limits
from lgeqa.read.words import extent, numbers
from lgeqa.records import Grid

#: A stack has a slice axis of its own when one spacing exceeds the others by more than this ratio.
ANISOTROPY = 1.2
#: Smallest tilt that is worth a warning; rounding in headers stays below it.
WARN_TILT_DEGREES = 2.0
#: Largest departure of the product of two direction columns from that of axes at right angles.
RIGHT_ANGLE_TOLERANCE = 1e-3
#: How far two volumes may differ and still count as being on one grid.
SAME_SPACING_MM = 1e-3
SAME_ORIGIN_MM = 0.1
SAME_DIRECTION = 1e-3

_LEFT, _POSTERIOR, _SUPERIOR = range(3)
_STACKS = {_LEFT: "sagittal", _POSTERIOR: "coronal"}


@dataclass(frozen=True)
class AxialOrder:
    """How a file's axes become axial ones.

    Attributes:
        axes: the file axis (0 = i) that runs along slices, rows and columns.
        flipped: whether each of them runs against superior, posterior, left.
        tilt_degrees: largest angle between one of them and the patient's axis.
    """

    axes: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]
    tilt_degrees: float

    def apply(self, stored: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """View an array in file order (k, j, i) as (slice, row, column)."""
        return np.flip(stored.transpose(self._numpy_axes), self._flips)

    def undo(self, axial: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """View an array (slice, row, column) in file order (k, j, i)."""
        return np.flip(axial, self._flips).transpose(np.argsort(self._numpy_axes))

    @property
    def _numpy_axes(self) -> list[int]:
        return [2 - axis for axis in self.axes]

    @property
    def _flips(self) -> tuple[int, ...]:
        return tuple(axis for axis, flip in enumerate(self.flipped) if flip)


def check_grid(grid: Grid, where: str, limits: Limits) -> None:
    """Refuse a grid whose numbers cannot be those of a scan.

    Raises:
        ReadError: too many voxels, a spacing that is zero, negative or absurd, a place outside of any scanner, axes
            that are not at right angles.
    """
    check_size(grid.size, where, limits)
    check_spacing(grid.spacing_mm, where, limits)
    if not all(abs(position) <= MAX_POSITION_MM for position in grid.origin_mm):
        raise ReadError(
            f"{where}: its first voxel is at {numbers(grid.origin_mm)} mm, outside of any scanner. "
            "Correct the header or export it again."
        )
    directions = np.clip(_directions(grid), -2, 2)  # such values are wrong all the same, and cannot overflow
    skew = np.abs(directions.T @ directions - np.eye(3)).max()
    if not skew <= RIGHT_ANGLE_TOLERANCE:  # true of NaN too
        raise ReadError(
            f"{where}: its axes are not at right angles (direction {numbers(grid.direction)}). "
            "Resample it to a grid without shear."
        )


def check_size(size: tuple[int, ...], where: str, limits: Limits) -> None:
    """Refuse a size without voxels or with more than the memory is meant for. Raises ReadError."""
    if min(size, default=0) < 1:
        raise ReadError(f"{where}: its header gives a size of {extent(size)} voxels. Export it again.")
    if math.prod(size) > limits.max_voxels:
        raise ReadError(
            f"{where}: its header announces {extent(size)} voxels; lgeqa reads up to {limits.max_voxels}. "
            "Crop the volume to the heart."
        )


def check_spacing(spacing_mm: tuple[float, ...], where: str, limits: Limits) -> None:
    """Refuse a spacing that is zero, negative, no number or absurd. Raises ReadError."""
    low, high = limits.min_spacing_mm, limits.max_spacing_mm
    if not all(low <= spacing <= high for spacing in spacing_mm):
        raise ReadError(
            f"{where}: its voxel spacing {numbers(spacing_mm)} mm is outside {low:g} to {high:g} mm. "
            "Correct the header or export it again."
        )


def axial_order(grid: Grid) -> AxialOrder:
    """Find which axes of the file run along slices, rows and columns: those nearest to the patient's axes."""
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

    The slices lie across the coarsest axis where one is coarser than the others, else across the axis nearest to
    superior.

    Raises:
        NotAssessableError: the stack is sagittal, coronal or oblique by more than the limit.
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
    """The same voxels as a grid whose axes (i, j, k) are (column, row, slice) in axial order."""
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
    """LPS z in mm of the centre of each slice of an axial grid, rising."""
    z_steps = _directions(axial)[2] * axial.spacing_mm
    columns, rows, slices = axial.size
    first = axial.origin_mm[2] + z_steps[0] * (columns - 1) / 2 + z_steps[1] * (rows - 1) / 2
    return tuple(round(float(first + z_steps[2] * index), 6) for index in range(slices))


def tilt_warnings(order: AxialOrder) -> tuple[str, ...]:
    """What to say of a stack that is slightly oblique: nothing or one sentence."""
    if order.tilt_degrees <= WARN_TILT_DEGREES:
        return ()
    return (f"The stack is oblique, {order.tilt_degrees:.0f} degrees off the patient's axes; it was not resampled.",)


def check_same_grid(mask: Grid, scan: Grid, where: str) -> None:
    """Refuse a mask that does not lie on the scan's voxels; both grids in axial order.

    Raises:
        ReadError: size, spacing, origin or direction differ by more than this module's tolerances.
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
