"""Header of a volume, and its voxels as they are stored.

No imaging library parses or unpacks untrusted files: each number of a header is checked against a limit before it is
used, and the voxels are unpacked in steps into exactly the number of bytes that the header announces.
"""

import bz2
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lgeqa.errors import ReadError
from lgeqa.io.formatting import bounded, printable_path
from lgeqa.io.limits import (
    FREE_BYTES,
    MAX_AXES,
    MAX_HEADER_BYTES,
    MAX_NUMBER,
    MAX_PADDING_BYTES,
    MAX_RATIO,
)
from lgeqa.io.untrusted_files import open_regular, size_of

#: Compression of the voxels. As in MetaImage, zlib includes gzip.
Packing = Literal["none", "gzip", "zlib", "bzip2"]
#: Directions of the axes if the header does not give them.
IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

_GZIP = b"\x1f\x8b"
_CHUNK, _PACKED_CHUNK = 1 << 20, 1 << 16
_EITHER_HEADER = 47  # window bits for headers of zlib and of gzip


@dataclass(frozen=True)
class DataBlock:
    """Location of the voxels in a file.

    Attributes:
        path: File that contains the voxels.
        offset: Offset in bytes of the voxels, or of the compressed stream that contains them.
        packing: Compression of the voxels.
        skip: Uncompressed bytes between `offset` and the voxels. None if the voxels are at the end of the file.
        packed_bytes: Length of the compressed stream. None if it extends to the end of the file.
    """

    path: Path
    offset: int
    packing: Packing
    skip: int | None = 0
    packed_bytes: int | None = None


@dataclass(frozen=True)
class Header:
    """Contents of the header of a volume.

    Attributes:
        size: Number of voxels along each axis as written, including a time axis but not an axis of components.
        components: Number of values in a voxel.
        dtype: Type of these values in the file.
        spacing: Spacing along the axes. None if the header lacks it for one of the first three.
        origin: LPS position of the centre of the first voxel.
        direction: LPS directions of the first three axes, in the layout of a `Grid`.
        oriented: Whether the header gives the orientation of the axes in the patient.
        data: Location of the voxels.
        slope: Factor of the stored values.
        intercept: Summand after multiplication by the slope.
    """

    size: tuple[int, ...]
    components: int
    dtype: np.dtype[Any]
    spacing: tuple[float, ...] | None
    origin: tuple[float, float, float]
    direction: tuple[float, ...]
    oriented: bool
    data: DataBlock
    slope: float = 1.0
    intercept: float = 0.0


def read_start(path: Path, packed: bool = False, most: int = MAX_HEADER_BYTES) -> bytes:
    """Return the first `most` bytes of a file, uncompressed if it is packed with gzip.

    Raises:
        ReadError: The file is empty, damaged or not a regular file.
        OSError: The file cannot be opened.
    """
    with _unpacking(path), open_regular(path) as file:
        start = _first_unpacked(file, most) if packed and size_of(file) else file.read(most)
    if not start:
        raise ReadError(f"{printable_path(path)}: is empty. Copy or export it again.")
    return start


def is_packed(path: Path) -> bool:
    """Return whether a file is packed with gzip according to its first bytes.

    Raises:
        ReadError: The file is not a regular file.
        OSError: The file cannot be opened.
    """
    with open_regular(path) as file:
        return file.read(len(_GZIP)) == _GZIP


def integers(text: str) -> tuple[int, ...]:
    """Return the integers of a header field.

    Raises:
        ValueError: A word is not an integer or is too long, or there are too many.
    """
    return tuple(int(word) for word in _numbers(text))


def floats(text: str) -> tuple[float, ...]:
    """Return the numbers of a header field.

    Raises:
        ValueError: A word is not a number or is too long, or there are too many.
    """
    return tuple(float(word) for word in _numbers(text))


def checked_skip(skip: int, packing: Packing) -> int | None:
    """Return `DataBlock.skip` for the byte count of a header, where -1 means all bytes before the voxels.

    Raises:
        ValueError: The count is otherwise negative or above `MAX_HEADER_BYTES`, or it is -1 for a compressed stream.
    """
    if skip == -1 and packing == "none":
        return None
    if not 0 <= skip <= MAX_HEADER_BYTES:
        raise ValueError(f"skip of {skip} bytes")
    return skip


def read_voxels(data: DataBlock, n_bytes: int) -> npt.NDArray[np.uint8]:
    """Read the bytes of the voxels and unpack them.

    Only the memory for these bytes and one chunk is allocated.

    Raises:
        ReadError: The data are too short, too long by more than some padding, damaged, or expand too much.
        OSError: The file cannot be opened.
    """
    with _unpacking(data.path), open_regular(data.path) as file:
        n_stored = max(size_of(file) - data.offset, 0)
        file.seek(data.offset)
        if data.packing == "none":
            return _read_plain(file, data, n_stored, n_bytes)
        n_packed = n_stored if data.packed_bytes is None else min(n_stored, data.packed_bytes)
        check_ratio(n_packed, (data.skip or 0) + n_bytes, data.path)
        return _read_packed(file, data, n_packed, n_bytes)


