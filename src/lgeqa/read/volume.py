"""Volumes in one file: NRRD, NIfTI and MetaImage, through SimpleITK."""

from collections.abc import Callable
from pathlib import Path

from lgeqa.errors import ReadError
from lgeqa.read.geometry import check_grid, check_size, check_spacing
from lgeqa.read.header import Header, check_length, read_floats
from lgeqa.read.itk import load
from lgeqa.read.limits import Limits
from lgeqa.read.metaimage import metaimage_header
from lgeqa.read.nifti import nifti_header
from lgeqa.read.nrrd import nrrd_header
from lgeqa.read.stack import Stack, check_finite, hash_files
from lgeqa.read.suffixes import volume_suffix
from lgeqa.read.words import shown

_HEADERS: dict[str, Callable[[Path], Header]] = {
    ".nrrd": nrrd_header,
    ".nhdr": nrrd_header,
    ".nii": nifti_header,
    ".nii.gz": nifti_header,
    ".mha": metaimage_header,
    ".mhd": metaimage_header,
}


def read_volume(path: Path, limits: Limits) -> Stack:
    """Read one volume as it is stored; the size is checked before any memory is taken.

    Raises:
        ReadError: the file is damaged, its header and data disagree, or it is no 3-D volume of real numbers.
        OSError: a file cannot be opened.
    """
    where = shown(path)
    header = _HEADERS[volume_suffix(path)](path)
    check_size(header.size, where, limits)
    if header.spacing:
        check_spacing(header.spacing[:3], where, limits)
    check_length(header.data)
    if header.float_type:
        check_finite(read_floats(header), where)
    try:
        voxels, grid = load(path, header.image_io)
    except RuntimeError:
        raise ReadError(
            f"{where}: its {header.format_name} header or data are damaged or of a kind that ITK cannot read. "
            "Export it again, for instance from 3D Slicer as .nrrd."
        ) from None
    if not header.spacing or len(header.spacing) < 3:
        raise ReadError(f"{where}: its header gives no voxel spacing. Export it again with its spacing.")
    check_grid(grid, where, limits)
    warnings = () if header.oriented else ("The header tells no orientation; it was taken as axial LPS order.",)
    return Stack(voxels, grid, hash_files(header.files), warnings)
