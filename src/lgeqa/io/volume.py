"""Volumes in one file, or in a header and a separate data file: NRRD, NIfTI and MetaImage."""

import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lgeqa.errors import ReadError
from lgeqa.io.formatting import extent, printable_path
from lgeqa.io.geometry import check_grid, check_size, check_spacing
from lgeqa.io.header import IDENTITY, Header, is_packed, read_start, read_voxels
from lgeqa.io.json_sidecar import read_json_sidecar
from lgeqa.io.limits import Limits
from lgeqa.io.metaimage import metaimage_header
from lgeqa.io.nifti import nifti_header
from lgeqa.io.nrrd import nrrd_header
from lgeqa.io.stored_volume import Stack, hash_files
from lgeqa.io.suffixes import AddedReader, added_reader, volume_suffix
from lgeqa.records import Grid

_BY_SUFFIX: dict[str, Callable[[Path], Header]] = {
    ".nrrd": nrrd_header,
    ".nhdr": nrrd_header,
    ".nii": nifti_header,
    ".nii.gz": nifti_header,
    ".mha": metaimage_header,
    ".mhd": metaimage_header,
}
#: Spacing that writers fill in if they know none.
_EMPTY_SPACING = (1.0, 1.0, 1.0)
#: First bytes of the formats that have such a signature: the word of NRRD, and the header size of NIfTI in both byte
#: orders.
_BY_START: dict[bytes, Callable[[Path], Header]] = {
    b"NRRD": nrrd_header,
    **{struct.pack(order + "i", size): nifti_header for order in "<>" for size in (348, 540)},
}


def volume_files(path: Path) -> tuple[Path, ...]:
    """Return the files of a volume, the header first, without reading the voxels.

    Raises:
        ReadError: The header cannot be read.
        OSError: A file cannot be opened.
    """
    return (path,) if added_reader(path) else _files(path, _read_header(path))


def read_volume(path: Path, limits: Limits) -> Stack:
    """Read one volume in its stored order.

    The size is checked before any memory is allocated.

    Raises:
        ReadError: The file is damaged, its header and data disagree, or it is not a 3-D volume of real numbers.
        OSError: A file cannot be opened.
    """
    where = printable_path(path)
    if reader := added_reader(path):
        return _read_added(reader, path, limits)
    header = _read_header(path)
    grid = _grid(header, where, limits)
    stored = read_voxels(header.data, math.prod(grid.size) * header.dtype.itemsize)
    voxels = _scaled(stored.view(header.dtype).reshape(grid.size[::-1]), header)
    warnings = () if header.oriented else ("The header has no orientation; it was taken as axial LPS order.",)
    return Stack(voxels, grid, hash_files(_files(path, header)), warnings, acquisition=read_json_sidecar(path))


def _read_added(reader: AddedReader, path: Path, limits: Limits) -> Stack:
    """Read a volume with the reader of an installed package, and check what it returns as for a file of our own."""
    where = printable_path(path)
    voxels, grid = reader(path)
    if voxels.shape != grid.size[::-1] or voxels.dtype.kind not in "iufb":
        raise ReadError(
            f"{where}: its reader {reader.__module__} returns voxels of the shape {voxels.shape} and the type "
            f"{voxels.dtype} for a grid of {extent(grid.size)}. Report it to those who made the reader."
        )
    check_size(grid.size, where, limits)
    check_spacing(grid.spacing_mm, where, limits)
    check_grid(grid, where, limits)
    return Stack(voxels, grid, hash_files([path]))


def _read_header(path: Path) -> Header:
    """Read a header in the format that the first bytes of the file, or else its suffix, indicate."""
    start = read_start(path, is_packed(path), most=4)
    read = _BY_START.get(start) or _BY_SUFFIX.get(volume_suffix(path))
    if read is None:
        raise ReadError(
            f"{printable_path(path)}: is not a volume by its name or content. Give NRRD, NIfTI or MetaImage."
        )
    return read(path)


def _files(path: Path, header: Header) -> tuple[Path, ...]:
    return (path,) if header.data.path == path else (path, header.data.path)


def _grid(header: Header, where: str, limits: Limits) -> Grid:
    size = header.size
    check_size(size, where, limits)
    if header.spacing:
        check_spacing(header.spacing, where, limits)
    if header.components != 1:
        raise ReadError(
            f"{where}: each voxel holds {header.components} numbers (colour, vector or complex). "
            "Save the magnitude image alone."
        )
    if len(size) < 3 or any(count > 1 for count in size[3:]):
        raise ReadError(f"{where}: is {len(size)}-D ({extent(size)}), not 3-D. Save one 3-D volume.")
    if not header.spacing:
        raise ReadError(f"{where}: its header gives no voxel spacing. Export it again with its spacing.")
    along_axes = tuple(map(abs, header.direction)) == IDENTITY
    if header.spacing[:3] == _EMPTY_SPACING and along_axes and not any(header.origin):
        raise ReadError(
            f"{where}: its header has voxels of 1 x 1 x 1 mm at the origin, as if it had no geometry. "
            "Write the true spacing into it, or export it again."
        )
    first, second, third = header.spacing
    grid = Grid((size[0], size[1], size[2]), (first, second, third), header.origin, header.direction)
    check_grid(grid, where, limits)
    return grid


def _scaled(stored: npt.NDArray[Any], header: Header) -> npt.NDArray[Any]:
    """Return the voxels with the scaling of the header, applied slice by slice to save memory."""
    if (header.slope, header.intercept) == (1.0, 0.0):
        return stored
    voxels = np.empty(stored.shape, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for slab, target in zip(stored, voxels, strict=True):
            target[...] = slab.astype(np.float64) * header.slope + header.intercept
    return voxels
