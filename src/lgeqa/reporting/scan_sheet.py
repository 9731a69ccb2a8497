"""One page about one scan, as PDF: decision and reasons, key slices, scales, poor measures, and what to do."""

import io
from base64 import b64decode
from collections.abc import Sequence
from datetime import UTC, datetime
from textwrap import shorten
from typing import Final

import numpy as np
from PIL import Image

from lgeqa.documents import Table
from lgeqa.documents.pdf import TEXT_PT, PdfPage
from lgeqa.formatting import probability_text
from lgeqa.frontend.colours import overlay_colour
from lgeqa.records import ScanResult
from lgeqa.reporting.pictures import ScanPictures, SlicePicture, Window
from lgeqa.reporting.presenter import DECISIONS, ScanView

#: Note at the end of the page.
USE: Final = "For research use. Not a medical device."
#: Colours of the background and of the text of each decision, red, green and blue, as in the report.
_COLOURS: Final = {
    "accept": ((225, 244, 233), (11, 107, 58)),
    "review": ((253, 240, 213), (122, 75, 0)),
    "repeat": ((252, 232, 230), (155, 28, 28)),
}
_PLAIN: Final = ((233, 237, 241), (27, 33, 41))
#: Side of a picture and the space between two, and height of the box of the decision, in mm.
_PICTURE_MM: Final = 42.0
_GAP_MM: Final = 4.0
_BOX_MM: Final = 13.0
#: Distance of the origin from the end of the page, in mm. It takes five lines above the foot.
_ORIGIN_MM: Final = 36.0
#: Number of pictures, and largest numbers of reasons, poor measures and pieces of advice.
_PICTURES: Final = 4
_REASONS: Final = 4
_POOR: Final = 5
_ADVICE: Final = 3
#: Number of characters of one of these texts.
_LONGEST: Final = 250
#: Size of small text, in points, and widths of an outline and of the line behind it, in mm.
_SMALL_PT: Final = 7.5
_LINE_MM: Final = (0.3, 0.7)


def sheet_title(result: ScanResult, *, named: bool) -> str:
    """Return the title of a scan's sheet: its name or pseudonym, or else the start of the hash of its files."""
    return result.scan_id if named or result.is_deidentified else f"scan-{result.input_sha256[:12]}"


def draw_sheet(result: ScanResult, pictures: ScanPictures | None, *, named: bool) -> bytes:
    """Draw one page about a scan, as the bytes of a PDF file.

    Equal content gives equal bytes.

    Args:
        result: Record of a scan that could be read.
        pictures: Pictures of the scan. None if there are none.
        named: Whether the page shows the scan's name, which may identify a patient.
    """
    view = ScanView(result)
    made_at = datetime.fromisoformat(result.finished_at) if result.finished_at else datetime.fromtimestamp(0, UTC)
    page = PdfPage(USE, made_at)
    page.set_auto_page_break(False)
    page.set_title(sheet_title(result, named=named))
    page.write_lines("Quality of a left-atrial LGE-MRI scan", 15, bold=True)
    assessed = f" · assessed {made_at:%Y-%m-%d %H:%M} UTC" if result.finished_at else ""
    page.write_lines(f"{sheet_title(result, named=named)}{assessed}")
    _draw_decision(page, view)
    _write_items(page, view.reasons, _REASONS)
    if pictures:
        _draw_pictures(page, result, pictures)
    if view.attributes:
        head = ("Scale", "Probability", "In words", "Nearer to")
        page.write_table(
            Table(
                head,
                [
                    (scale.scale.title, probability_text(scale.probability), scale.likelihood, scale.towards)
                    for scale in view.attributes
                ],
            )
        )
    _write_measures(page, view)
    if result.advice:
        page.write_lines("What to do", 10, bold=True)
        causes = [(f"{cause.title}.", f"{cause.change} {cause.outlook}") for cause in result.advice]
        _write_items(page, causes, _ADVICE)
    _write_origin(page, result)
    return bytes(page.output())


def _draw_decision(page: PdfPage, view: ScanView) -> None:
    """Draw a box with the decision, and beside it the verdict or the status."""
    result = view.result
    back, ink = _COLOURS.get(str(result.decision), _PLAIN)
    page.set_fill_color(*back)
    page.set_text_color(*ink)
    x, y = page.get_x(), page.get_y()
    page.rect(x, y, page.epw, _BOX_MM, style="F")
    page.set_fill_color(255)
    page.set_xy(x + 4, y)
    page.set_font(style="B", size=16)
    decision = result.decision and f"{DECISIONS[result.decision]} {result.decision.upper()}"
    page.cell(60, _BOX_MM, decision or "no decision")
    page.set_font(style="", size=TEXT_PT)
    page.set_text_color(*_PLAIN[1])
    facts = [view.title, *(f"fails {title}" for title in view.failed_attributes)]
    if result.probability is not None:
        votes = f"{result.votes_diagnostic} of {result.votes_total} slices"
        facts[1:1] = [votes, f"probability {probability_text(result.probability)}"]
    page.set_xy(x + 64, y + 2.5)
    page.multi_cell(page.epw - 66, 4, " · ".join(facts), align="L")
    page.set_xy(x, y + _BOX_MM + 2)


