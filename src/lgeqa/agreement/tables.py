"""Tables beside the record."""

import csv
import io
from typing import Final

from lgeqa.agreement.record import Agreement
from lgeqa.attributes import NAMES

#: Columns of `adjudicate.csv` before those of the readers.
COLUMNS: Final = ("rank", "scan", "reasons", "spread", "verdict", "probability")


def adjudication_table(agreement: Agreement) -> str:
    """The scans to adjudicate as CSV, the farthest apart first.

    `COLUMNS`, then for each reader `<reader>:<scale>`: the score, empty where the reader did not read the scan, and
    `cannot rate` where it cannot be rated.
    """
    readers = [one.reader for one in agreement.readers]
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow((*COLUMNS, *(f"{reader}:{scale}" for reader in readers for scale in NAMES)))
    for one in agreement.disputes:
        probability = "" if one.probability is None else f"{one.probability:.6f}"
        row = [one.rank, one.scan_id, "; ".join(one.reasons), f"{one.spread:g}", one.verdict or "", probability]
        for reader in readers:
            row += [""] * len(NAMES) if reader not in one.readings else _cells(one.readings[reader])
        table.writerow(row)
    return text.getvalue()


def _cells(scores: tuple[float, ...] | None) -> list[str]:
    return ["cannot rate"] * len(NAMES) if scores is None else [f"{score:g}" for score in scores]
