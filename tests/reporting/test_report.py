"""The report of a long run: its index, its pages, and which of them are written again."""

import re
from collections.abc import Collection, Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from posixpath import dirname, join, normpath
from urllib.parse import unquote

import pytest

from lgeqa.records import ScanResult
from lgeqa.reporting import render
from lgeqa.reporting.page_summary import MOST_URGENT, PageSummary
from lgeqa.reporting.report import Report
from tests.reporting.shown import sliced
from tests.results import STAMP, assessed, measured, unassessed

USE, CAUTION = "For research.", "Look at the measures."
NASTY = "--> <img src=x onerror=alert(1)>"


class Store(Collection[ScanResult]):
    """Stand in for results on a disk, which notes what is loaded."""

    def __init__(self, results: Sequence[ScanResult]) -> None:
        self._results = {result.scan_id: result for result in results}
        self.loaded: list[str] = []

    def marks(self) -> Iterator[tuple[str, str]]:
        return ((scan_id, result.model_dump_json()) for scan_id, result in self._results.items())

    def load(self, scan_id: str) -> ScanResult:
        self.loaded.append(scan_id)
        return self._results[scan_id]

    def __len__(self) -> int:
        return len(self._results)

    def __iter__(self) -> Iterator[ScanResult]:
        raise AssertionError("All records are loaded.")

    def __contains__(self, result: object) -> bool:
        return result in self._results.values()


class _Links(HTMLParser):
    """The addresses that a page links to, and the identifiers on it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids.add(found.get("id") or "")
        if tag == "a":
            self.addresses.append(found.get("href") or "")


def report(results: Collection[ScanResult], *, caution: str = CAUTION, scans_a_page: int = 8) -> Report:
    return render(results, lambda _: None, STAMP, USE, caution, scans_a_page=scans_a_page)


def scans(n: int) -> list[ScanResult]:
    return [assessed(f"scan {number:03}", decision="review") for number in range(n)]


def write(results: Collection[ScanResult], folder: Path, *, caution: str = CAUTION) -> set[str]:
    """Write the pages of a report that changed, and return their names."""
    (folder / "report").mkdir(exist_ok=True)
    written = {name: html for name, html in report(results, caution=caution).update(folder) if html is not None}
    for name, html in written.items():
        (folder / name).write_text(html, encoding="utf-8")
    return set(written)


def rows(html: str, table: str) -> list[list[str]]:
    """Return the texts of the cells of a table's rows."""
    body = html.partition(f'id="{table}"')[2].partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        [" ".join(re.sub("<.*?>", "", cell).split()) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)]
        for row in body.split("</tr>")[:-1]
    ]


@pytest.mark.parametrize(("n", "pages"), [(0, 1), (1, 1), (8, 1), (9, 3)])
def test_scans_that_fit_on_one_page_need_no_index(n: int, pages: int) -> None:
    assert len(dict(report(scans(n)))) == pages


def test_each_scan_is_on_one_page_that_is_named_after_its_first(tmp_path: Path) -> None:
    write(scans(100), tmp_path)
    names = []
    for page in sorted((tmp_path / "report").iterdir()):
        summary = PageSummary.read(page)
        assert summary is not None
        assert page.stem == summary.scan_ids[0]
        names.append(summary.scan_ids)
    assert [len(page) for page in names[:-1]] == [n for page in names[:-1] if 4 <= (n := len(page)) <= 8]
    assert [name for page in names for name in page] == [f"scan {number:03}" for number in range(100)]


def test_all_links_lead_somewhere() -> None:
    results = [sliced(f"scan {number:02}", decision="review", measures=measured(0.5)) for number in range(30)]
    results[3] = sliced("a #b%20", measures=measured(noise_percent=500.0))
    pages = {name: _Links(html) for name, html in report(results)}
    n_to_scans = 0
    for name, page in pages.items():
        for address in page.addresses:
            target, _, anchor = address.partition("#")
            if not target.startswith("https:"):
                other = normpath(join(dirname(name), unquote(target))) if target else name
                assert not anchor or anchor in pages[other].ids
                n_to_scans += anchor.startswith("scan-")
    assert n_to_scans >= 30 + 29


def test_index_counts_the_whole_batch() -> None:
    decisions = ["accept"] * 9 + ["review"] * 5 + ["repeat"] * 2
    results = [assessed(f"a{number}", decision=decision) for number, decision in enumerate(decisions)]
    index = dict(report([*results, unassessed("void")]))["report.html"]
    assert "17 scans ·" in index
    counts = index.partition('aria-label="Scans by decision"')[2].partition("</ul>")[0]
    assert re.findall(r"<b>(\d+)</b> ([\w ]+)", counts) == [
        ("9", "accept"),
        ("5", "review"),
        ("2", "repeat"),
        ("1", "without a decision"),
    ]
    totals = [sum(map(int, column)) for column in zip(*(row[1:] for row in rows(index, "page-list")), strict=True)]
    assert totals == [17, 9, 5, 2, 1]
    assert "16 diagnostic, 0 non-diagnostic, 0 not assessable, 1 failed" in index


def test_index_names_the_scans_of_lowest_probability_first() -> None:
    results = [
        assessed(f"{decision}{number}", decision=decision, probability=(number * 7 % 60) / 100, reasons=("Noise.",))
        for number in range(60)
        for decision in ("repeat", "review", "accept")
    ]
    results.append(unassessed("cut", status="not_assessable", decision="review"))
    urgent = rows(dict(report(results))["report.html"], "urgent-scans")
    assert len(urgent) == 2 * MOST_URGENT
    expected = sorted(range(60), key=lambda number: number * 7 % 60)[:MOST_URGENT]
    assert [row[0] for row in urgent] == [f"{decision}{n}" for decision in ("repeat", "review") for n in expected]
    assert urgent[1][1:] == ["↻ repeat", ".01", "Noise."]


