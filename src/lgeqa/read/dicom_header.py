"""The few facts of a DICOM file that discovery and stacking need. No name, date or identifier leaves this module.

pydicom's warnings quote the values they complain about, so they are silenced.
"""

import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_has_tag, dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_partial
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.uid import UID
from pydicom.valuerep import STR_VR

from lgeqa.errors import LgeqaError, ReadError
from lgeqa.read.dicom_file import open_dicom
from lgeqa.read.limits import MAX_POSITION_MM
from lgeqa.read.words import numbers, shown

#: What a reader or decoder may raise without the file being at fault.
_NOT_OF_THE_FILE = (LgeqaError, MemoryError, KeyboardInterrupt, SystemExit, GeneratorExit)

#: Most numbers of an element that a message quotes.
_MOST_SHOWN = 9
#: Longest text of numbers that is looked at.
_MOST_CHARACTERS = 1000
#: SeriesNumber is below this.
_HIGHEST_NUMBER = 2**31
#: Largest number that is taken as a scaling.
_LARGEST = 1e30
_COLUMNS = 0x00280011
#: What tells one series from others, and is never shown.
_SERIES_KEYWORDS = ("PatientID", "StudyInstanceUID", "SeriesNumber", "FrameOfReferenceUID")
_SERIES_TAGS = ["SOPClassUID", "SeriesInstanceUID", *_SERIES_KEYWORDS, "ImageOrientationPatient", "Rows", "Columns"]
#: What may tell apart the stacks that one series holds, in words for people.
STACK_KEYWORDS = {
    "AcquisitionNumber": "acquisitions",
    "TemporalPositionIdentifier": "time points",
    "TriggerTime": "heart phases",
    "EchoTime": "echoes",
    "InversionTime": "inversion times",
}
#: Component of the complex signal in group 0043 of GE's files, by its number, and the words of ImageType.
_GE_COMPONENT = 0x0043102F
_COMPONENTS = ("magnitude", "phase", "real", "imaginary")
_FRAME_TAGS = [
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "SeriesNumber",
    "Modality",
    "ImageType",
    "ComplexImageComponent",
    "NumberOfFrames",
    "SamplesPerPixel",
    "Rows",
    "Columns",
    "PixelSpacing",
    "SliceThickness",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "RescaleSlope",
    "RescaleIntercept",
    *STACK_KEYWORDS,
]


@dataclass(frozen=True)
class Series:
    """What the images of one stack share.

    Attributes:
        uid: digest of the SeriesInstanceUID; empty if there is none.
        rest: digest of patient, study, number of the series and frame of reference.
        number: SeriesNumber, 0 if there is none.
        orientation: LPS direction along a row, then down a column; empty if it cannot be read.
        size: rows, columns.
    """

    uid: str
    rest: str
    number: int
    orientation: tuple[float, ...]
    size: tuple[float, ...]


@dataclass(frozen=True)
class Frame:
    """One image of a series, without its pixels.

    Attributes:
        path: its file.
        instance: its SOPInstanceUID, to find copies with; never shown.
        series: digest of its SeriesInstanceUID.
        number: SeriesNumber, 0 if there is none.
        modality: as `MR`; empty where not given.
        component: of the complex signal, as `phase`; empty where not told.
        size: rows, columns.
        spacing_mm: between rows, between columns.
        orientation: LPS direction along a row, then down a column.
        position_mm: LPS centre of the first pixel.
        thickness_mm: of the slice; 0 where not given.
        stack: values of those of `STACK_KEYWORDS` that are given.
        slope, intercept: RescaleSlope and RescaleIntercept; 1 and 0 where not given.
    """

    path: Path
    instance: str
    series: str
    number: int
    modality: str
    component: str
    size: tuple[int, int]
    spacing_mm: tuple[float, ...]
    orientation: tuple[float, ...]
    position_mm: tuple[float, ...]
    thickness_mm: float
    stack: dict[str, float]
    slope: float
    intercept: float


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


