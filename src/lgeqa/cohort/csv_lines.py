"""Reading of CSV files line by line, with clear messages for files that cannot be read."""

import csv
from collections.abc import Iterator
from pathlib import Path

from lgeqa.errors import CohortError


def csv_lines(table: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line, beginning with the line of the column names.

    Columns are separated by commas, and the encoding is UTF-8 with or without a byte order mark.

    Raises:
        CohortError: The file cannot be read, is not UTF-8 or is not CSV.
    """
    try:
        with table.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.reader(lines, strict=True)
            for cells in reader:
                yield reader.line_num, cells
    except OSError as error:
        raise CohortError(f"{table}: cannot be read ({error.strerror}). Check the path and permissions.") from None
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise CohortError(f"{table}: is not UTF-8 (byte 0x{byte:02x}). Save it as CSV in UTF-8.") from None
    except csv.Error as error:
        raise CohortError(
            f"{table}, line {reader.line_num}: is not valid CSV ({error}). Save the table again."
        ) from None
