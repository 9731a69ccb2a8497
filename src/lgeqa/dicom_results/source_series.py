"""Headers of the DICOM images of a scan, in the order of its voxels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from highdicom import PatientSexValues
from highdicom.sr import SourceImageForMeasurementGroup
from pydicom import DataElement, Dataset, dcmread
from pydicom.uid import EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage, MRImageStorage
from pydicom.valuerep import DA, TM

from lgeqa.dicom_results.deidentified import deidentified_header
from lgeqa.errors import ReadError
from lgeqa.io.dicom import arrange_files
from lgeqa.io.dicom_file import check_dicom_size, open_dicom
from lgeqa.io.dicom_header import Frame, damage_told, quiet
from lgeqa.io.formatting import printable_path
from lgeqa.io.geometry import axial_order
from lgeqa.io.limits import DEFAULT_LIMITS
from lgeqa.io.source import Source
from lgeqa.io.untrusted_files import opening
from lgeqa.records import Scan
from lgeqa.secret_key import SecretKey

_MULTIFRAME: Final = (EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage)
#: Elements without which an image cannot be referred to.
_NEEDED: Final = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
#: Elements of patient and study that an image must have, if only empty.
_MAY_BE_EMPTY: Final = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
)
#: Elements of the patient and the study that highdicom checks, and how.
_CHECKED: Final[dict[str, Callable[[Any], object]]] = {
    "PatientBirthDate": DA,
    "PatientSex": lambda sex: sex and PatientSexValues(sex),
    "StudyDate": DA,
    "StudyTime": TM,
}


@dataclass(frozen=True)
class SourceSeries:
    """DICOM images that a scan was read from.

    An enhanced file may also hold frames that are not of the scan, such as phase images at the same positions, with
    which highdicom makes no segmentation. So its header describes the planes of the scan alone, as its frames.

    Attributes:
        images: Header of each image, without pixels, in the order of the file's axis k, or that of the only file if it
            is an enhanced one.
        frames: Index of each plane, in the order of the file's axis k, among the frames of the enhanced file. Empty
            for classic images.
        thickness_mm: Thickness of a slice.
        planes_are_slices: Whether the planes are the axial slices of the scan.
    """

    images: tuple[Dataset, ...]
    frames: tuple[int, ...]
    thickness_mm: float
    planes_are_slices: bool

    @property
    def number(self) -> int:
        """Return the SeriesNumber, or 0 if there is none."""
        return int(self.images[0].get("SeriesNumber") or 0)

    @property
    def library_images(self) -> tuple[Dataset, ...]:
        """Return the images as the image library of a report needs them.

        The library describes one position and orientation for each image, which an enhanced file does not have. With
        no modality in the header highdicom leaves them out, and still names the modality by the class of the image.
        """
        if not self.frames:
            return self.images
        [image] = self.images
        entry = Dataset()
        for keyword in ("SOPClassUID", "SOPInstanceUID", "FrameOfReferenceUID", "Rows", "Columns"):
            setattr(entry, keyword, image[keyword].value)
        entry.Modality = ""
        return (entry,)

    def references(self, index: int) -> list[SourceImageForMeasurementGroup]:
        """Return the reference to the image of an axial slice, or none if the planes are not axial slices.

        Args:
            index: Index along the slice axis of the file's own order.
        """
        if not self.planes_are_slices:
            return []
        if not self.frames:
            return [SourceImageForMeasurementGroup.from_source_image(self.images[index])]
        return [SourceImageForMeasurementGroup.from_source_image(self.images[0], [index + 1])]

    def restore_frame_numbers(self, dataset: Dataset) -> None:
        """Change the frame numbers in an object from those of the planes to those of the enhanced file."""
        if self.frames != tuple(range(len(self.frames))):
            dataset.walk(self._restore_number)

    def _restore_number(self, _: Dataset, element: DataElement) -> None:
        if element.keyword == "ReferencedFrameNumber":
            element.value = self.frames[element.value - 1] + 1


def read_source_series(source: Source, scan: Scan, key: SecretKey | None = None) -> SourceSeries:
    """Read the headers of the images that a scan was read from.

    Args:
        source: Files of the scan.
        scan: Scan that was read from them.
        key: Key by which the headers are de-identified. None to keep them.

    Raises:
        ReadError: The scan is not a DICOM series, or its headers lack what a result in its study needs.
    """
    where = printable_path(source.location)
    if source.kind != "dicom":
        raise ReadError(f"{where}: is not a DICOM series, so there is no study for them. Give the DICOM images.")
    with opening(source.location):
        frames = arrange_files(source.files, where, DEFAULT_LIMITS).frames
        images = [_read_header(path) for path in dict.fromkeys(frame.path for frame in frames)]
        _check_images(images, frames, where)
        is_enhanced = images[0].SOPClassUID in _MULTIFRAME
        if is_enhanced:
            _describe_frames(images[0], frames)
    if key:
        images = [deidentified_header(image, key) for image in images]
    for image in images:
        _complete(image, where)
    return SourceSeries(
        tuple(images),
        tuple(frame.index for frame in frames) if is_enhanced else (),
        frames[0].thickness_mm,
        axial_order(scan.grid).axes[0] == 2,
    )


def _read_header(path: Path) -> Dataset:
    with quiet(), damage_told(path), open_dicom(path) as file:
        check_dicom_size(file, path)
        image = dcmread(file, stop_before_pixels=True, force=True)
        for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
            image.pop(groups, None)  # `arrange_files` has read them
        image.decode()
    return image


def _check_images(images: Sequence[Dataset], frames: Sequence[Frame], where: str) -> None:
    """Refuse images to which results cannot refer.

    Raises:
        ReadError: An element is missing, or the images are of another class, of several series or several enhanced
            files.
    """
    missing = {keyword for image in images for keyword in _NEEDED if image.get(keyword) in {None, ""}}
    if not all(frame.thickness_mm for frame in frames):
        missing.add("SliceThickness")
    if missing:
        raise ReadError(
            f"{where}: the images have no {' and no '.join(sorted(missing))}. Give the images as the scanner made them."
        )
    classes = {image.SOPClassUID for image in images}
    if kinds := sorted(sop_class.name for sop_class in classes - {MRImageStorage, *_MULTIFRAME}):
        raise ReadError(f"{where}: its images are {' and '.join(kinds)}, not MR images. Give the original MR images.")
    if MRImageStorage in classes and len(frames) > len(images):
        raise ReadError(
            f"{where}: its images are {MRImageStorage.name} with several frames, which DICOM does not allow. Give the "
            "original MR images."
        )
    if len(images) > 1 and classes != {MRImageStorage}:
        raise ReadError(
            f"{where}: its images are in {len(images)} enhanced files, and highdicom refers to one. Give the scan as "
            "one enhanced file or as classic images."
        )
    if len({image.SeriesInstanceUID for image in images}) > 1:
        raise ReadError(f"{where}: its images differ in SeriesInstanceUID. Give the images as the scanner made them.")


def _describe_frames(image: Dataset, frames: Sequence[Frame]) -> None:
    """Make these the frames of an enhanced file, with the functional groups that highdicom needs."""
    image.NumberOfFrames = len(frames)
    image.SharedFunctionalGroupsSequence = [
        _group(
            PixelMeasuresSequence=[
                _group(PixelSpacing=list(frames[0].spacing_mm), SliceThickness=frames[0].thickness_mm)
            ],
            PlaneOrientationSequence=[_group(ImageOrientationPatient=list(frames[0].orientation))],
        )
    ]
    image.PerFrameFunctionalGroupsSequence = [
        _group(PlanePositionSequence=[_group(ImagePositionPatient=list(frame.position_mm))]) for frame in frames
    ]


def _group(**elements: Any) -> Dataset:
    group = Dataset()
    for keyword, value in elements.items():
        setattr(group, keyword, value)
    return group


def _complete(image: Dataset, where: str) -> None:
    """Add empty elements where the standard asks for one and nothing is known, and check what highdicom checks.

    Raises:
        ReadError: A value is not allowed.
    """
    for keyword in _MAY_BE_EMPTY:
        if keyword not in image:
            setattr(image, keyword, None)
    for keyword, check in _CHECKED.items():
        try:
            check(image[keyword].value or None)
        except ValueError:
            raise ReadError(f"{where}: its {keyword} is no value that DICOM allows. Correct it.") from None
    image.Modality = image.get("Modality") or "MR"  # as the reader takes it
