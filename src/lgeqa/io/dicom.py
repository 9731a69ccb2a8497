"""A DICOM series, classic or enhanced, as one volume.

Its images are positioned only by ImagePositionPatient and ImageOrientationPatient.
"""

import filecmp
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from pydicom import Dataset, FileDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.filereader import read_dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from lgeqa.errors import NotAssessableError, ReadError
from lgeqa.io.acquisition import read_acquisition
from lgeqa.io.codestream import announced
from lgeqa.io.dicom_file import check_dicom_size, open_dicom, read_header
from lgeqa.io.dicom_header import Frame, damage_told, quiet, read_frames
from lgeqa.io.dicom_stack import Arranged, arrange
from lgeqa.io.formatting import extent, printable_path
from lgeqa.io.header import check_ratio
from lgeqa.io.limits import Limits
from lgeqa.io.stored_volume import Stack, hash_files
from lgeqa.records import FloatArray

#: Elements that describe how pixels are stored.
_PIXEL_MODULE = (
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
)
_PIXEL_DATA, _UNDEFINED = 0x7FE00010, 0xFFFFFFFF
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
    arranged = arrange_files(paths, printable_path(location), limits)
    warnings = list(arranged.warnings)
    if any(frame.slope == 0 for frame in arranged.frames):
        warnings.append("RescaleSlope is 0, which leaves no image; the stored values were taken as they are.")
    grid = arranged.grid
    check_ratio(sum(path.stat().st_size for path in paths), math.prod(grid.size), location)
    voxels = np.empty(grid.size[::-1], dtype=np.float32)
    slices: dict[Path, list[int]] = {}
    for index, frame in enumerate(arranged.frames):
        slices.setdefault(frame.path, []).append(index)
    for indices in slices.values():
        for index, pixels in zip(indices, _images([arranged.frames[index] for index in indices]), strict=True):
            voxels[index] = pixels
    number = f"number {arranged.frames[0].number}, " if arranged.frames[0].number else ""
    series = f"{number}{len(arranged.frames)} images, first file {printable_path(Path(paths[0].name))}"
    return Stack(voxels, grid, hash_files(paths), tuple(warnings), series, read_acquisition(paths[0]))


def arrange_files(paths: Sequence[Path], where: str, limits: Limits) -> Arranged:
    """Read the headers of the files of one series, and arrange its images, without copies, along their normal.

    Args:
        paths: Files of the series.
        where: Name of the series in messages.
        limits: Limits on the stack.

    Raises:
        ReadError: A file is damaged, or the images do not form one regular stack.
        NotAssessableError: The modality is not MR, or there are too few images.
        OSError: A file cannot be opened.
    """
    files = [read_frames(path) for path in paths]
    frames = [frame for file in files for frame in file]
    _refuse_other_modality(frames, where)
    unique = _without_copies(files)
    arranged = arrange([frame for file in unique for frame in file], where, limits)
    warnings = list(arranged.warnings)
    if len(unique) < len(files):
        warnings.append(f"{len(files) - len(unique)} DICOM files are copies of others and were left out.")
    if not frames[0].modality:
        warnings.append("The DICOM files do not name their modality; it was taken as MR.")
    return replace(arranged, warnings=warnings)


def _refuse_other_modality(frames: Sequence[Frame], where: str) -> None:
    for frame in frames:
        if frame.modality not in {"MR", ""}:
            raise NotAssessableError(
                f"{where}: the modality of the DICOM series is {frame.modality!r:.18}, not MR. Give an LGE-MRI series."
            )


def _without_copies(files: Sequence[list[Frame]]) -> list[list[Frame]]:
    """Return the files without copies, whose frames have the same identity, position and pixels as another file's."""
    by_identity: dict[object, list[list[Frame]]] = {}
    unique = []
    for frames in files:
        twins = by_identity.setdefault(tuple((frame.instance, frame.position_mm) for frame in frames), [])
        if not any(_is_copy(frames, twin) for twin in twins):
            twins.append(frames)
            unique.append(frames)
    return unique


def _is_copy(frames: Sequence[Frame], others: Sequence[Frame]) -> bool:
    if filecmp.cmp(frames[0].path, others[0].path, shallow=False):
        return True
    return frames[0].size == others[0].size and all(
        np.array_equal(pixels, other) for pixels, other in zip(_images(frames), _images(others), strict=True)
    )


