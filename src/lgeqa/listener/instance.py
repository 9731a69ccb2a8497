"""Header of one received instance, read in little memory since it comes from outside."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.filereader import read_partial
from pydicom.uid import EnhancedMRImageStorage, MRImageStorage

from lgeqa.errors import ReadError
from lgeqa.io.dicom_file import HeaderPart, open_dicom, read_header
from lgeqa.io.dicom_header import damage_told, quiet
from lgeqa.io.untrusted_files import open_regular
from lgeqa.listener.errors import RefusedInstanceError

#: Classes of instances that are received.
RECEIVED_CLASSES: Final = (MRImageStorage, EnhancedMRImageStorage)
#: Elements after this one, NumberOfSeriesRelatedInstances, are not read.
_LAST_TAG: Final = 0x00201209
#: Bytes of a file in which the header up to `_LAST_TAG` must lie.
_HEADER_BYTES: Final = 1 << 19
_CHUNK: Final = 1 << 20
#: Characters of a digest in a name.
_NAME_LENGTH: Final = 32
_KEY_LENGTH: Final = 16


@dataclass(frozen=True)
class InstanceHeader:
    """Values of an instance that the listener needs. None of them is logged.

    Attributes:
        sop_class: SOPClassUID.
        sop_instance: SOPInstanceUID.
        study: StudyInstanceUID.
        series: SeriesInstanceUID.
        dataset: Elements of the header up to NumberOfSeriesRelatedInstances.
    """

    sop_class: str
    sop_instance: str
    study: str
    series: str
    dataset: Dataset

    @property
    def series_key(self) -> str:
        """Key of the series in the spool, a digest of its UIDs."""
        return series_key(self.study, self.series)

    @property
    def name(self) -> str:
        """Name of the instance's file in the spool."""
        return instance_name(self.sop_instance)

    def texts(self, keyword: str) -> list[str]:
        """Return the values of an element as texts, none if it is missing or empty."""
        value = self.dataset.get(keyword)
        if value is None or value == "":
            return []
        return [str(part) for part in ([value] if isinstance(value, str) or not isinstance(value, Sequence) else value)]

    def count(self, keyword: str) -> int | None:
        """Return an element as a positive count, or None if it is missing or not one."""
        texts = self.texts(keyword)
        return int(texts[0]) if len(texts) == 1 and texts[0].isdecimal() and int(texts[0]) > 0 else None


def series_key(study: str, series: str) -> str:
    """Return the key of a series in the spool."""
    return sha256(f"{study}\n{series}".encode()).hexdigest()[:_KEY_LENGTH]


def instance_name(sop_instance: str) -> str:
    """Return the name of an instance's file in the spool."""
    return f"{sha256(sop_instance.encode()).hexdigest()[:_NAME_LENGTH]}.dcm"


def read_instance(path: Path) -> InstanceHeader:
    """Read the header of an instance.

    Raises:
        RefusedInstanceError: The file is not an MR image in DICOM, is damaged, or lacks a UID.
        OSError: The file cannot be read.
    """
    try:
        with quiet(), damage_told(path):
            with open_regular(path) as file:
                part = HeaderPart(file.read(_HEADER_BYTES))
            dataset = read_partial(part, lambda tag, *_: tag > _LAST_TAG)
            sop_class, sop_instance, study, series = (
                str(dataset.get(keyword) or "").strip(" \0")
                for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
            )
    except ReadError:
        raise RefusedInstanceError("The instance is no DICOM file, or is damaged. Send it again.") from None
    if part.tell() >= _HEADER_BYTES:
        raise RefusedInstanceError("The instance's header is too long. Send it without private elements.")
    if sop_class not in RECEIVED_CLASSES:
        raise RefusedInstanceError("The instance is no MR image. Send only MR and Enhanced MR images.")
    if not (sop_instance and study and series):
        raise RefusedInstanceError("The instance lacks the UID of its study, its series or itself. Send the original.")
    return InstanceHeader(sop_class, sop_instance, study, series, dataset)


def pixels_digest(path: Path) -> str:
    """Return a digest of an instance's transfer syntax and of all that follows its header, which are the pixels.

    Raises:
        ReadError: The file is damaged.
        OSError: The file cannot be read.
    """
    with quiet(), damage_told(path), open_dicom(path) as file:
        header = read_header(file, (), os.fspath(path.name))
        digest = sha256(str(header.file_meta.get("TransferSyntaxUID", "")).encode())
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
        return digest.hexdigest()


def unread_keywords(keywords: Iterable[str]) -> list[str]:
    """Return the keywords that are not among the elements that `read_instance` reads."""
    tags = {keyword: tag_for_keyword(keyword) for keyword in keywords}
    return [keyword for keyword, tag in tags.items() if tag is None or tag > _LAST_TAG]
