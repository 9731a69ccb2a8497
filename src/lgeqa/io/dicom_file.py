"""DICOM files that are safe for pydicom: regular, of limited size, and inflated in steps if they are deflated."""

import io
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pydicom import FileDataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomFileLike
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_file_meta_info
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from lgeqa.errors import ReadError
from lgeqa.io.formatting import printable_path
from lgeqa.io.limits import FREE_BYTES, MAX_DICOM_BYTES, MAX_DICOM_HEADER_BYTES, MAX_DICOM_ITEMS, MAX_RATIO
from lgeqa.io.untrusted_files import open_regular, size_of

_PREFIX = bytes(128) + b"DICM"
_CHUNK = 1 << 20
_META_GROUP, _TRANSFER_SYNTAX = 0x0002, 0x0010
#: Value representations with a length field of four bytes.
_LONG_VRS = {b"OB", b"OW", b"SQ", b"UN", b"UT"}
#: Tag of a sequence item in both byte orders.
_ITEMS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
#: Largest read in bytes that is not compared with the rest of the file.
_SMALL = 1 << 16


class _Bounded(io.BufferedReader):
    """A file that is never read beyond its end, since Python allocates the memory before it reads.

    Reads without a size are refused, with which pydicom would inflate a deflated file at once.
    """

    def __init__(self, file: io.BufferedReader) -> None:
        self._size = size_of(file)
        super().__init__(file.detach())

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            raise ValueError("unbounded read")
        if size > _SMALL:
            size = min(size, max(self._size - self.tell(), 0), MAX_DICOM_BYTES)
        return super().read(size)


class HeaderPart(io.BytesIO):
    """The first bytes of a file. Reads without a size are refused, as in `_Bounded`.

    Attributes:
        name: No text, as that of an open file. With a text, pydicom would log that a file ends early, and go on with an
            empty header.
    """

    name = 0

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes."""
        if size is None or size < 0:
            raise ValueError("unbounded read")
        return super().read(size)


@contextmanager
def open_dicom(path: Path) -> Iterator[BinaryIO]:
    """Open a DICOM file, inflated if it is deflated.

    Raises:
        ReadError: The file is not a regular file, is too large, or expands too much.
        zlib.error: The file is deflated and damaged.
        OSError: The file cannot be opened.
    """
    with _Bounded(open_regular(path)) as file:
        is_deflated = _transfer_syntax(file) == DeflatedExplicitVRLittleEndian
        file.seek(0)
        yield _inflated(file, path) if is_deflated else file


def read_header(file: BinaryIO, elements: Iterable[str | int], where: str) -> FileDataset:
    """Read some elements of the header of a DICOM file in limited memory, and go to its pixels.

    Raises:
        ReadError: The header is longer, or has more sequence items, than that of any scan.
    """
    file.seek(0)
    start = file.read(MAX_DICOM_HEADER_BYTES)
    n_items = max(map(start.count, _ITEMS))
    if n_items > MAX_DICOM_ITEMS:
        raise ReadError(
            f"{where}: its header has {n_items} sequence items; lgeqa reads up to {MAX_DICOM_ITEMS}. "
            "Export the images again."
        )
    part = HeaderPart(start)
    header = dcmread(part, stop_before_pixels=True, specific_tags=list(map(Tag, elements)), force=True)
    if part.tell() >= MAX_DICOM_HEADER_BYTES:
        raise ReadError(
            f"{where}: its header is longer than the {MAX_DICOM_HEADER_BYTES >> 20} MB that lgeqa reads. "
            "Export the images without private elements."
        )
    file.seek(part.tell())
    return header


def check_dicom_size(file: BinaryIO, path: Path) -> None:
    """Refuse a file that is too large to be read as a whole.

    Raises:
        ReadError: The file is larger than `MAX_DICOM_BYTES`.
    """
    if file.seek(0, io.SEEK_END) > MAX_DICOM_BYTES:
        raise _too_large(path)
    file.seek(0)


def _transfer_syntax(file: BinaryIO) -> str:
    """Return the transfer syntax in the file meta information, or an empty string, faster than pydicom does."""
    _skip_prefix(file)
    while len(head := file.read(8)) == 8:
        group, element, vr, length = struct.unpack("<HH2sH", head)
        if group != _META_GROUP:
            break
        if vr in _LONG_VRS:
            [length] = struct.unpack("<I", file.read(4))
        value = file.read(length)
        if element == _TRANSFER_SYNTAX:
            return value.rstrip(b"\0 ").decode("ascii", errors="replace")
    return ""


def _skip_prefix(file: BinaryIO) -> None:
    if not file.read(len(_PREFIX)).endswith(b"DICM"):
        file.seek(0)


def _inflated(file: BinaryIO, path: Path) -> BinaryIO:
    check_dicom_size(file, path)
    _skip_prefix(file)
    meta = FileMetaDataset(
        read_dataset(
            file,
            is_implicit_VR=False,
            is_little_endian=True,
            stop_when=lambda tag, *_: tag.group != _META_GROUP,
        )
    )
    packed = file.read(MAX_DICOM_BYTES)
    most = min(MAX_RATIO * len(packed) + FREE_BYTES, MAX_DICOM_BYTES)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    whole = io.BytesIO()
    whole.write(_PREFIX)
    write_file_meta_info(DicomFileLike(whole), meta, enforce_standard=False)
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    while packed and not stream.eof:
        whole.write(stream.decompress(packed, _CHUNK))
        packed = stream.unconsumed_tail
        if whole.tell() > most:
            raise _too_large(path)
    if not stream.eof:
        raise zlib.error("cut")
    whole.seek(0)
    return whole


def _too_large(path: Path) -> ReadError:
    return ReadError(
        f"{printable_path(path)}: is larger than the {MAX_DICOM_BYTES >> 20} MB that lgeqa reads of a DICOM file, or "
        f"unpacks to more than {MAX_RATIO} times its size. Give the original images."
    )
