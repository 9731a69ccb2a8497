"""Bad volumes: each fault is told with the file, the value and the way out."""

import bz2
import gzip
import re
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nibabel import Nifti2Image

from lgeqa.errors import NotAssessableError, ReadError, ScanError
from lgeqa.io import Limits, discover, read_scan
from lgeqa.io.header import DataBlock, read_voxels
from lgeqa.records import Scan
from tests.images import SPACING_MM, sitk, volume, write_volume
from tests.io.conftest import ordinary_user

SUFFIXES = [".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd"]
DATA_SUFFIX = {".nhdr": ".raw", ".mhd": ".raw"}
BINARY_SUFFIXES = [".nrrd", ".nii", ".mha"]


def read_one(path: Path, limits: Limits = Limits()) -> Scan:  # noqa: B008 - frozen
    (source,) = discover([path])
    return read_scan(source, limits=limits)


def refused(path: Path, kind: type[ScanError], message: str, limits: Limits = Limits()) -> None:  # noqa: B008 - frozen
    """The scan is refused with this kind of error, and with a short message that names the file."""
    with pytest.raises(kind, match=message) as caught:
        read_one(path, limits)
    assert type(caught.value) is kind
    text = str(caught.value)
    assert text.startswith(str(path.parent))
    assert "\n" not in text
    assert "ITK ERROR" not in text
    assert len(text) < len(str(path)) + 250


def edited(path: Path, *changes: tuple[str, str]) -> Path:
    """Replace text in a header."""
    data = path.read_bytes()
    for old, new in changes:
        assert old.encode() in data
        data = data.replace(old.encode(), new.encode(), 1)
    path.write_bytes(data)
    return path


def nifti(path: Path, changes: dict[str, tuple[int, str, Sequence[float]]]) -> Path:
    """A good NIfTI file with fields of its header changed: offset, format, values."""
    write_volume(path, volume())
    data = bytearray(path.read_bytes())
    for offset, form, values in changes.values():
        struct.pack_into("<" + form, data, offset, *values)
    path.write_bytes(data)
    return path


def write_image(path: Path, array: np.ndarray[Any, Any], *, vector: bool = False) -> Path:
    image = sitk.GetImageFromArray(array, isVector=vector)
    image.SetSpacing([0.5, *image.GetSpacing()[1:]])  # of 1 mm along all axes is a header that tells nothing
    sitk.WriteImage(image, str(path))
    return path


# --- files


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_empty_file(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"scan{suffix}"
    path.touch()
    refused(path, ReadError, "is empty")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_text_named_as_a_volume(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"scan{suffix}"
    text = b"Dear colleague, please find the scan elsewhere.\n" * 20
    path.write_bytes(gzip.compress(text) if suffix == ".nii.gz" else text)
    refused(path, ReadError, "is not an? .* file, whatever its name says")


def test_text_named_as_packed_volume(tmp_path: Path) -> None:
    path = tmp_path / "scan.nii.gz"
    path.write_bytes(b"no gzip at all")
    refused(path, ReadError, "is not a NIfTI file")


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_cut_file(suffix: str, compress: bool, tmp_path: Path) -> None:
    path = write_volume(tmp_path / f"scan{suffix}", volume(), compress=compress)
    data = next((file for file in tmp_path.iterdir() if "raw" in file.suffix or file.name.endswith("raw.gz")), path)
    data.write_bytes(data.read_bytes()[:-60])
    refused(path, ReadError, "end too early|announces .* bytes, but the data hold")


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".mha"])
def test_damaged_compression(suffix: str, tmp_path: Path) -> None:
    path = write_volume(tmp_path / f"scan{suffix}", volume((20, 30, 30)), compress=True)
    data = bytearray(path.read_bytes())
    data[-2000:-1900] = bytes(100)
    path.write_bytes(data)
    refused(path, ReadError, "compressed data (are damaged|end too early)")


