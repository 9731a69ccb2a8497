"""Documents as an HTML page that loads nothing and prints well."""

from base64 import b64encode
from collections.abc import Iterable
from html import escape
from importlib import resources

from lgeqa.documents.blocks import Block, Code, Heading, Items, Paragraph, Picture, Table, pieces, shown
from lgeqa.frontend.shared_files import shared_text


def html_page(blocks: Iterable[Block], title: str) -> str:
    """Return a document as one HTML page, whose styles and pictures are in the page.

    Raises:
        OSError: A picture cannot be read.
    """
    style = shared_text("base.css") + resources.files("lgeqa.documents").joinpath("page.css").read_text("utf-8")
    body = "\n".join(map(_element, shown(blocks)))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n"
        "</html>\n"
    )


def _element(block: Block) -> str:
    if isinstance(block, Heading):
        return f"<h{block.level}>{_inline(block.text)}</h{block.level}>"
    if isinstance(block, Paragraph):
        text = _inline(block.text)
        return f"<p><strong>{text}</strong></p>" if block.strong else f"<p>{text}</p>"
    if isinstance(block, Items):
        tag = "ol" if block.numbered else "ul"
        return f"<{tag}>{''.join(f'<li>{_inline(text)}</li>' for text in block.texts)}</{tag}>"
    if isinstance(block, Picture):
        data = b64encode(block.path.read_bytes()).decode("ascii")
        return f'<img src="data:image/png;base64,{data}" alt="{escape(block.title)}">'
    if isinstance(block, Code):
        return f"<pre>{escape(block.text)}</pre>"
    return _table(block)


def _table(table: Table) -> str:
    titles = "".join(f'<th scope="col">{escape(text)}</th>' for text in table.head)
    head = f"<thead><tr>{titles}</tr></thead>\n" if any(table.head) else ""
    rows = "\n".join(
        f'<tr><th scope="row">{_inline(first)}</th>{"".join(f"<td>{_inline(cell)}</td>" for cell in cells)}</tr>'
        for first, *cells in table.rows
    )
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="Table">\n<table>\n'
        f"{head}<tbody>\n{rows}\n</tbody>\n</table>\n</div>"
    )


def _inline(text: str) -> str:
    return "".join(f"<code>{escape(piece)}</code>" if name else escape(piece) for piece, name in pieces(text))