def _images(frames: Sequence[Frame]) -> Iterator[FloatArray]:
    """Yield the pixels of frames of one file as float32 (row, column), in which high values are bright."""
    path = frames[0].path
    where = printable_path(path)
    with quiet(), damage_told(path), open_dicom(path) as file:
        dataset = _read_pixel_module(file, path)
        _complete_syntax(dataset)
        _refuse_undecodable(dataset, where)
    with quiet(), damage_told(path, _UNDECODABLE):
        _refuse_changed(dataset, frames[0], where)
        encoded = _encoded_frames(dataset, frames[0].frames_in_file, where)
    for frame in frames:
        with quiet(), damage_told(path, _UNDECODABLE):
            pixels = _values(_single_image(dataset, encoded[frame.index], frame, where), frame)
        if pixels.shape != frame.size:
            raise ReadError(f"{where}: its pixels decode to {extent(pixels.shape)}, not {extent(frame.size)}.")
        yield pixels


def _read_pixel_module(file: BinaryIO, path: Path) -> FileDataset:
    """Read the pixels of a file, and the elements that describe how they are stored, and nothing else.

    Raises:
        ReadError: The file is too large or has no pixels.
    """
    where = printable_path(path)
    check_dicom_size(file, path)
    dataset = read_header(file, _PIXEL_MODULE, where)
    is_implicit, is_little = dataset.original_encoding
    dataset.update(read_dataset(file, bool(is_implicit), bool(is_little), stop_when=_is_no_pixel_data))
    if "PixelData" not in dataset:
        raise ReadError(f"{where}: the DICOM file has no pixel data. Export the images again.")
    return dataset


def _is_no_pixel_data(tag: int, vr: str | None, length: int) -> bool:
    return tag != _PIXEL_DATA or (length == _UNDEFINED and vr in {"SQ", "UN"})  # would be parsed as a sequence


def _complete_syntax(dataset: FileDataset) -> None:
    """Set a missing transfer syntax to the uncompressed syntax that the encoding of the header implies."""
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit


def _encoded_frames(dataset: FileDataset, n_frames: int, where: str) -> list[bytes]:
    """Return the bytes of each frame as stored.

    Raises:
        ReadError: There are fewer frames than the header announces.
    """
    data: bytes = dataset.PixelData
    if _syntax(dataset).is_compressed:
        encoded = list(islice(generate_frames(data, number_of_frames=n_frames), n_frames))
    elif n_frames == 1:
        encoded = [data]
    else:
        length = dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8
        n_stored = min(n_frames, len(data) // length)
        encoded = [data[index * length : (index + 1) * length] for index in range(n_stored)]
    if len(encoded) < n_frames:
        raise ReadError(f"{where}: its pixel data hold {len(encoded)} of {n_frames} frames. Copy or export it again.")
    return encoded


def _single_image(dataset: FileDataset, encoded: bytes, frame: Frame, where: str) -> Dataset:
    """Return an image of one frame, after comparing the size that a compressed frame announces with the header's.

    Raises:
        ReadError: The compressed frame announces another size.
    """
    syntax = _syntax(dataset)
    image = Dataset()
    image.update({element.tag: element for element in dataset if element.keyword in _PIXEL_MODULE})
    image.file_meta = dataset.file_meta
    image.NumberOfFrames = 1
    if not syntax.is_compressed:
        image.add_new(_PIXEL_DATA, dataset["PixelData"].VR, encoded)
        return image
    size = announced(encoded, syntax)
    if size is not None and size != (*frame.size, 1):
        raise ReadError(
            f"{where}: its compressed image has {extent(size[:2])} pixels and {size[2]} samples, not "
            f"{extent(frame.size)} and 1. Export it again."
        )
    image.add_new(_PIXEL_DATA, "OB", encapsulate([encoded]))
    image["PixelData"].is_undefined_length = True
    if syntax == RLELossless:  # the decoder of pylibjpeg panics on damaged data and prints a message
        image.pixel_array_options(decoding_plugin="pydicom")
    return image


def _values(image: Dataset, frame: Frame) -> FloatArray:
    stored: npt.NDArray[Any] = image.pixel_array.astype(np.float64)
    if image.PhotometricInterpretation == "MONOCHROME1":
        signed = image.PixelRepresentation == 1
        stored = (-1 if signed else 2**image.BitsStored - 1) - stored
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


def _refuse_changed(dataset: FileDataset, frame: Frame, where: str) -> None:
    """Refuse a file whose size is no longer that of the header that was checked.

    Raises:
        ReadError: The file has changed.
    """
    current = (
        int(dataset.Rows),
        int(dataset.Columns),
        int(dataset.get("NumberOfFrames") or 1),
        dataset.get("SamplesPerPixel") or 1,
    )
    if current != (*frame.size, frame.frames_in_file, 1):
        raise ReadError(f"{where}: was changed while it was read. Read it again.")


def _syntax(dataset: FileDataset) -> UID:
    return UID(str(dataset.file_meta.TransferSyntaxUID))
