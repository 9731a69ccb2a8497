"""Every cell of the tables in the reference says something, in words that can be read without the rest of the row."""

import re
from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).parents[2] / "docs" / "reference").glob("*.md"))

#: A border of cells within code, which the site shows with its backslash.
_BORDER_IN_CODE = re.compile(r"`[^`]*\\\|[^`]*`")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_BORDER = re.compile(r"(?<!\\)\|")
#: First words of a cell that continues a sentence from elsewhere.
_FRAGMENT = re.compile(r"(?i)(of|that|whose|which|who|where|when|as|than|with|if|and|or|for)\b")


def rows(text: str) -> list[list[str]]:
    """Return the cells of each row of the tables in a page, without the lines below their heads."""
    lines = [line for line in _FENCE.sub("", text).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in _BORDER.split(line)[1:-1]] for line in lines]
    return [row for row in cells if set("".join(row)) - set("-: ")]


def poor_cells(text: str) -> list[str]:
    """Return the rows with a cell that is empty, begins within a sentence or cannot be read on the site."""
    return [
        " | ".join(row)
        for row in rows(text)
        if any(
            not cell or _FRAGMENT.match(cell) or re.search(r"\de\+\d", cell) or _BORDER_IN_CODE.search(cell)
            for cell in row
        )
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_cells_are_whole(page: Path) -> None:
    assert poor_cells(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("cell", ["", "of the scan", "Whose scan it is", "at most 2.14748e+09", "`a\\|b`"])
def test_poor_cell_is_found(cell: str) -> None:
    table = f"| Name | Meaning |\n|---|---|\n| `a` | Number of scans |\n| `b` | {cell} |\n"

    assert poor_cells(table) == [f"`b` | {cell}"]


def test_escaped_border_and_code_are_no_cells() -> None:
    assert rows("| a\\|b | sum |\n```\n| |\n```\n") == [["a\\|b", "sum"]]
