"""What the raw header of a volume says, read before ITK sees the file.

ITK repairs some headers in silence (a NIfTI spacing of 0 becomes 1), reads some cut files as if they were whole and
prints to the terminal on others. So each format's header is looked at first, and its data are counted.
"""

import gzip
import io
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from lgeqa.errors import ReadError
from lgeqa.read.words import shown

#: Bytes that may follow the voxels: writers pad to whole blocks.
MAX_PADDING_BYTES = 4096
#: Headers longer than this are not looked at.
MAX_HEADER_BYTES = 1 << 20

_CHUNK = 1 << 20


@dataclass(frozen=True)
class DataBlock:
    """Where the voxels lie.

    Attributes:
        path: file that holds them.
        offset: where they, or the packed stream with them, begin.
        packing: how they are packed.
        n_bytes: bytes that the header announces, unpacked and counted from `offset`; None where that is not known.
        packed_bytes: length of a stream packed with zlib.
    """

    path: Path
    offset: int
    packing: Literal["none", "gzip", "zlib"]
    n_bytes: int | None
    packed_bytes: int = 0


@dataclass(frozen=True)
class Header:
    """The facts of a raw header.

    Attributes:
        format_name: for messages.
        image_io: ITK's reader for the format.
        size: voxels along each axis as written, with axes of components or time.
        spacing: as written, in the order of the axes; None where the header gives none.
        oriented: whether the header tells how the axes lie in the patient.
        files: all files of the volume, the header first.
        data: where the voxels lie.
        float_type: numpy type of voxels that ITK would set to 0 in silence if they are NaN or infinite; None
            where it keeps them.
    """

    format_name: str
    image_io: str
    size: tuple[int, ...]
    spacing: tuple[float, ...] | None
    oriented: bool
    files: tuple[Path, ...]
    data: DataBlock
    float_type: str | None = None


def read_start(path: Path, packed: bool = False) -> bytes:
    """The first megabyte of a file, or of what it holds if it is packed with gzip.

    Raises:
        ReadError: the file is empty or damaged.
        OSError: it cannot be opened.
    """
    with _unpacking(path), gzip.open(path) if packed else path.open("rb") as file:
        start = file.read(MAX_HEADER_BYTES)
    if not start:
        raise ReadError(f"{shown(path)}: is empty. Copy or export it again.")
    return start


def check_length(data: DataBlock) -> None:
    """Compare the voxels in the file with what the header announces.

    Raises:
        ReadError: the data are shorter, longer by more than some padding, or damaged.
        OSError: they cannot be opened.
    """
    if data.n_bytes is None:
        return
    with _unpacking(data.path), data.path.open("rb") as file:
        file.seek(data.offset)
        n_bytes = _count(file, data)
    if not data.n_bytes <= n_bytes <= data.n_bytes + MAX_PADDING_BYTES:
        amount = n_bytes if n_bytes < data.n_bytes else f"{n_bytes} or more"
        raise ReadError(
            f"{shown(data.path)}: the header announces {data.n_bytes} bytes, but the data hold {amount}. "
            "Copy or export it again."
        )


def read_floats(header: Header) -> npt.NDArray[np.floating[Any]]:
    """The voxels as they lie in the file, for `float_type`; the length must have been checked."""
    data, float_type = header.data, np.dtype(header.float_type)
    n_bytes = math.prod(header.size) * float_type.itemsize
    with data.path.open("rb") as file:
        stored = b"".join(_chunks(file, data))
    return np.frombuffer(stored[: data.n_bytes][-n_bytes:], float_type)


@contextmanager
def _unpacking(path: Path) -> Iterator[None]:
    """Turn what the unpackers raise into a ReadError."""
    try:
        yield
    except EOFError:
        raise ReadError(f"{shown(path)}: its compressed data end too early. Copy or export it again.") from None
    except (gzip.BadGzipFile, zlib.error):
        raise ReadError(f"{shown(path)}: its compressed data are damaged. Copy or export it again.") from None


def _count(file: BinaryIO, data: DataBlock) -> int:
    """Bytes from here to the end, unpacked; counting stops soon after too many."""
    total = 0
    for chunk in _chunks(file, data):
        total += len(chunk)
        if data.n_bytes is not None and total > data.n_bytes + MAX_PADDING_BYTES:
            break
    return total


def _chunks(file: BinaryIO, data: DataBlock) -> Iterator[bytes]:
    if data.packing == "zlib":
        yield from _inflated(io.BytesIO(file.read(max(data.packed_bytes, 0))))
        return
    with gzip.open(file) if data.packing == "gzip" else file as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def _inflated(file: BinaryIO) -> Iterator[bytes]:
    stream = zlib.decompressobj(wbits=47)  # zlib or gzip, as MetaIO does
    while not stream.eof:
        packed = stream.unconsumed_tail or file.read(_CHUNK)
        if not packed:
            raise EOFError
        yield stream.decompress(packed, _CHUNK)