def test_refused_scans_are_named_after_those_with_a_probability() -> None:
    results = [*scans(9), unassessed("cut", status="not_assessable", decision="review")]
    assert rows(dict(report(results))["report.html"], "urgent-scans")[-1][0] == "cut"


def test_index_of_accepted_scans_names_none() -> None:
    index = dict(report([assessed(str(n), decision="accept") for n in range(9)]))["report.html"]
    assert 'id="urgent-scans"' not in index


def test_index_draws_the_measures_as_histograms_with_few_outliers_named() -> None:
    results = [sliced(f"scan {n}", measures=measured(0.5, noise_percent=10.0 + n % 9)) for n in range(40)]
    results += [sliced(f"far {n}", measures=measured(0.5, noise_percent=90.0 + n)) for n in range(7)]
    section = dict(report(results))["report.html"].partition("Measures over this batch")[2]
    noise = next(part for part in section.split("<tr>") if "measure-noise_percent" in part)
    assert 'class="column"' in noise
    assert 'class="mark dot"' not in noise
    assert re.findall(r">(far \d)</a>", noise) == ["far 6", "far 5", "far 4", "far 3", "far 2"]
    assert "and 2 more, in <code>measures.csv</code>" in noise


def test_pages_load_scripts_from_beside_them_and_the_index_nothing() -> None:
    pages = dict(report(scans(9)))
    index = pages.pop("report.html")
    assert "'self'" not in index.replace("&#39;", "'")
    for page in pages.values():
        policy = page.replace("&#39;", "'").partition('Security-Policy" content="')[2].partition('"')[0]
        assert re.search(r"script-src 'sha256-\S+' 'self';", policy)
        assert 'data-address="../pictures/scan%20' in page
        assert "pictures of this scan are missing" not in page


def test_scan_without_an_atrium_loads_no_pictures() -> None:
    pages = dict(report([unassessed(f"scan {number}") for number in range(9)]))
    assert not any("data-address=" in page for page in pages.values())


def test_no_name_ends_the_summary(tmp_path: Path) -> None:
    results = [sliced(f"{NASTY} {number}", decision="review", reasons=(NASTY,)) for number in range(9)]
    pages = dict(report(results))
    name, page = next(iter(pages.items()))
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    summary = PageSummary.read(tmp_path / "page.html")
    assert summary is not None
    assert f"report/{summary.scan_ids[0]}.html" == name
    assert all("<img src=x" not in page for page in pages.values())
    assert summary.comment.count(">") == 1


@pytest.mark.parametrize("content", [b"", b"<!-- lgeqa {} -->\n", b"<!-- lgeqa \xff -->\n", b"\n" * 99])
def test_page_without_a_summary_has_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_bytes(content)
    assert PageSummary.read(tmp_path / "page.html") is None
    assert PageSummary.read(tmp_path / "missing.html") is None


def test_unchanged_run_writes_the_index_alone_and_loads_nothing(tmp_path: Path) -> None:
    pages = write(scans(100), tmp_path)
    index = (tmp_path / "report.html").read_text(encoding="utf-8")
    store = Store(scans(100))
    assert write(store, tmp_path, caution=CAUTION) - pages == set()
    store = Store(scans(100))
    assert write(store, tmp_path) == {"report.html"}
    assert store.loaded == []
    time = re.compile("<time.*?</time>")
    assert time.sub("", (tmp_path / "report.html").read_text(encoding="utf-8")) == time.sub("", index)


@pytest.mark.parametrize("name", ["scan 0501", "scan 00", "scan 999"])
def test_a_further_scan_changes_few_pages(name: str, tmp_path: Path) -> None:
    write(Store(scans(200)), tmp_path)
    store = Store(sorted([*scans(200), assessed(name)], key=lambda result: result.scan_id))
    assert 2 <= len(write(store, tmp_path)) <= 6
    assert name in store.loaded
    assert len(store.loaded) <= 5 * 8
    time = re.compile("<time datetime=.{27}>.*?</time>")
    for page, html in report(store):
        assert time.sub("", (tmp_path / page).read_text(encoding="utf-8")) == time.sub("", html)


def test_changed_record_changes_its_page_alone(tmp_path: Path) -> None:
    results = scans(100)
    write(Store(results), tmp_path)
    results[50] = results[50].model_copy(update={"decision": "accept"})
    store = Store(results)
    written = write(store, tmp_path)
    assert len(written) == 2
    assert "scan 050" in store.loaded
    assert len(store.loaded) <= 8


def test_changed_note_and_damaged_page_are_written_again(tmp_path: Path) -> None:
    everything = write(Store(scans(30)), tmp_path)
    assert write(Store(scans(30)), tmp_path, caution="Another.") == everything
    (tmp_path / "report" / "scan 000.html").write_text("cut", encoding="utf-8")
    assert write(Store(scans(30)), tmp_path, caution="Another.") == {"report/scan 000.html", "report.html"}


def test_deidentified_report_has_no_date() -> None:
    results = [result.model_copy(update={"source": "", "finished_at": ""}) for result in scans(9)]
    assert not any("<time" in page for page in dict(report(results)).values())
    assert all("<time" in page for page in dict(report(scans(9))).values())


def test_pages_of_one_scan_each_work() -> None:
    assert len(dict(report(scans(3), scans_a_page=1))) == 4