def test_header_cut_within_compression(tmp_path: Path) -> None:
    path = write_volume(tmp_path / "scan.nii.gz", volume())
    path.write_bytes(path.read_bytes()[:40])
    refused(path, ReadError, "compressed data end too early")


@pytest.mark.parametrize("suffix", BINARY_SUFFIXES)
def test_data_longer_than_announced(suffix: str, tmp_path: Path) -> None:
    path = write_volume(tmp_path / f"scan{suffix}", volume())
    with path.open("ab") as file:
        file.write(bytes(4000))
    read_one(path)
    with path.open("ab") as file:
        file.write(bytes(200))
    refused(path, ReadError, r"announces \d+ bytes, but the data hold \d+ or more")


def test_announced_and_found_bytes_are_reported(tmp_path: Path) -> None:
    path = write_volume(tmp_path / "scan.mha", volume())
    path.write_bytes(path.read_bytes()[:-60])
    refused(path, ReadError, "announces 864 bytes, but the data hold 804")


@pytest.mark.parametrize("suffix", [".nhdr", ".mhd"])
def test_voxel_file_is_missing(suffix: str, tmp_path: Path) -> None:
    path = write_volume(tmp_path / f"scan{suffix}", volume())
    (tmp_path / "scan.raw").unlink()
    refused(path, ReadError, r"scan\.raw: cannot be read \(no such file or directory\)")


@pytest.mark.parametrize("suffix", [".nhdr", ".mhd"])
@pytest.mark.parametrize("name", ["LIST", "slice%03d.raw"])
def test_voxels_in_several_files(name: str, suffix: str, tmp_path: Path) -> None:
    path = edited(write_volume(tmp_path / f"scan{suffix}", volume()), ("scan.raw", name))
    refused(path, ReadError, re.escape(f"in several files ({name})"))


def test_no_permission(open_folder: Path) -> None:
    path = write_volume(open_folder / "scan.nrrd", volume())
    path.chmod(0)
    with ordinary_user():
        refused(path, ReadError, r"cannot be read \(permission denied\)")


def test_no_permission_for_the_voxel_file(open_folder: Path) -> None:
    path = write_volume(open_folder / "scan.mhd", volume())
    (open_folder / "scan.raw").chmod(0)
    with ordinary_user():
        refused(path, ReadError, r"scan\.raw: cannot be read \(permission denied\)")


def test_file_that_goes_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_volume(tmp_path / "scan.nrrd", volume())

    def read_and_lose(data: DataBlock, n_bytes: int) -> Any:
        voxels = read_voxels(data, n_bytes)
        path.unlink()
        return voxels

    monkeypatch.setattr("lgeqa.io.volume.read_voxels", read_and_lose)
    refused(path, ReadError, r"cannot be read \(no such file or directory\)")


