"""A classic DICOM series as one volume, placed by ImagePositionPatient and ImageOrientationPatient alone."""

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
from lgeqa.read.codestream import announced
from lgeqa.read.dicom_file import check_dicom_size, open_dicom
from lgeqa.read.dicom_header import Frame, damage_told, quiet, read_frame
from lgeqa.read.geometry import SAME_DIRECTION, SAME_SPACING_MM, check_grid, check_spacing
from lgeqa.read.header import check_ratio
from lgeqa.read.limits import Limits
from lgeqa.read.stack import Stack, hash_files
from lgeqa.read.words import extent, numbers, shown
from lgeqa.records import FloatArray, Grid

_UNDECODABLE = "its pixel data are damaged or shorter than the header announces. Copy the series again."
#: Images closer than this along the normal are at one position.
SAME_POSITION_MM = 0.05
#: How far a gap may differ from the usual one, as a share of it.
GAP_TOLERANCE = 0.05
#: How far an image may lie beside the line through the first one.
MAX_SHIFT_MM = 1.0


def read_series(paths: Sequence[Path], location: Path, limits: Limits) -> Stack:
    """Read the files of one series as a volume: i along rows, j down columns, k along the normal, i x j.

    InstanceNumber is not used. Values are RescaleSlope * stored + RescaleIntercept; with MONOCHROME1, where high
    means dark, the stored values are mirrored within their range first, so that high means bright.

    Raises:
        ReadError: a file is damaged or cannot be decoded, or the images do not make one regular stack.
        NotAssessableError: the modality is not MR, or there are too few images.
        OSError: a file cannot be opened.
    """
    where = shown(location)
    frames = [read_frame(path) for path in paths]
    _refuse_other_modality(frames, where)
    unique = _without_copies(frames)
    if len(unique) < limits.min_slices:
        raise NotAssessableError(
            f"{where}: the DICOM series has {len(unique)} images; at least {limits.min_slices} are needed. "
            "Give the folder of the whole series."
        )
    _refuse_mixture(unique, where)
    ordered, normal = _sorted_along_normal(unique, where)
    grid = _grid(ordered, normal, where, limits)
    warnings = []
    if len(unique) < len(frames):
        warnings.append(f"{len(frames) - len(unique)} DICOM files are copies of others and were left out.")
    if not frames[0].modality:
        warnings.append("The DICOM files do not tell their modality; it was taken as MR.")
    check_ratio(sum(path.stat().st_size for path in paths), math.prod(grid.size), location)
    voxels = np.empty((len(ordered), *frames[0].size), dtype=np.float32)
    for index, frame in enumerate(ordered):
        voxels[index] = _pixels(frame)
    return Stack(voxels, grid, hash_files(paths), tuple(warnings))


def _refuse_other_modality(frames: Sequence[Frame], where: str) -> None:
    for frame in frames:
        if frame.modality not in {"MR", ""}:
            raise NotAssessableError(
                f"{where}: the modality of the DICOM series is {frame.modality!r:.18}, not MR. Give an LGE-MRI series."
            )


def _without_copies(frames: Sequence[Frame]) -> list[Frame]:
    """Leave out files that are byte for byte the same as another with the same identity."""
    seen: dict[tuple[str, tuple[float, ...]], list[Frame]] = {}
    unique = []
    for frame in frames:
        twins = seen.setdefault((frame.instance, frame.position_mm), [])
        if not any(filecmp.cmp(frame.path, twin.path, shallow=False) for twin in twins):
            twins.append(frame)
            unique.append(frame)
    return unique


def _refuse_mixture(frames: Sequence[Frame], where: str) -> None:
    first = frames[0]
    for other in frames[1:]:
        for name, ours, theirs, tolerance in (
            ("size", first.size, other.size, 0.0),
            ("PixelSpacing", first.spacing_mm, other.spacing_mm, SAME_SPACING_MM),
            ("ImageOrientationPatient", first.orientation, other.orientation, SAME_DIRECTION),
        ):
            if np.abs(np.subtract(ours, theirs)).max() > tolerance:
                raise ReadError(
                    f"{where}: the images of the series differ in {name}: {numbers(ours)} and {numbers(theirs)}. "
                    "Give one stack alone."
                )


def _sorted_along_normal(frames: Sequence[Frame], where: str) -> tuple[list[Frame], npt.NDArray[np.float64]]:
    row, column = np.array(frames[0].orientation[:3]), np.array(frames[0].orientation[3:])
    normal = np.cross(row, column)
    length = float(np.linalg.norm(normal))
    if not abs(length - 1) <= SAME_DIRECTION:
        raise ReadError(
            f"{where}: ImageOrientationPatient {numbers(frames[0].orientation)} is no pair of unit vectors at right "
            "angles. Export the original images."
        )
    normal /= length
    return sorted(frames, key=lambda frame: float(normal @ frame.position_mm)), normal


