"""Documents as PDF, by fpdf2, with the fonts of this package, so that names in most alphabets can be read.

`PdfPage` is an `fpdf.FPDF` with these fonts and a numbered foot, on which a page of another layout can be drawn, too.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Final

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace

from lgeqa.documents.blocks import Block, Code, Heading, Items, Paragraph, Picture, Table, pieces, shown

#: Name of the font, and its size in points for text, tables, and headings of each level.
FONT: Final = "DejaVu"
TEXT_PT: Final = 9.0
_TABLE_PT: Final = 7.5
_HEADING_PT: Final = {1: 16.0, 2: 11.5, 3: 9.5}
#: Height of a line, in units of the size of its font in mm.
_LINE: Final = 1.4
_MM_PER_PT: Final = 25.4 / 72
_MARGIN_MM: Final = 15
_FOOT_MM: Final = 10
_GREY: Final = (90, 90, 90)
_LINES: Final = (190, 190, 190)
#: Width in mm beyond which the cells of a column are broken, and the space around a cell.
_WIDEST_MM: Final = 60
_PADDING_MM: Final = 0.7


class PdfPage(FPDF):
    """An A4 document with the fonts of this package. Each page ends with the title and the number of the page.

    Equal content gives equal bytes, since the date in the file is an argument.

    Attributes:
        foot: Text at the end of each page.
    """

    def __init__(self, title: str, made_at: datetime) -> None:
        super().__init__(format="A4")
        fonts = Path(str(resources.files("lgeqa.documents"))) / "fonts"
        self.add_font(FONT, "", fonts / "DejaVuSans.ttf")
        self.add_font(FONT, "B", fonts / "DejaVuSans-Bold.ttf")
        self.foot = title
        self.set_title(title)
        self.set_lang("en")
        self.set_creation_date(made_at)
        self.set_margin(_MARGIN_MM)
        self.set_auto_page_break(True, _MARGIN_MM + _FOOT_MM)
        self.set_font(FONT, size=TEXT_PT)
        self.add_page()

    def footer(self) -> None:
        """Write the title and the number of the page."""
        self.set_y(-_MARGIN_MM)
        self.set_font(FONT, size=_TABLE_PT)
        self.set_text_color(*_GREY)
        self.cell(0, text=self.foot)
        self.set_x(self.l_margin)
        self.cell(0, text=f"{self.page_no()} of {{nb}}", align="R")
        self.set_text_color(0)

    def write_lines(self, text: str, size: float = TEXT_PT, *, bold: bool = False) -> None:
        """Write a text over the whole width, on as many lines as it needs."""
        self.set_font(FONT, "B" if bold else "", size)
        line = size * _MM_PER_PT * _LINE
        self.multi_cell(0, line, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(line / 2)

    def write_table(self, table: Table) -> None:
        """Write a table, whose head is repeated on each page that it reaches."""
        self.set_font(FONT, size=_TABLE_PT)
        self.set_draw_color(*_LINES)
        head = FontFace(emphasis="BOLD", fill_color=(235, 238, 241))
        widths = [self._width_of(column) for column in zip(table.head, *table.rows, strict=True)]
        with self.table(
            borders_layout="HORIZONTAL_LINES",
            col_widths=widths,
            headings_style=head,
            line_height=_TABLE_PT * _MM_PER_PT * _LINE,
            padding=_PADDING_MM,
            text_align="LEFT",
        ) as drawn:
            for cells in (table.head, *table.rows):
                drawn.row([_plain(cell) for cell in cells])
        self.set_draw_color(0)
        self.ln(2)

    def _width_of(self, column: Sequence[str]) -> float:
        """Return the width of a column in mm: its longest cell, or the longest word of its title."""
        title, *cells = column
        widths = map(self.get_string_width, [*title.split(), *cells])
        return min(max(widths), _WIDEST_MM) + 4 * _PADDING_MM


def pdf(blocks: Iterable[Block], title: str, made_at: datetime) -> bytes:
    """Return a document as the bytes of a PDF file.

    Args:
        blocks: Parts of the document.
        title: Title in the file and at the end of each page.
        made_at: Date in the file.
    """
    page = PdfPage(title, made_at)
    for block in shown(blocks):
        _write(page, block)
    return bytes(page.output())


def _write(page: PdfPage, block: Block) -> None:
    if isinstance(block, Heading):
        size = _HEADING_PT[block.level]
        if page.will_page_break(6 * size * _MM_PER_PT):
            page.add_page()
        page.write_lines(block.text, size, bold=True)
    elif isinstance(block, Paragraph):
        page.write_lines(_plain(block.text), bold=block.strong)
    elif isinstance(block, Items):
        marks = (f"{place}." if block.numbered else "•" for place in range(1, len(block.texts) + 1))
        page.write_lines("\n".join(f"{mark} {_plain(text)}" for mark, text in zip(marks, block.texts, strict=True)))
    elif isinstance(block, Picture):
        page.image(block.path, w=page.epw, alt_text=block.title)
    elif isinstance(block, Code):
        page.write_lines(block.text, _TABLE_PT)
    elif block.rows:
        page.write_table(block)


def _plain(text: str) -> str:
    return "".join(piece for piece, _ in pieces(text))
