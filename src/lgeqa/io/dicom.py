"""A classic DICOM series as one volume, positioned only by ImagePositionPatient and ImageOrientationPatient."""

import filecmp
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import Dataset, FileDataset, dcmread
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from lgeqa.errors import NotAssessableError, ReadError
from lgeqa.io.codestream import announced
from lgeqa.io.dicom_file import check_dicom_size, open_dicom
from lgeqa.io.dicom_header import Frame, damage_told, quiet, read_frame
from lgeqa.io.dicom_stack import arrange
from lgeqa.io.formatting import extent, printable_path
from lgeqa.io.header import check_ratio
from lgeqa.io.limits import Limits
from lgeqa.io.stored_volume import Stack, hash_files
from lgeqa.records import FloatArray

_UNDECODABLE = "its pixel data are damaged or shorter than the header announces. Copy the series again."


def read_series(paths: Sequence[Path], location: Path, limits: Limits) -> Stack:
    """Read the files of one series as a volume with i along rows, j down columns and k along their normal, i x j.

    InstanceNumber is ignored. Values are RescaleSlope * stored + RescaleIntercept. With MONOCHROME1, where high means
    dark, the stored values are first inverted within their range, so that high means bright.

    Raises:
        ReadError: A file is damaged or cannot be decoded, or the images do not form one regular stack.
        NotAssessableError: The modality is not MR, or there are too few images.
        OSError: A file cannot be opened.
    """
    where = printable_path(location)
    frames = [read_frame(path) for path in paths]
    _refuse_other_modality(frames, where)
    unique = _without_copies(frames)
    arranged = arrange(unique, where, limits)
    warnings = list(arranged.warnings)
    if len(unique) < len(frames):
        warnings.append(f"{len(frames) - len(unique)} DICOM files are copies of others and were left out.")
    if not frames[0].modality:
        warnings.append("The DICOM files do not name their modality; it was taken as MR.")
    if any(frame.slope == 0 for frame in arranged.frames):
        warnings.append("RescaleSlope is 0, which leaves no image; the stored values were taken as they are.")
    grid = arranged.grid
    check_ratio(sum(path.stat().st_size for path in paths), math.prod(grid.size), location)
    voxels = np.empty(grid.size[::-1], dtype=np.float32)
    for index, frame in enumerate(arranged.frames):
        voxels[index] = _pixels(frame)
    number = f"number {frames[0].number}, " if frames[0].number else ""
    series = f"{number}{len(arranged.frames)} images, first file {printable_path(Path(paths[0].name))}"
    return Stack(voxels, grid, hash_files(paths), tuple(warnings), series)


def _refuse_other_modality(frames: Sequence[Frame], where: str) -> None:
    for frame in frames:
        if frame.modality not in {"MR", ""}:
            raise NotAssessableError(
                f"{where}: the modality of the DICOM series is {frame.modality!r:.18}, not MR. Give an LGE-MRI series."
            )


def _without_copies(frames: Sequence[Frame]) -> list[Frame]:
    """Return the images without copies, which have the same identity, position and pixels as another."""
    by_identity: dict[tuple[str, tuple[float, ...]], list[Frame]] = {}
    unique = []
    for frame in frames:
        twins = by_identity.setdefault((frame.instance, frame.position_mm), [])
        if not any(_is_copy(frame, twin) for twin in twins):
            twins.append(frame)
            unique.append(frame)
    return unique


def _is_copy(frame: Frame, other: Frame) -> bool:
    if filecmp.cmp(frame.path, other.path, shallow=False):
        return True
    return frame.size == other.size and np.array_equal(_pixels(frame), _pixels(other))


def _pixels(frame: Frame) -> FloatArray:
    """Return the image as float32 (row, column), in which high values are bright."""
    where = printable_path(frame.path)
    with quiet(), damage_told(frame.path), open_dicom(frame.path) as file:
        check_dicom_size(file, frame.path)
        dataset = dcmread(file, force=True)
        if "PixelData" not in dataset:
            raise ReadError(f"{where}: the DICOM file has no pixel data. Export the images again.")
        _complete_syntax(dataset)
        _refuse_undecodable(dataset, where)
    with quiet(), damage_told(frame.path, _UNDECODABLE):
        _check_size(dataset, frame, where)
        if _syntax(dataset) == RLELossless:  # the decoder of pylibjpeg panics on damaged data and prints a message
            dataset.pixel_array_options(decoding_plugin="pydicom")
        pixels = _values(dataset, frame)
    if pixels.shape != frame.size:
        raise ReadError(f"{where}: its pixels decode to {extent(pixels.shape)}, not {extent(frame.size)}.")
    return pixels


def _complete_syntax(dataset: FileDataset) -> None:
    """Set a missing transfer syntax to the uncompressed syntax that the encoding of the header implies."""
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit


def _values(dataset: Dataset, frame: Frame) -> FloatArray:
    stored: npt.NDArray[Any] = dataset.pixel_array.astype(np.float64)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        signed = dataset.PixelRepresentation == 1
        stored = (-1 if signed else 2**dataset.BitsStored - 1) - stored
    return (stored * (frame.slope or 1.0) + frame.intercept).astype(np.float32)


def _refuse_undecodable(dataset: FileDataset, where: str) -> None:
    """Refuse a compression that no installed decoder supports.

    Raises:
        ReadError: The decoder is not installed, or pydicom has none.
    """
    syntax = _syntax(dataset)
    if not (syntax.is_transfer_syntax and syntax.is_compressed):
        return
    try:
        if get_decoder(syntax).is_available:
            return
        remedy = 'Install the decoders with pip install "lgeqa[dicom]", or save the series uncompressed.'
    except NotImplementedError:
        remedy = "Save the series uncompressed."
    raise ReadError(f"{where}: its compression ({syntax.name}) cannot be decoded. {remedy}")


def _check_size(dataset: FileDataset, frame: Frame, where: str) -> None:
    """Compare the image with the size that was checked, before a decoder allocates memory for it.

    Raises:
        ReadError: The file has changed, or the compressed image announces another size.
    """
    current = (
        int(dataset.Rows),
        int(dataset.Columns),
        int(dataset.get("NumberOfFrames") or 1),
        dataset.get("SamplesPerPixel") or 1,
    )
    if current != (*frame.size, 1, 1):
        raise ReadError(f"{where}: was changed while it was read. Read it again.")
    syntax = _syntax(dataset)
    if not syntax.is_compressed:
        return
    # an extended offset table could make pydicom decode another image than the one checked here
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if keyword in dataset:
            del dataset[keyword]
    size = announced(get_frame(dataset.PixelData, 0, number_of_frames=1), syntax)
    if size is not None and size != (*frame.size, 1):
        raise ReadError(
            f"{where}: its compressed image has {extent(size[:2])} pixels and {size[2]} samples, not "
            f"{extent(frame.size)} and 1. Export it again."
        )


def _syntax(dataset: FileDataset) -> UID:
    return UID(str(dataset.file_meta.TransferSyntaxUID))
