"""Header of an NRRD file (teem.sourceforge.net/nrrd/format.html)."""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from lgeqa.errors import ReadError
from lgeqa.io.formatting import bounded, printable, printable_path
from lgeqa.io.header import IDENTITY, DataBlock, Header, Packing, checked_skip, floats, integers, read_start
from lgeqa.io.limits import MAX_AXES
from lgeqa.io.untrusted_files import data_file

_NAMES = {
    "i1": "signed char, int8, int8_t",
    "u1": "uchar, unsigned char, uint8, uint8_t",
    "i2": "short, short int, signed short, signed short int, int16, int16_t",
    "u2": "ushort, unsigned short, unsigned short int, uint16, uint16_t",
    "i4": "int, signed int, int32, int32_t",
    "u4": "uint, unsigned int, uint32, uint32_t",
    "i8": "longlong, long long, long long int, signed long long, signed long long int, int64, int64_t",
    "u8": "ulonglong, unsigned long long, unsigned long long int, uint64, uint64_t",
    "f4": "float",
    "f8": "double",
}
_TYPES = {name: code for code, names in _NAMES.items() for name in names.split(", ")}
_ORDERS = {"little": "<", "big": ">"}
_TO_LPS = {
    "left-posterior-superior": (1, 1, 1),
    "lps": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1),
    "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
    "las": (1, -1, 1),
}
#: Kinds of axes that do not hold the components of a voxel.
_DOMAINS = {"domain", "space", "time", "???", "none"}
_PACKINGS: dict[str, Packing] = {"raw": "none", "gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2"}
_VECTOR = re.compile(r"none|\(([^()]*)\)")


def nrrd_header(path: Path) -> Header:
    """Read the header of a .nrrd or .nhdr file.

    Raises:
        ReadError: The file is not an NRRD file, is damaged, keeps its voxels in several files, outside its folder or
            as text, or skips lines before them.
    """
    start = read_start(path)
    if not start.startswith(b"NRRD00"):
        raise ReadError(f"{printable_path(path)}: is not an NRRD file, whatever its name says. Export it again.")
    text, end = _header_text(start)
    fields = {key.strip().lower(): value.strip() for key, _, value in (line.partition(": ") for line in text)}
    try:
        return _header(path, fields, end)
    except (KeyError, ValueError):
        raise ReadError(f"{printable_path(path)}: its NRRD header is damaged or incomplete. Export it again.") from None


def _header_text(start: bytes) -> tuple[list[str], int]:
    """Return the lines of the header, and the offset of the data after the first empty line."""
    blank = re.search(rb"\r?\n\r?\n", start)
    end = blank.end() if blank else len(start)
    text = start[: blank.start() if blank else end].decode("utf-8", errors="replace")
    return [line for line in text.splitlines() if not line.startswith("#")], end


def _header(path: Path, fields: dict[str, str], end: int) -> Header:
    data = _data(path, fields, end)  # first, so that a volume as text is refused for its encoding, not its byte order
    sizes = integers(fields["sizes"])
    if integers(fields["dimension"]) != (len(sizes),) or len(sizes) > MAX_AXES:
        raise ValueError("sizes")
    axes = _domain_axes(fields, len(sizes))
    spacing, direction = _sides(fields, axes, len(sizes))
    return Header(
        size=tuple(sizes[axis] for axis in axes),
        components=math.prod(size for axis, size in enumerate(sizes) if axis not in axes),
        dtype=_dtype(fields),
        spacing=spacing,
        origin=_origin(fields),
        direction=direction,
        oriented=_space(fields) in _TO_LPS,
        data=data,
    )


def _space(fields: dict[str, str]) -> str:
    return fields.get("space", "").lower()


def _to_lps(fields: dict[str, str]) -> tuple[int, int, int]:
    return _TO_LPS.get(_space(fields), (1, 1, 1))


def _domain_axes(fields: dict[str, str], n_axes: int) -> list[int]:
    """Return the axes of space and time, which do not hold the components of a voxel."""
    kinds = bounded(fields.get("kinds", "")).lower().split() or ["domain"] * n_axes
    if len(kinds) != n_axes:
        raise ValueError("kinds")
    return [axis for axis, kind in enumerate(kinds) if kind in _DOMAINS]


def _dtype(fields: dict[str, str]) -> np.dtype[Any]:
    code = _TYPES[fields["type"].lower()]
    order = "<" if code.endswith("1") else _ORDERS[fields["endian"].lower()]
    return np.dtype(order + code)


def _sides(fields: dict[str, str], axes: list[int], n_axes: int) -> tuple[tuple[float, ...] | None, tuple[float, ...]]:
    """Return the spacing and the LPS directions of the first three spatial axes."""
    if "space directions" not in fields:
        if _space(fields):
            raise ValueError("space without directions")
        spacings = floats(fields.get("spacings", ""))
        if spacings and len(spacings) != n_axes:
            raise ValueError("spacings")
        spacing = tuple(spacings[axis] for axis in axes[:3]) if spacings else ()
        return (None if not spacing or any(map(math.isnan, spacing)) else spacing), IDENTITY
    vectors = [_numbers_of(vector) for vector in _vectors(fields["space directions"])]
    if len(vectors) != n_axes:
        raise ValueError("space directions")
    sides = [vectors[axis] for axis in axes[:3]]
    lengths = tuple(math.hypot(*side) for side in sides)
    if not all(lengths) or any(len(side) < 3 for side in sides) or len(sides) < 3:
        return (lengths if all(sides) else None), IDENTITY
    signs = _to_lps(fields)
    unit = [
        [sign * part / length for sign, part in zip(signs, side, strict=False)]
        for side, length in zip(sides, lengths, strict=True)
    ]
    return lengths, tuple(unit[axis][patient] for patient in range(3) for axis in range(3))


def _vectors(text: str) -> list[str]:
    """Return the vectors of a field without brackets, with an empty string for `none`."""
    return [match.group(1) or "" for match in _VECTOR.finditer(bounded(text))]


def _numbers_of(vector: str) -> tuple[float, ...]:
    numbers = floats(vector.replace(",", " "))
    if not all(map(math.isfinite, numbers)):
        raise ValueError("vector")
    return numbers


def _origin(fields: dict[str, str]) -> tuple[float, float, float]:
    if "space origin" not in fields:
        return 0.0, 0.0, 0.0
    [vector] = _vectors(fields["space origin"])
    x, y, z, *_ = (*_numbers_of(vector), 0.0, 0.0, 0.0)
    signs = _to_lps(fields)
    return x * signs[0], y * signs[1], z * signs[2]


def _data(path: Path, fields: dict[str, str], end: int) -> DataBlock:
    encoding = fields["encoding"].lower()
    if encoding not in _PACKINGS:
        raise ReadError(
            f"{printable_path(path)}: its encoding is {printable(encoding)!r}; lgeqa reads raw, gzip and "
            "bzip2. Save it so."
        )
    if fields.get("line skip", fields.get("lineskip", "0")) != "0":
        raise ReadError(
            f"{printable_path(path)}: skips lines before its voxels, which lgeqa does not. Save it as one .nrrd file."
        )
    [skip] = integers(fields.get("byte skip", fields.get("byteskip", "0")))
    packing = _PACKINGS[encoding]
    data_path = _data_path(path, fields)
    offset = end if data_path == path else 0
    return DataBlock(data_path, offset, packing, checked_skip(skip, packing))


def _data_path(path: Path, fields: dict[str, str]) -> Path:
    name = fields.get("data file", fields.get("datafile"))
    return path if name is None else data_file(path, name, ".nrrd")
