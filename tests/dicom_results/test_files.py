"""What all objects have in common: attributes of patient and study, UIDs, use, and what validators say."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import UID, MRImageStorage, SecondaryCaptureImageStorage

from lgeqa.dicom_results import write_dicom_results
from lgeqa.errors import ReadError
from lgeqa.inference.bundle import Bundle
from lgeqa.inference.pipeline import AssessSettings, assess_source
from lgeqa.io import discover
from tests.dicom_results.conftest import Write, Written, validate
from tests.factories.dicom_series import ATTRIBUTES, toy_enhanced, toy_series
from tests.toy import toy_scan

KINDS = ("sr", "seg", "heat_map", "pdf")
#: Warnings of dciodvfy that stay, as docs/how-to/write-dicom-results.md explains.
EXPLAINED: Final = re.compile(
    r"Unrecognized defined term = <(99LGEQA|QUANTITY)>|Coding Scheme Designator is not a recognized .*99LGEQA"
)
COPIED = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "PatientAge",
    "StudyInstanceUID",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
)


@pytest.mark.parametrize("kind", KINDS)
def test_patient_and_study_are_those_of_the_source(kind: str, written: Written) -> None:
    stored = written.read(kind)
    assert {keyword: str(stored[keyword].value) for keyword in COPIED} == {
        keyword: ATTRIBUTES[keyword] for keyword in COPIED
    }
    assert stored.SeriesInstanceUID != written.images[0].SeriesInstanceUID


@pytest.mark.parametrize("kind", ["seg", "heat_map"])
def test_images_share_the_frame_of_reference(kind: str, written: Written) -> None:
    assert written.read(kind).FrameOfReferenceUID == ATTRIBUTES["FrameOfReferenceUID"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_object_says_that_it_is_for_research(kind: str, written: Written) -> None:
    assert "RESEARCH, not for diagnostic use" in written.read(kind).SeriesDescription


@pytest.mark.parametrize("name", ["Müller^Jörg", "Παπαδόπουλος^Γιώργος", "Yamada^Tarou=山田^太郎=やまだ^たろう"])
def test_names_in_any_script_are_kept(name: str, write: Write) -> None:
    written = write(changes={"PatientName": name, "SpecificCharacterSet": "ISO_IR 192"})
    assert [str(written.read(kind).PatientName) for kind in KINDS] == [name] * 4


def test_unusual_name_is_kept_and_no_identifier_logged(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        written = write(changes={"PatientName": "Mueller Joerg"})
    assert [str(written.read(kind).PatientName) for kind in KINDS] == ["Mueller Joerg"] * 4
    assert "Mueller" not in caplog.text
    assert written.images[0].SOPInstanceUID not in caplog.text


def test_unknown_attributes_stay_unknown(write: Write) -> None:
    unknown = ("PatientBirthDate", "PatientSex", "AccessionNumber", "StudyTime", "SeriesNumber")
    written = write(changes=dict.fromkeys(unknown))
    for stored in map(written.read, KINDS):
        assert not any(stored[keyword].value for keyword in ("PatientBirthDate", "PatientSex", "AccessionNumber"))


def uids(written: Written) -> set[str]:
    objects = [written.read(kind) for kind in KINDS]
    return {uid for stored in objects for uid in (stored.SOPInstanceUID, stored.SeriesInstanceUID)}


def test_same_input_gives_the_same_uids(write: Write) -> None:
    first, second = write(), write()
    assert uids(first) == uids(second)
    assert len(uids(first)) == 8
    assert all(UID(uid).is_valid and uid.startswith("2.25.") for uid in uids(first))


def test_other_images_or_settings_give_other_uids(write: Write, written: Written) -> None:
    lower = write(AssessSettings.of({"threshold": 0.3}), axes="RAI")
    assert uids(written).isdisjoint(uids(write(seed=2, axes="RAI")))
    assert uids(written).isdisjoint(uids(lower))


@pytest.mark.parametrize("kind", KINDS)
def test_dciodvfy_finds_no_error(kind: str, written: Written) -> None:
    assert [line for line in validate(written.folder / f"{kind}.dcm") if not EXPLAINED.search(line)] == []


@pytest.mark.parametrize("kind", KINDS)
def test_dciodvfy_finds_no_error_for_an_enhanced_source(kind: str, enhanced: Written) -> None:
    assert [line for line in validate(enhanced.folder / f"{kind}.dcm") if not EXPLAINED.search(line)] == []


def test_dcmtk_prints_the_report(written: Written) -> None:
    if shutil.which("dsrdump") is None:
        pytest.skip("dsrdump is not installed (Debian package dcmtk)")
    printed = subprocess.run(["dsrdump", written.folder / "sr.dcm"], capture_output=True, text=True, check=True).stdout
    assert "RESEARCH, not for diagnostic use" in printed
    assert "Non-diagnostic quality" in printed


def _refused(folder: Path, bundle: Bundle, says: str) -> None:
    [source] = discover([folder])
    assessment = assess_source(source, bundle, AssessSettings.of({}))
    with pytest.raises(ReadError, match=says):
        write_dicom_results(assessment, source, bundle.manifest.quality.preparation, folder.parent / "results")
    assert not (folder.parent / "results").exists()


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "FrameOfReferenceUID", "SliceThickness"])
def test_series_without_what_a_reference_needs_is_refused(keyword: str, bundle: Bundle, tmp_path: Path) -> None:
    toy_series(tmp_path / "series", changes={keyword: None})
    _refused(tmp_path / "series", bundle, f"the images have no {keyword}")


@pytest.mark.parametrize(("keyword", "value"), [("PatientSex", "X"), ("StudyDate", "yesterday"), ("StudyTime", "9 h")])
@pytest.mark.filterwarnings("ignore:Invalid value:UserWarning")
def test_value_that_dicom_forbids_is_refused(keyword: str, value: str, bundle: Bundle, tmp_path: Path) -> None:
    toy_series(tmp_path / "series", changes={keyword: value})
    _refused(tmp_path / "series", bundle, f"its {keyword} is no value that DICOM allows")


def test_images_of_another_class_are_refused(bundle: Bundle, tmp_path: Path) -> None:
    toy_series(tmp_path / "series", changes={"SOPClassUID": SecondaryCaptureImageStorage})
    _refused(tmp_path / "series", bundle, "its images are Secondary Capture Image Storage, not MR images")


def test_images_with_a_series_each_are_refused(bundle: Bundle, tmp_path: Path) -> None:
    def edit(image: Dataset, index: int) -> None:
        image.SeriesInstanceUID = f"1.2.{index}"

    toy_series(tmp_path / "series", edit=edit)
    _refused(tmp_path / "series", bundle, "differ in SeriesInstanceUID")


def test_volume_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    toy_scan(tmp_path / "in" / "scan.nrrd")
    _refused(tmp_path / "in", bundle, "is not a DICOM series")


def test_enhanced_file_without_thickness_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    toy_enhanced(tmp_path / "series", thickness_mm=None)
    _refused(tmp_path / "series", bundle, "the images have no SliceThickness")


def test_classic_image_of_several_frames_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    image = dcmread(path := toy_enhanced(tmp_path / "series"))
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = MRImageStorage
    image.save_as(path)
    _refused(tmp_path / "series", bundle, "its images are MR Image Storage with several frames")


def test_several_enhanced_files_are_refused(bundle: Bundle, tmp_path: Path) -> None:
    path = toy_enhanced(tmp_path / "series")
    image = dcmread(path)
    path.unlink()
    groups, pixels = image.PerFrameFunctionalGroupsSequence, image.PixelData
    length = len(pixels) // len(groups)
    for part, (start, end) in enumerate([(24, 36), (36, 48)]):
        image.NumberOfFrames = end - start
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = UID(f"1.2.{part}")
        image.PerFrameFunctionalGroupsSequence = groups[start:end]
        image.PixelData = pixels[start * length : end * length]
        image.save_as(path.with_name(f"IM{part}"))
    _refused(tmp_path / "series", bundle, "its images are in 2 enhanced files")
