"""The one-page report as an encapsulated PDF."""

import shutil
import subprocess
from pathlib import Path

import pytest

from lgeqa.preprocessing import QualityPreparation
from lgeqa.reporting.pictures import draw_pictures
from lgeqa.reporting.scan_sheet import draw_sheet, sheet_title
from tests.dicom_results.conftest import Write, Written


def page_of(written: Written) -> bytes:
    stored = written.read("pdf")
    page: bytes = stored.EncapsulatedDocument[: stored.EncapsulatedDocumentLength]
    return page


def test_document_is_the_page_of_the_scan_without_its_name(written: Written) -> None:
    assessment = written.assessment
    pictures = draw_pictures(assessment, QualityPreparation())
    assert page_of(written) == draw_sheet(assessment.result, pictures, named=False)


def test_document_says_what_it_is_and_shows_no_patient(written: Written) -> None:
    stored = written.read("pdf")
    assert stored.MIMETypeOfEncapsulatedDocument == "application/pdf"
    assert stored.ConceptNameCodeSequence[0].CodeValue == "126000"
    assert "RESEARCH, not for diagnostic use" in stored.DocumentTitle
    assert stored.BurnedInAnnotation == "NO"
    assert len(stored.EncapsulatedDocument) % 2 == 0


@pytest.mark.parametrize("fixture", ["written", "enhanced"])
def test_document_refers_to_all_images(fixture: str, request: pytest.FixtureRequest) -> None:
    written: Written = request.getfixturevalue(fixture)
    references = [item.ReferencedSOPInstanceUID for item in written.read("pdf").SourceInstanceSequence]
    assert sorted(references) == sorted(image.SOPInstanceUID for image in written.images)


def test_scan_without_atrium_has_a_page_without_pictures(write: Write) -> None:
    written = write(atrium=False)
    assert page_of(written) == draw_sheet(written.assessment.result, None, named=False)


def test_dcmtk_extracts_the_page(written: Written, tmp_path: Path) -> None:
    if shutil.which("dcm2pdf") is None or shutil.which("pdftotext") is None:
        pytest.skip("dcm2pdf or pdftotext is not installed (Debian packages dcmtk and poppler-utils)")
    subprocess.run(["dcm2pdf", written.folder / "pdf.dcm", tmp_path / "page.pdf"], check=True)
    text = subprocess.run(["pdftotext", tmp_path / "page.pdf", "-"], capture_output=True, text=True, check=True).stdout
    assert sheet_title(written.assessment.result, named=False) in text
    assert "Not a medical device" in text
