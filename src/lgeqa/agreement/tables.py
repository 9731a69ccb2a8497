"""Tables beside the record."""

from collections.abc import Sequence
from typing import Final

from lgeqa.agreement.record import Agreement, Dispute
from lgeqa.attributes import NAMES
from lgeqa.tables import csv_text

#: Columns of `adjudicate.csv` before those of the readers.
COLUMNS: Final = ("rank", "scan", "reasons", "spread", "verdict", "probability")


def adjudication_table(agreement: Agreement) -> str:
    """The scans to adjudicate as CSV, the farthest apart first.

    `COLUMNS`, then for each reader `<reader>:<scale>`: the score, empty where the reader did not read the scan, and
    `cannot rate` where it cannot be rated.
    """
    readers = [one.reader for one in agreement.readers]
    columns = (*COLUMNS, *(f"{reader}:{scale}" for reader in readers for scale in NAMES))
    return csv_text(columns, (_row(one, readers) for one in agreement.disputes))


def _row(of: Dispute, readers: Sequence[str]) -> list[object]:
    probability = "" if of.probability is None else f"{of.probability:.6f}"
    row: list[object] = [of.rank, of.scan_id, "; ".join(of.reasons), f"{of.spread:g}", of.verdict or "", probability]
    for reader in readers:
        row += [""] * len(NAMES) if reader not in of.readings else _cells(of.readings[reader])
    return row


def _cells(scores: tuple[float, ...] | None) -> list[str]:
    return ["cannot rate"] * len(NAMES) if scores is None else [f"{score:g}" for score in scores]
