"""One volume comes out the same, whatever the format and the order of its axes."""

import subprocess
import sys
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest

from lgeqa.io import discover, read_scan, to_file_grid
from lgeqa.io.volume_writer import write_nrrd
from lgeqa.records import Scan
from tests.images import ORIGIN_MM, SPACING_MM, sitk, volume, write_dicom_series, write_volume

ALL_ORDERS = ["".join(axes) for pairs in permutations(["LR", "PA", "SI"]) for axes in product(*pairs)]
SOME_ORDERS = ["LPS", "RAS", "LAI", "SLP", "PIR"]


def read_one(path: Path) -> Scan:
    (source,) = discover([path])
    return read_scan(source)


def assert_is_volume(scan: Scan) -> None:
    np.testing.assert_array_equal(scan.voxels, volume().astype(np.float32))
    assert scan.voxels.dtype == np.float32
    assert scan.voxels.flags.c_contiguous
    assert scan.spacing_mm == pytest.approx(SPACING_MM, abs=1e-6)
    heights = [ORIGIN_MM[2] + SPACING_MM[0] * index for index in range(6)]
    assert scan.slice_positions_mm == pytest.approx(heights, abs=1e-4)
    assert scan.warnings == ()


def test_there_are_48_orders() -> None:
    assert len(set(ALL_ORDERS)) == 48


@pytest.mark.parametrize("axes", ALL_ORDERS)
def test_nrrd(axes: str, tmp_path: Path) -> None:
    assert_is_volume(read_one(write_volume(tmp_path / "scan.nrrd", volume(), axes=axes)))


@pytest.mark.parametrize("axes", SOME_ORDERS)
@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("suffix", [".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd"])
def test_formats(suffix: str, compress: bool, axes: str, tmp_path: Path) -> None:
    path = write_volume(tmp_path / f"scan{suffix}", volume(), axes=axes, compress=compress)
    assert_is_volume(read_one(path))


@pytest.mark.parametrize("axes", ALL_ORDERS)
def test_dicom(axes: str, tmp_path: Path) -> None:
    # isotropic, as a classic series of other spacing along k is a stack of its own
    files_along_z = axes[2] in "SI"
    spacing = SPACING_MM if files_along_z else (0.7, 0.7, 0.7)
    write_dicom_series(tmp_path, volume(), axes=axes, spacing_mm=spacing)
    scan = read_one(tmp_path)
    np.testing.assert_array_equal(scan.voxels, volume())
    assert scan.spacing_mm == pytest.approx(spacing, abs=1e-6)
    heights = [ORIGIN_MM[2] + spacing[0] * index for index in range(6)]
    assert scan.slice_positions_mm == pytest.approx(heights, abs=1e-4)


def test_nrrd_in_ras_space(tmp_path: Path) -> None:
    # the same numbers in a header that counts towards right and anterior
    stored = volume()[:, ::-1, ::-1]
    header = (
        "NRRD0004\ntype: int16\ndimension: 3\nspace: right-anterior-superior\nsizes: 8 9 6\n"
        "space directions: (0.625,0,0) (0,0.7,0) (0,0,2.5)\nkinds: domain domain domain\nendian: little\n"
        f"encoding: raw\nspace origin: ({31.5 - 7 * 0.625},{-12.25 - 8 * 0.7},-70)\n\n"
    )
    path = tmp_path / "scan.nrrd"
    path.write_bytes(header.encode() + np.ascontiguousarray(stored).tobytes())
    assert_is_volume(read_one(path))


@pytest.mark.parametrize(("axes", "indices"), [("LPS", (0, 1, 2, 3, 4, 5)), ("IRA", (5, 4, 3, 2, 1, 0))])
def test_file_slices_count_along_the_files_axis(axes: str, indices: tuple[int, ...], tmp_path: Path) -> None:
    path = write_volume(tmp_path / "scan.nrrd", volume(), axes=axes)
    scan = read_one(path)
    assert scan.file_slices == indices
    stored = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    slice_axis = 2 - next(n for n, letter in enumerate(axes) if letter in "SI")
    in_file = np.take(stored, indices[1], axis=slice_axis)
    assert sorted(in_file.ravel()) == sorted(volume()[1].ravel())


def test_file_slices_of_dicom_follow_the_normal(tmp_path: Path) -> None:
    # rows to right and columns to posterior: the normal points to inferior
    write_dicom_series(tmp_path, volume(), axes="RPS")
    assert read_one(tmp_path).file_slices == (5, 4, 3, 2, 1, 0)


@pytest.mark.parametrize("axes", ALL_ORDERS)
def test_mask_returns_to_the_files_grid(axes: str, tmp_path: Path) -> None:
    path = write_volume(tmp_path / "scan.nrrd", volume(), axes=axes)
    scan = read_one(path)
    mask = scan.voxels > 500
    write_nrrd(tmp_path / "mask.nrrd", to_file_grid(mask, scan), scan.grid)
    image, stored = (sitk.ReadImage(str(file)) for file in (tmp_path / "mask.nrrd", path))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(stored) > 500)
    assert image.GetSpacing() == stored.GetSpacing()
    assert image.GetOrigin() == stored.GetOrigin()
    assert image.GetDirection() == stored.GetDirection()


def test_volumes_are_read_without_slow_imports(tmp_path: Path) -> None:
    write_volume(tmp_path / "scan.nrrd", volume())
    code = (
        "import sys; from pathlib import Path; from lgeqa.io import discover, read_scan\n"
        "read_scan(*discover([Path(sys.argv[1])]))\n"
        "assert not {'torch', 'pydicom', 'scipy'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
