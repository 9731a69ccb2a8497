"""Reading a CSV file line by line, with clear words for what keeps it from being read."""

import csv
from collections.abc import Iterator
from pathlib import Path

from lgeqa.errors import CohortError


def csv_lines(table: Path) -> Iterator[tuple[int, list[str]]]:
    """The number and the cells of each line (commas, UTF-8, with or without its mark); the first has the names.

    Raises:
        CohortError: the file cannot be read, is not UTF-8 or is no CSV.
    """
    try:
        with table.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.reader(lines, strict=True)
            for cells in reader:
                yield reader.line_num, cells
    except OSError as fault:
        raise CohortError(f"{table}: cannot be read ({fault.strerror}). Check the path and permissions.") from None
    except UnicodeDecodeError as fault:
        byte = fault.object[fault.start]
        raise CohortError(f"{table}: is not UTF-8 (byte 0x{byte:02x}). Save it as CSV in UTF-8.") from None
    except csv.Error as fault:
        raise CohortError(f"{table}, line {reader.line_num}: is no CSV ({fault}). Save the table anew.") from None
