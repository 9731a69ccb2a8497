"""Header values of a DICOM file that discovery and stacking need.

No name, date or identifier leaves this module. The warnings of pydicom quote values, so they are suppressed.
"""

import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_partial
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.uid import UID
from pydicom.valuerep import STR_VR

from lgeqa.errors import LgeqaError, ReadError
from lgeqa.io.dicom_file import open_dicom, read_header
from lgeqa.io.dicom_frames import FRAME_ELEMENTS, frame_headers
from lgeqa.io.formatting import numbers, printable_path
from lgeqa.io.limits import MAX_POSITION_MM

#: Exceptions of a reader or decoder that do not mean a damaged file.
_NOT_OF_THE_FILE = (LgeqaError, MemoryError, KeyboardInterrupt, SystemExit, GeneratorExit)

#: Largest number of values of an element that a message quotes.
_MOST_SHOWN = 9
#: Longest text that is parsed for numbers, in characters.
_MOST_CHARACTERS = 1000
#: SeriesNumber is below this limit.
_HIGHEST_NUMBER = 2**31
#: Largest absolute value that is accepted as a scaling.
_LARGEST = 1e30
_COLUMNS = 0x00280011
#: Number of characters of the digest of a UID in a name.
_DIGEST_SIGNS = 6
#: Elements that distinguish series, and are never shown.
_SERIES_KEYWORDS = ("PatientID", "StudyInstanceUID", "SeriesNumber", "FrameOfReferenceUID")
_SERIES_TAGS = [
    *("SOPClassUID", "SeriesInstanceUID", *_SERIES_KEYWORDS, "ImageOrientationPatient"),
    *("NumberOfFrames", "Rows", "Columns"),
]
#: Elements that may distinguish the stacks of one series, with their names in messages.
STACK_KEYWORDS = {
    "AcquisitionNumber": "acquisitions",
    "TemporalPositionIdentifier": "time points",
    "TriggerTime": "heart phases",
    "EchoTime": "echoes",
    "InversionTime": "inversion times",
    "DiffusionBValue": "b-values",
    "ImageType": "image types",
}
#: GE's private element for the component of the complex signal, and the components in the order of its values.
_GE_COMPONENT = 0x0043102F
_COMPONENTS = ("magnitude", "phase", "real", "imaginary")
_FRAME_TAGS = [
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "SeriesNumber",
    "Modality",
    "ComplexImageComponent",
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
    """Properties that the images of one stack share.

    Attributes:
        uid: Digest of the SeriesInstanceUID. Empty if there is none.
        rest: Digest of patient, study, series number and frame of reference.
        number: SeriesNumber, or 0 if there is none.
        orientation: LPS direction along a row, then down a column. Empty if it cannot be read.
        size: Number of rows and columns. Empty if it cannot be read.
        is_multiframe: Whether one file may hold the whole stack.
    """

    uid: str
    rest: str
    number: int
    orientation: tuple[float, ...]
    size: tuple[float, ...]
    is_multiframe: bool

    @property
    def name(self) -> str:
        """Name made of the series number and the start of the digest of the UID, such as `s3-1f0a9c`."""
        return f"s{self.number}-{self.uid[:_DIGEST_SIGNS]}"


@dataclass(frozen=True)
class Frame:
    """One image of a series, without its pixels.

    Attributes:
        path: File of the image.
        index: Place of the image among the frames of its file.
        frames_in_file: Number of frames of the file.
        instance: SOPInstanceUID, which identifies copies and is never shown.
        series: Digest of the SeriesInstanceUID.
        number: SeriesNumber, or 0 if there is none.
        modality: Modality, such as `MR`. Empty if not given.
        component: Component of the complex signal, such as `phase`. Empty if not given.
        size: Number of rows and columns.
        spacing_mm: Spacing between rows, then between columns.
        orientation: LPS direction along a row, then down a column.
        position_mm: LPS position of the centre of the first pixel.
        thickness_mm: Thickness of the slice, or 0 if not given.
        stack: Values of the elements in `STACK_KEYWORDS`, without elements that are not given. For ImageType, its words
            from the third on.
        slope: RescaleSlope, or 1 if not given.
        intercept: RescaleIntercept, or 0 if not given.
    """

    path: Path
    index: int
    frames_in_file: int
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
    stack: dict[str, float | str]
    slope: float
    intercept: float


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress the warnings and log messages of pydicom."""
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
    """Turn every exception of pydicom and the decoders on a damaged file into a ReadError that states `damage`."""
    try:
        yield
    except _NOT_OF_THE_FILE:
        raise
    except BaseException as error:  # many types occur, and the panic of a Rust library is not an Exception
        if isinstance(error, OSError) and error.errno is not None:  # without errno it is from a decoder
            raise
        raise ReadError(f"{printable_path(path)}: {damage}") from None


def series_of(path: Path) -> Series | None:
    """Return the series that a DICOM image belongs to, or None for a DICOM object that is not an image.

    Raises:
        ReadError: The file is damaged.
        OSError: The file cannot be opened.
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
            orientation=numbers_in(dataset, "ImageOrientationPatient") or (),
            size=(numbers_in(dataset, "Rows") or ()) + (numbers_in(dataset, "Columns") or ()),
            is_multiframe=(numbers_in(dataset, "NumberOfFrames") or (1.0,))[0] > 1,
        )


