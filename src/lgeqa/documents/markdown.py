"""Documents in Markdown."""

from collections.abc import Iterable

from lgeqa.documents.blocks import Block, Code, Heading, Items, Paragraph, Picture, shown
from lgeqa.table_text import markdown_table


def markdown(blocks: Iterable[Block]) -> str:
    """Return a document in Markdown."""
    return "\n\n".join(map(_text, shown(blocks))) + "\n"


def _text(block: Block) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {block.text}"
    if isinstance(block, Paragraph):
        return f"**{block.text}**" if block.strong else block.text
    if isinstance(block, Items):
        marks = (f"{place}." if block.numbered else "-" for place in range(1, len(block.texts) + 1))
        return "\n".join(f"{mark} {text}" for mark, text in zip(marks, block.texts, strict=True))
    if isinstance(block, Picture):
        return f"![{block.title}]({block.path.name})"
    if isinstance(block, Code):
        return f"```{block.language}\n{block.text}\n```"
    return markdown_table(block.head, block.rows)
