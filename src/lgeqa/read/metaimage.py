"""The raw header of a MetaImage file (itk.org/Wiki/ITK/MetaIO/Documentation)."""

import math
from pathlib import Path

from lgeqa.errors import ReadError
from lgeqa.read.header import DataBlock, Header, read_start
from lgeqa.read.words import shown

_TYPE_BYTES = {
    "MET_CHAR": 1,
    "MET_UCHAR": 1,
    "MET_SHORT": 2,
    "MET_USHORT": 2,
    "MET_INT": 4,
    "MET_UINT": 4,
    "MET_LONG": 4,
    "MET_ULONG": 4,
    "MET_LONG_LONG": 8,
    "MET_ULONG_LONG": 8,
    "MET_FLOAT": 4,
    "MET_DOUBLE": 8,
}
_BLANKS = " \t\r\n"
_MATRIX_KEYS = {"TransformMatrix", "Rotation", "Orientation"}
_VECTOR_KEYS = {"DimSize", "ElementSpacing", "ElementSize", "Offset", "Position", "Origin"}


def metaimage_header(path: Path) -> Header:
    """Read the header of a .mha or .mhd file.

    Raises:
        ReadError: the file is no MetaImage, is damaged, or keeps its voxels as text or in several files.
    """
    fields, end = _fields(read_start(path))
    if "NDims" not in fields or "ElementDataFile" not in fields:
        raise ReadError(f"{shown(path)}: is not a MetaImage file, whatever its name says. Export it again.")
    if "" in fields.values():
        raise ReadError(f"{shown(path)}: its MetaImage header is damaged or incomplete. Export it again.")
    try:
        n_dims = int(fields["NDims"])
        size = tuple(int(count) for count in fields["DimSize"].split())
        written = fields.get("ElementSpacing", fields.get("ElementSize"))
        spacing = tuple(float(value) for value in written.split()) if written else None
        voxel_bytes = _TYPE_BYTES[fields["ElementType"]] * int(fields.get("ElementNumberOfChannels", "1"))
        skipped = int(fields.get("HeaderSize", "0"))
        packed = fields.get("CompressedData", "False").lower() == "true"
        # without it, ITK makes up voxels
        packed_bytes = int(fields["CompressedDataSize"]) if packed else 0
    except (KeyError, ValueError):
        raise ReadError(f"{shown(path)}: its MetaImage header is damaged or incomplete. Export it again.") from None
    _check_counts(path, fields, n_dims)
    if fields.get("BinaryData", "True").lower() != "true":
        raise ReadError(f"{shown(path)}: keeps its voxels as text, which lgeqa does not read. Save it as binary .mha.")
    data_path = _data_path(path, fields["ElementDataFile"])
    offset = (end if data_path == path else 0) + max(skipped, 0)
    # HeaderSize = -1 stands for all before the voxels, so they cannot be too few
    n_bytes = math.prod(size) * voxel_bytes if skipped >= 0 else None
    return Header(
        format_name="MetaImage",
        image_io="MetaImageIO",
        size=size,
        spacing=spacing,
        oriented=bool(_MATRIX_KEYS & fields.keys()),
        files=(path,) if data_path == path else (path, data_path),
        data=DataBlock(data_path, offset, "zlib" if packed else "none", n_bytes, packed_bytes),
    )


def _fields(start: bytes) -> tuple[dict[str, str], int]:
    """Keys and values up to ElementDataFile, which is the last, and where the data begin."""
    fields: dict[str, str] = {}
    end = 0
    for line in start.splitlines(keepends=True):
        end += len(line)
        key, _, value = line.decode("utf-8", errors="replace").partition("=")
        fields[key.strip(_BLANKS)] = value.strip(_BLANKS)
        if key.strip(_BLANKS) == "ElementDataFile":
            break
    return fields, end


def _check_counts(path: Path, fields: dict[str, str], n_dims: int) -> None:
    """Refuse what ITK would read as 0 in silence, or print to the terminal about."""
    for key in sorted(fields.keys() & (_VECTOR_KEYS | _MATRIX_KEYS)):
        count = n_dims * n_dims if key in _MATRIX_KEYS else n_dims
        try:
            finite = [math.isfinite(float(word)) for word in fields[key].split()]
        except ValueError:
            finite = [False]
        if len(finite) != count or not all(finite):
            raise ReadError(f"{shown(path)}: its {key} = {fields[key]} are not {count} numbers. Correct the header.")


def _data_path(path: Path, name: str) -> Path:
    if name.upper() == "LOCAL":
        return path
    if name.upper().startswith("LIST") or "%" in name or not name.isprintable():
        raise ReadError(
            f"{shown(path)}: keeps its voxels in several files ({shown(Path(name))}). Save it as one .mha file."
        )
    return path.parent / name
