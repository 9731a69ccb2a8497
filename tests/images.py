"""Writing small scans for tests: volumes and DICOM series in any of the 48 axis orders."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

from lgeqa.records import Grid

sitk: Any = SimpleITK

#: Spacing (slice, row, column) and LPS origin (x, y, z) of the test volumes; no two numbers are alike.
SPACING_MM = (2.5, 0.7, 0.625)
ORIGIN_MM = (-31.5, 12.25, -70.0)

_AXES = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "S": (2, 1), "I": (2, -1)}

Array = npt.NDArray[Any]


def volume(shape: tuple[int, int, int] = (6, 9, 8), seed: int = 0) -> npt.NDArray[np.int16]:
    """Noise (slice, row, column) in axial LPS order; no symmetry, so that a wrong flip shows."""
    return np.random.default_rng(seed).integers(0, 1000, shape).astype(np.int16)


def in_file_order(
    voxels: Array,
    *,
    spacing_mm: Sequence[float] = SPACING_MM,
    origin_mm: Sequence[float] = ORIGIN_MM,
    axes: str = "LPS",
) -> Any:
    """An axial LPS array (slice, row, column) as a SimpleITK image stored along `axes`.

    `axes` tells towards where the file's axes i, j and k rise: "LPS" is axial order itself, "RAS" has i and j
    flipped, "SLP" has the slices along i.
    """
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(list(spacing_mm)[::-1])
    image.SetOrigin(list(origin_mm))
    turned = sitk.PermuteAxes(image, [_AXES[letter][0] for letter in axes])
    return sitk.Flip(turned, [_AXES[letter][1] < 0 for letter in axes])


def to_image(voxels: Array, grid: Grid) -> Any:
    """Return an array (k, j, i) as a SimpleITK image on a grid."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(voxels))
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(grid.direction)
    return image


def write_volume(
    path: Path,
    voxels: Array,
    *,
    spacing_mm: Sequence[float] = SPACING_MM,
    origin_mm: Sequence[float] = ORIGIN_MM,
    axes: str = "LPS",
    compress: bool = False,
) -> Path:
    """Write an axial LPS array in the format of the path's suffix, stored along `axes`; see `in_file_order`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = in_file_order(voxels, spacing_mm=spacing_mm, origin_mm=origin_mm, axes=axes)
    sitk.WriteImage(image, str(path), compress)
    return path


def write_dicom_series(
    folder: Path,
    voxels: npt.NDArray[np.int16],
    *,
    spacing_mm: Sequence[float] = SPACING_MM,
    origin_mm: Sequence[float] = ORIGIN_MM,
    axes: str = "LPS",
    series_uid: str | None = None,
    edit: Callable[[Dataset, int], None] | None = None,
    name: Callable[[int], str] = "IM{:04d}".format,
) -> list[Path]:
    """Write an axial LPS array of int16 as a classic MR series, one file for each index along the file's axis k.

    Args:
        folder: made if need be.
        voxels: (slice, row, column).
        spacing_mm: (slice, row, column).
        origin_mm: LPS centre of voxel (0, 0, 0).
        axes: towards where columns, rows and files rise; see `in_file_order`.
        series_uid: SeriesInstanceUID; a new one unless given.
        edit: changes the dataset of the file with this index before it is written.
        name: file name of the file with this index.

    Returns:
        The files in order of k.
    """
    folder.mkdir(parents=True, exist_ok=True)
    image = in_file_order(voxels, spacing_mm=spacing_mm, origin_mm=origin_mm, axes=axes)
    stored = sitk.GetArrayFromImage(image)
    series = series_uid or generate_uid()
    paths = []
    for index, pixels in enumerate(stored):
        dataset = _mr_image(pixels, series, index)
        i_axis, j_axis = (image.GetDirection()[axis::3] for axis in (0, 1))
        dataset.ImageOrientationPatient = [*i_axis, *j_axis]
        dataset.ImagePositionPatient = list(image.TransformIndexToPhysicalPoint((0, 0, index)))
        dataset.PixelSpacing = [image.GetSpacing()[1], image.GetSpacing()[0]]
        if edit is not None:
            edit(dataset, index)
        paths.append(folder / name(index))
        dataset.save_as(paths[-1], enforce_file_format=True)
    return paths


def write_enhanced_mr(
    path: Path,
    *volumes: npt.NDArray[np.int16],
    spacing_mm: Sequence[float] = SPACING_MM,
    origin_mm: Sequence[float] = ORIGIN_MM,
    axes: str = "LPS",
    edit: Callable[[Dataset], None] | None = None,
    edit_frame: Callable[[Dataset, int, int], None] | None = None,
) -> Path:
    """Write axial LPS arrays on one grid as one enhanced MR file, volume by volume.

    Args:
        path: File. Its folder is made if need be.
        volumes: (slice, row, column) each.
        spacing_mm: (slice, row, column).
        origin_mm: LPS centre of voxel (0, 0, 0).
        axes: Directions in which columns, rows and frames rise; see `in_file_order`.
        edit: Changes the dataset before it is written.
        edit_frame: Changes the functional groups of a frame, by the index of its volume and its place along k.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [in_file_order(voxels, spacing_mm=spacing_mm, origin_mm=origin_mm, axes=axes) for voxels in volumes]
    stored = np.concatenate([sitk.GetArrayFromImage(image) for image in images])
    image = images[0]
    dataset = _mr_image(stored[0], generate_uid(), 0)
    dataset.SOPClassUID = EnhancedMRImageStorage
    dataset.NumberOfFrames = len(stored)
    dataset.PixelData = np.ascontiguousarray(stored, dtype="<i2").tobytes()
    i_axis, j_axis = (image.GetDirection()[axis::3] for axis in (0, 1))
    shared = group(
        PixelMeasuresSequence=[group(PixelSpacing=[image.GetSpacing()[1], image.GetSpacing()[0]])],
        PlaneOrientationSequence=[group(ImageOrientationPatient=[*i_axis, *j_axis])],
    )
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = []
    for index in range(len(stored)):
        number, place = divmod(index, image.GetSize()[2])
        position = list(image.TransformIndexToPhysicalPoint((0, 0, place)))
        frame = group(
            FrameContentSequence=[group(StackID="1", InStackPositionNumber=place + 1)],
            PlanePositionSequence=[group(ImagePositionPatient=position)],
        )
        if edit_frame is not None:
            edit_frame(frame, number, place)
        dataset.PerFrameFunctionalGroupsSequence.append(frame)
    if edit is not None:
        edit(dataset)
    dataset.save_as(path, enforce_file_format=True)
    return path


def group(**elements: Any) -> Dataset:
    """Return a dataset with these elements."""
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def _mr_image(pixels: npt.NDArray[np.int16], series: str, index: int) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = MRImageStorage
    dataset.SOPInstanceUID = generate_uid()
    dataset.SeriesInstanceUID = series
    dataset.Modality = "MR"
    dataset.PatientName = "Secret^Name"
    dataset.PatientID = "SECRET-ID"
    dataset.StudyDate = "19991231"
    dataset.SeriesDescription = "SECRET-DESCRIPTION"
    dataset.InstanceNumber = (index * 7) % 101 + 1  # on purpose no order to trust
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 1
    dataset.PixelData = np.ascontiguousarray(pixels, dtype="<i2").tobytes()
    return dataset
