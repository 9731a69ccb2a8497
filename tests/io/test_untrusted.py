"""Volumes made to harm: what they name, announce or skip is refused before it is opened, skipped or allocated."""

import gzip
import os
import re
import socket
import struct
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from lgeqa.errors import ReadError, ScanError
from lgeqa.io import Source, discover, read_mask, read_scan
from lgeqa.io.limits import FREE_BYTES, MAX_HEADER_BYTES
from lgeqa.io.volume import volume_files
from tests.images import volume, write_volume
from tests.io.test_volume_faults import SUFFIXES, edited, nifti, read_one, refused

MEGABYTE = 1 << 20


@contextmanager
def memory_below(megabytes: int) -> Iterator[None]:
    """Fail if more memory than this is taken by Python and NumPy meanwhile."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < megabytes * MEGABYTE


def detached(folder: Path, suffix: str, name: str) -> Path:
    """Write a header whose data file is called `name`."""
    path = write_volume(folder / f"scan{suffix}", volume())
    return edited(path, ("scan.raw", name))


# --- regular files only


def special(path: Path, kind: str) -> Path:
    """Make a path that is not a regular file."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(os.path.relpath(path))
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(kind)
    return path


KINDS = [
    "pipe",
    "socket",
    "folder",
    "/dev/zero",
    "/dev/null",
    "/proc/self/environ",
    "/sys/kernel/mm/transparent_hugepage/enabled",
]


@pytest.mark.timeout(100)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_scan_that_is_no_regular_file(suffix: str, kind: str, tmp_path: Path) -> None:
    path = special(tmp_path / f"scan{suffix}", kind)
    with pytest.raises(ReadError, match=f"scan{suffix}: is not a regular file, so it was not opened"):
        read_scan(Source("scan", "volume", path, (path,)))


@pytest.mark.timeout(100)
@pytest.mark.parametrize("kind", ["pipe", "socket", "folder"])
@pytest.mark.parametrize("suffix", [".nhdr", ".mhd"])
def test_voxel_file_that_is_no_regular_file(suffix: str, kind: str, tmp_path: Path) -> None:
    path = write_volume(tmp_path / f"scan{suffix}", volume())
    (tmp_path / "scan.raw").unlink()
    special(tmp_path / "scan.raw", kind)
    refused(path, ReadError, "scan.raw: is not a regular file, so it was not opened")


@pytest.mark.timeout(100)
@pytest.mark.parametrize("kind", KINDS)
def test_mask_that_is_no_regular_file(kind: str, tmp_path: Path) -> None:
    scan = read_one(write_volume(tmp_path / "scan.nrrd", volume()))
    with pytest.raises(ReadError, match="is not a regular file"):
        read_mask(special(tmp_path / "mask.nrrd", kind), scan)


# --- detached headers


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../other.raw", "sub/../../other.raw", "..\\other.raw", "C:\\x.raw", "\\\\a\\b"]
)
@pytest.mark.parametrize("suffix", [".nhdr", ".mhd"])
def test_voxels_outside_of_the_folder(suffix: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "other.raw").write_bytes(volume().tobytes())
    refused(detached(tmp_path / "a", suffix, name), ReadError, "names a data file outside of its folder")


@pytest.mark.parametrize("suffix", [".nhdr", ".mhd"])
def test_voxels_by_a_link_that_leads_out(suffix: str, tmp_path: Path) -> None:
    other = tmp_path / "other.raw"
    other.write_bytes(volume().tobytes())
    path = write_volume(tmp_path / "a" / f"scan{suffix}", volume())
    (tmp_path / "a/scan.raw").unlink()
    (tmp_path / "a/scan.raw").symlink_to(other)
    refused(path, ReadError, "names a data file outside of its folder")
    (tmp_path / "a/scan.raw").unlink()
    (tmp_path / "b").symlink_to(tmp_path)
    (tmp_path / "a/b").symlink_to(tmp_path)
    refused(edited(path, ("scan.raw", "b/other.raw")), ReadError, "names a data file outside of its folder")


