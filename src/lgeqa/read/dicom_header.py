"""The few facts of a DICOM file that discovery and stacking need. No name, date or identifier leaves this module.

pydicom's warnings quote the values they complain about, so they are silenced.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag
from pydicom.uid import UID

from lgeqa.errors import LgeqaError, ReadError
from lgeqa.read.dicom_file import open_dicom
from lgeqa.read.limits import MAX_POSITION_MM
from lgeqa.read.words import numbers, shown

#: What a reader or decoder may raise without the file being at fault.
_NOT_OF_THE_FILE = (LgeqaError, MemoryError, KeyboardInterrupt, SystemExit, GeneratorExit)

#: Most numbers of an element that a message quotes.
_MOST_SHOWN = 9
_ROWS = 0x00280010
_IDENTITY_TAGS: list[BaseTag | int] = [0x00080016, 0x0020000E, _ROWS]
_KEYWORDS = [
    "SOPClassUID",
    "SOPInstanceUID",
    "Modality",
    "NumberOfFrames",
    "SamplesPerPixel",
    "Rows",
    "Columns",
    "PixelSpacing",
    "ImageOrientationPatient",
    "ImagePositionPatient",
]
_FRAME_TAGS: list[BaseTag | int] = [tag for tag in map(tag_for_keyword, _KEYWORDS) if tag is not None]


@dataclass(frozen=True)
class Frame:
    """One image of a series, without its pixels.

    Attributes:
        path: its file.
        instance: its SOPInstanceUID, to find copies with; never shown.
        modality: as `MR`; empty where not given.
        size: rows, columns.
        spacing_mm: between rows, between columns.
        orientation: LPS direction along a row, then down a column.
        position_mm: LPS centre of the first pixel.
    """

    path: Path
    instance: str
    modality: str
    size: tuple[int, int]
    spacing_mm: tuple[float, ...]
    orientation: tuple[float, ...]
    position_mm: tuple[float, ...]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom's warnings and log from the user."""
    logger = logging.getLogger("pydicom")
    before, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = before


@contextmanager
def damage_told(path: Path, damage: str = "is a damaged DICOM file. Copy or export it again.") -> Iterator[None]:
    """Turn whatever pydicom and the decoders raise on a damaged file into a ReadError that tells of `damage`."""
    try:
        yield
    except _NOT_OF_THE_FILE:
        raise
    except BaseException as error:  # they raise many kinds, and the panic of a Rust library is no Exception
        if isinstance(error, OSError) and error.errno is not None:  # without a number it is a decoder's own
            raise
        raise ReadError(f"{shown(path)}: {damage}") from None


def series_of(path: Path) -> str | None:
    """The SeriesInstanceUID of a DICOM image, empty if it has none; None for a DICOM object that is no image.

    Raises:
        ReadError: the file is damaged.
        OSError: it cannot be opened.
    """
    with quiet(), damage_told(path), open_dicom(path) as file:
        dataset = read_partial(file, lambda tag, *_: tag > _ROWS, force=True, specific_tags=_IDENTITY_TAGS)
        sop_class = UID(str(dataset.get("SOPClassUID") or dataset.file_meta.MediaStorageSOPClassUID))
        is_image = "Image Storage" in sop_class.name or (sop_class.name == sop_class and "Rows" in dataset)
        return str(dataset.get("SeriesInstanceUID", "")) if is_image else None


def read_frame(path: Path) -> Frame:
    """Read the header of a classic, single-frame, grey DICOM image.

    Raises:
        ReadError: the file is damaged, an enhanced or colour image, or lacks its place in the patient.
        OSError: it cannot be opened.
    """
    where = shown(path)
    with quiet(), damage_told(path), open_dicom(path) as file:
        dataset = dcmread(file, stop_before_pixels=True, specific_tags=_FRAME_TAGS, force=True)
        _refuse_other_kinds(dataset, where)
        return Frame(
            path=path,
            instance=str(dataset.get("SOPInstanceUID", "")),
            modality=str(dataset.get("Modality", "")),
            size=(int(_values(dataset, "Rows", 1, where)[0]), int(_values(dataset, "Columns", 1, where)[0])),
            spacing_mm=_values(dataset, "PixelSpacing", 2, where),
            orientation=_values(dataset, "ImageOrientationPatient", 6, where),
            position_mm=_values(dataset, "ImagePositionPatient", 3, where),
        )


def _refuse_other_kinds(dataset: Dataset, where: str) -> None:
    frames = int(dataset.get("NumberOfFrames") or 1)
    kind = UID(str(dataset.get("SOPClassUID", ""))).name
    if frames > 1 or kind.startswith("Enhanced"):
        raise ReadError(
            f"{where}: is an enhanced or multi-frame DICOM image ({frames} frames), which lgeqa does not read. "
            "Convert it to NIfTI with dcm2niix."
        )
    samples = int(dataset.get("SamplesPerPixel") or 1)
    if samples != 1:
        raise ReadError(f"{where}: is a colour image ({samples} samples a pixel). Give the original grey images.")


def _values(dataset: Dataset, keyword: str, count: int, where: str) -> tuple[float, ...]:
    found = dataset.get(keyword)
    values = () if found is None else tuple(float(value) for value in (found if count > 1 else [found]))
    if len(values) != count or not all(abs(value) <= MAX_POSITION_MM for value in values):
        given = numbers(values[:_MOST_SHOWN]) if values else "missing"
        raise ReadError(f"{where}: its {keyword} is {given}; expected {count} numbers. Export the original images.")
    return values