@pytest.mark.parametrize("folder", ["with space", 'o\'clock "x"', "心房 Größe Предсердие", "semi;colon & more"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_unusual_paths_work(suffix: str, folder: str, tmp_path: Path) -> None:
    path = write_volume(tmp_path / folder / f"scan é{suffix}", volume())
    np.testing.assert_array_equal(read_one(path).voxels, volume())


# --- headers


@pytest.mark.parametrize(
    ("suffix", "old", "new"),
    [
        (".nrrd", "sizes: 8 9 6", "sizes: 8 9 x"),
        (".nrrd", "sizes: 8 9 6\n", ""),
        (".nrrd", "type: short", "type: block"),
        (".nrrd", "(0,0,2.5)", "(0,0,2.5mm)"),
        (".nrrd", "dimension: 3", "dimension: 4"),
        (".nrrd", "endian: little\n", ""),
        (".nrrd", "kinds: domain domain domain", "kinds: domain domain"),
        (".nrrd", "(-31.5,12.25,-70)", "(nan,12.25,-70)"),
        (".nrrd", "(0,0,2.5)", "(0,0,inf)"),
        (".nrrd", "space directions: ", "directions: "),
        (".mha", "DimSize = 8 9 6\n", ""),
        (".mha", "MET_SHORT", "MET_STRING"),
        (".mha", "CompressedData = False", "CompressedData = True"),
        (".mha", "Offset = -31.5 12.25 -70", "Offset -31.5 12.25 -70"),
        (".mha", "BinaryData = True", "HeaderSize = x"),
    ],
)
def test_damaged_header(suffix: str, old: str, new: str, tmp_path: Path) -> None:
    path = edited(write_volume(tmp_path / f"scan{suffix}", volume()), (old, new))
    refused(path, ReadError, "header is damaged or incomplete")


@pytest.mark.parametrize("change", ["-1", "+9"])
def test_metaimage_with_wrong_packed_size(change: str, tmp_path: Path) -> None:
    path = write_volume(tmp_path / "scan.mha", volume((20, 30, 30)), compress=True)
    (size,) = re.findall(rb"CompressedDataSize = (\d+)", path.read_bytes())
    if change == "+9":
        path.write_bytes(path.read_bytes() + bytes(20))
    edited(path, (f"CompressedDataSize = {int(size)}", f"CompressedDataSize = {int(size) + int(change)}"))
    if change == "+9":
        np.testing.assert_array_equal(read_one(path).voxels, volume((20, 30, 30)))
    else:
        refused(path, ReadError, "compressed data end too early")


def test_metaimage_with_shear(tmp_path: Path) -> None:
    path = write_volume(tmp_path / "scan.mha", volume())
    edited(path, ("TransformMatrix = 1 0 0 0 1 0 0 0 1", "TransformMatrix = 1 0 0 0 1 0 0 1 0"))
    refused(path, ReadError, "not at right angles")


def test_metaimage_with_too_few_numbers(tmp_path: Path) -> None:
    for number, wrong in enumerate(("8 54", "8 9 x")):
        path = write_volume(tmp_path / f"{number}.mha", volume())
        edited(path, ("DimSize = 8 9 6", f"DimSize = {wrong}"))
        refused(path, ReadError, f"its DimSize = {wrong} are not 3 numbers")


def test_metaimage_as_text(tmp_path: Path) -> None:
    path = edited(write_volume(tmp_path / "scan.mha", volume()), ("BinaryData = True", "BinaryData = False"))
    refused(path, ReadError, "voxels as text")


@pytest.mark.parametrize(
    "change", [("dim", (40, "h", [9]), "9 axes"), ("datatype", (70, "h", [77]), "data type 77")], ids=lambda c: c[0]
)
def test_nifti_with_damaged_header(change: tuple[str, tuple[int, str, Sequence[float]], str], tmp_path: Path) -> None:
    name, field, message = change
    refused(nifti(tmp_path / "scan.nii", {name: field}), ReadError, message)


@pytest.mark.parametrize("qform_code", [0, 1])
def test_nifti_with_two_spacings(qform_code: int, tmp_path: Path) -> None:
    path = nifti(tmp_path / "scan.nii", {"qform": (252, "h", [qform_code]), "srow_z": (312, "4f", [0, 0, 5, 0])})
    refused(path, ReadError, re.escape("(0.625, 0.7, 2.5) by pixdim but (0.625, 0.7, 5) by sform"))


def test_nifti_with_two_spacings_and_an_atlas_alone(tmp_path: Path) -> None:
    path = nifti(tmp_path / "scan.nii", {"codes": (252, "2h", [0, 4]), "srow_z": (312, "4f", [0, 0, 5, 0])})
    refused(path, ReadError, "by pixdim but")


def test_nifti_with_pixdim_overwritten(tmp_path: Path) -> None:
    path = nifti(tmp_path / "scan.nii", {"pixdim": (80, "3f", [1, 1, 1])})
    refused(path, ReadError, re.escape("(1, 1, 1) by pixdim but (0.625, 0.7, 2.5) by sform"))


@pytest.mark.parametrize("sform_code", [1, 2])
def test_nifti_turned_between_qform_and_sform(sform_code: int, tmp_path: Path) -> None:
    turned = [0.625, 0, 0, 5, 0, 0.7, 0, -6, 0, 0, 2.5, 7]
    path = nifti(tmp_path / "scan.nii", {"code": (254, "h", [sform_code]), "sform": (280, "12f", turned)})
    refused(path, ReadError, "turned by 180 degrees between qform and sform")


def test_sform_of_an_atlas_may_be_turned(tmp_path: Path) -> None:
    turned = [0.625, 0, 0, 5, 0, 0.7, 0, -6, 0, 0, 2.5, 7]
    path = nifti(tmp_path / "scan.nii", {"code": (254, "h", [4]), "sform": (280, "12f", turned)})
    np.testing.assert_array_equal(read_one(path).voxels, volume())


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("packed", [False, True])
def test_nifti_2(order: str, packed: bool, tmp_path: Path) -> None:
    rows = [-0.625, 0, 0, 31.5, 0, -0.7, 0, -12.25, 0, 0, 2.5, -70]
    header = struct.pack(order + "i8s", 540, b"n+2\0\r\n\x1a\n") + struct.pack(order + "2h", 4, 16)
    header += struct.pack(order + "8q3d8d", 3, 8, 9, 6, 1, 1, 1, 1, 0, 0, 0, 1, 0.625, 0.7, 2.5, 0, 0, 0, 0)
    header = header.ljust(168, b"\0") + struct.pack(order + "q2d", 544, 2, 5)
    header = header.ljust(348, b"\0") + struct.pack(order + "i", 1)
    header = header.ljust(400, b"\0") + struct.pack(order + "12d", *rows)
    header = header.ljust(500, b"\0") + struct.pack(order + "i", 2)
    content = header.ljust(544, b"\0") + volume().astype(order + "i2").tobytes()
    path = tmp_path / "scan.nii"
    path.write_bytes(gzip.compress(content) if packed else content)
    scan = read_one(path)
    np.testing.assert_array_equal(scan.voxels, volume() * 2.0 + 5)
    assert scan.spacing_mm == pytest.approx(SPACING_MM)
    assert scan.grid.origin_mm == pytest.approx((-31.5, 12.25, -70))


def test_quaternion_without_a_length(tmp_path: Path) -> None:
    image = Nifti2Image(volume(), np.diag([0.625, 0.7, 2.5, 1]))
    image.header["qform_code"], image.header["sform_code"], image.header["quatern_b"] = 1, 0, 1e200
    (tmp_path / "scan.nii").write_bytes(image.header.binaryblock + bytes(4) + volume().tobytes())
    refused(tmp_path / "scan.nii", ReadError, "qform or sform holds no numbers")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_content_counts_before_the_suffix(suffix: str, tmp_path: Path) -> None:
    plain = write_volume(tmp_path / "plain.nii", volume()).read_bytes()
    for number, content in enumerate((plain, gzip.compress(plain))):
        path = tmp_path / f"scan-{number}{suffix}"
        path.write_bytes(content)
        np.testing.assert_array_equal(read_one(path).voxels, volume())


def test_nrrd_named_as_nifti(tmp_path: Path) -> None:
    path = tmp_path / "scan.nii.gz"
    path.write_bytes(write_volume(tmp_path / "scan.nrrd", volume(), compress=True).read_bytes())
    np.testing.assert_array_equal(read_one(path).voxels, volume())


@pytest.mark.parametrize("suffix", [".nrrd", ".nii", ".mha"])
def test_header_that_reveals_nothing(suffix: str, tmp_path: Path) -> None:
    path = write_volume(tmp_path / f"scan{suffix}", volume(), spacing_mm=(1, 1, 1), origin_mm=(0, 0, 0))
    refused(path, ReadError, "voxels of 1 x 1 x 1 mm at the origin")


@pytest.mark.parametrize("codes", [[0, 0], [0, 1], [0, 2]])
def test_nifti_with_an_identity_for_its_affine(codes: list[int], tmp_path: Path) -> None:
    identity = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]
    changes: dict[str, tuple[int, str, Sequence[float]]] = {
        "codes": (252, "2h", codes),
        "pixdim": (80, "3f", [1, 1, 1]),
        "sform": (280, "12f", identity),
    }
    refused(nifti(tmp_path / "scan.nii", changes), ReadError, "voxels of 1 x 1 x 1 mm at the origin")


@pytest.mark.parametrize("values", [2, 16])
def test_map_of_labels_is_no_scan(values: int, tmp_path: Path) -> None:
    path = write_volume(tmp_path / "labels.nrrd", (volume() % values).astype(np.uint8))
    refused(path, NotAssessableError, f"holds {values} different values, so it is a mask or a map of labels")


def test_scan_of_few_grey_levels_is_one(tmp_path: Path) -> None:
    path = write_volume(tmp_path / "scan.nrrd", (volume() % 17).astype(np.uint8))
    assert len(np.unique(read_one(path).voxels)) == 17


@pytest.mark.parametrize(("unit", "factor"), [(1, 0.001), (2, 1.0), (3, 1000.0)])
def test_nifti_units(unit: int, factor: float, tmp_path: Path) -> None:
    spacing = [value * factor for value in (0.625, 0.7, 2.5)]
    changes: dict[str, tuple[int, str, Sequence[float]]] = {
        "unit": (123, "b", [unit]),
        "pixdim": (80, "3f", spacing),
        "sform": (254, "h", [0]),
    }
    scan = read_one(nifti(tmp_path / "scan.nii", changes))
    assert scan.spacing_mm == pytest.approx((2.5, 0.7, 0.625), rel=1e-5)


# --- size


@pytest.mark.parametrize(("suffix", "old"), [(".nrrd", "sizes: 8 9 6"), (".mha", "DimSize = 8 9 6")])
def test_huge_header(suffix: str, old: str, tmp_path: Path) -> None:
    path = write_volume(tmp_path / f"scan{suffix}", volume())
    edited(path, (old, old.replace("8 9 6", "100000 100000 100000")))
    refused(path, ReadError, "announces 100000 x 100000 x 100000 voxels; lgeqa reads up to 200000000")


def test_huge_nifti_header(tmp_path: Path) -> None:
    path = nifti(tmp_path / "scan.nii", {"dim": (40, "4h", [3, 32767, 32767, 32767])})
    refused(path, ReadError, "announces 32767 x 32767 x 32767 voxels")


def test_bound_on_voxels_is_a_setting(tmp_path: Path) -> None:
    path = write_volume(tmp_path / "scan.nrrd", volume())
    read_one(path, Limits(max_voxels=432))
    refused(path, ReadError, "announces 8 x 9 x 6 voxels; lgeqa reads up to 431", Limits(max_voxels=431))


@pytest.mark.parametrize(("suffix", "old"), [(".nrrd", "sizes: 8 9 6"), (".mha", "DimSize = 8 9 6")])
@pytest.mark.parametrize("count", [0, -6])
def test_no_voxels(count: int, suffix: str, old: str, tmp_path: Path) -> None:
    path = write_volume(tmp_path / f"scan{suffix}", volume())
    edited(path, (old, old.replace("8 9 6", f"8 9 {count}")))
    refused(path, ReadError, f"gives a size of 8 x 9 x {count} voxels")


@pytest.mark.parametrize("count", [0, -6])
def test_no_voxels_in_nifti(count: int, tmp_path: Path) -> None:
    path = nifti(tmp_path / "scan.nii", {"dim": (40, "4h", [3, 8, 9, count])})
    refused(path, ReadError, f"gives a size of 8 x 9 x {count} voxels")


@pytest.mark.parametrize("suffix", BINARY_SUFFIXES)
def test_2d(suffix: str, tmp_path: Path) -> None:
    path = write_image(tmp_path / f"scan{suffix}", volume()[0])
    refused(path, ReadError, r"is 2-D \(8 x 9\), not 3-D")


@pytest.mark.parametrize("suffix", BINARY_SUFFIXES)
def test_4d(suffix: str, tmp_path: Path) -> None:
    path = write_image(tmp_path / f"scan{suffix}", np.stack([volume(), volume()]))
    refused(path, ReadError, r"is 4-D \(8 x 9 x 6 x 2\), not 3-D")


@pytest.mark.parametrize("suffix", BINARY_SUFFIXES)
def test_4d_with_one_volume(suffix: str, tmp_path: Path) -> None:
    scan = read_one(write_image(tmp_path / f"scan{suffix}", volume()[None]))
    np.testing.assert_array_equal(scan.voxels, volume())
    assert scan.grid.size == (8, 9, 6)


@pytest.mark.parametrize("suffix", BINARY_SUFFIXES)
def test_colour(suffix: str, tmp_path: Path) -> None:
    path = write_image(tmp_path / f"scan{suffix}", np.zeros((6, 9, 8, 3), np.uint8), vector=True)
    refused(path, ReadError, "each voxel holds 3 numbers")


@pytest.mark.parametrize("suffix", BINARY_SUFFIXES)
def test_complex(suffix: str, tmp_path: Path) -> None:
    path = write_image(tmp_path / f"scan{suffix}", np.zeros((6, 9, 8), np.complex64))
    refused(path, ReadError, "each voxel holds 2 numbers")


@pytest.mark.parametrize("slices", [1, 4])
def test_few_slices(slices: int, tmp_path: Path) -> None:
    path = write_volume(tmp_path / "scan.nrrd", volume((slices, 9, 8)))
    refused(path, NotAssessableError, f"has {slices} axial slices; at least 5 are needed")


def test_fewest_slices_is_a_setting(tmp_path: Path) -> None:
    path = write_volume(tmp_path / "scan.nrrd", volume((5, 9, 8)))
    assert len(read_one(path).voxels) == 5
    refused(path, NotAssessableError, "has 5 axial slices; at least 6", Limits(min_slices=6))


# --- spacing and orientation


@pytest.mark.parametrize("spacing", [0.0, -2.5, 1e-6, 2500.0])
def test_metaimage_spacing(spacing: float, tmp_path: Path) -> None:
    path = write_volume(tmp_path / "scan.mha", volume())
    edited(path, ("ElementSpacing = 0.625 0.69999999999999996 2.5", f"ElementSpacing = 0.625 0.7 {spacing}"))
    refused(path, ReadError, re.escape(f"spacing (0.625, 0.7, {spacing:g}) mm is outside 0.1 to 20 mm"))


@pytest.mark.parametrize("spacing", [0.0, -2.5, 1e-6, 2500.0, float("nan"), float("inf")])
def test_nifti_spacing(spacing: float, tmp_path: Path) -> None:
    path = nifti(tmp_path / "scan.nii", {"pixdim": (80, "3f", [0.625, 0.7, spacing]), "codes": (252, "2h", [0, 0])})
    refused(path, ReadError, re.escape(f"0.7, {spacing:g}) mm is outside 0.1 to 20 mm"))


@pytest.mark.parametrize("vector", ["(0,0,0)", "(0,0,1e-6)", "(0,0,2500)"])
def test_nrrd_space_direction(vector: str, tmp_path: Path) -> None:
    path = edited(write_volume(tmp_path / "scan.nrrd", volume()), ("(0,0,2.5)", vector))
    refused(path, ReadError, r"spacing \(0.625, 0.7, (0|1e-06|2500)\) mm is outside 0.1 to 20 mm")


@pytest.mark.parametrize("spacing", ["0", "-2.5", "2500"])
def test_nrrd_spacings(spacing: str, tmp_path: Path) -> None:
    path = write_volume(tmp_path / "scan.nrrd", volume())
    drop_nrrd_space(path, f"spacings: 0.625 0.7 {spacing}\n")
    refused(path, ReadError, re.escape(f"spacing (0.625, 0.7, {spacing}) mm is outside"))


@pytest.mark.parametrize("instead", ["", "spacings: 0.625 0.7 nan\n"])
def test_no_spacing_in_nrrd(instead: str, tmp_path: Path) -> None:
    path = write_volume(tmp_path / "scan.nrrd", volume())
    drop_nrrd_space(path, instead)
    refused(path, ReadError, "gives no voxel spacing")


def test_one_spacing_missing_in_nrrd(tmp_path: Path) -> None:
    path = edited(write_volume(tmp_path / "scan.nrrd", volume()), ("(0,0,2.5)", "none"))
    refused(path, ReadError, "gives no voxel spacing")


def test_no_spacing_in_metaimage(tmp_path: Path) -> None:
    path = write_volume(tmp_path / "scan.mha", volume())
    edited(path, ("ElementSpacing = 0.625 0.69999999999999996 2.5\n", ""))
    refused(path, ReadError, "gives no voxel spacing")


def test_shear(tmp_path: Path) -> None:
    path = edited(write_volume(tmp_path / "scan.nrrd", volume()), ("(0,0,2.5)", "(0,1,2.5)"))
    refused(path, ReadError, r"not at right angles \(direction \(1, 0, 0, 0, 1, 0.371391, 0, 0, 0.928477\)\)")


@pytest.mark.parametrize(
    ("old", "new", "count"),
    [
        ("Offset = -31.5 12.25 -70", "Offset = nan 12.25 -70", 3),
        ("Offset = -31.5 12.25 -70", "Offset = 1e999 12.25 -70", 3),
        ("Offset = -31.5 12.25 -70", "Offset = 12.25 -70", 3),
        ("TransformMatrix = 1 0 0 0 1 0 0 0 1", "TransformMatrix = 1 0 0 0 1 0 0 0 one", 9),
    ],
)
def test_metaimage_placed_by_what_is_no_number(old: str, new: str, count: int, tmp_path: Path) -> None:
    path = edited(write_volume(tmp_path / "scan.mha", volume()), (old, new))
    refused(path, ReadError, f"its {new} are not {count} numbers")


def drop_nrrd_space(path: Path, instead: str) -> None:
    data = re.sub(rb"space: .*\n|space origin: .*\n|kinds: .*\n", b"", path.read_bytes())
    path.write_bytes(re.sub(rb"space directions: .*\n", instead.encode(), data))


def assert_taken_as_lps(scan: Scan) -> None:
    np.testing.assert_array_equal(scan.voxels, volume())
    assert scan.warnings == ("The header has no orientation; it was taken as axial LPS order.",)


def test_nrrd_without_orientation(tmp_path: Path) -> None:
    path = write_volume(tmp_path / "scan.nrrd", volume())
    drop_nrrd_space(path, "spacings: 0.625 0.7 2.5\n")
    assert_taken_as_lps(read_one(path))


def test_metaimage_without_orientation(tmp_path: Path) -> None:
    path = edited(write_volume(tmp_path / "scan.mha", volume()), ("TransformMatrix = 1 0 0 0 1 0 0 0 1\n", ""))
    assert_taken_as_lps(read_one(path))


def test_nifti_without_orientation(tmp_path: Path) -> None:
    assert_taken_as_lps(read_one(nifti(tmp_path / "scan.nii", {"forms": (252, "2h", [0, 0])})))


# --- voxels


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("suffix", BINARY_SUFFIXES)
def test_voxels_that_are_no_numbers(suffix: str, value: float, tmp_path: Path) -> None:
    voxels = volume().astype(np.float64)
    voxels[2, 3, 4] = voxels[3, 0, 0] = value
    refused(write_volume(tmp_path / f"scan{suffix}", voxels), ReadError, "2 of its voxels are NaN or infinite")


def test_constant_volume(tmp_path: Path) -> None:
    path = write_volume(tmp_path / "scan.nrrd", np.full((6, 9, 8), 7, np.int16))
    refused(path, NotAssessableError, "all its voxels are 7")


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int32, np.uint32, np.int64, np.float32, np.float64])
def test_number_types(dtype: type, tmp_path: Path) -> None:
    voxels: np.ndarray[Any, Any] = (volume() % 100).astype(dtype)
    for suffix in BINARY_SUFFIXES:
        scan = read_one(write_volume(tmp_path / f"scan{suffix}", voxels))
        np.testing.assert_array_equal(scan.voxels, voxels)