def _grid(frames: Sequence[Frame], normal: npt.NDArray[np.float64], where: str, limits: Limits) -> Grid:
    """The grid of a stack sorted along its normal, once its gaps are found to be even."""
    positions = np.array([frame.position_mm for frame in frames])
    heights = positions @ normal
    _refuse_repeats(heights, where)
    _refuse_gaps(heights, where)
    sideways = positions - positions[0] - np.outer(heights - heights[0], normal)
    shift = float(np.linalg.norm(sideways, axis=1).max())
    if not shift <= MAX_SHIFT_MM:
        raise ReadError(f"{where}: its images are shifted sideways by up to {shift:.1f} mm. Give one straight stack.")
    first = frames[0]
    rows, columns = first.size
    between_rows, between_columns = first.spacing_mm
    check_spacing(first.spacing_mm, where, limits)
    grid = Grid(
        size=(columns, rows, len(frames)),
        spacing_mm=(between_columns, between_rows, float(heights[-1] - heights[0]) / (len(frames) - 1)),
        origin_mm=(float(positions[0, 0]), float(positions[0, 1]), float(positions[0, 2])),
        direction=_direction(first, normal),
    )
    check_grid(grid, where, limits)
    return grid


def _direction(frame: Frame, normal: npt.NDArray[np.float64]) -> tuple[float, ...]:
    columns = np.stack([frame.orientation[:3], frame.orientation[3:], normal], axis=1)
    return tuple(float(value) for value in columns.ravel())


def _refuse_repeats(heights: npt.NDArray[np.float64], where: str) -> None:
    n_positions = 1 + int((np.diff(heights) > SAME_POSITION_MM).sum())
    if n_positions < len(heights):
        raise ReadError(
            f"{where}: the series has {len(heights)} images at {n_positions} positions, so it holds several time "
            "points, echoes or reconstructions. Export the one to be judged alone."
        )


def _refuse_gaps(heights: npt.NDArray[np.float64], where: str) -> None:
    gaps = np.diff(heights)
    usual = float(np.median(gaps))
    worst = int(np.abs(gaps - usual).argmax())
    ratio = float(gaps[worst]) / usual
    if abs(ratio - 1) <= GAP_TOLERANCE:
        return
    place = f"a gap of {gaps[worst]:.2f} mm among gaps of {usual:.2f} mm"
    if ratio > 1.5 and abs(ratio - round(ratio)) <= GAP_TOLERANCE * ratio:
        raise ReadError(f"{where}: {round(ratio) - 1} or more slices are missing ({place}). Copy the series again.")
    raise ReadError(f"{where}: its slices are unevenly spaced ({place}). Give one regular stack.")


def _pixels(frame: Frame) -> FloatArray:
    """The image as float32 (row, column), bright where its values are high."""
    where = shown(frame.path)
    with quiet(), damage_told(frame.path), open_dicom(frame.path) as file:
        check_dicom_size(file, frame.path)
        dataset = dcmread(file, force=True)
        if "PixelData" not in dataset:
            raise ReadError(f"{where}: the DICOM file has no pixel data. Export the images again.")
        _complete_syntax(dataset)
        _refuse_undecodable(dataset, where)
    with quiet(), damage_told(frame.path, _UNDECODABLE):
        _check_size(dataset, frame, where)
        if _syntax(dataset) == RLELossless:  # the decoder of pylibjpeg panics on damaged data and prints it
            dataset.pixel_array_options(decoding_plugin="pydicom")
        pixels = _values(dataset)
    if pixels.shape != frame.size:
        raise ReadError(f"{where}: its pixels decode to {extent(pixels.shape)}, not {extent(frame.size)}.")
    return pixels


def _complete_syntax(dataset: FileDataset) -> None:
    """Without file meta information the data are uncompressed, in the encoding that they were found in."""
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit


def _values(dataset: Dataset) -> FloatArray:
    stored: npt.NDArray[Any] = dataset.pixel_array.astype(np.float64)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        signed = dataset.PixelRepresentation == 1
        stored = (-1 if signed else 2**dataset.BitsStored - 1) - stored
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    values = stored * (1.0 if slope is None else float(slope)) + (0.0 if intercept is None else float(intercept))
    return values.astype(np.float32)


def _refuse_undecodable(dataset: FileDataset, where: str) -> None:
    """Refuse a compression that no decoder is installed for. Raises ReadError."""
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
    """Compare what is about to be decoded with the size that was found good, before a decoder takes memory for it.

    Raises:
        ReadError: the compressed image announces another size.
    """
    ours = (
        int(dataset.Rows),
        int(dataset.Columns),
        int(dataset.get("NumberOfFrames") or 1),
        dataset.get("SamplesPerPixel") or 1,
    )
    if ours != (*frame.size, 1, 1):
        raise ReadError(f"{where}: was changed while it was read. Read it again.")
    syntax = _syntax(dataset)
    if not syntax.is_compressed:
        return
    # an extended table of offsets could point pydicom to another image than the one that is looked at here
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if keyword in dataset:
            del dataset[keyword]
    found = announced(get_frame(dataset.PixelData, 0, number_of_frames=1), syntax)
    if found is not None and found != (*frame.size, 1):
        raise ReadError(
            f"{where}: its compressed image has {extent(found[:2])} pixels and {found[2]} samples, not "
            f"{extent(frame.size)} and 1. Export it again."
        )


def _syntax(dataset: FileDataset) -> UID:
    return UID(str(dataset.file_meta.TransferSyntaxUID))
