"""The page about one scan as PDF."""

from typing import Any

import pytest
from fpdf import FPDF

from lgeqa.documents.pdf import PdfPage
from lgeqa.measures import MEASURES
from lgeqa.records import ScanResult
from lgeqa.reporting import ScanView, scan_sheet
from lgeqa.reporting.scan_sheet import draw_sheet, key_slices, sheet_title
from tests.reporting.shown import pictured
from tests.results import REFUSED, REVIEW, decided, measured, unassessed

NAME = "Doe^Jane 1970"


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts that are written on any page from now on."""
    written: list[str] = []

    def watch(method: str) -> None:
        write = getattr(FPDF, method)

        def record(page: FPDF, *args: Any, **options: Any) -> object:
            written.extend(str(one) for one in (*args, *options.values()) if isinstance(one, str))
            return write(page, *args, **options)

        monkeypatch.setattr(FPDF, method, record)

    for method in ("cell", "multi_cell"):
        watch(method)
    return written


def longest() -> ScanResult:
    """A scan with more reasons, poor measures and advice than fit."""
    poor = {measure.name: {"higher": -1e6, "lower": 1e6}.get(measure.better, 1.0) for measure in MEASURES}
    result = decided(
        findings=(REVIEW.model_copy(update={"seen": "The scan is noisy. " * 8, "remedy": "Look at it. " * 8}),) * 9,
        measures=measured(**poor),
        p_myocardium_nulling=0.1,
        p_sharpness=0.1,
        p_enhancement=0.1,
        warnings=("The file has gaps. " * 6,) * 9,
    )
    assert len(ScanView(result).poor) > 8
    return result


def n_pages(sheet: bytes) -> int:
    return sheet.count(b"/Type /Page\n")


@pytest.mark.parametrize(
    "result",
    [
        decided(p_sharpness=0.9),
        decided(p_quality=0.1, measures=measured()),
        unassessed(status="not_assessable", decision="review", reasons=(REFUSED.seen,), findings=(REFUSED,)),
        unassessed(status="measured", measures=measured()),
        longest(),
    ],
    ids=["accepted", "to repeat", "refused", "measured", "longest"],
)
def test_each_scan_has_one_page(monkeypatch: pytest.MonkeyPatch, result: ScanResult) -> None:
    ends: list[float] = []
    write_origin = scan_sheet._write_origin

    def measure_and_write(page: PdfPage, record: ScanResult) -> None:
        ends.append(page.get_y())
        write_origin(page, record)

    monkeypatch.setattr(scan_sheet, "_write_origin", measure_and_write)
    sheet = draw_sheet(result, pictured(), named=True)
    assert n_pages(sheet) == 1
    assert ends[0] < 297 - 36  # A4, less the origin
    assert sheet == draw_sheet(result, pictured(), named=True)


def test_page_names_no_patient_unless_asked(texts: list[str]) -> None:
    result = decided(NAME, warnings=(f"{NAME}: has gaps.",), message=NAME, source=f"/scans/{NAME}.nrrd")
    sheet = draw_sheet(result, None, named=False)
    assert sheet_title(result, named=False) == "scan-abababababab"
    assert not [text for text in texts if NAME in text]
    assert NAME.encode() not in sheet
    draw_sheet(result, None, named=True)
    assert NAME in texts
    assert sheet_title(result, named=True) == NAME


def test_deidentified_scan_keeps_its_pseudonym() -> None:
    result = decided().model_copy(update={"scan_id": "scan-0123456789ab", "source": ""})
    assert sheet_title(result, named=False) == "scan-0123456789ab"


def test_page_has_decision_reasons_and_origin(texts: list[str]) -> None:
    draw_sheet(decided(findings=(REVIEW,), measures=measured(noise_percent=99.0)), pictured(), named=False)
    page = "\n".join(texts)
    assert "? REVIEW" in page
    assert f"{REVIEW.seen} {REVIEW.remedy}" in page
    assert "diagnostic · 40 of 40 slices · probability .81 · fails sharpness" in page
    for part in ("Poor among the reference scans", "Noise", "What to do", "For research use. Not a medical device."):
        assert part in page
    assert "Scans are accepted from a probability of .80, to be repeated below .20" in page
    assert "Bundle toy 0.1, SHA-256 0f0f" in page
    assert page.count("Slice ") == 4


def test_key_slices_are_the_worst_and_the_middle() -> None:
    pictures = pictured(12)
    qualities = {picture.index: 0.9 for picture in pictures.slices} | {20: 0.1, 11: 0.2, 10: 0.3}
    assert [picture.index for picture in key_slices(pictures, qualities)] == [20, 14, 11, 10]
    assert [picture.index for picture in key_slices(pictures, {})] == [20, 16, 14, 13]
    assert len(key_slices(pictured(2), {})) == 2
