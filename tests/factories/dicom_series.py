"""DICOM series with the attributes of a patient and a study, as a scanner writes them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import Dataset
from pydicom.uid import generate_uid

from tests.images import group, sitk, write_dicom_series, write_enhanced_mr
from tests.toy import toy_scan

#: Spacing of toy scans as (slice, row, column).
SPACING_MM = (2.5, 1.25, 1.25)
#: Attributes of patient and study in every image.
ATTRIBUTES = {
    "SpecificCharacterSet": "ISO_IR 100",
    "PatientName": "Müller^Jörg",
    "PatientID": "P-17",
    "PatientBirthDate": "19500102",
    "PatientSex": "M",
    "PatientAge": "049Y",
    "StudyInstanceUID": generate_uid(entropy_srcs=["study"]),
    "StudyID": "S-3",
    "StudyDate": "19991231",
    "StudyTime": "101112",
    "AccessionNumber": "A-9",
    "ReferringPhysicianName": "Doe^Jane",
    "FrameOfReferenceUID": generate_uid(entropy_srcs=["frame"]),
    "SeriesNumber": 7,
    "SliceThickness": 2.5,
}


def toy_series(
    folder: Path,
    seed: int = 1,
    *,
    axes: str = "LPS",
    atrium: bool = True,
    edit: Callable[[Dataset, int], None] | None = None,
    changes: Mapping[str, Any] = MappingProxyType({}),
) -> list[Path]:
    """Write a toy scan as a DICOM series with the same UIDs at every call.

    Args:
        folder: Folder of the series.
        seed: Seed of the toy scan.
        axes: Towards where columns, rows and files rise.
        atrium: Whether the scan has an atrium.
        edit: Function that changes the image with an index.
        changes: Attributes that differ from `ATTRIBUTES`. None for an attribute that is missing.
    """
    whole = _toy_voxels(folder, seed, atrium=atrium)
    series = generate_uid(entropy_srcs=["series", str(seed)])

    def complete(image: Dataset, index: int) -> None:
        image.SOPInstanceUID = generate_uid(entropy_srcs=[series, str(index)])
        for keyword, value in (ATTRIBUTES | dict(changes)).items():
            if value is not None:
                setattr(image, keyword, value)
        if edit:
            edit(image, index)

    return write_dicom_series(folder, whole, spacing_mm=SPACING_MM, axes=axes, series_uid=series, edit=complete)


def toy_enhanced(folder: Path, seed: int = 1, *, axes: str = "LPS", thickness_mm: float | None = 2.5) -> Path:
    """Write a toy scan as one enhanced MR file, in which phase images at the same positions come first.

    Args:
        folder: Folder of the file.
        seed: Seed of the toy scan.
        axes: Towards where columns, rows and frames rise.
        thickness_mm: Thickness of a slice. None to leave it out.
    """

    def complete(image: Dataset) -> None:
        for keyword, value in ATTRIBUTES.items():
            if keyword != "SliceThickness":
                setattr(image, keyword, value)
        if thickness_mm:
            image.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SliceThickness = thickness_mm

    def name_component(groups: Dataset, number: int, place: int) -> None:
        groups.MRImageFrameTypeSequence = [group(ComplexImageComponent=("PHASE", "MAGNITUDE")[number])]

    whole = _toy_voxels(folder, seed)
    volumes = (np.roll(whole, 3, axis=1), whole)
    return write_enhanced_mr(
        folder / "IM0", *volumes, spacing_mm=SPACING_MM, axes=axes, edit=complete, edit_frame=name_component
    )


def _toy_voxels(folder: Path, seed: int, *, atrium: bool = True) -> npt.NDArray[np.int16]:
    volume = folder.parent / f"{folder.name}.nrrd"
    voxels = sitk.GetArrayFromImage(sitk.ReadImage(str(toy_scan(volume, seed, atrium=atrium))))
    volume.unlink()
    whole: npt.NDArray[np.int16] = np.rint(8 * voxels).astype(np.int16)
    return whole