def series_of(path: Path) -> Series | None:
    """Return the series that a DICOM image belongs to; None for a DICOM object that is no image.

    Raises:
        ReadError: the file is damaged.
        OSError: it cannot be opened.
    """
    with quiet(), damage_told(path), open_dicom(path) as file:
        dataset = read_partial(
            file, lambda tag, *_: tag > _COLUMNS, force=True, specific_tags=list(map(_tag, _SERIES_TAGS))
        )
        sop_class = UID(str(dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID") or ""))
        is_image = "Image Storage" in sop_class.name or (sop_class.name == sop_class and "Rows" in dataset)
        if not (is_image or sop_class):
            raise ValueError("neither a class nor rows")
        if not is_image:
            return None
        return Series(
            uid=_digest(dataset, ["SeriesInstanceUID"]),
            rest=_digest(dataset, _SERIES_KEYWORDS),
            number=_series_number(dataset),
            orientation=_numbers_in(dataset, "ImageOrientationPatient") or (),
            size=(_numbers_in(dataset, "Rows") or ()) + (_numbers_in(dataset, "Columns") or ()),
        )


def read_frame(path: Path) -> Frame:
    """Read the header of a classic, single-frame, grey DICOM image.

    Numbers are also read from elements of another kind than the standard has, and with decimal commas.

    Raises:
        ReadError: the file is damaged, an enhanced or colour image, or lacks its place in the patient.
        OSError: it cannot be opened.
    """
    where = shown(path)
    with quiet(), damage_told(path), open_dicom(path) as file:
        tags = [*map(_tag, _FRAME_TAGS), _GE_COMPONENT]
        dataset = dcmread(file, stop_before_pixels=True, specific_tags=tags, force=True)
        _refuse_other_kinds(dataset, where)
        stack = {keyword: (_numbers_in(dataset, keyword) or ())[:1] for keyword in STACK_KEYWORDS}
        return Frame(
            path=path,
            instance=str(dataset.get("SOPInstanceUID", "")),
            series=_digest(dataset, ["SeriesInstanceUID"]),
            number=_series_number(dataset),
            modality=str(dataset.get("Modality", "")),
            component=_component(dataset),
            size=(int(_values(dataset, "Rows", 1, where)[0]), int(_values(dataset, "Columns", 1, where)[0])),
            spacing_mm=_values(dataset, "PixelSpacing", 2, where),
            orientation=_values(dataset, "ImageOrientationPatient", 6, where),
            position_mm=_values(dataset, "ImagePositionPatient", 3, where),
            thickness_mm=max([0.0, *(_numbers_in(dataset, "SliceThickness") or ())[:1]]),
            stack={keyword: value[0] for keyword, value in stack.items() if value},
            slope=_scaling(dataset, "RescaleSlope", 1.0, where),
            intercept=_scaling(dataset, "RescaleIntercept", 0.0, where),
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


def _series_number(dataset: Dataset) -> int:
    found = _numbers_in(dataset, "SeriesNumber")
    return int(found[0]) if found and abs(found[0]) < _HIGHEST_NUMBER else 0


def _scaling(dataset: Dataset, keyword: str, default: float, where: str) -> float:
    found = _numbers_in(dataset, keyword)
    if found == ():
        return default
    if found is None or len(found) != 1 or not abs(found[0]) <= _LARGEST:
        raise ReadError(f"{where}: its {keyword} is no number. Correct it, or export the images again.")
    return found[0]


def _component(dataset: Dataset) -> str:
    """Return the component of the complex signal by ComplexImageComponent, ImageType or GE's own element."""
    words = [str(dataset.get("ComplexImageComponent") or "")]
    image_type = dataset.get("ImageType") or ()
    words += [str(word) for word in ([] if isinstance(image_type, str) else image_type)[2:]]
    for word in words:
        first = word.upper().replace("_", " ").partition(" ")[0]
        for component in _COMPONENTS:
            if first in {component.upper(), component[0].upper()}:
                return component
    number = _numbers_in(dataset, _GE_COMPONENT)
    return _COMPONENTS[int(number[0])] if number and number[0] in range(len(_COMPONENTS)) else ""


def _values(dataset: Dataset, keyword: str, count: int, where: str) -> tuple[float, ...]:
    values = _numbers_in(dataset, keyword)
    if values is None:
        raise ReadError(f"{where}: its {keyword} holds no numbers; expected {count}. Export the original images.")
    if len(values) != count or not all(abs(value) <= MAX_POSITION_MM for value in values):
        given = numbers(values[:_MOST_SHOWN]) if values else "missing"
        raise ReadError(f"{where}: its {keyword} is {given}; expected {count} numbers. Export the original images.")
    return values


def _numbers_in(dataset: Dataset, element: str | int) -> tuple[float, ...] | None:
    """Return the numbers of an element, none if it is missing or empty; None if it holds something else."""
    found: Any = dataset.get_item(element)
    if isinstance(found, RawDataElement) and _is_text(found):
        text = (found.value or b"")[:_MOST_CHARACTERS].decode("ascii", errors="replace").replace(",", ".")
        words: Sequence[object] = [word for word in text.split("\\") if word.strip(" \0")]
    else:
        value = None if found is None else dataset[element].value
        words = [] if value in (None, "") else value if isinstance(value, list | MultiValue) else [value]
    try:
        return tuple(float(str(word).strip(" \0")) for word in words)
    except ValueError:
        return None


def _is_text(element: RawDataElement) -> bool:
    """Return whether an element as it stands in the file holds text, also where the standard has another kind."""
    kind = element.VR
    if kind in (None, "UN"):
        kind = dictionary_VR(element.tag) if dictionary_has_tag(element.tag) else "UN"
    return kind in STR_VR


def _digest(dataset: Dataset, keywords: Iterable[str]) -> str:
    """Return a digest of some values as they stand in the file; empty if none of them is given."""
    items: list[Any] = [dataset.get_item(keyword) for keyword in keywords]
    values = [b"" if item is None else item.value or b"" for item in items]
    parts = [(value if isinstance(value, bytes) else str(value).encode()).strip(b" \0") for value in values]
    return sha256(b"\n".join(parts)).hexdigest() if any(parts) else ""


def _tag(keyword: str) -> BaseTag | int:
    found = tag_for_keyword(keyword)
    assert found is not None, keyword
    return found