def test_nifti_scaling_is_applied(tmp_path: Path) -> None:
    scan = read_one(nifti(tmp_path / "scan.nii", {"scl": (112, "2f", [2.0, 5.0])}))
    np.testing.assert_array_equal(scan.voxels, volume() * 2.0 + 5.0)


@pytest.mark.parametrize("slope", [0.0, float("nan"), float("inf")])
def test_nifti_scaling_by_no_slope_is_none(slope: float, tmp_path: Path) -> None:
    scan = read_one(nifti(tmp_path / "scan.nii", {"scl": (112, "2f", [slope, 5.0])}))
    np.testing.assert_array_equal(scan.voxels, volume())


@pytest.mark.parametrize("encoding", ["ascii", "text", "txt", "hex"])
def test_nrrd_of_another_encoding(encoding: str, tmp_path: Path) -> None:
    path = write_volume(tmp_path / "scan.nrrd", volume())
    edited(path, ("encoding: raw", f"encoding: {encoding}"))
    refused(path, ReadError, f"its encoding is '{encoding}'; lgeqa reads raw, gzip and bzip2")


@pytest.mark.parametrize("encoding", ["bzip2", "bz2"])
def test_nrrd_packed_with_bzip2(encoding: str, tmp_path: Path) -> None:
    path = bzip2_nrrd(tmp_path, encoding, bz2.compress)
    np.testing.assert_array_equal(read_one(path).voxels, volume())


