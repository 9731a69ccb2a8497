"""What the index of a long report says about one of its pages, kept in the head of the page itself.

So a later run makes the index without the records of the scans, and sees which pages are still as they should be.
"""

from base64 import b64decode, b64encode
from bisect import bisect
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple, Self

import numpy as np
from pydantic import ValidationError

from lgeqa.config import Frozen
from lgeqa.measures import MEASURES
from lgeqa.operating_point import OperatingPoint
from lgeqa.records import FloatArray, ScanResult
from lgeqa.reporting.batch_measures import measure_table
from lgeqa.reporting.presenter import ScanLink, end_of

#: Decisions after which a scan needs a person, in the order of the index, and number of scans that it lists for each.
URGENT: Final = ("repeat", "review")
MOST_URGENT: Final = 50
#: Start and end of the comment with the summary, and number of lines at the head of a page among which it is.
_COMMENT: Final = (b"<!-- lgeqa ", b" -->\n")
_HEAD_LINES: Final = 8


class UrgentScan(Frozen):
    """A scan that needs a person.

    Attributes:
        scan_id: Name of the scan.
        reasons: Reasons for the decision, as one text.
        probability: Probability that the scan is diagnostic. None if it was refused.
    """

    scan_id: str
    reasons: str
    probability: float | None

    @property
    def rank(self) -> float:
        """Key by which scans of one decision are sorted: the probability, and those without one last."""
        return np.inf if self.probability is None else self.probability


class PageSummary(Frozen):
    """Summary of the scans of a page.

    Attributes:
        key: Hash of everything that the page depends on.
        scan_ids: Names of the scans, in their order.
        decisions: Number of scans by decision, `none` for those without one.
        ends: Number of scans by outcome, as in `end_of`.
        operating_points: Operating points of the scans, without repetition.
        is_deidentified: Whether no record names its scan.
        measures: Measures of the scans as by `measure_table`, as little-endian float32 in Base64. Empty if none of the
            scans was measured.
        urgent: Scans that need a person, by decision: those of lowest probability first, and not more than the index
            can list.
    """

    key: str
    scan_ids: tuple[str, ...]
    decisions: dict[str, int]
    ends: dict[str, int]
    operating_points: tuple[OperatingPoint, ...]
    is_deidentified: bool
    measures: str
    urgent: dict[str, tuple[UrgentScan, ...]]

    @classmethod
    def of(cls, results: Sequence[ScanResult], key: str = "") -> Self:
        """Return the summary of results."""
        table = measure_table(results)
        return cls(
            key=key,
            scan_ids=tuple(result.scan_id for result in results),
            decisions=Counter(result.decision or "none" for result in results),
            ends=Counter(map(end_of, results)),
            operating_points=tuple(
                dict.fromkeys(result.operating_point for result in results if result.operating_point)
            ),
            is_deidentified=all(result.is_deidentified for result in results),
            measures=b64encode(table.astype("<f4").tobytes()).decode() if np.isfinite(table).any() else "",
            urgent={
                decision: tuple(sorted(map(_urgent, scans), key=lambda scan: scan.rank)[:MOST_URGENT])
                for decision in URGENT
                if (scans := [result for result in results if result.decision == decision])
            },
        )

    @classmethod
    def read(cls, page: Path) -> Self | None:
        """Return the summary in the head of a page, or None if the page is missing or of another version."""
        start, end = _COMMENT
        try:
            with page.open("rb") as lines:
                comment = next((line for line in islice(lines, _HEAD_LINES) if line.startswith(start)), b"")
            return cls.model_validate_json(comment.removeprefix(start).removesuffix(end))
        except (OSError, ValidationError):
            return None

    @property
    def comment(self) -> str:
        """Summary as a comment of one line, which no character in it can end."""
        start, end = (part.decode() for part in _COMMENT)
        return start + self.model_dump_json().replace("<", "\\u003c").replace(">", "\\u003e") + end

    @property
    def table(self) -> FloatArray:
        """Measures of the scans, as by `measure_table`."""
        if not self.measures:
            return np.full((len(self.scan_ids), len(MEASURES)), np.nan, np.float32)
        return np.frombuffer(b64decode(self.measures), "<f4").reshape(len(self.scan_ids), -1)


def _urgent(result: ScanResult) -> UrgentScan:
    return UrgentScan(scan_id=result.scan_id, reasons=" ".join(result.reasons), probability=result.probability)


def span_text(scan_ids: Sequence[str]) -> str:
    """Return the first and the last name as text."""
    first, last = scan_ids[0], scan_ids[-1]
    return first if first == last else f"{first} to {last}"


class PageScans(NamedTuple):
    """A page as the index lists it.

    Attributes:
        address: Address of the page.
        scan_ids: Names of its scans, in their order.
        decisions: Number of its scans by decision.
    """

    address: str
    scan_ids: tuple[str, ...]
    decisions: dict[str, int]

    @property
    def span(self) -> str:
        """Names of the first and the last scan, as text."""
        return span_text(self.scan_ids)


class BatchTotals:
    """What the pages of a batch say together. The scans of a batch are numbered from 0, page by page.

    Attributes:
        decisions: Number of scans by decision, `none` for those without one.
        ends: Number of scans by outcome.
        operating_points: Operating points of the scans.
        is_deidentified: Whether no record names its scan.
        urgent: Scans that need a person, by decision: those of lowest probability first, each with its link.
        pages: Address and scans of each page.
    """

    def __init__(self) -> None:
        self.decisions: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()
        self.operating_points: list[OperatingPoint] = []
        self.is_deidentified = True
        self.urgent: dict[str, list[tuple[ScanLink, UrgentScan]]] = {decision: [] for decision in URGENT}
        self.pages: list[PageScans] = []
        self._tables: list[FloatArray] = []
        self._ends: list[int] = []

    @classmethod
    def of(cls, summary: PageSummary) -> Self:
        """Return the totals of one page."""
        totals = cls()
        totals.add(summary)
        return totals

    def add(self, summary: PageSummary, address: str = "") -> None:
        """Add a page, whose address is empty for the page that shows the totals."""
        self.decisions.update(summary.decisions)
        self.ends.update(summary.ends)
        self.operating_points += [point for point in summary.operating_points if point not in self.operating_points]
        self.is_deidentified &= summary.is_deidentified
        self.pages.append(PageScans(address, summary.scan_ids, summary.decisions))
        self._tables.append(summary.table)
        self._ends.append(self.decisions.total())
        for decision, scans in summary.urgent.items():
            ranked = self.urgent[decision]
            if len(ranked) < MOST_URGENT or scans[0].rank < ranked[-1][1].rank:
                ranked += [(ScanLink(scan.scan_id, address), scan) for scan in scans]
                ranked.sort(key=lambda pair: pair[1].rank)
                del ranked[MOST_URGENT:]

    @property
    def n(self) -> int:
        """Number of scans."""
        return self.decisions.total()

    @property
    def is_measured(self) -> bool:
        """Whether any scan was measured."""
        return any(np.isfinite(table).any() for table in self._tables)

    @property
    def table(self) -> FloatArray:
        """Measures of the scans, as by `measure_table`."""
        return np.concatenate(self._tables)

    def link(self, number: int) -> ScanLink:
        """Return the link to the scan of a number."""
        place = bisect(self._ends, number)
        page = self.pages[place]
        return ScanLink(page.scan_ids[number - self._ends[place]], page.address)
