"""The report of a run: one self-contained page, or an index and the pages that it leads to."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import Final, Protocol, runtime_checkable
from urllib.parse import quote
from zlib import crc32

from lgeqa.inference.bundle.kept_out import KeptOut
from lgeqa.records import BundleStamp, ScanResult
from lgeqa.reporting.page import Notes, index_page, part_page, whole_page
from lgeqa.reporting.page_summary import BatchTotals, PageSummary
from lgeqa.reporting.pictures import ScanPictures
from lgeqa.reporting.template_files import templates_hash
from lgeqa.versions import versions

#: Largest number of scans on one page, which keeps it small enough to open at once.
SCANS_A_PAGE: Final = 100
#: Name of the only page or of the index, and of the folder of the pages that it leads to.
_HOME: Final = "report.html"
_PAGES: Final = "report"

#: Name of a scan and digest of its record.
_Mark = tuple[str, str]


@runtime_checkable
class MarkedResults(Protocol):
    """Results that say which of them changed without being read, so that no page is made twice."""

    def marks(self) -> Iterator[tuple[str, str]]:
        """Yield the name of each scan and a digest of its record, in their order."""

    def load(self, scan_id: str) -> ScanResult:
        """Return the record of a scan."""


class _Listed:
    """Results in memory as `MarkedResults`."""

    def __init__(self, results: Iterable[ScanResult]) -> None:
        self._results = {result.scan_id: result for result in results}

    def marks(self) -> Iterator[tuple[str, str]]:
        """Yield the name of each scan and a digest of its record."""
        return ((scan_id, _hash(result.model_dump_json())) for scan_id, result in self._results.items())

    def load(self, scan_id: str) -> ScanResult:
        """Return the record of a scan."""
        return self._results[scan_id]


def render(
    results: Collection[ScanResult],
    load_pictures: Callable[[str], ScanPictures | None],
    bundle: BundleStamp,
    intended_use: str,
    caution: str,
    kept_out: KeptOut | None = None,
    scans_a_page: int = SCANS_A_PAGE,
) -> "Report":
    """Return the report on `results`, whose pages are made when it is iterated.

    Args:
        results: Results of any status. Those that are `MarkedResults` are loaded page by page.
        load_pictures: Function that returns the pictures of a scan by its `scan_id`, or None if there are none.
        bundle: Identity of the bundle that made the results.
        intended_use: Intended use and limits of the bundle, from its manifest.
        caution: Note to read before trusting a verdict of this bundle. Empty for none.
        kept_out: Answers of the bundle on labelled scans that were kept out of its calibration. None if there are none.
        scans_a_page: Largest number of scans on one page.
    """
    return Report(results, load_pictures, Notes(bundle, intended_use, caution, kept_out), scans_a_page)


class Report:
    """Pages of a report, each a file name and its HTML, in which all text from outside is escaped.

    If all scans fit on one page, it is `report.html` and loads nothing. Otherwise `report.html` is an index, and each
    page `report/<first scan>.html` has the table and the parts of some scans, and loads the pictures of a scan from
    `pictures/` when its part is opened. Where pages begin follows from hashes of the scans' names, so that a further
    scan changes its own page and perhaps its neighbours, and all others keep their names and contents.
    """

    def __init__(
        self,
        results: Collection[ScanResult],
        load_pictures: Callable[[str], ScanPictures | None],
        notes: Notes,
        scans_a_page: int,
    ) -> None:
        self._results = results
        self._load_pictures = load_pictures
        self._notes = notes
        self._scans_a_page = scans_a_page
        self._notes_key = repr((versions(), templates_hash(), notes.bundle, notes.intended_use, notes.caution))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yield the name and the HTML of each page, the index last."""
        return ((name, html) for name, html in self._pages(lambda _: None) if html is not None)

    def update(self, folder: Path) -> Iterator[tuple[str, str | None]]:
        """Yield the name and the HTML of each page, or None where a folder has the page as it should be."""
        return self._pages(lambda name: PageSummary.read(folder / name))

    def _pages(self, summary_of: Callable[[str], PageSummary | None]) -> Iterator[tuple[str, str | None]]:
        if len(self._results) <= self._scans_a_page:
            yield _HOME, whole_page(list(self._results), self._notes, self._load_pictures)
            return
        totals = BatchTotals()
        results = self._results if isinstance(self._results, MarkedResults) else _Listed(self._results)
        for before, group, after in _with_neighbours(_groups(results.marks(), self._scans_a_page)):
            name = f"{_PAGES}/{_file_name(group)}"
            others = (("Previous page", before), ("Next page", after))
            beside = {title: quote(_file_name(other)) for title, other in others if other}
            key = _hash(f"{self._notes_key}{beside}{group}")
            summary, html = summary_of(name), None
            if summary is None or summary.key != key:
                records = [results.load(scan_id) for scan_id, _ in group]
                summary = PageSummary.of(records, key)
                html = part_page(records, summary, self._notes, beside)
            totals.add(summary, quote(name))
            yield name, html
        yield _HOME, index_page(totals, self._notes)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _groups(marks: Iterable[_Mark], most: int) -> Iterator[list[_Mark]]:
    """Yield the scans of each page, between half of the largest number and this number except on the last page.

    A page begins at a scan whose name has a certain hash, as in content-defined chunking. Some pages behind a scan that
    was added, pages begin where they did before.
    """
    group: list[_Mark] = []
    for mark in marks:
        is_long = len(group) >= most / 2
        if is_long and (len(group) == most or crc32(mark[0].encode()) % max(most // 4, 1) == 0):
            yield group
            group = []
        group.append(mark)
    yield group


def _with_neighbours(groups: Iterable[list[_Mark]]) -> Iterator[tuple[list[_Mark], list[_Mark], list[_Mark]]]:
    """Yield each group with those before and after it, which are empty where there are none."""
    before: list[_Mark] = []
    for group, after in pairwise(chain(groups, [[]])):
        yield before, group, after
        before = group


def _file_name(group: Sequence[_Mark]) -> str:
    """Return the name of a page's file: that of its first scan, which is unique in a run and valid as a file name."""
    return f"{group[0][0]}.html"