def test_damaged_bzip2(tmp_path: Path) -> None:
    refused(bzip2_nrrd(tmp_path, "bzip2", lambda raw: raw), ReadError, "compressed data are damaged")
    refused(bzip2_nrrd(tmp_path, "bzip2", lambda raw: bz2.compress(raw)[:-9]), ReadError, "end too early")


def test_bzip2_that_unpacks_beyond_proportion(tmp_path: Path) -> None:
    path = bzip2_nrrd(tmp_path, "bzip2", lambda raw: bz2.compress(bytes(200 << 20)))
    edited(path, ("sizes: 8 9 6", "sizes: 1024 1024 100"))
    refused(path, ReadError, "unpack to more than 200 times their size")


def bzip2_nrrd(folder: Path, encoding: str, pack: Callable[[bytes], bytes]) -> Path:
    path = write_volume(folder / "scan.nrrd", volume())
    head, _, raw = path.read_bytes().partition(b"\n\n")
    path.write_bytes(head.replace(b"encoding: raw", f"encoding: {encoding}".encode()) + b"\n\n" + pack(raw))
    return path


def test_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    from hashlib import sha256

    path = write_volume(tmp_path / "scan.mhd", volume())
    expected = sha256(path.read_bytes() + path.with_suffix(".raw").read_bytes()).hexdigest()
    assert read_one(path).sha256 == expected
    single = write_volume(tmp_path / "scan.nrrd", volume())
    assert read_one(single).sha256 == sha256(single.read_bytes()).hexdigest()