@pytest.mark.parametrize("suffix", [".nhdr", ".mhd"])
def test_a_refusal_reveals_nothing_of_the_other_file(suffix: str, tmp_path: Path) -> None:
    (tmp_path / "other.raw").write_bytes(b"content")
    messages = set()
    for number, name in enumerate(("../other.raw", "../missing.raw")):
        with pytest.raises(ReadError) as caught:
            read_one(detached(tmp_path / "a", suffix, name))
        messages.add(str(caught.value))
        assert number in (0, 1)
    assert len(messages) == 1
    assert not re.search(r"\d+ bytes|content|no such file", messages.pop())


@pytest.mark.parametrize("suffix", [".nhdr", ".mhd"])
def test_voxels_below_the_folder_and_by_a_link_within(suffix: str, tmp_path: Path) -> None:
    path = write_volume(tmp_path / f"scan{suffix}", volume())
    (tmp_path / "data").mkdir()
    (tmp_path / "scan.raw").rename(tmp_path / "data/voxels.raw")
    (tmp_path / "link.raw").symlink_to("data/voxels.raw")
    for old, new in (("scan.raw", "data/voxels.raw"), ("data/voxels.raw", "link.raw")):
        np.testing.assert_array_equal(read_one(edited(path, (old, new))).voxels, volume())
    assert volume_files(path) == (path, tmp_path / "link.raw")


# --- header values out of proportion

MANY_DIGITS = "9" * 5000


@pytest.mark.timeout(100)
@pytest.mark.parametrize(
    ("suffix", "old", "new"),
    [
        (".nrrd", "sizes: 8 9 6", "sizes: 8 9 " + "9" * 33),
        (".nrrd", "sizes: 8 9 6", "sizes: 8 9 " + MANY_DIGITS),
        (".nrrd", "sizes: 8 9 6", "sizes: " + "1 " * 400_000),
        (".nrrd", "dimension: 3\n", f"dimension: {10**20}\n"),
        (".nrrd", "space directions: ", "space directions: " + "(" * 900_000),
        (".nrrd", "(0,0,2.5)", "(" + "0," * 900 + "2.5)"),
        (".nrrd", "encoding: raw", "encoding: raw\nbyte skip: -2"),
        (".nrrd", "encoding: raw", f"encoding: raw\nbyte skip: {10**20}"),
        (".nrrd", "encoding: raw", "encoding: gzip\nbyte skip: -1"),
        (".nrrd", "encoding: raw", f"encoding: gzip\nbyte skip: {MAX_HEADER_BYTES + 1}"),
        (".nhdr", "data file: scan.raw", "data file: " + "x" * 5000),
        (".mha", "BinaryData = True", f"BinaryData = True\nHeaderSize = {10**20}"),
        (".mha", "BinaryData = True", "BinaryData = True\nHeaderSize = -2"),
        (".mha", "NDims = 3", f"NDims = {10**20}"),
        (".mha", "NDims = 3", "NDims = 9"),
        (".mha", "NDims = 3", "NDims = -3"),
        (".mha", "NDims = 3", "NDims = 3\nElementNumberOfChannels = " + MANY_DIGITS),
        (".mha", "CompressedData = False", "CompressedData = True\nCompressedDataSize = " + MANY_DIGITS),
        (".mhd", "ElementDataFile = scan.raw", "ElementDataFile = " + "x" * 5000),
    ],
    ids=lambda value: value[:24],
)
def test_number_out_of_proportion(suffix: str, old: str, new: str, tmp_path: Path) -> None:
    path = edited(write_volume(tmp_path / f"scan{suffix}", volume()), (old, new))
    refused(path, ReadError, "header is damaged or incomplete")


@pytest.mark.parametrize("word", ["1e7", "-1e308"])
@pytest.mark.parametrize(
    ("suffix", "old", "new"),
    [(".nrrd", "(-31.5,12.25,-70)", "(0,{},0)"), (".mha", "Offset = -31.5 12.25 -70", "Offset = 0 {} 0")],
)
def test_place_outside_of_any_scanner(suffix: str, old: str, new: str, word: str, tmp_path: Path) -> None:
    path = edited(write_volume(tmp_path / f"scan{suffix}", volume()), (old, new.format(word)))
    refused(path, ReadError, r"its first voxel is at \(0, .*, 0\) mm, outside of any scanner")


