"""Stacks that are not quite axial, or not at all, and positions on tilted grids."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lgeqa.errors import NotAssessableError, ReadError
from lgeqa.io import Limits, discover, read_scan
from lgeqa.io.geometry import axial_grid, axial_order, check_grid, slice_positions
from lgeqa.io.limits import DEFAULT_LIMITS
from lgeqa.records import Grid, Scan
from tests.images import in_file_order, sitk, volume

AXIAL = np.eye(3)


def rotation(axis: int, degrees: float) -> Any:
    """Rotation about the patient's x, y or z axis."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    matrix = np.eye(3)
    first, second = [other for other in range(3) if other != axis]
    matrix[first, first] = matrix[second, second] = cos
    matrix[first, second], matrix[second, first] = -sin, sin
    return matrix


def read_turned(
    tmp_path: Path,
    turn: Any,
    *,
    axes: str = "LPS",
    spacing_mm: tuple[float, float, float] = (2.5, 0.7, 0.625),
    limits: Limits = DEFAULT_LIMITS,
) -> Scan:
    """Read a volume whose axes, first brought to `axes`, are turned about the patient's."""
    image = in_file_order(volume((6, 9, 8)), axes=axes, spacing_mm=spacing_mm)
    image.SetDirection((turn @ np.reshape(image.GetDirection(), (3, 3))).ravel().tolist())
    sitk.WriteImage(image, str(tmp_path / "scan.nrrd"))
    (source,) = discover([tmp_path])
    return read_scan(source, limits=limits)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("degrees", [-29.0, -10.0, 10.0, 29.0])
@pytest.mark.parametrize("axes", ["LPS", "RAI", "SLP"])
def test_slightly_oblique_is_accepted_with_a_warning(axes: str, degrees: float, axis: int, tmp_path: Path) -> None:
    scan = read_turned(tmp_path, rotation(axis, degrees), axes=axes)
    np.testing.assert_array_equal(scan.voxels, volume((6, 9, 8)))
    (warning,) = scan.warnings
    assert warning.startswith(f"The stack is oblique, {abs(degrees):.0f} degrees off")


def test_rounding_in_the_header_is_no_warning(tmp_path: Path) -> None:
    assert read_turned(tmp_path, rotation(0, 1.5)).warnings == ()


@pytest.mark.parametrize("degrees", [31.0, 40.0, -40.0])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_strongly_oblique(axis: int, degrees: float, tmp_path: Path) -> None:
    with pytest.raises(NotAssessableError, match=f"is oblique, {abs(degrees):.0f} degrees off .* up to 30 can"):
        read_turned(tmp_path, rotation(axis, degrees))


def test_short_axis_stack_shows_its_angle_to_the_axial_plane(tmp_path: Path) -> None:
    with pytest.raises(NotAssessableError, match="is oblique, 52 degrees off"):
        read_turned(tmp_path, rotation(0, 52))


def test_largest_tilt_is_a_setting(tmp_path: Path) -> None:
    with pytest.raises(NotAssessableError, match=r"is oblique, 10 degrees off .* up to 5 can"):
        read_turned(tmp_path, rotation(0, 10), limits=Limits(max_tilt_degrees=5))


@pytest.mark.parametrize(
    ("spacing_mm", "kind"), [((0.7, 0.625, 2.5), "sagittal"), ((0.7, 2.5, 0.625), "coronal")], ids=["L", "P"]
)
@pytest.mark.parametrize("axes", ["LPS", "PSL", "SAR"])
@pytest.mark.parametrize("degrees", [0, 20])
def test_coarse_axis_is_the_slice_axis(
    degrees: float, axes: str, spacing_mm: tuple[float, float, float], kind: str, tmp_path: Path
) -> None:
    with pytest.raises(NotAssessableError, match=f"is a {kind} stack .*2.5.* mm.*axial stack"):
        read_turned(tmp_path, rotation(2, degrees), axes=axes, spacing_mm=spacing_mm)


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (1.0, 1.15, 1.0), (1.0, 1.19, 1.19), (0.7, 1.25, 1.25)])
def test_without_a_coarse_axis_any_order_is_axial(spacing_mm: tuple[float, float, float], tmp_path: Path) -> None:
    scan = read_turned(tmp_path, AXIAL, axes="PSL", spacing_mm=spacing_mm)
    np.testing.assert_array_equal(scan.voxels, volume((6, 9, 8)))
    assert scan.spacing_mm == pytest.approx(spacing_mm)


def test_positions_are_those_of_the_slice_centres(tmp_path: Path) -> None:
    scan = read_turned(tmp_path, rotation(0, 20))
    image = sitk.ReadImage(str(tmp_path / "scan.nrrd"))
    centres = [image.TransformContinuousIndexToPhysicalPoint((3.5, 4.0, float(k)))[2] for k in range(6)]
    assert scan.slice_positions_mm == pytest.approx(centres)


@given(
    turns=st.tuples(*[st.floats(-16, 16)] * 3),
    size=st.tuples(*[st.integers(1, 9)] * 3),
    columns=st.permutations(range(3)),
    signs=st.tuples(*[st.sampled_from([-1, 1])] * 3),
)
def test_axial_grid_holds_the_same_points(
    turns: tuple[float, ...], size: tuple[int, int, int], columns: list[int], signs: tuple[int, ...]
) -> None:
    turned = rotation(0, turns[0]) @ rotation(1, turns[1]) @ rotation(2, turns[2])
    directions = (turned * signs)[:, columns]
    grid = Grid(size, (0.5, 0.75, 2.0), (1.0, -2.0, 3.0), tuple(directions.ravel()))
    order = axial_order(grid)
    stored = points(grid)
    np.testing.assert_allclose(points(axial_grid(grid, order)), brought(order, stored), atol=1e-9)
    assert (np.diff(slice_positions(axial_grid(grid, order))) > 0).all()
    np.testing.assert_array_equal(order.undo(order.apply(stored[..., 0])), stored[..., 0])


def points(grid: Grid) -> Any:
    """LPS position of each voxel, (k, j, i, 3), by the definition of a grid."""
    directions = np.reshape(grid.direction, (3, 3))
    found = np.empty((*grid.size[::-1], 3))
    for k, j, i in np.ndindex(*grid.size[::-1]):
        found[k, j, i] = grid.origin_mm + directions @ (np.array([i, j, k]) * grid.spacing_mm)
    return found


def brought(order: Any, stored: Any) -> Any:
    return np.stack([order.apply(stored[..., axis]) for axis in range(3)], axis=-1)


def test_direction_that_is_nan_is_refused() -> None:
    grid = Grid((8, 9, 6), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (math.nan,) * 9)
    with pytest.raises(ReadError, match=r"not at right angles \(direction \(nan"):
        check_grid(grid, "scan", DEFAULT_LIMITS)