def _write_items(page: PdfPage, items: Sequence[tuple[str, str]], most: int) -> None:
    """Write a list of short texts in bold, each with a text behind it, and how many there are beyond the most."""
    texts = [shorten(f"• {' '.join(item)}", _LONGEST, placeholder=" …") for item in items[:most] if any(item)]
    if len(items) > most:
        texts.append(f"• and {len(items) - most} more, in the report")
    if texts:
        page.write_lines("\n".join(texts), _SMALL_PT + 0.5)


def _draw_pictures(page: PdfPage, result: ScanResult, pictures: ScanPictures) -> None:
    """Draw the key slices in a row, with the outline of the atrium."""
    qualities = {scores.index: scores.p_quality for scores in result.slices}
    top = page.get_y()
    page.set_font(size=_SMALL_PT)
    for number, picture in enumerate(key_slices(pictures, qualities)):
        left = page.l_margin + number * (_PICTURE_MM + _GAP_MM)
        grey = _in_window(picture, pictures.windows.wide, pictures.windows.automatic)
        page.image(grey, left, top, _PICTURE_MM, _PICTURE_MM)
        with page.rect_clip(left, top, _PICTURE_MM, _PICTURE_MM):
            for width, colour in zip(reversed(_LINE_MM), ("#000000", overlay_colour("atrium")), strict=True):
                page.set_line_width(width)
                page.set_draw_color(colour)
                for outline in picture.outline:
                    points = np.array(outline).reshape(-1, 2) * _PICTURE_MM / pictures.pixels + (left, top)
                    page.polygon([(float(x), float(y)) for x, y in points])
        quality = f", quality {probability_text(qualities[picture.index])}" if picture.index in qualities else ""
        page.set_xy(left, top + _PICTURE_MM + 0.5)
        page.cell(_PICTURE_MM, 4, f"Slice {picture.index}, {picture.position_mm:+.1f} mm{quality}".replace("-", "−"))
    page.set_draw_color(0)
    page.set_line_width(0.2)
    page.set_xy(page.l_margin, top + _PICTURE_MM + 6)


def key_slices(pictures: ScanPictures, qualities: dict[int, float]) -> list[SlicePicture]:
    """Return the middle slice of the atrium and the three of lowest quality, from inferior to superior.

    Args:
        pictures: Pictures of a scan.
        qualities: Probability of quality by the index of each scored slice. Other slices come after them, evenly
            spaced.
    """
    slices = pictures.slices
    spread = [slices[round(at)] for at in np.linspace(0, len(slices) - 1, _PICTURES)]
    worst = sorted((one for one in slices if one.index in qualities), key=lambda one: qualities[one.index])
    ranked = [slices[len(slices) // 2], *worst, *spread]
    selected = list({picture.index: picture for picture in ranked}.values())[:_PICTURES]
    return sorted(selected, key=lambda picture: picture.position_mm)


def _in_window(picture: SlicePicture, stored: Window, wanted: Window) -> Image.Image:
    """Return a picture, which is stored in one window, in another one."""
    grey = np.asarray(Image.open(io.BytesIO(b64decode(picture.jpeg))), float)
    levels = stored[0] + grey / 255 * (stored[1] - stored[0])
    shares = np.clip((levels - wanted[0]) / max(wanted[1] - wanted[0], 1e-6), 0, 1) * (grey > 0)
    return Image.fromarray(np.rint(255 * shares).astype(np.uint8))


def _write_measures(page: PdfPage, view: ScanView) -> None:
    if not view.measures:
        return
    page.write_lines("Poor among the reference scans" if view.poor else "No measure is poor.", 10, bold=True)
    rows = [(row.measure.title, row.text, row.place) for row in view.poor[:_POOR]]
    if rows:
        page.write_table(Table(("Measure", "Value", "Place"), rows))
    if len(view.poor) > _POOR:
        page.write_lines(f"and {len(view.poor) - _POOR} more, in the report", _SMALL_PT)


def _write_origin(page: PdfPage, result: ScanResult) -> None:
    """Write the operating point, the bundle and the versions at the end of the page."""
    lines = [result.operating_point.text] if result.operating_point else []
    lines.append("The number of a slice is its index in the file, from 0.")
    if result.bundle:
        lines.append(f"Bundle {result.bundle.name} {result.bundle.version}, SHA-256 {result.bundle.sha256}.")
    lines.append(f"lgeqa {result.versions.get('lgeqa', '')}. File: SHA-256 {result.input_sha256}.")
    page.set_y(-_ORIGIN_MM)
    page.write_lines("\n".join(lines), _SMALL_PT - 1)