def test_direction_that_overflows(tmp_path: Path) -> None:
    path = write_volume(tmp_path / "scan.mha", volume())
    edited(path, ("TransformMatrix = 1 0 0", "TransformMatrix = 1e308 1e308 -1e308"))
    refused(path, ReadError, "not at right angles")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 3e38])
@pytest.mark.parametrize(("place", "form"), [(80, "3f"), (256, "3f"), (268, "3f"), (280, "12f")])
@pytest.mark.parametrize("codes", [[1, 0], [0, 1], [1, 2], [2, 1]])
def test_nifti_form_of_no_numbers(codes: list[int], place: int, form: str, value: float, tmp_path: Path) -> None:
    count = int(form[:-1])
    path = nifti(tmp_path / "scan.nii", {"codes": (252, "2h", codes), "form": (place, form, [value] * count)})
    with suppress(ScanError):  # fields that are not used do no harm
        read_one(path)


def test_a_quoted_value_is_cut(tmp_path: Path) -> None:
    path = edited(write_volume(tmp_path / "scan.mha", volume()), ("Offset = -31.5 ", "Offset = \x1b" + "x" * 5000))
    refused(path, ReadError, r"Offset = \?x{79}… are not 3 numbers")


@pytest.mark.parametrize("endian", [b"endian: little\n", b""], ids=["byte order", "no byte order"])
def test_the_nrrd_that_crashed_itk(endian: bytes, tmp_path: Path) -> None:
    path = write_volume(tmp_path / "scan.nrrd", volume())
    header = path.read_bytes().partition(b"\n\n")[0].replace(b"encoding: raw", b"encoding: ascii")
    assert b"endian: little\n" in header
    header = header.replace(b"endian: little\n", endian)
    path.write_bytes(header + b"\n\n" + b"1" * 1500 + b" 2")
    refused(path, ReadError, "its encoding is 'ascii'")


@pytest.mark.parametrize("skip", ["line skip: 1", "lineskip: 1000000000"])
def test_skipped_lines(skip: str, tmp_path: Path) -> None:
    path = edited(write_volume(tmp_path / "scan.nrrd", volume()), ("encoding: raw", f"encoding: raw\n{skip}"))
    refused(path, ReadError, "skips lines before its voxels")


def with_bytes_before(path: Path, count: int) -> Path:
    path.write_bytes(bytes(count) + path.read_bytes())
    return path


@pytest.mark.parametrize("skip", [7, -1])
@pytest.mark.parametrize(
    ("suffix", "place", "field"),
    [(".nhdr", "encoding: raw", "byte skip: {}"), (".mhd", "BinaryData = True", "HeaderSize = {}")],
)
def test_bytes_before_the_voxels(suffix: str, place: str, field: str, skip: int, tmp_path: Path) -> None:
    path = write_volume(tmp_path / f"scan{suffix}", volume())
    with_bytes_before(tmp_path / "scan.raw", 7)
    edited(path, (place, f"{place}\n{field.format(skip)}"))
    np.testing.assert_array_equal(read_one(path).voxels, volume())


@pytest.mark.parametrize(
    ("suffix", "place", "field"),
    [(".nhdr", "encoding: raw", "byte skip: 100000"), (".mhd", "BinaryData = True", "HeaderSize = 100000")],
)
def test_bytes_before_the_voxels_that_are_not_there(suffix: str, place: str, field: str, tmp_path: Path) -> None:
    path = edited(write_volume(tmp_path / f"scan{suffix}", volume()), (place, f"{place}\n{field}"))
    refused(path, ReadError, "announces 864 bytes, but the data hold 0")


def test_bytes_before_packed_voxels(tmp_path: Path) -> None:
    path = write_volume(tmp_path / "scan.nhdr", volume())
    packed = gzip.compress(bytes(7) + volume().tobytes())
    (tmp_path / "scan.raw").write_bytes(packed[:100] + packed[100:])
    edited(path, ("encoding: raw", "encoding: gzip\nbyte skip: 7"))
    np.testing.assert_array_equal(read_one(path).voxels, volume())


# --- decompression


