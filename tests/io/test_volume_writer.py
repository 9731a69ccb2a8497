"""Written volumes, as SimpleITK and lgeqa read them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.transform import Rotation

from lgeqa.io.limits import DEFAULT_LIMITS
from lgeqa.io.volume import read_volume
from lgeqa.io.volume_writer import nifti_bytes, write_nrrd
from lgeqa.records import Grid
from tests.images import sitk, volume

AXIAL = Grid((8, 9, 6), (0.625, 0.7, 2.5), (-31.5, 12.25, -70.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
#: Directions at right angles: axial, with a flip, permuted, and turned by three angles.
DIRECTIONS = [
    np.eye(3),
    np.diag([-1.0, 1.0, 1.0]),
    np.eye(3)[[2, 0, 1]],
    Rotation.from_euler("xyz", [5, -20, 33], degrees=True).as_matrix(),
]


def write_nifti(path: Path, voxels: npt.NDArray[Any], grid: Grid) -> None:
    path.write_bytes(nifti_bytes(voxels, grid))


@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8"])
@pytest.mark.parametrize("directions", DIRECTIONS)
@pytest.mark.parametrize(("write", "suffix", "precision"), [(write_nrrd, ".nrrd", 1e-12), (write_nifti, ".nii", 2e-6)])
def test_itk_and_lgeqa_find_the_voxels_and_the_grid(
    write: Any, suffix: str, precision: float, directions: npt.NDArray[Any], dtype: str, tmp_path: Path
) -> None:
    grid = replace(AXIAL, direction=tuple(directions.ravel().tolist()))
    voxels = volume().astype(dtype)
    path = tmp_path / f"scan{suffix}"

    write(path, voxels, grid)

    image = sitk.ReadImage(str(path))
    assert image.GetSpacing() == pytest.approx(grid.spacing_mm, rel=precision)
    assert image.GetOrigin() == pytest.approx(grid.origin_mm, rel=precision)
    assert image.GetDirection() == pytest.approx(grid.direction, abs=precision)
    stack = read_volume(path, DEFAULT_LIMITS)
    assert stack.grid.spacing_mm == pytest.approx(grid.spacing_mm, rel=precision)
    assert stack.grid.origin_mm == pytest.approx(grid.origin_mm, rel=precision)
    assert stack.grid.direction == pytest.approx(grid.direction, abs=precision)
    assert stack.warnings == ()
    for read in (sitk.GetArrayFromImage(image), stack.voxels):
        assert read.dtype == voxels.dtype
        np.testing.assert_array_equal(read, voxels)


def test_the_order_in_memory_does_not_matter(tmp_path: Path) -> None:
    write_nrrd(tmp_path / "scan.nrrd", np.asfortranarray(volume()), AXIAL)
    np.testing.assert_array_equal(read_volume(tmp_path / "scan.nrrd", DEFAULT_LIMITS).voxels, volume())


def test_the_bytes_hold_no_time_of_writing(tmp_path: Path) -> None:
    write_nrrd(tmp_path / "scan.nrrd", volume(), AXIAL)
    header, _, data = (tmp_path / "scan.nrrd").read_bytes().partition(b"\n\n")
    fields = [line.split(b":")[0] for line in header.splitlines()]
    places = [b"sizes", b"space directions", b"kinds", b"endian", b"encoding", b"space origin"]
    assert fields == [b"NRRD0005", b"type", b"dimension", b"space", *places]
    assert data[:8] == b"\x1f\x8b\x08\0\0\0\0\0"  # gzip without a name and a time
