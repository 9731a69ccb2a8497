"""The parts of a document. Text between backticks is a name, which is written as it is."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Heading:
    """A heading.

    Attributes:
        text: Text of the heading.
        level: 1 for the title of the document, 2 for its sections.
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
        head: Titles of the columns.
        rows: Cells of each row.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Items:
    """A list.

    Attributes:
        texts: Text of each item.
        numbered: Whether the items are numbered.
    """

    texts: Sequence[str]
    numbered: bool = False


Block = Heading | Paragraph | Table | Items


def pieces(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a text, and whether each is a name, without the backticks."""
    for place, piece in enumerate(re.split("`", text)):
        if piece:
            yield piece, place % 2 == 1
