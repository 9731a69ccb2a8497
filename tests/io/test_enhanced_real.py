"""Real enhanced MR files, compared with the conversions by dcm2niix that come with them."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from pydicom import dcmread

import lgeqa
from lgeqa.errors import ReadError
from lgeqa.inference.bundle import Bundle, open_bundle
from lgeqa.io.dicom import read_series
from lgeqa.io.limits import DEFAULT_LIMITS
from lgeqa.io.stored_volume import Stack
from tests.images import Array

PHILIPS = "enh/In/Philips/IM_0027_fMAP.dcm"
SIEMENS = [f"enh/In/Siemens/XA10/6_{number}.dcm" for number in (1, 2, 3, 4)]
BRAIN = "xa30/In/5_anat-T1w_acq-tfl"  # a folder of one file
#: Slopes and intercepts of magnitude and field map in the header, whose references are in units of Philips instead.
MAGNITUDE, FIELD_MAP = (1.27985347985347, 0.0), (0.24420024420024, -500.0)


def read(path: Path) -> Stack:
    return read_series([path], path, DEFAULT_LIMITS)


def compare(stack: Stack, path: Path, volume: int | None = None, scaling: tuple[float, float] | None = None) -> None:
    """Compare voxels, affine and spacing with those of a NIfTI file, both brought to RAS order.

    Args:
        stack: Stack that was read.
        path: NIfTI file.
        volume: Index of the volume of a 4-D file.
        scaling: Slope and intercept that replace those of the file.
    """
    image: Any = nibabel.load(path)
    values = image.get_fdata() if scaling is None else image.dataobj.get_unscaled() * scaling[0] + scaling[1]
    reference = in_ras(values if volume is None else values[..., volume], image.affine)
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(stack.grid.direction, (3, 3)) * stack.grid.spacing_mm
    affine[:3, 3] = stack.grid.origin_mm
    ours = in_ras(stack.voxels.transpose(2, 1, 0), np.diag([-1, -1, 1, 1]) @ affine)
    np.testing.assert_allclose(ours.get_fdata(), reference.get_fdata(), rtol=1e-6, atol=1e-4)
    np.testing.assert_allclose(ours.affine, reference.affine, atol=2e-4)  # positions in headers have six digits
    np.testing.assert_allclose(ours.header.get_zooms(), reference.header.get_zooms(), atol=1e-5)


def in_ras(voxels: Array, affine: Array) -> Any:
    return nibabel.as_closest_canonical(nibabel.Nifti1Image(voxels.astype(np.float32), affine))


def test_magnitude_of_philips(enhanced_folder: Path) -> None:
    stack = read(enhanced_folder / PHILIPS)
    compare(stack, enhanced_folder / "enh/Ref/Philips_WIP_B0_NS_801_e1.nii", scaling=MAGNITUDE)
    assert stack.warnings == ("32 real images were left out of the DICOM series.",)


def test_field_map_of_philips_alone(enhanced_folder: Path, tmp_path: Path) -> None:
    dataset = dcmread(enhanced_folder / PHILIPS)
    dataset.PerFrameFunctionalGroupsSequence = dataset.PerFrameFunctionalGroupsSequence[32:]
    dataset.NumberOfFrames = 32
    dataset.PixelData = dataset.PixelData[len(dataset.PixelData) // 2 :]
    dataset.save_as(tmp_path / "IM0")
    reference = enhanced_folder / "enh/Ref/Philips_WIP_B0_NS_801_e2_fieldmaphz.nii"
    compare(read(tmp_path / "IM0"), reference, scaling=FIELD_MAP)


@pytest.mark.parametrize("volume", range(4))
def test_time_point_of_siemens(volume: int, enhanced_folder: Path) -> None:
    reference = enhanced_folder / "enh/Ref/Siemens_REST1_w_SMS_PF7-8_6.nii"
    compare(read(enhanced_folder / SIEMENS[volume]), reference, volume)


def test_brain_of_siemens(enhanced_folder: Path) -> None:
    [path] = (enhanced_folder / BRAIN).iterdir()
    compare(read(path), enhanced_folder / "xa30/Ref/5_anat-T1w_acq-tfl.nii")


def test_time_points_of_siemens_are_refused_together(enhanced_folder: Path) -> None:
    paths = [enhanced_folder / name for name in SIEMENS]
    with pytest.raises(ReadError, match=r"the series holds 4 acquisitions \(AcquisitionNumber 1: 6 images, 2: 6"):
        read_series(paths, paths[0].parent, DEFAULT_LIMITS)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return open_bundle(threads=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", [PHILIPS, *SIEMENS, BRAIN])
def test_gate_refuses_what_is_no_left_atrial_scan(name: str, enhanced_folder: Path, bundle: Bundle) -> None:
    result = lgeqa.assess(enhanced_folder / name, bundle=bundle)
    assert (result.status, result.verdict) == ("not_assessable", None)
    assert any(finding.severity == "refused" for finding in result.findings)
