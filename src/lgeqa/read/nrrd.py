"""The raw header of an NRRD file (teem.sourceforge.net/nrrd/format.html)."""

import math
import re
from pathlib import Path

from lgeqa.errors import ReadError
from lgeqa.read.header import DataBlock, Header, read_start
from lgeqa.read.words import shown

_BYTES = {
    1: "signed char, int8, int8_t, uchar, unsigned char, uint8, uint8_t",
    2: "short, short int, signed short, signed short int, int16, int16_t, "
    "ushort, unsigned short, unsigned short int, uint16, uint16_t",
    4: "int, signed int, int32, int32_t, uint, unsigned int, uint32, uint32_t, float",
    8: "longlong, long long, long long int, signed long long, signed long long int, int64, int64_t, "
    "ulonglong, unsigned long long, unsigned long long int, uint64, uint64_t, double",
}
_TYPE_BYTES = {name: size for size, names in _BYTES.items() for name in names.split(", ")}
_PATIENT_SPACES = {"left-posterior-superior", "lps", "right-anterior-superior", "ras", "left-anterior-superior", "las"}
_VECTOR = re.compile(r"none|\(([^)]*)\)")


def nrrd_header(path: Path) -> Header:
    """Read the header of a .nrrd or .nhdr file.

    Raises:
        ReadError: the file is no NRRD, is damaged, or keeps its voxels in several files.
    """
    start = read_start(path)
    if not start.startswith(b"NRRD00"):
        raise ReadError(f"{shown(path)}: is not an NRRD file, whatever its name says. Export it again.")
    text, end = _header_text(start)
    fields = {key.strip().lower(): value.strip() for key, _, value in (line.partition(": ") for line in text)}
    try:
        size = tuple(int(count) for count in fields["sizes"].split())
        spacing = _spacing(fields)
        voxel_bytes = _TYPE_BYTES[fields["type"].lower()]
    except (KeyError, ValueError):
        raise ReadError(f"{shown(path)}: its NRRD header is damaged or incomplete. Export it again.") from None
    data_path = _data_path(path, fields)
    return Header(
        format_name="NRRD",
        image_io="NrrdImageIO",
        size=size,
        spacing=spacing,
        oriented=fields.get("space", "").lower() in _PATIENT_SPACES,
        files=(path,) if data_path == path else (path, data_path),
        data=_data_block(fields, data_path, end if data_path == path else 0, math.prod(size) * voxel_bytes),
    )


def _header_text(start: bytes) -> tuple[list[str], int]:
    """The lines of the header, and where the data begin: after the first empty line."""
    blank = re.search(rb"\r?\n\r?\n", start)
    end = blank.end() if blank else len(start)
    text = start[: blank.start() if blank else end].decode("utf-8", errors="replace")
    return [line for line in text.splitlines() if not line.startswith("#")], end


def _spacing(fields: dict[str, str]) -> tuple[float, ...] | None:
    if "space directions" in fields:
        vectors = [found.group(1) for found in _VECTOR.finditer(fields["space directions"]) if found.group(1)]
        return tuple(math.hypot(*(float(part) for part in vector.split(","))) for vector in vectors) or None
    # an axis of components has no spacing, which NRRD writes as NaN
    written = [float(value) for value in fields.get("spacings", "").split()]
    return tuple(value for value in written if not math.isnan(value)) or None


def _data_path(path: Path, fields: dict[str, str]) -> Path:
    name = fields.get("data file", fields.get("datafile"))
    if name is None:
        return path
    if name.upper().startswith("LIST") or "%" in name or not name.isprintable():
        raise ReadError(
            f"{shown(path)}: keeps its voxels in several files ({shown(Path(name))}). Save it as one .nrrd file."
        )
    return path.parent / name


def _data_block(fields: dict[str, str], path: Path, offset: int, n_bytes: int) -> DataBlock:
    encoding = fields.get("encoding", "").lower()
    skips = any(fields.get(key, "0") != "0" for key in ("byte skip", "byteskip", "line skip", "lineskip"))
    # text encodings and skipped bytes are left to ITK, which finds short data by itself
    countable = encoding in {"raw", "gzip", "gz"} and not skips
    return DataBlock(path, offset, "none" if encoding == "raw" else "gzip", n_bytes if countable else None)
