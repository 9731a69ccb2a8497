"""Header of a MetaImage file (itk.org/Wiki/ITK/MetaIO/Documentation)."""

import math
from pathlib import Path

import numpy as np

from lgeqa.errors import ReadError
from lgeqa.io.formatting import printable, printable_path
from lgeqa.io.header import IDENTITY, DataBlock, Header, checked_skip, floats, integers, read_start
from lgeqa.io.limits import MAX_AXES
from lgeqa.io.untrusted_files import data_file

_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_BLANKS = " \t\r\n"
#: Synonymous keys, in order of precedence.
_MATRIX_KEYS = ("TransformMatrix", "Rotation", "Orientation")
_ORIGIN_KEYS = ("Origin", "Offset", "Position")
_SPACING_KEYS = ("ElementSpacing", "ElementSize")
_ORDER_KEYS = ("BinaryDataByteOrderMSB", "ElementByteOrderMSB")


def metaimage_header(path: Path) -> Header:
    """Read the header of a .mha or .mhd file.

    Raises:
        ReadError: The file is not a MetaImage file, is damaged, or keeps its voxels as text, in several files or
            outside its folder.
    """
    fields, end = _fields(read_start(path))
    if "NDims" not in fields or "ElementDataFile" not in fields:
        raise ReadError(f"{printable_path(path)}: is not a MetaImage file, whatever its name says. Export it again.")
    try:
        return _header(path, fields, end)
    except (KeyError, ValueError):
        raise ReadError(
            f"{printable_path(path)}: its MetaImage header is damaged or incomplete. Export it again."
        ) from None


def _fields(start: bytes) -> tuple[dict[str, str], int]:
    """Return the keys and values up to ElementDataFile, the last key, and the offset of the data after it."""
    fields: dict[str, str] = {}
    end = 0
    for line in start.splitlines(keepends=True):
        end += len(line)
        key, _, value = line.decode("utf-8", errors="replace").partition("=")
        fields[key.strip(_BLANKS)] = value.strip(_BLANKS)
        if key.strip(_BLANKS) == "ElementDataFile":
            break
    return fields, end


def _header(path: Path, fields: dict[str, str], end: int) -> Header:
    if "" in fields.values():
        raise ValueError("key without value")
    [n_axes] = integers(fields["NDims"])
    if not 1 <= n_axes <= MAX_AXES:
        raise ValueError("NDims")
    if not _is_true(fields, ("BinaryData",), "True"):
        raise ReadError(
            f"{printable_path(path)}: keeps its voxels as text, which lgeqa does not read. Save it as binary .mha."
        )
    sizes = _vector(path, fields, ("DimSize",), n_axes)
    if sizes is None:
        raise ValueError("DimSize")
    spacing = _vector(path, fields, _SPACING_KEYS, n_axes)
    origin = _vector(path, fields, _ORIGIN_KEYS, n_axes)
    matrix = _vector(path, fields, _MATRIX_KEYS, n_axes * n_axes)
    [components] = integers(fields.get("ElementNumberOfChannels", "1"))
    x, y, z, *_ = (*(origin or ()), 0.0, 0.0, 0.0)
    return Header(
        size=integers(fields["DimSize"]),
        components=components,
        dtype=np.dtype((">" if _is_true(fields, _ORDER_KEYS, "False") else "<") + _TYPES[fields["ElementType"]]),
        spacing=spacing[:3] if spacing else None,
        origin=(x, y, z),
        direction=_direction(matrix, n_axes),
        oriented=matrix is not None,
        data=_data(path, fields, end),
    )


def _is_true(fields: dict[str, str], keys: tuple[str, ...], default: str) -> bool:
    """Return whether the first of `keys` that is present has a value that MetaIO takes as true."""
    value = next((fields[key] for key in keys if key in fields), default)
    return value[0] in "Tt1"


def _vector(path: Path, fields: dict[str, str], keys: tuple[str, ...], count: int) -> tuple[float, ...] | None:
    """Return the numbers of the first of `keys` that is present, or None if none is.

    Raises:
        ReadError: The value does not consist of `count` finite numbers.
    """
    key = next((key for key in keys if key in fields), None)
    if key is None:
        return None
    try:
        vector = floats(fields[key])
    except ValueError:
        vector = ()
    if len(vector) != count or not all(map(math.isfinite, vector)):
        raise ReadError(
            f"{printable_path(path)}: its {key} = {printable(fields[key])} are not {count} numbers. Correct the header."
        )
    return vector


def _direction(matrix: tuple[float, ...] | None, n_axes: int) -> tuple[float, ...]:
    """Return the direction matrix, which a MetaImage stores axis by axis, in the layout of a `Grid`."""
    if matrix is None or n_axes < 3:
        return IDENTITY
    return tuple(matrix[axis * n_axes + patient] for patient in range(3) for axis in range(3))


def _data(path: Path, fields: dict[str, str], end: int) -> DataBlock:
    packed = _is_true(fields, ("CompressedData",), "False")
    name = fields["ElementDataFile"]
    data_path = path if name.upper() == "LOCAL" else data_file(path, name, ".mha")
    offset = end if data_path == path else 0
    [skip] = integers(fields.get("HeaderSize", "0"))
    checked = checked_skip(skip, "zlib" if packed else "none")
    if not packed:
        return DataBlock(data_path, offset, "none", checked)
    [packed_bytes] = integers(fields["CompressedDataSize"])
    return DataBlock(data_path, offset + skip, "zlib", packed_bytes=max(packed_bytes, 0))