def read_frames(path: Path) -> list[Frame]:
    """Read the header of a greyscale DICOM image: one frame of a classic image, or all frames of an enhanced one.

    Numbers are also read from elements with another value representation than the standard's, and with decimal commas.

    Raises:
        ReadError: The file is damaged, a colour image, of several frames without functional groups, or a frame lacks
            its position in the patient.
        OSError: The file cannot be opened.
    """
    where = printable_path(path)
    with quiet(), damage_told(path), open_dicom(path) as file:
        header = read_header(file, [*_FRAME_TAGS, *FRAME_ELEMENTS, _GE_COMPONENT], where)
        samples = int(header.get("SamplesPerPixel") or 1)
        if samples != 1:
            raise ReadError(f"{where}: is a colour image ({samples} samples a pixel). Give the original grey images.")
        headers = list(frame_headers(header, where))
        return [_frame(classic, path, index, len(headers)) for index, classic in enumerate(headers)]


def _frame(header: Dataset, path: Path, index: int, frames_in_file: int) -> Frame:
    """Return a frame with the values of its header in classic elements."""
    where = printable_path(path) + (f": frame {index + 1}" if frames_in_file > 1 else "")
    return Frame(
        path=path,
        index=index,
        frames_in_file=frames_in_file,
        instance=str(header.get("SOPInstanceUID", "")),
        series=_digest(header, ["SeriesInstanceUID"]),
        number=_series_number(header),
        modality=str(header.get("Modality", "")),
        component=_component(header),
        size=(int(_values(header, "Rows", 1, where)[0]), int(_values(header, "Columns", 1, where)[0])),
        spacing_mm=_values(header, "PixelSpacing", 2, where),
        orientation=_values(header, "ImageOrientationPatient", 6, where),
        position_mm=_values(header, "ImagePositionPatient", 3, where),
        thickness_mm=max([0.0, *(numbers_in(header, "SliceThickness") or ())[:1]]),
        stack=_stack_values(header),
        slope=_scaling(header, "RescaleSlope", 1.0, where),
        intercept=_scaling(header, "RescaleIntercept", 0.0, where),
    )


def _stack_values(header: Dataset) -> dict[str, float | str]:
    values: dict[str, float | str] = {}
    for keyword in STACK_KEYWORDS:
        if keyword == "ImageType":
            values[keyword] = " ".join(_image_type(header))
        elif numbers := numbers_in(header, keyword):
            values[keyword] = numbers[0]
    return values


def _series_number(dataset: Dataset) -> int:
    values = numbers_in(dataset, "SeriesNumber")
    return int(values[0]) if values and abs(values[0]) < _HIGHEST_NUMBER else 0


def _scaling(dataset: Dataset, keyword: str, default: float, where: str) -> float:
    values = numbers_in(dataset, keyword)
    if values == ():
        return default
    if values is None or len(values) != 1 or not abs(values[0]) <= _LARGEST:
        raise ReadError(f"{where}: its {keyword} is not a number. Correct it, or export the images again.")
    return values[0]


def _component(dataset: Dataset) -> str:
    """Return the component of the complex signal by ComplexImageComponent, ImageType or GE's private element."""
    words = [str(dataset.get("ComplexImageComponent") or "")]
    for word in words + _image_type(dataset):
        first = word.upper().replace("_", " ").partition(" ")[0]
        for component in _COMPONENTS:
            if first in {component.upper(), component[0].upper()}:
                return component
    number = numbers_in(dataset, _GE_COMPONENT)
    return _COMPONENTS[int(number[0])] if number and number[0] in range(len(_COMPONENTS)) else ""


def _image_type(dataset: Dataset) -> list[str]:
    """Return the words of ImageType that describe the content, from the third on."""
    image_type = dataset.get("ImageType") or ()
    return [str(word) for word in ([] if isinstance(image_type, str) else image_type)[2:]]


def _values(dataset: Dataset, keyword: str, count: int, where: str) -> tuple[float, ...]:
    values = numbers_in(dataset, keyword)
    if values is None:
        raise ReadError(f"{where}: its {keyword} holds no numbers; expected {count}. Export the original images.")
    if len(values) != count or not all(abs(value) <= MAX_POSITION_MM for value in values):
        content = numbers(values[:_MOST_SHOWN]) if values else "missing"
        raise ReadError(f"{where}: its {keyword} is {content}; expected {count} numbers. Export the original images.")
    return values


def numbers_in(dataset: Dataset, element: str | int) -> tuple[float, ...] | None:
    """Return the numbers of an element, an empty tuple if it is missing or empty, or None if it is not numeric."""
    item: Any = dataset.get_item(element)
    if isinstance(item, RawDataElement) and _is_text(item):
        text = (item.value or b"")[:_MOST_CHARACTERS].decode("ascii", errors="replace").replace(",", ".")
        words: Sequence[object] = [word for word in text.split("\\") if word.strip(" \0")]
    else:
        value = None if item is None else dataset[element].value
        words = [] if value in (None, "") else value if isinstance(value, list | MultiValue) else [value]
    try:
        return tuple(float(str(word).strip(" \0")) for word in words)
    except ValueError:
        return None


def _is_text(element: RawDataElement) -> bool:
    """Return whether an element is stored as text, even if the standard has another value representation."""
    kind = element.VR
    if kind in (None, "UN"):
        kind = dictionary_VR(element.tag) if dictionary_has_tag(element.tag) else "UN"
    return kind in STR_VR


def _digest(dataset: Dataset, keywords: Iterable[str]) -> str:
    """Return a digest of some values as stored in the file, empty if none of them is given."""
    items: list[Any] = [dataset.get_item(keyword) for keyword in keywords]
    values = [b"" if item is None else item.value or b"" for item in items]
    parts = [(value if isinstance(value, bytes) else str(value).encode()).strip(b" \0") for value in values]
    return sha256(b"\n".join(parts)).hexdigest() if any(parts) else ""


def _tag(keyword: str) -> BaseTag | int:
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    return tag
