"""Series as an archive lists them, and what to search them by."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, Field, field_validator
from pydicom.datadict import tag_for_keyword

from lgeqa.config import Settings

#: A UID that can be the name of a folder. Leading zeros in a part, which DICOM forbids, are common.
_UID: Final = r"[0-9][0-9.]{0,63}"
_DATES: Final = r"\d{8}(-(\d{8})?)?|-\d{8}"


def is_uid(text: str) -> bool:
    """Return whether a text is a UID, if one with leading zeros."""
    return re.fullmatch(_UID, text) is not None


def _checked_uid(text: str) -> str:
    if not is_uid(text):
        raise ValueError("is no UID. Give up to 64 digits and dots.")
    return text


Uid = Annotated[str, AfterValidator(_checked_uid)]


class SeriesFilter(Settings):
    """What series to search an archive for. Without a value an attribute may have any.

    Attributes:
        study: StudyInstanceUID.
        series: SeriesInstanceUID.
        patient: PatientID.
        date: StudyDate as YYYYMMDD, or a range such as 20261101-20261130 or 20261101-.
        description: SeriesDescription in any case, with the wildcards * and ?.
        modality: Modality.
    """

    study: Uid | None = None
    series: Uid | None = None
    patient: str | None = Field(None, min_length=1)
    date: str | None = None
    description: str | None = Field(None, min_length=1)
    modality: str = "MR"

    @field_validator("date")
    @classmethod
    def _is_date(cls, date: str | None) -> str | None:
        if date is not None and not re.fullmatch(_DATES, date):
            raise ValueError("must be a date such as 20261127, or a range such as 20261101-20261130 or 20261101-")
        return date

    def query(self) -> dict[str, str]:
        """Return the attributes that the archive matches in the study.

        The description is not one of them, since some archives (Orthanc 1.10) decode no character of a query, so that a
        space or a wildcard matches nothing.
        """
        attributes = {
            "Modality": self.modality,
            "SeriesInstanceUID": self.series,
            "PatientID": self.patient,
            "StudyDate": self.date,
        }
        return {keyword: value for keyword, value in attributes.items() if value is not None}

    def fits(self, series: "ArchivedSeries") -> bool:
        """Return whether the description of a series matches."""
        if self.description is None:
            return True
        pattern = re.escape(self.description).replace(r"\*", ".*").replace(r"\?", ".")
        return re.fullmatch(pattern, series.description, re.IGNORECASE | re.DOTALL) is not None


@dataclass(frozen=True)
class ArchivedSeries:
    """A series in an archive.

    Attributes:
        study_uid: StudyInstanceUID.
        series_uid: SeriesInstanceUID.
        date: StudyDate, empty if the archive does not say.
        number: SeriesNumber, empty if the archive does not say.
        description: SeriesDescription, empty if the archive does not say.
        n_images: Number of images, or None if the archive does not say.
    """

    study_uid: str
    series_uid: str
    date: str = ""
    number: str = ""
    description: str = ""
    n_images: int | None = None

    @classmethod
    def from_json(cls, answer: Mapping[str, Any], study_uid: str | None = None) -> Self:
        """Return a series from its entry in a QIDO-RS answer.

        Args:
            answer: Attributes of the series as DICOM JSON.
            study_uid: StudyInstanceUID if the entry has none.

        Raises:
            ValueError: The entry has no valid UIDs.
        """
        series_uid = _value(answer, "SeriesInstanceUID")
        study_uid = _value(answer, "StudyInstanceUID") or study_uid or ""
        if not (is_uid(series_uid) and is_uid(study_uid)):
            raise ValueError("no UIDs")
        count = _value(answer, "NumberOfSeriesRelatedInstances")
        return cls(
            study_uid,
            series_uid,
            _value(answer, "StudyDate"),
            _value(answer, "SeriesNumber"),
            _value(answer, "SeriesDescription"),
            int(count) if count.isdigit() else None,
        )


def _value(answer: Mapping[str, Any], keyword: str) -> str:
    """Return the first value of an attribute as text, or an empty one if there is none."""
    values = answer.get(f"{tag_for_keyword(keyword):08X}", {}).get("Value") or [""]
    return "" if values[0] is None else str(values[0])
