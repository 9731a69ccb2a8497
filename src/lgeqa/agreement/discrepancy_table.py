"""Table of the scans to adjudicate."""

from collections.abc import Sequence
from typing import Final

from lgeqa.agreement.record import Agreement, Dispute
from lgeqa.scales import SCALE_NAMES
from lgeqa.table_text import csv_text

#: Columns of `adjudicate.csv` before the columns of the readers.
COLUMNS: Final = ("rank", "scan", "reasons", "spread", "verdict", "probability")


def adjudication_table(agreement: Agreement) -> str:
    """Return the scans to adjudicate as CSV, with the largest disagreement first.

    The columns are `COLUMNS`, then `<reader>:<scale>` for each reader and scale. A cell holds the score, is empty if
    the reader did not score the scan on the scale, and holds `cannot rate` if the reader cannot rate it.
    """
    readers = [count.reader for count in agreement.readers]
    columns = (*COLUMNS, *(f"{reader}:{scale}" for reader in readers for scale in SCALE_NAMES))
    return csv_text(columns, (_row(dispute, readers) for dispute in agreement.disputes))


def _row(of: Dispute, readers: Sequence[str]) -> list[object]:
    probability = "" if of.probability is None else f"{of.probability:.6f}"
    row: list[object] = [of.rank, of.scan_id, "; ".join(of.reasons), f"{of.spread:g}", of.verdict or "", probability]
    for reader in readers:
        row += [""] * len(SCALE_NAMES) if reader not in of.readings else _cells(of.readings[reader])
    return row


def _cells(scores: tuple[float | None, ...] | None) -> list[str]:
    if scores is None:
        return ["cannot rate"] * len(SCALE_NAMES)
    return ["" if score is None else f"{score:g}" for score in scores]
