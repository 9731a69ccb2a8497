"""Documents as Markdown, HTML and PDF."""

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from lgeqa.documents import Block, Code, Heading, Items, Paragraph, Picture, Table, html_page, markdown
from lgeqa.documents.pdf import pdf


@pytest.fixture
def blocks(tmp_path: Path) -> list[Block]:
    Image.new("RGB", (4, 3), "red").save(tmp_path / "figure-2.png")
    return [
        Heading("Experiment: <ours> & theirs", level=1),
        Paragraph("A reader named <script>alert(1)</script>, in `a|b`.", strong=True),
        Table(("", ""), [("cohort", "`/one`")]),
        Table(("Who", "F1"), [("<b>bold</b>", ".9 | .8"), ("o`hara", "1")]),
        Items([]),
        Heading("Fig. 2", level=3),
        Picture(tmp_path / "figure-2.png", 'Where "networks" look'),
        Code('{"a": "<1>"}', "json"),
    ]


def test_markdown_has_each_block_and_no_empty_list(blocks: list[Block]) -> None:
    assert markdown(blocks).split("\n\n") == [
        "# Experiment: <ours> & theirs",
        "**A reader named <script>alert(1)</script>, in `a|b`.**",
        "|  |  |\n| --- | --- |\n| cohort | `/one` |",
        "| Who | F1 |\n| --- | --- |\n| <b>bold</b> | .9 / .8 |\n| o`hara | 1 |",
        "### Fig. 2",
        '![Where "networks" look](figure-2.png)',
        '```json\n{"a": "<1>"}\n```\n',
    ]


def test_page_holds_its_pictures_and_no_script(blocks: list[Block], tmp_path: Path) -> None:
    page = html_page(blocks, "<ours>")
    assert "<title>&lt;ours&gt;</title>" in page
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;, in <code>a|b</code>." in page
    assert page.count("<thead>") == 1
    assert '<th scope="row">cohort</th><td><code>/one</code></td>' in page
    assert '<th scope="row">&lt;b&gt;bold&lt;/b&gt;</th>' in page
    assert '<th scope="row">o`hara</th>' in page
    assert "<ul>" not in page
    picture = base64.b64encode((tmp_path / "figure-2.png").read_bytes()).decode()
    assert f'<img src="data:image/png;base64,{picture}" alt="Where &quot;networks&quot; look">' in page
    assert "<pre>{&quot;a&quot;: &quot;&lt;1&gt;&quot;}</pre>" in page


def test_pdf_holds_its_pictures(blocks: list[Block]) -> None:
    made_at = datetime(2026, 11, 28, tzinfo=UTC)
    written = pdf(blocks, "ours", made_at)
    assert b"/Subtype /Image" in written
    assert b"/Subtype /Image" not in pdf([block for block in blocks if not isinstance(block, Picture)], "ours", made_at)
