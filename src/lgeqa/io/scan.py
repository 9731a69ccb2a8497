"""Reading of a scan and its mask in axial LPS order, and conversion of masks back to the grid of the file."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lgeqa.errors import NotAssessableError, ReadError
from lgeqa.io.formatting import printable_path
from lgeqa.io.geometry import axial_grid, axial_order, check_axial, check_same_grid, slice_positions, tilt_warnings
from lgeqa.io.limits import DEFAULT_LIMITS, Limits
from lgeqa.io.source import Source
from lgeqa.io.stored_volume import Stack, check_finite
from lgeqa.io.suffixes import volume_suffix
from lgeqa.io.untrusted_files import opening
from lgeqa.io.volume import read_volume
from lgeqa.records import BoolArray, FloatArray, Scan

#: Largest number of different values at which a volume counts as a label map.
MAX_LABELS = 16
#: Number of voxels that are examined first.
_SAMPLE = 10_000


def read_scan(source: Source, *, limits: Limits = DEFAULT_LIMITS) -> Scan:
    """Read a scan and bring it to axial LPS order by permutations and flips only.

    The same volume gives the same array whatever the axis order, flips and frame of its file. Masks are read by
    `read_mask`. `Scan.file_slices` counts along the slice axis of the file. For a DICOM series this is the order of the
    positions along the normal (row direction x column direction), as in volumes from ITK or dcm2niix, and not
    InstanceNumber, which is unreliable.

    Raises:
        ReadError: The files cannot be read or do not contain a 3-D scan.
        NotAssessableError: The volume is not a stack of axial MR slices, has no image, or is a label map.
    """
    if source.kind == "unusable":
        raise ReadError(source.fault)
    with opening(source.location):
        stack = _read_stack(source, limits)
    where = printable_path(source.location)
    order = axial_order(stack.grid)
    check_axial(stack.grid, order, where, limits)
    axial = axial_grid(stack.grid, order)
    slices = axial.size[2]
    if slices < limits.min_slices:
        raise NotAssessableError(
            f"{where}: has {slices} axial slices; at least {limits.min_slices} are needed. Give the whole stack."
        )
    indices = tuple(range(slices))
    return Scan(
        scan_id=source.scan_id,
        voxels=_checked_voxels(order.apply(stack.voxels), where),
        spacing_mm=(axial.spacing_mm[2], axial.spacing_mm[1], axial.spacing_mm[0]),
        slice_positions_mm=slice_positions(axial),
        file_slices=indices[::-1] if order.flipped[0] else indices,
        grid=stack.grid,
        source=source.location,
        sha256=stack.sha256,
        warnings=stack.warnings + tilt_warnings(order),
        series=stack.series,
        acquisition=stack.acquisition,
    )


def read_mask(path: Path, scan: Scan, *, limits: Limits = DEFAULT_LIMITS) -> BoolArray:
    """Read a mask of the left atrium as bool (slice, row, column) on the voxels of `scan`.

    Any value other than zero is atrium. The file of the mask may have another axis order than the file of the scan.

    Raises:
        ReadError: The mask cannot be read or is not on the voxels of the scan.
        NotAssessableError: The mask is empty.
    """
    where = printable_path(path)
    if not volume_suffix(path):
        raise ReadError(f"{where}: is not a volume by its name. Give the mask as NRRD, NIfTI or MetaImage.")
    with opening(path):
        stack = read_volume(path, limits)
    order = axial_order(stack.grid)
    scan_grid = axial_grid(scan.grid, axial_order(scan.grid))
    check_same_grid(axial_grid(stack.grid, order), scan_grid, where)
    check_finite(stack.voxels, where)
    mask: BoolArray = np.ascontiguousarray(order.apply(stack.voxels) != 0)
    if not mask.any():
        raise NotAssessableError(f"{where}: the mask is empty. Give the mask of the left atrium, or leave it out.")
    return mask


def to_file_grid(mask: BoolArray, scan: Scan) -> npt.NDArray[np.uint8]:
    """Return a mask (slice, row, column) of `scan` as 0 and 1 (k, j, i) on the grid of the scan's file."""
    return axial_order(scan.grid).undo(mask.astype(np.uint8))


def _read_stack(source: Source, limits: Limits) -> Stack:
    if source.kind == "volume":
        return read_volume(source.location, limits)
    from lgeqa.io.dicom import read_series  # pydicom is slow to import and not needed for volumes

    return read_series(source.files, source.location, limits)


def _checked_voxels(stored: npt.NDArray[Any], where: str) -> FloatArray:
    with np.errstate(over="ignore", invalid="ignore"):
        voxels: FloatArray = np.ascontiguousarray(stored, dtype=np.float32)
    check_finite(voxels, where)
    if voxels.min() == voxels.max():
        raise NotAssessableError(f"{where}: all its voxels are {voxels.min():g}; there is no image. Export it again.")
    _refuse_labels(voxels, where)
    return voxels


def _refuse_labels(voxels: FloatArray, where: str) -> None:
    """Refuse a mask or a label map.

    Raises:
        NotAssessableError: The volume has no more than `MAX_LABELS` different values.
    """
    sample = voxels.ravel()[:: max(1, voxels.size // _SAMPLE)]
    if len(np.unique(sample)) <= MAX_LABELS and (values := len(np.unique(voxels))) <= MAX_LABELS:
        raise NotAssessableError(
            f"{where}: holds {values} different values, so it is a mask or a map of labels and no scan. "
            "Give the scan itself."
        )


def voxels_sha256(scan: Scan) -> str:
    """Return the SHA-256 of size and voxels in axial LPS order, the same for every format and axis order of a file."""
    digest = hashlib.sha256(repr(scan.voxels.shape).encode())
    digest.update(scan.voxels.tobytes())
    return digest.hexdigest()