def test_gzip_in_parts(tmp_path: Path) -> None:
    data = volume((20, 30, 30)).tobytes()
    path = write_volume(tmp_path / "scan.nhdr", volume((20, 30, 30)))
    parts = [gzip.compress(data[start : start + 5000]) for start in range(0, len(data), 5000)]
    (tmp_path / "scan.raw").write_bytes(b"".join([*parts[:3], bytes(70_000), *parts[3:], bytes(100)]))
    edited(path, ("encoding: raw", "encoding: gzip"))
    np.testing.assert_array_equal(read_one(path).voxels, volume((20, 30, 30)))


def bomb(path: Path, n_megabytes: int) -> Path:
    """Write a small file of a packed volume that says truly how large its zeros are."""
    slices = n_megabytes * MEGABYTE // (512 * 512)
    write_volume(path, np.zeros((5, 9, 8), np.uint8), compress=True)
    data = path.read_bytes()
    zeros = bytes(slices * 512 * 512)
    if path.suffix == ".nrrd":
        header = data[: data.index(b"\n\n") + 2].replace(b"sizes: 8 9 5", f"sizes: 512 512 {slices}".encode())
        path.write_bytes(header + gzip.compress(zeros))
    elif path.suffix == ".mha":
        packed = zlib.compress(zeros)
        header = data[: data.index(b"LOCAL\n") + 6].replace(b"DimSize = 8 9 5", f"DimSize = 512 512 {slices}".encode())
        size = f"CompressedDataSize = {len(packed)}".encode()
        path.write_bytes(re.sub(rb"CompressedDataSize = \d+", size, header) + packed)
    else:
        start = bytearray(gzip.decompress(data)[:352])
        struct.pack_into("<4h", start, 40, 3, 512, 512, slices)
        path.write_bytes(gzip.compress(bytes(start) + zeros))
    return path


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".mha"])
def test_a_bomb_that_says_so_takes_no_memory(suffix: str, tmp_path: Path) -> None:
    path = bomb(tmp_path / f"scan{suffix}", 2 * FREE_BYTES // MEGABYTE)
    with memory_below(8):
        refused(path, ReadError, "its compressed data unpack to more than 200 times their size")


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".mha"])
def test_a_bomb_with_a_false_size_takes_no_memory(suffix: str, tmp_path: Path) -> None:
    path = bomb(tmp_path / f"scan{suffix}", 30)
    if suffix == ".nii.gz":
        header = bytearray(gzip.decompress(path.read_bytes()))
        struct.pack_into("<4h", header, 40, 3, 512, 512, 5)
        path.write_bytes(gzip.compress(header))
    else:
        path.write_bytes(path.read_bytes().replace(b"512 512 120", b"512 512 5"))
    with memory_below(8):
        refused(path, ReadError, "announces 1310720 bytes, but the data hold 1314816 or more")


@pytest.mark.parametrize("offset", [2e9, 3e38, -1, float("nan"), float("inf"), MAX_HEADER_BYTES + 16])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_nifti_voxels_far_behind_the_header(suffix: str, offset: float, tmp_path: Path) -> None:
    plain = nifti(tmp_path / "scan.nii", {"vox_offset": (108, "f", [offset])})
    path = tmp_path / f"scan{suffix}"
    if suffix == ".nii.gz":
        path.write_bytes(gzip.compress(plain.read_bytes()))
    with memory_below(8):
        refused(path, ReadError, "NIfTI header is damaged or unusual .* voxels from byte")


def test_nifti_voxels_behind_an_extension(tmp_path: Path) -> None:
    path = nifti(tmp_path / "scan.nii", {"vox_offset": (108, "f", [400])})
    data = path.read_bytes()
    path.write_bytes(data[:352] + bytes(48) + data[352:])
    np.testing.assert_array_equal(read_one(path).voxels, volume())


def test_half_of_a_nifti_pair(tmp_path: Path) -> None:
    path = nifti(tmp_path / "scan.nii", {"magic": (344, "4B", list(b"ni1\0"))})
    refused(path, ReadError, "is not a NIfTI file")


def test_a_scan_is_found_beside_what_is_no_file(tmp_path: Path) -> None:
    path = write_volume(tmp_path / "scan.nrrd", volume())
    for number, kind in enumerate(KINDS):
        special(tmp_path / f"{number}.nrrd", kind)
    assert [source.location for source in discover([tmp_path])] == [path]
