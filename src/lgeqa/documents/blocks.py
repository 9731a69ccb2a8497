"""The parts of a document. Text between backticks is a name, which is written as it is."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Heading:
    """A heading.

    Attributes:
        text: Text of the heading.
        level: 1 for the title of the document, 2 for its sections, 3 for parts of these.
    """

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """A paragraph.

    Attributes:
        text: Text of the paragraph.
        strong: Whether the text must not be overlooked.
    """

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Table:
    """A table whose first column names its rows.

    Attributes:
        head: Titles of the columns. All empty for a table of facts, which shows no head.
        rows: Cells of each row.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Items:
    """A list, which is not shown without items.

    Attributes:
        texts: Text of each item.
        numbered: Whether the items are numbered.
    """

    texts: Sequence[str]
    numbered: bool = False


@dataclass(frozen=True)
class Picture:
    """A picture.

    Attributes:
        path: PNG file. Markdown names it, and expects it beside the document.
        title: What the picture shows, for those who do not see it.
    """

    path: Path
    title: str


@dataclass(frozen=True)
class Code:
    """Text of a file, which is written as it is.

    Attributes:
        text: The text.
        language: Name of its language, such as `json`.
    """

    text: str
    language: str


Block = Heading | Paragraph | Table | Items | Picture | Code


def shown(blocks: Iterable[Block]) -> Iterator[Block]:
    """Yield the blocks but lists without items."""
    return (block for block in blocks if not isinstance(block, Items) or block.texts)


def pieces(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a text, and whether each is a name, without the backticks.

    A text with an odd number of backticks holds no names.
    """
    if text.count("`") % 2:
        yield text, False
        return
    for place, piece in enumerate(re.split("`", text)):
        if piece:
            yield piece, place % 2 == 1