def check_ratio(n_packed: int, n_unpacked: int, path: Path) -> None:
    """Refuse compressed data that expand far more than any scan does.

    Raises:
        ReadError: The data expand to more than `MAX_RATIO` times their size plus `FREE_BYTES`.
    """
    if n_unpacked > MAX_RATIO * n_packed + FREE_BYTES:
        raise ReadError(
            f"{printable_path(path)}: its compressed data unpack to more than {MAX_RATIO} times their size. "
            "Save it without compression."
        )


def _numbers(text: str) -> list[str]:
    words = bounded(text).split()
    if len(words) > MAX_AXES**2 or any(len(word) > MAX_NUMBER for word in words):
        raise ValueError("too many or too long numbers")
    return words


def _read_plain(file: BufferedReader, data: DataBlock, n_stored: int, n_bytes: int) -> npt.NDArray[np.uint8]:
    skip = max(n_stored - n_bytes, 0) if data.skip is None else data.skip
    _check_length(data.path, n_bytes, max(n_stored - skip, 0))
    file.seek(data.offset + skip)
    voxels = np.empty(n_bytes, np.uint8)
    n_read = file.readinto(voxels.data)
    _check_length(data.path, n_bytes, n_read)
    return voxels


def _read_packed(file: BufferedReader, data: DataBlock, n_packed: int, n_bytes: int) -> npt.NDArray[np.uint8]:
    voxels = np.empty(n_bytes, np.uint8)
    place = -(data.skip or 0)  # offset of the next chunk from the first voxel
    for chunk in (
        _unpacked_bzip2(file, n_packed)
        if data.packing == "bzip2"
        else _unpacked(file, n_packed, multiple=data.packing == "gzip")
    ):
        start, end = max(place, 0), min(place + len(chunk), n_bytes)
        if start < end:
            voxels[start:end] = np.frombuffer(chunk, np.uint8)[start - place : end - place]
        place += len(chunk)
        if place > n_bytes + MAX_PADDING_BYTES:
            break
    _check_length(data.path, n_bytes, max(place, 0))
    return voxels


def _check_length(path: Path, announced: int, actual: int) -> None:
    if not announced <= actual <= announced + MAX_PADDING_BYTES:
        amount = actual if actual < announced else f"{announced + MAX_PADDING_BYTES} or more"
        raise ReadError(
            f"{printable_path(path)}: the header announces {announced} bytes, but the data hold {amount}. "
            "Copy or export it again."
        )


@contextmanager
def _unpacking(path: Path) -> Iterator[None]:
    """Turn the exceptions of decompression into a ReadError."""
    try:
        yield
    except EOFError:
        raise ReadError(
            f"{printable_path(path)}: its compressed data end too early. Copy or export it again."
        ) from None
    except zlib.error:
        raise ReadError(f"{printable_path(path)}: its compressed data are damaged. Copy or export it again.") from None


def _first_unpacked(file: BufferedReader, most: int) -> bytes:
    start = b""
    for chunk in _unpacked(file, size_of(file), multiple=True):
        start += chunk
        if len(start) >= most:
            break
    return start[:most]


def _unpacked(file: BufferedReader, n_packed: int, multiple: bool) -> Iterator[bytes]:
    """Decompress a zlib or gzip stream in chunks, and the streams after it if `multiple` are allowed.

    Raises:
        EOFError: The stream ends too early.
        zlib.error: The stream is damaged.
    """
    stream = zlib.decompressobj(_EITHER_HEADER)
    left, packed, ended = n_packed, b"", False
    while True:
        if not packed:
            packed = file.read(min(_PACKED_CHUNK, left))
            left -= len(packed)
        if ended:
            packed = packed.lstrip(b"\0")  # gzip allows padding
            if packed:
                stream, ended = zlib.decompressobj(_EITHER_HEADER), False
            elif not left:
                return
        elif packed:
            yield stream.decompress(packed, _CHUNK)
            packed, ended = stream.unconsumed_tail or stream.unused_data, stream.eof
            if ended and not multiple:
                return
        else:
            raise EOFError


def _unpacked_bzip2(file: BufferedReader, n_packed: int) -> Iterator[bytes]:
    """Decompress a bzip2 stream in chunks.

    Raises:
        EOFError: The stream ends too early.
        zlib.error: The stream is damaged.
    """
    stream, left = bz2.BZ2Decompressor(), n_packed
    while not stream.eof:
        packed = b""
        if stream.needs_input:
            packed = file.read(min(_PACKED_CHUNK, left))
            left -= len(packed)
            if not packed:
                raise EOFError
        try:
            chunk = stream.decompress(packed, _CHUNK)
        except OSError:  # from bz2 for damaged data, not from the operating system
            raise zlib.error("damaged bzip2") from None
        yield chunk
