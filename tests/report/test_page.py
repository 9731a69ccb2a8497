import re
from html.parser import HTMLParser

from lgeqa.attributes import SCALES
from lgeqa.report import end_of, render
from tests.results import STAMP, assessed, unassessed

USE = "For research; the labels are simulated, and it is not a medical device."


class _Rows(HTMLParser):
    """The text of each cell of each row of the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self._in_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag not in {"td", "th"}

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data


def _row(page: str, scan_id: str) -> list[str]:
    (row,) = (row for row in _Rows(page).rows if row and row[0] == scan_id)
    return row


def test_the_row_of_an_assessed_scan() -> None:
    result = assessed("one", message="Slices of 4 mm.")
    assert _row(render([result], STAMP, USE), "one") == [
        "one",
        "diagnostic",
        "31 of 40",
        "0.81",
        "0.91",
        "0.42",
        "0.66",
        "Slices of 4 mm.",
    ]


def test_the_columns_are_in_the_order_of_the_cells() -> None:
    head = _Rows(render([assessed()], STAMP, USE)).rows[0]
    assert head[3:7] == [SCALES[3].title, SCALES[0].title, SCALES[1].title, SCALES[2].title]


def test_the_row_of_a_scan_that_was_not_assessed() -> None:
    page = render([unassessed("void"), unassessed("dark", status="not_assessable", message="no atrium")], STAMP, USE)
    assert _row(page, "void")[1] == "failed"
    assert _row(page, "void")[-1] == "void.nrrd: the file is empty."
    assert _row(page, "dark") == ["dark", "not assessable", "–", "–", "–", "–", "–", "no atrium"]


def test_a_tie_is_marked_and_so_is_what_is_below_one_half() -> None:
    page = render([assessed("even", votes_diagnostic=20, tie=True, p_sharpness=0.499)], STAMP, USE)
    assert _row(page, "even")[2] == "20 of 40, tie"
    assert re.findall(r'class="number low">([\d.]+)<', page) == ["0.50"]


def test_the_counts_add_up() -> None:
    results = [assessed("a"), assessed("b"), assessed("c", verdict="non-diagnostic"), unassessed("d")]
    page = render(results, STAMP, USE)
    counts = dict(re.findall(r'<li class="([\w-]+)[^>]*><b>(\d+)</b>', page))
    assert counts == {"diagnostic": "2", "non-diagnostic": "1", "not_assessable": "0", "failed": "1"}
    assert sum(map(int, counts.values())) == len(results)


def test_it_says_what_made_it_and_what_it_is_not() -> None:
    page = render([assessed()], STAMP, USE)
    assert USE in page
    assert "toy 0.1" in page
    assert STAMP.sha256 in page
    assert "0.5 or more" in page


def test_markup_from_outside_is_text() -> None:
    nasty = '<script>alert("1")</script><img src=x onerror=alert(2)>'
    bundle = STAMP.model_copy(update={"name": nasty})
    page = render([assessed(nasty, message=nasty), unassessed(f"{nasty}2", message=nasty)], bundle, nasty)
    assert not {"script", "img"} & _Rows(page).tags
    assert _row(page, nasty)[-1] == nasty


def test_it_stands_alone() -> None:
    page = render([assessed()], STAMP, USE)
    assert not re.search(r"https?://|src=|@import|url\(|<link|<script", page)


def test_a_run_of_one_and_a_run_of_none() -> None:
    assert "1 scan ·" in render([assessed()], STAMP, USE)
    assert "the bundle&#39;s threshold" in render([unassessed()], STAMP, USE)
    assert "0 scans ·" in render([], STAMP, USE)


def test_the_end_of_a_scan() -> None:
    assert [end_of(assessed()), end_of(unassessed())] == ["diagnostic", "failed"]
