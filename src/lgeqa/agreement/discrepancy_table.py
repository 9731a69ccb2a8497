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

    The columns are `COLUMNS`, then for each reader `<reader>:<scale>` for each scale, which is empty without a score,
    and `<reader>:cannot_rate`, which is `yes` if the reader cannot rate the scan and else empty.
    """
    readers = [count.reader for count in agreement.readers]
    columns = (*COLUMNS, *(f"{reader}:{name}" for reader in readers for name in (*SCALE_NAMES, "cannot_rate")))
    return csv_text(columns, (_row(dispute, readers) for dispute in agreement.disputes))


def _row(of: Dispute, readers: Sequence[str]) -> list[object]:
    probability = "" if of.probability is None else f"{of.probability:.6f}"
    row: list[object] = [of.rank, of.scan_id, "; ".join(of.reasons), f"{of.spread:g}", of.verdict or "", probability]
    for reader in readers:
        scores = of.readings.get(reader) or (None,) * len(SCALE_NAMES)
        row += ["" if score is None else f"{score:g}" for score in scores]
        row.append("yes" if reader in of.readings and of.readings[reader] is None else "")
    return row
