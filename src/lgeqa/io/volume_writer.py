"""Writing of volumes as NRRD and NIfTI, where the same voxels and grid always give the same bytes."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lgeqa.records import Grid

#: Default of gzip: 9 takes half as much time again for no fewer bytes of grey levels.
_COMPRESSION_LEVEL = 6
#: Code of NIfTI for the coordinates of the scanner.
_SCANNER = 1


def write_nrrd(path: Path, voxels: npt.NDArray[Any], grid: Grid) -> None:
    """Write an array (k, j, i) on a grid as a compressed NRRD file.

    Raises:
        OSError: The file cannot be written.
    """
    import nrrd

    header = {
        "space": "left-posterior-superior",
        "space directions": _sides(grid).T,
        "kinds": ["domain"] * 3,
        "space origin": np.array(grid.origin_mm),
    }
    file = BytesIO()
    nrrd.write(file, voxels, header, compression_level=_COMPRESSION_LEVEL, index_order="C")
    fields, end, data = file.getvalue().partition(b"\n\n")
    undated = [line for line in fields.splitlines() if not line.startswith(b"#")]  # pynrrd writes the time of writing
    path.write_bytes(b"\n".join(undated) + end + data)


def nifti_bytes(voxels: npt.NDArray[Any], grid: Grid) -> bytes:
    """Return an array (k, j, i) on a grid as an uncompressed NIfTI file."""
    from nibabel.nifti1 import Nifti1Image

    to_lps = np.eye(4)
    to_lps[:3] = np.column_stack([_sides(grid), grid.origin_mm])
    image = Nifti1Image(voxels.T, np.diag([-1.0, -1.0, 1.0, 1.0]) @ to_lps)
    image.set_qform(image.affine, _SCANNER)
    image.set_sform(image.affine, _SCANNER)
    image.header.set_xyzt_units("mm")
    content: bytes = image.to_bytes()
    return content


def _sides(grid: Grid) -> npt.NDArray[np.float64]:
    """Return the matrix (3, 3) whose column c is the LPS step from one voxel to the next along axis c."""
    sides: npt.NDArray[np.float64] = np.reshape(grid.direction, (3, 3)) * np.array(grid.spacing_mm)
    return sides
