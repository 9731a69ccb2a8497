"""Reading of CSV files line by line, with clear messages for files that cannot be read."""

import codecs
import csv
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Final

from lgeqa.errors import CohortError

#: What may separate columns. A comma wins a tie, and is taken where a line has no separator.
_SEPARATORS: Final = ",;\t"
#: Bytes beyond ASCII that mean the same letters and marks in the Western encodings of Windows and ISO 8859-1. Of the
#: other bytes some are letters in Windows and different letters in the old encoding of macOS.
_WESTERN: Final = re.compile(rb"[\x00-\x7f\x91-\x97\xa0-\xff]*")


def csv_lines(table: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line that is not empty, beginning with the line of the column names.

    Commas, semicolons or tabs separate the columns, whichever is most frequent in the line of the column names. The
    encoding is UTF-8 with or without a byte order mark, UTF-16 with one, or the Windows encoding 1252.

    Raises:
        CohortError: The file cannot be read, has another encoding or is not CSV.
    """
    text = _text(table)
    reader = csv.reader(StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                yield reader.line_num, cells
    except csv.Error as error:
        raise CohortError(
            f"{table}, line {reader.line_num}: is not valid CSV ({error}). Save the table again."
        ) from None


def _text(table: Path) -> str:
    try:
        content = table.read_bytes()
    except OSError as error:
        raise CohortError(f"{table}: cannot be read ({error.strerror}). Check the path and permissions.") from None
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        if wide or not _WESTERN.fullmatch(content):
            byte = error.object[error.start]
            raise CohortError(
                f"{table}: is neither UTF-8 nor another encoding that is certain (byte 0x{byte:02x}). "
                "Save it as CSV in UTF-8."
            ) from None
        text = content.decode("cp1252")
    if "\0" in text:
        raise CohortError(f"{table}: is not text, or UTF-16 without its mark. Save it as CSV in UTF-8.")
    return text


def _separator(text: str) -> str:
    """Return the separator that is most frequent in the first line, outside of quotes."""
    names = re.sub(r'"[^"]*"', "", text.partition("\n")[0])
    return max(_SEPARATORS, key=names.count)
