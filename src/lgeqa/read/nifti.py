"""The raw header of a NIfTI file, versions 1 and 2 (nifti.nimh.nih.gov)."""

import math
import struct
from pathlib import Path

from lgeqa.errors import ReadError
from lgeqa.read.header import DataBlock, Header, read_start
from lgeqa.read.suffixes import volume_suffix
from lgeqa.read.words import shown

#: Offset and struct format of the fields used, by size of the header.
_FIELDS = {
    348: {
        "dim": (40, "8h"),
        "bitpix": (72, "h"),
        "pixdim": (76, "8f"),
        "vox_offset": (108, "f"),
        "qform": (252, "h"),
        "sform": (254, "h"),
    },
    540: {
        "bitpix": (14, "h"),
        "dim": (16, "8q"),
        "pixdim": (104, "8d"),
        "vox_offset": (168, "q"),
        "qform": (344, "i"),
        "sform": (348, "i"),
    },
}


def nifti_header(path: Path) -> Header:
    """Read the header of a .nii or .nii.gz file.

    Raises:
        ReadError: the file cannot be read or is no NIfTI.
    """
    packed = volume_suffix(path) == ".nii.gz"
    start = read_start(path, packed)
    order, fields = _layout(start, path)

    def field(name: str) -> tuple[float, ...]:
        offset, form = fields[name]
        return struct.unpack_from(order + form, start, offset)

    dim = [int(value) for value in field("dim")]
    offset = field("vox_offset")[0]
    if not 1 <= dim[0] <= 7 or not 0 <= offset < math.inf:
        raise ReadError(f"{shown(path)}: its NIfTI header is damaged ({dim[0]} axes). Export it again.")
    size = tuple(dim[1 : dim[0] + 1])
    return Header(
        format_name="NIfTI",
        image_io="NiftiImageIO",
        size=size,
        spacing=field("pixdim")[1 : min(dim[0], 3) + 1],
        oriented=field("qform")[0] > 0 or field("sform")[0] > 0,
        files=(path,),
        data=DataBlock(
            path, 0, "gzip" if packed else "none", int(offset) + math.prod(size) * int(field("bitpix")[0]) // 8
        ),
    )


def _layout(start: bytes, path: Path) -> tuple[str, dict[str, tuple[int, str]]]:
    """Byte order and fields, told by the header's own size in its first four bytes."""
    for order in "<>":
        length = struct.unpack_from(order + "i", start)[0] if len(start) >= 4 else 0
        if length in _FIELDS and len(start) >= length:
            return order, _FIELDS[length]
    raise ReadError(f"{shown(path)}: is not a NIfTI file, whatever its name says. Export it again.")
