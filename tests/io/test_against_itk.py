"""Grids and voxels of volumes in every form, beside those that ITK reads from the same files."""

import gzip
import math
import struct
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from lgeqa.io.limits import DEFAULT_LIMITS
from lgeqa.io.volume import read_volume
from tests.images import sitk, volume, write_volume
from tests.io.test_volume_faults import edited, nifti

IMAGE_IO = {"nrrd": "NrrdImageIO", "nhdr": "NrrdImageIO", "mha": "MetaImageIO", "mhd": "MetaImageIO"}


def same_as_itk(path: Path, abs_mm: float = 1e-5) -> None:
    stack = read_volume(path, DEFAULT_LIMITS)
    image = sitk.ReadImage(str(path), imageIO=IMAGE_IO.get(path.suffix[1:], "NiftiImageIO"))
    assert stack.grid.size == image.GetSize()
    assert stack.grid.spacing_mm == pytest.approx(image.GetSpacing(), abs=1e-7)
    assert stack.grid.origin_mm == pytest.approx(image.GetOrigin(), abs=abs_mm)
    assert stack.grid.direction == pytest.approx(image.GetDirection(), abs=1e-6)
    np.testing.assert_allclose(stack.voxels, sitk.GetArrayFromImage(image), rtol=1e-6)


def rotation(seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return turn


def turned(path: Path, seed: int) -> Path:
    """Return a volume whose axes lie in any direction."""
    image = sitk.GetImageFromArray(volume())
    image.SetSpacing([0.625, 0.7, 2.5])
    image.SetOrigin([-31.5, 12.25, -70])
    image.SetDirection(rotation(seed).ravel())
    sitk.WriteImage(image, str(path), seed % 2 == 1)
    return path


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("suffix", [".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd"])
def test_any_direction(suffix: str, seed: int, tmp_path: Path) -> None:
    same_as_itk(turned(tmp_path / f"scan{suffix}", seed))


def quaternion(seed: int) -> list[float]:
    b, c, d = np.random.default_rng(seed).uniform(-0.55, 0.55, 3)
    return [b, c, d]


def sform(seed: int, qfac: float) -> list[float]:
    """Any directions for an atlas, and for the patient those of the quaternion but for some degrees."""
    b, c, d = quaternion(seed)
    of_quaternion = Rotation.from_quat([b, c, d, math.sqrt(1 - b * b - c * c - d * d)])
    patient = (Rotation.from_euler("z", 5, degrees=True) * of_quaternion).as_matrix() * [1, 1, qfac]
    sides = (patient if seed in {1, 2} else rotation(seed)) * [0.625, 0.7, 2.5]
    return [float(value) for value in np.column_stack([sides, [5, -6, 7]]).ravel()]


@pytest.mark.parametrize(("qform_code", "sform_code"), list(product(range(4), range(4))))
@pytest.mark.parametrize("qfac", [1.0, -1.0])
def test_forms_of_nifti(qform_code: int, sform_code: int, qfac: float, tmp_path: Path) -> None:
    changes: dict[str, tuple[int, str, Sequence[float]]] = {
        "qfac": (76, "f", [qfac]),
        "codes": (252, "2h", [qform_code, sform_code]),
        "quaternion": (256, "3f", quaternion(sform_code if sform_code in {1, 2} else qform_code)),
        "offset": (268, "3f", [1, 2, 3]),
        "sform": (280, "12f", sform(sform_code, qfac)),
    }
    same_as_itk(nifti(tmp_path / "scan.nii", changes))


@pytest.mark.parametrize("sform_code", [1, 2])
def test_sform_with_shear_beside_a_qform(sform_code: int, tmp_path: Path) -> None:
    sheared = [-0.625, -0.1, 0, 5, 0, -0.6928, 0, -6, 0, 0, 2.5, 7]
    changes: dict[str, tuple[int, str, Sequence[float]]] = {
        "codes": (252, "2h", [1, sform_code]),
        "sform": (280, "12f", sheared),
    }
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    same_as_itk(nifti(tmp_path / "scan.nii", changes))


@pytest.mark.parametrize("scaling", [(2.0, 5.0), (0.0, 0.0), (0.1, -3.0), (1.0, 4.0)])
def test_scaling_of_nifti(scaling: tuple[float, float], tmp_path: Path) -> None:
    same_as_itk(nifti(tmp_path / "scan.nii", {"scaling": (112, "2f", scaling)}))


def test_nifti_of_the_other_byte_order(tmp_path: Path) -> None:
    path = write_volume(tmp_path / "scan.nii", volume())
    little = path.read_bytes()
    form = "i28sihss8h3f4h8f3fh2b4f2i104s2h18f16s4s"
    fields = struct.unpack("<" + form, little[:348])
    big = struct.pack(">" + form, *fields) + little[348:352] + volume().astype(">i2").tobytes()
    path.write_bytes(big)
    same_as_itk(path)
    packed = tmp_path / "scan.nii.gz"
    packed.write_bytes(gzip.compress(big))
    same_as_itk(packed)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("space: left-posterior-superior", "space: RAS"),
        ("space: left-posterior-superior", "space: left-anterior-superior"),
        ("space: left-posterior-superior", "space: 3D-right-handed"),
        ("space: left-posterior-superior", "space dimension: 3"),
        ("space origin:", "# space origin:"),
        ("kinds: domain domain domain\n", ""),
        ("kinds: domain domain domain", "kinds: space space time"),
        ("kinds: domain domain domain", "kinds: ??? domain none"),
        ("endian: little", "endian: big"),
        ("encoding: raw", "encoding: raw\nbyte skip: -1"),
        ("encoding: raw", "encoding: raw\nmy key:=my: value"),
    ],
)
def test_forms_of_nrrd(old: str, new: str, tmp_path: Path) -> None:
    same_as_itk(edited(write_volume(tmp_path / "scan.nrrd", volume(), axes="PIR"), (old, new)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("TransformMatrix =", "Rotation ="),
        ("TransformMatrix =", "Orientation ="),
        ("Offset =", "Position ="),
        ("Offset =", "Origin ="),
        ("Offset =", "Origin = 1 2 3\nOffset ="),
        ("Offset =", "Position = 1 2 3\nOffset ="),
        ("Offset =", "Position = 1 2 3\nOrigin ="),
        ("TransformMatrix =", "Rotation = 1 0 0 0 1 0 0 0 1\nTransformMatrix ="),
        ("TransformMatrix =", "Orientation = 1 0 0 0 1 0 0 0 1\nTransformMatrix ="),
        ("TransformMatrix =", "Orientation = 1 0 0 0 1 0 0 0 1\nRotation ="),
        ("BinaryDataByteOrderMSB = False", "ElementByteOrderMSB = True\nBinaryDataByteOrderMSB = False"),
        ("ElementSpacing =", "ElementSize ="),
        ("ElementSpacing =", "ElementSize = 9 9 9\nElementSpacing ="),
        ("BinaryDataByteOrderMSB = False", "BinaryDataByteOrderMSB = True"),
        ("BinaryDataByteOrderMSB = False", "ElementByteOrderMSB = True"),
        ("BinaryDataByteOrderMSB = False\n", ""),
        ("BinaryData = True\n", ""),
        ("BinaryData = True", "HeaderSize = -1"),
        ("AnatomicalOrientation = ", "DistanceUnits = um\nAnatomicalOrientation = "),
    ],
)
def test_forms_of_metaimage(old: str, new: str, tmp_path: Path) -> None:
    same_as_itk(edited(write_volume(tmp_path / "scan.mha", volume(), axes="PIR"), (old, new)))
