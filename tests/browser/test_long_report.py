"""The report of a long run as a person uses it: the index, and pages that load pictures when a scan is opened."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from lgeqa.batch import OutputFolder
from lgeqa.inference.bundle.kept_out import KeptOut
from lgeqa.operating_point import DEFAULT
from lgeqa.reporting import render
from tests.reporting.shown import pictured, sliced
from tests.results import STAMP, measured, unassessed

N_SCANS = 20
#: A name with characters that mean something in an address.
ODD = "scan 07 #1 50%"
NO_PICTURES = "scan 08"
MISSING = "The pictures of this scan are not beside this page."
KEPT_OUT = KeptOut(
    probabilities=(0.95, 0.9, 0.6, 0.1),
    diagnostic=(True, False, True, False),
    may_accept=(True,) * 4,
    may_repeat=(True,) * 4,
    patients=(0, 1, 2, 3),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of a run over twenty scans, with a few on each page; one has lost its pictures."""
    out = OutputFolder(tmp_path_factory.mktemp("results"), pictures=True)
    names = [ODD if number == 7 else f"scan {number:02}" for number in range(N_SCANS)]
    results = [
        sliced(
            name,
            probability=number / N_SCANS,
            decision="repeat" if number < 3 else "review" if number < 9 else "accept",
            reasons=(f"The probability is {number / N_SCANS}.",),
            measures=measured(number / N_SCANS),
            operating_point=DEFAULT,
        )
        for number, name in enumerate(names)
    ]
    pictures = pictured()
    for name in names:
        if name != NO_PICTURES:
            out.save_pictures(name, pictures)
    results.append(unassessed("void"))
    out.write_report(
        render(results, out.load_pictures, STAMP, "For tests.", "Look at the measures.", KEPT_OUT, scans_a_page=8)
    )
    return out.path


@pytest.fixture
def index(page: Page, folder: Path) -> Page:
    page.goto((folder / "report.html").as_uri())
    return page


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """The address of a plain web server with the output folder."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def open_urgent(page: Page, name: str) -> None:
    page.locator("#urgent-scans").get_by_role("link", name=name, exact=True).click()
    expect(page.locator("details.scan[open] h3")).to_have_text(name)


def follow(page: Page, link: Locator) -> None:
    """Follow a link to another page, and wait until that is loaded."""
    with page.expect_navigation():
        link.click()


def listed(page: Page) -> list[str]:
    return page.locator("#page-list tbody tr:visible th").all_text_contents()


@pytest.mark.parametrize("name", ["scan 05", ODD])
@pytest.mark.parametrize("scheme", ["file", "http"])
def test_pictures_are_loaded_when_a_scan_is_opened(
    page: Page, folder: Path, address: str, scheme: str, name: str
) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(f"{address}/report.html" if scheme == "http" else (folder / "report.html").as_uri())
    open_urgent(page, name)
    page.locator("details.scan[open][data-ready]").wait_for()
    expect(page.locator("[open] figcaption").last).to_contain_text("Slice 18")
    assert [url for url in requests if "/pictures/" in url] == [url for url in requests if url.endswith(".js")]
    assert sum("/pictures/" in url for url in requests) == 1
    assert page.locator("script[src]").count() == 0


def test_missing_pictures_are_named_and_the_rest_is_shown(browser: Browser, folder: Path) -> None:
    page = browser.new_page()  # without the check of the console, on which Chromium reports the missing file
    page.goto((folder / "report.html").as_uri())
    open_urgent(page, NO_PICTURES)
    expect(page.locator("[open] .pictures")).to_contain_text(MISSING)
    expect(page.locator("[open] .votes")).to_be_visible()
    page.close()


def test_all_scans_of_a_page_can_be_opened_at_once(index: Page) -> None:
    follow(index, index.locator("#page-list a").first)
    n = index.locator("details.scan").count()
    index.get_by_role("button", name="Open all").click()
    expect(index.locator("details.scan[data-ready]")).to_have_count(n)
    assert n > 1


def test_pages_lead_to_each_other_and_to_the_index(index: Page) -> None:
    spans = listed(index)
    follow(index, index.locator("#page-list a").first)
    seen = [index.locator("header p").text_content()]
    while index.get_by_role("link", name="Next page").count():
        follow(index, index.get_by_role("link", name="Next page"))
        seen.append(index.locator("header p").text_content())
    assert [span in (text or "") for span, text in zip(spans, seen, strict=True)] == [True] * len(spans)
    index.get_by_role("link", name="Previous page").click()
    index.get_by_role("link", name="Overview of all scans").click()
    expect(index.locator("#page-list")).to_be_visible()


def test_name_of_a_scan_leaves_its_page(index: Page) -> None:
    everything = listed(index)
    index.get_by_label("Name of a scan").fill("scan 13")
    [span] = listed(index)
    expect(index.get_by_role("status")).to_have_text(f"1 of {len(everything)} pages")
    index.get_by_role("link", name=span).click()
    expect(index.locator("#scans a", has_text="scan 13")).to_be_visible()
    index.go_back()
    index.get_by_label("Name of a scan").fill("sc")
    assert listed(index) == [span for span in everything if span.startswith("scan")]
    index.get_by_label("Name of a scan").fill("zzz")
    assert listed(index) == []


def test_pages_are_sorted_by_what_they_hold(index: Page) -> None:
    head = index.locator("#page-list thead th", has_text="Review")
    head.get_by_role("button").click()
    head.get_by_role("button").click()
    counts = [int(text) for text in index.locator("#page-list tbody td:nth-child(4)").all_text_contents()]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == 6


def test_measure_of_the_batch_leads_to_its_definition(index: Page) -> None:
    expect(index.locator("#measure-noise_percent")).to_be_hidden()
    index.locator("section[aria-labelledby=batch]").get_by_role("link", name="Noise", exact=True).click()
    expect(index.locator("#measure-noise_percent")).to_be_visible()


def test_histogram_is_drawn_over_the_reference(index: Page) -> None:
    column = index.locator("section[aria-labelledby=batch] .column").first
    box = column.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) > 1
    assert column.evaluate("column => getComputedStyle(column).fillOpacity") == "0.75"


@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.slow
def test_index_and_page_fit_and_are_accessible(
    open_page: Callable[..., Page], folder: Path, scheme: str, width: int
) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    page.goto((folder / "report.html").as_uri())
    _check(page, width)
    open_urgent(page, "scan 05")
    page.locator("details.scan[open][data-ready]").wait_for()
    _check(page, width)


def _check(page: Page, width: int) -> None:
    for help_text in page.locator(".help > summary:visible").all():
        help_text.click()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    violations = Axe().run(page).response["violations"]
    serious = [violation for violation in violations if violation["impact"] in {"serious", "critical"}]
    assert [(violation["id"], violation["nodes"][0]["html"]) for violation in serious] == []
