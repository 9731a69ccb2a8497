"""Masks that are supplied: brought to the scan's array, or refused."""

from pathlib import Path

import numpy as np
import pytest

from lgeqa.errors import NotAssessableError, ReadError
from lgeqa.io import Limits, discover, read_mask, read_scan
from lgeqa.records import Scan
from tests.images import ORIGIN_MM, volume, write_dicom_series, write_volume

SHIFTED = (ORIGIN_MM[0] + 0.2, *ORIGIN_MM[1:])


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    (source,) = discover([write_volume(tmp_path / "scan.nrrd", volume())])
    return read_scan(source)


def atrium() -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    return (volume(seed=3) > 700).astype(np.uint8)


@pytest.mark.parametrize("axes", ["LPS", "RAS", "SLP"])
@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".mha"])
def test_mask_in_any_format_and_order(suffix: str, axes: str, scan: Scan, tmp_path: Path) -> None:
    mask = read_mask(write_volume(tmp_path / f"mask{suffix}", atrium(), axes=axes), scan)
    assert mask.dtype == np.bool_
    assert mask.flags.c_contiguous
    np.testing.assert_array_equal(mask, atrium() == 1)


@pytest.mark.parametrize("value", [255, 2, -1, 0.5])
def test_any_value_but_zero_is_atrium(value: float, scan: Scan, tmp_path: Path) -> None:
    mask = read_mask(write_volume(tmp_path / "mask.nrrd", atrium() * np.float32(value)), scan)
    np.testing.assert_array_equal(mask, atrium() == 1)


def test_mask_of_a_dicom_series(tmp_path: Path) -> None:
    write_dicom_series(tmp_path / "series", volume(), axes="RAI")
    (source,) = discover([tmp_path / "series"])
    mask = read_mask(write_volume(tmp_path / "mask.nii.gz", atrium()), read_scan(source))
    np.testing.assert_array_equal(mask, atrium() == 1)


def test_differences_of_rounding_are_accepted(scan: Scan, tmp_path: Path) -> None:
    path = write_volume(
        tmp_path / "mask.nrrd", atrium(), spacing_mm=(2.5004, 0.7, 0.625), origin_mm=(-31.45, 12.25, -70)
    )
    assert read_mask(path, scan).any()


def test_other_size(scan: Scan, tmp_path: Path) -> None:
    path = write_volume(tmp_path / "mask.nrrd", np.ones((6, 9, 7), np.uint8))
    with pytest.raises(ReadError, match=r"mask.nrrd: the mask's size .* is \(7, 9, 6\), the scan's is \(8, 9, 6\)"):
        read_mask(path, scan)


def test_other_spacing(scan: Scan, tmp_path: Path) -> None:
    path = write_volume(tmp_path / "mask.nrrd", atrium(), spacing_mm=(2.5, 0.7, 0.627))
    with pytest.raises(ReadError, match=r"mask's spacing .* is \(0.627, 0.7, 2.5\), the scan's is \(0.625, 0.7, 2.5\)"):
        read_mask(path, scan)


def test_other_origin(scan: Scan, tmp_path: Path) -> None:
    path = write_volume(tmp_path / "mask.nrrd", atrium(), origin_mm=SHIFTED)
    message = r"mask's origin .* is \(-31.3, 12.25, -70\), the scan's is \(-31.5, 12.25, -70\)"
    with pytest.raises(ReadError, match=message):
        read_mask(path, scan)


def test_other_direction(scan: Scan, tmp_path: Path) -> None:
    path = write_volume(tmp_path / "mask.nrrd", atrium())
    text = (
        path.read_bytes()
        .replace(b"(0.625,0,0)", b"(0.62499,0.0035,0)")
        .replace(b"(0,0.69999999999999996,0)", b"(-0.00392,0.69999,0)")
    )
    path.write_bytes(text)
    with pytest.raises(
        ReadError, match=r"mask's direction .* is \(0.99998.*, the scan's is \(1, 0, 0, 0, 1, 0, 0, 0, 1\)"
    ):
        read_mask(path, scan)


def test_empty_mask(scan: Scan, tmp_path: Path) -> None:
    path = write_volume(tmp_path / "mask.nrrd", np.zeros((6, 9, 8), np.uint8))
    with pytest.raises(NotAssessableError, match=r"mask.nrrd: the mask is empty"):
        read_mask(path, scan)


@pytest.mark.parametrize("suffix", [".nrrd", ".nii"])
def test_mask_with_nan(suffix: str, scan: Scan, tmp_path: Path) -> None:
    mask = atrium().astype(np.float32)
    mask[0, 0, 0] = np.nan
    with pytest.raises(ReadError, match="1 of its voxels are NaN or infinite"):
        read_mask(write_volume(tmp_path / f"mask{suffix}", mask), scan)


def test_missing_mask(scan: Scan, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"none.nrrd: cannot be read \(no such file or directory\)"):
        read_mask(tmp_path / "none.nrrd", scan)


def test_mask_that_is_no_volume(scan: Scan, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"mask.png: is not a volume by its name"):
        read_mask(tmp_path / "mask.png", scan)


def test_mask_beyond_the_bound(scan: Scan, tmp_path: Path) -> None:
    path = write_volume(tmp_path / "mask.nrrd", atrium())
    with pytest.raises(ReadError, match="lgeqa reads up to 100"):
        read_mask(path, scan, limits=Limits(max_voxels=100))
