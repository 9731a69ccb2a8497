import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK

from lgeqa.io import Source, read_scan
from lgeqa.records import Scan
from lgeqa.web.volumes import heat_volume, mask_volume, scan_volume
from tests.images import volume, write_volume

sitk: Any = SimpleITK


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    """Stored against the axial order, so that a volume in file order shows."""
    path = write_volume(tmp_path / "scan.nrrd", volume(), axes="RAI")
    return read_scan(Source("scan", "volume", path, (path,)))


def opened(content: bytes, folder: Path) -> Any:
    path = folder / "opened.nii"
    path.write_bytes(gzip.decompress(content))
    return sitk.ReadImage(str(path))


def test_volume_is_axial_and_voxels_keep_their_positions(scan: Scan, tmp_path: Path) -> None:
    image = opened(scan_volume(scan), tmp_path)
    original = sitk.ReadImage(str(scan.source))

    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), scan.voxels)
    np.testing.assert_allclose(image.GetDirection(), np.eye(3).ravel(), atol=1e-6)
    point = original.TransformIndexToPhysicalPoint((1, 2, 3))
    assert image.GetPixel(image.TransformPhysicalPointToIndex(point)) == original.GetPixel((1, 2, 3))


def test_whole_numbers_use_two_bytes_and_others_are_kept(scan: Scan, tmp_path: Path) -> None:
    finer = Scan(**{**vars(scan), "voxels": scan.voxels + np.float32(0.25)})
    larger = Scan(**{**vars(scan), "voxels": scan.voxels + np.float32(40_000)})

    assert opened(scan_volume(scan), tmp_path).GetPixelID() == sitk.sitkInt16
    huge = Scan(**{**vars(scan), "voxels": scan.voxels + np.float32(3e9)})
    for other in (finer, larger, huge, Scan(**{**vars(huge), "voxels": -huge.voxels})):
        image = opened(scan_volume(other), tmp_path)
        np.testing.assert_array_equal(sitk.GetArrayFromImage(image), other.voxels)


def test_masks_and_heat_are_on_the_volume(scan: Scan, tmp_path: Path) -> None:
    mask = scan.voxels > 500
    heat = scan.voxels / np.float32(1000)

    of_scan, of_mask, of_heat = (
        opened(content, tmp_path) for content in (scan_volume(scan), mask_volume(mask, scan), heat_volume(heat, scan))
    )

    np.testing.assert_array_equal(sitk.GetArrayFromImage(of_mask), mask)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(of_heat), heat)
    for image in (of_mask, of_heat):
        assert image.GetOrigin() == of_scan.GetOrigin()
        assert image.GetSpacing() == of_scan.GetSpacing()
        assert image.GetDirection() == of_scan.GetDirection()
