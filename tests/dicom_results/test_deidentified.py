"""De-identified DICOM results: valid, about the same scan, and with references that agree."""

import re
from collections.abc import Iterator
from typing import Final

import pytest
from highdicom.seg import segread
from highdicom.sr import MeasurementReport, srread
from pydicom import DataElement, Dataset
from pydicom.uid import UID

from lgeqa.secret_key import SecretKey
from tests.dicom_results.conftest import KEY, Write, Written, validate
from tests.dicom_results.test_files import EXPLAINED, KINDS
from tests.factories.dicom_series import toy_enhanced

#: Warning of dciodvfy about an empty date or time of the study.
_EMPTY_STUDY: Final = re.compile(r"Study(Date|Time).*needed to build DICOMDIR|Study ID.*DICOMDIR|StudyID.*DICOMDIR")


@pytest.fixture(scope="module", params=["classic", "enhanced"])
def either(request: pytest.FixtureRequest, deidentified: Written, write: Write) -> Written:
    """Return de-identified results of classic images, and of an enhanced file."""
    return deidentified if request.param == "classic" else write(make=toy_enhanced, key=KEY)


def elements(dataset: Dataset) -> Iterator[DataElement]:
    """Yield the elements of a dataset and of its sequences."""
    for element in dataset:
        yield element
        for item in element.value if element.VR == "SQ" else ():
            yield from elements(item)


def measured_values(results: Written) -> Iterator[float]:
    """Yield the value of each measurement in a report."""
    report = srread(results.folder / "sr.dcm").content
    assert isinstance(report, MeasurementReport)
    for group in report.get_image_measurement_groups():
        yield from (measurement.value for measurement in group.get_measurements())


@pytest.mark.parametrize("kind", KINDS)
def test_dciodvfy_finds_no_error(kind: str, either: Written) -> None:
    lines = validate(either.folder / f"{kind}.dcm")
    assert [line for line in lines if not EXPLAINED.search(line) and not _EMPTY_STUDY.search(line)] == []


@pytest.mark.parametrize("kind", KINDS)
def test_all_references_are_to_replaced_uids(kind: str, either: Written) -> None:
    replaced = {KEY.uid(image.SOPInstanceUID) for image in either.images}
    stored = either.read(kind)
    objects = {str(either.read(other).SOPInstanceUID) for other in KINDS}
    references = {element.value for element in elements(stored) if element.keyword == "ReferencedSOPInstanceUID"}
    assert replaced <= references <= replaced | objects
    own = {element.value for image in either.images for element in image if element.VR == "UI"}
    written = {element.value for element in elements(stored) if element.VR == "UI"}
    assert {uid for uid in own & written if not uid.startswith("1.2.840.10008.")} == set()


@pytest.mark.parametrize("kind", KINDS)
def test_no_date_or_time_is_left(kind: str, either: Written) -> None:
    times = {
        element.keyword: element.value for element in elements(either.read(kind)) if element.VR in {"DA", "TM", "DT"}
    }
    assert {keyword: str(time) for keyword, time in times.items() if time} == {
        "ContentDate": "19000101",
        "ContentTime": "000000",
    }


def test_findings_are_those_of_the_scan(written: Written, deidentified: Written) -> None:
    values = [list(measured_values(results)) for results in (deidentified, written)]
    assert values[0] == values[1] != []
    masks = [segread(results.folder / "seg.dcm").pixel_array for results in (deidentified, written)]
    assert (masks[0] == masks[1]).all()


def test_patient_without_number_is_named_by_the_name(write: Write) -> None:
    written = write(key=KEY, changes={"PatientID": "", "PatientName": "Doe^Jane"})
    assert written.read("sr").PatientID == KEY.pseudonym("patient", "Doe^Jane")
    assert not write(key=KEY, changes={"PatientID": "", "PatientName": ""}).read("sr").PatientID


def test_uids_and_pseudonyms_follow_from_key_and_facts() -> None:
    uid, other = KEY.uid("1.2.3"), SecretKey(bytes(32)).uid("1.2.3")
    assert UID(uid).is_valid
    assert uid == KEY.uid("1.2.3") != other
    assert KEY.digest("a", "b") != KEY.digest("ab", "") != KEY.digest("", "ab")
    assert str(KEY.value) not in repr(KEY)
