"""DICOM files made to harm: what they announce or unpack to is bounded, and whatever a decoder raises is told."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, FileDataset, dcmread
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

from lgeqa.errors import NotAssessableError, ReadError, ScanError
from lgeqa.io import Source, discover, read_scan
from lgeqa.io.limits import FREE_BYTES
from tests.images import volume, write_dicom_series
from tests.io.test_dicom import put, read_one, refused
from tests.io.test_untrusted import KINDS, memory_below, special

MEGABYTE = 1 << 20


#: Large enough for the tiles of JPEG 2000.
IMAGES = volume((6, 40, 36))


def changed(folder: Path, change: Callable[[FileDataset], None]) -> list[Path]:
    """Write a series of `IMAGES` whose files are changed after they were written."""
    paths = write_dicom_series(folder, IMAGES)
    for path in paths:
        dataset = dcmread(path)
        change(dataset)
        dataset.save_as(path)
    return paths


def deflated(path: Path, extra: bytes = b"") -> None:
    """Deflate the data set of a file, with `extra` behind it."""
    dataset = dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(path)
    if extra:
        data = path.read_bytes()
        [group_length] = struct.unpack_from("<I", data, 140)
        start = 144 + group_length
        inflated = zlib.decompress(data[start:], -15)
        packer = zlib.compressobj(9, wbits=-15)
        path.write_bytes(data[:start] + packer.compress(inflated + extra) + packer.flush())


@pytest.mark.timeout(100)
@pytest.mark.parametrize("kind", KINDS)
def test_image_that_is_no_regular_file(kind: str, tmp_path: Path) -> None:
    paths = write_dicom_series(tmp_path, volume())
    paths[2].unlink()
    special(paths[2], kind)
    with pytest.raises(ReadError, match=f"{paths[2].name}: is not a regular file, so it was not opened"):
        read_scan(Source("scan", "dicom", tmp_path, tuple(paths)))


@pytest.mark.timeout(100)
def test_pipe_among_the_images(tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume())
    os.mkfifo(tmp_path / "IM9999")
    np.testing.assert_array_equal(read_one(tmp_path).voxels, volume())


# --- deflated


def test_deflated_series(tmp_path: Path) -> None:
    for path in write_dicom_series(tmp_path, volume()):
        deflated(path)
    np.testing.assert_array_equal(read_one(tmp_path).voxels, volume())


def test_damaged_deflated_file(tmp_path: Path) -> None:
    path = write_dicom_series(tmp_path, volume())[0]
    deflated(path)
    path.write_bytes(path.read_bytes()[:-60] + b"\xff" * 60)
    assert any("is a damaged DICOM file" in source.fault for source in discover([tmp_path]))


@pytest.mark.parametrize("has_preamble", [True, False])
def test_a_deflated_bomb_takes_no_memory(has_preamble: bool, tmp_path: Path) -> None:
    path = write_dicom_series(tmp_path, volume())[0]
    deflated(path, bytes(4 * FREE_BYTES))
    if not has_preamble:
        path.write_bytes(path.read_bytes()[132:])
    (tmp_path / "other").write_bytes(b"")
    with memory_below(3 * FREE_BYTES // MEGABYTE):
        sources = discover([tmp_path])
    assert sum(len(source.files) for source in sources) == 5
    if has_preamble:
        assert "unpacks to more than 200 times its size" in next(source.fault for source in sources if source.fault)


def test_a_second_transfer_syntax_unpacks_nothing(tmp_path: Path) -> None:
    path = write_dicom_series(tmp_path, volume())[0]
    deflated(path, bytes(4 * FREE_BYTES))
    data = path.read_bytes()
    first = b"\x02\0\x10\0UI\x14\x001.2.840.10008.1.2.1\0"
    path.write_bytes(data[:132] + first + data[144:])
    with memory_below(64):
        faults = [source.fault for source in discover([tmp_path]) if source.fault]
    assert len(faults) == 1
    assert "is a damaged DICOM file" in faults[0]


# --- announced sizes


def test_an_element_longer_than_the_file_takes_no_memory(tmp_path: Path) -> None:
    path = write_dicom_series(tmp_path, volume())[0]
    path.write_bytes(
        path.read_bytes().replace(b"OW\0\0" + struct.pack("<I", 144), b"OW\0\0" + struct.pack("<I", 2**31))
    )
    with memory_below(64):
        np.testing.assert_array_equal(read_one(tmp_path).voxels, volume())


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_compressed_series(syntax: str, tmp_path: Path) -> None:
    changed(tmp_path, lambda dataset: dataset.compress(syntax))
    np.testing.assert_array_equal(read_one(tmp_path).voxels, IMAGES)


@pytest.mark.parametrize(("fill", "kind"), [(b"\x80", ReadError), (b"\x7f", NotAssessableError)])
def test_damaged_rle_prints_nothing(fill: bytes, kind: type[ScanError], tmp_path: Path) -> None:
    def change(dataset: FileDataset) -> None:
        dataset.compress(RLELossless)
        [frame] = generate_frames(dataset.PixelData, number_of_frames=1)
        dataset.PixelData = encapsulate([frame[:64] + fill * (len(frame) - 64)])  # nothing; runs beyond the end

    changed(tmp_path, change)
    refused(tmp_path, kind, "its pixel data are damaged or shorter|all its voxels are 32639")


def test_a_small_file_of_a_large_image_is_refused(tmp_path: Path) -> None:
    def change(dataset: FileDataset) -> None:
        dataset.compress(RLELossless)
        dataset.Rows = dataset.Columns = 5000

    changed(tmp_path, change)
    with memory_below(8):
        refused(tmp_path, ReadError, "its compressed data unpack to more than 200 times their size")


def jpeg_2000_of(rows: int, columns: int, components: int = 1) -> bytes:
    """Return the start of a JPEG 2000 codestream of this size."""
    header = struct.pack(">HHHIIIIIIIIH", 0xFF51, 41, 0, columns, rows, 0, 0, columns, rows, 0, 0, components)
    return b"\xff\x4f" + header + bytes(200)


def jpeg_ls_of(rows: int, columns: int, components: int = 1) -> bytes:
    """Return the start of a JPEG-LS codestream of this size, behind a comment and fill bytes."""
    comment = struct.pack(">HH4s", 0xFFFE, 6, b"text")
    frame = b"\xff" + struct.pack(">HHBHHB", 0xFFF7, 11, 16, rows, columns, components)
    return b"\xff\xd8" + comment + frame + bytes(200)


def write_codestream(folder: Path, syntax: str, stream: bytes) -> None:
    """Write a series whose images all hold one compressed stream."""

    def edit(dataset: Dataset, index: int) -> None:
        dataset.file_meta.TransferSyntaxUID = UID(syntax)
        dataset.PixelData = encapsulate([stream])
        dataset["PixelData"].VR = "OB"

    write_dicom_series(folder, volume(), edit=edit)


@pytest.mark.parametrize(
    ("syntax", "stream"),
    [
        (JPEG2000Lossless, jpeg_2000_of(60_000, 60_000)),
        (JPEG2000Lossless, jpeg_2000_of(9, 60_000)),
        (JPEG2000Lossless, jpeg_2000_of(9, 8, 16_000)),
        (JPEGLSLossless, jpeg_ls_of(60_000, 60_000)),
        (JPEGLSLossless, jpeg_ls_of(0, 8)),
        (JPEGLSLossless, jpeg_ls_of(9, 8, 255)),
    ],
)
def test_a_codestream_of_another_size_reaches_no_decoder(
    syntax: str, stream: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Dataset, "pixel_array", property(lambda _: pytest.fail("was decoded")))
    write_codestream(tmp_path, syntax, stream)
    refused(tmp_path, ReadError, r"its compressed image has \d+ x \d+ pixels and \d+ samples, not 9 x 8 and 1")


@pytest.mark.parametrize(
    "stream", [b"\0\0", b"\xff\xd8", b"\xff\xd8\xff\xda", b"\xff\xd8" + b"\xff" * 50, b"\0\0\0\x0cjP  "]
)
@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless])
def test_a_codestream_that_is_none_reaches_no_decoder(
    syntax: str, stream: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Dataset, "pixel_array", property(lambda _: pytest.fail("was decoded")))
    write_codestream(tmp_path, syntax, stream)
    refused(tmp_path, ReadError, "its pixel data are damaged")


def test_a_table_of_offsets_cannot_hide_an_image(tmp_path: Path) -> None:
    def change(dataset: FileDataset) -> None:
        dataset.compress(JPEG2000Lossless)
        [frame] = generate_frames(dataset.PixelData, number_of_frames=1)
        dataset.PixelData = encapsulate([frame], has_bot=False)
        dataset.ExtendedOffsetTable = struct.pack("<Q", 4)
        dataset.ExtendedOffsetTableLengths = struct.pack("<Q", 10)

    changed(tmp_path, change)
    np.testing.assert_array_equal(read_one(tmp_path).voxels, IMAGES)


@pytest.mark.parametrize("value", [1e7, -1e308])
@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_numbers_that_overflow(keyword: str, value: float, tmp_path: Path) -> None:
    count = {"ImagePositionPatient": 3, "ImageOrientationPatient": 6, "PixelSpacing": 2}[keyword]
    write_dicom_series(tmp_path, volume(), edit=put(**{keyword: [value] * count}))
    refused(tmp_path, ReadError, f"its {keyword} is .*; expected {count} numbers")


def test_an_element_of_many_numbers_is_not_quoted_whole(tmp_path: Path) -> None:
    write_dicom_series(tmp_path, volume(), edit=put(PixelSpacing=[0.7] * 3000))
    refused(tmp_path, ReadError, r"its PixelSpacing is \(0.7, .*\); expected 2 numbers")


# --- whatever a decoder raises


class PanicException(BaseException):
    """As Rust libraries raise it through PyO3."""


@pytest.mark.parametrize(
    "error", [PanicException("secret"), OSError("broken data stream"), AssertionError(), ValueError()]
)
def test_whatever_a_decoder_raises_is_reported(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Any) -> None:
        raise error

    write_dicom_series(tmp_path, volume())
    monkeypatch.setattr(Dataset, "pixel_array", property(fail))
    refused(tmp_path, ReadError, "IM0000: its pixel data are damaged or shorter than the header announces")


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError])
def test_what_is_no_damage_continues(
    error: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Any) -> None:
        raise error

    write_dicom_series(tmp_path, volume())
    monkeypatch.setattr(Dataset, "pixel_array", property(fail))
    with pytest.raises(error):
        read_one(tmp_path)


def test_a_panic_in_a_header_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise PanicException

    write_dicom_series(tmp_path, volume())
    monkeypatch.setattr("lgeqa.io.dicom_header.read_partial", fail)
    assert all("is a damaged DICOM file" in source.fault for source in discover([tmp_path]))
