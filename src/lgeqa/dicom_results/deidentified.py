"""De-identification of results by the basic profile of PS3.15, annex E.

Nothing of a header is cleaned. A new header gets the few elements that results need, so whatever else a header holds,
known to the profile or not, stays behind.
"""

from typing import Final

from pydicom import DataElement, Dataset
from pydicom.sr.coding import Code

from lgeqa.secret_key import SecretKey
from lgeqa.versions import versions

#: Elements that say nothing about the patient, the visit or the site. Functional groups hold positions alone.
_KEPT: Final = (
    "SOPClassUID",
    "Modality",
    "SeriesNumber",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "PixelSpacing",
    "SliceThickness",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)
_REPLACED_UIDS: Final = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
#: Profile, and its options for what lgeqa itself writes: content of a report, descriptions, and the name of lgeqa.
_METHODS: Final = (
    Code("113100", "DCM", "Basic Application Confidentiality Profile"),
    Code("113104", "DCM", "Clean Structured Content Option"),
    Code("113105", "DCM", "Clean Descriptors Option"),
    Code("113109", "DCM", "Retain Device Identity Option"),
)
#: Date and time of the content, for which the standard allows no empty value.
_NO_DATE, _NO_TIME = "19000101", "000000"


def deidentified_header(image: Dataset, key: SecretKey) -> Dataset:
    """Return the elements of an image that results need, with other UIDs and a pseudonym of the patient.

    Args:
        image: Header of an image that has all four UIDs.
        key: Key from which UIDs and pseudonym follow.
    """
    header = Dataset()
    header.update({image[keyword].tag: image[keyword] for keyword in _KEPT if keyword in image})
    for keyword in _REPLACED_UIDS:
        setattr(header, keyword, key.uid(image[keyword].value))
    if patient := str(image.get("PatientID") or image.get("PatientName") or ""):
        header.PatientID = key.pseudonym("patient", patient)
        header.PatientName = f"{header.PatientID}^"
    return header


def mark_deidentified(dataset: Dataset) -> None:
    """State in an object that it is de-identified, and remove when it was made, which may be the day of the scan."""
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = f"lgeqa {versions()['lgeqa']}: positions of the images alone were kept"
    dataset.DeidentificationMethodCodeSequence = [_item(code) for code in _METHODS]
    dataset.LongitudinalTemporalInformationModified = "REMOVED"
    dataset.walk(_remove_time)
    dataset.ContentDate, dataset.ContentTime = _NO_DATE, _NO_TIME


def _item(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item


def _remove_time(dataset: Dataset, element: DataElement) -> None:
    """Remove an element that holds a date or a time. Empty ones are elements that must not be missing."""
    if element.VR in {"DA", "DT", "TM"} and element.value:
        del dataset[element.tag]
