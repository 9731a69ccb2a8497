"""Agreement and adjudication in a real browser."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from lgeqa.scales import SCALE_NAMES, SCALES
from lgeqa.studies.reading_order import Place, draw_order
from tests.browser.rating import TOKEN, Server

#: What each reader gives to the three scans, scale by scale; None for "cannot be rated".
GIVEN: dict[str, tuple[tuple[int, ...] | None, ...]] = {
    "Ada": ((4, 4, 4, 4), (2, 2, 2, 2), (3, 3, 3, 3)),
    "Bo": ((4, 4, 4, 4), (2, 5, 2, 4), None),
}
COMMENT = "<img src=x onerror=alert(1)> blurred"
#: Of the studies that `Server.make_study` makes.
SEED = 5
#: For what takes the server a while on a machine with much else to do.
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    one = Server(tmp_path_factory.mktemp("served") / "home")
    try:
        one.start()
        yield one
    finally:
        one.kill()


@pytest.fixture
def study(server: Server, tmp_path: Path) -> str:
    """The page of a closed study whose second and third scans are to be adjudicated."""
    made = server.make_study(tmp_path / "scans")
    for number, (name, given) in enumerate(GIVEN.items(), start=1):
        rate_all(server, made.add_reader(name), draw_order(SEED, number, len(given), []), given)
    made.post("close")
    return f"/studies/{made.number}"


def rate_all(server: Server, link: str, order: list[Place], given: Sequence[tuple[int, ...] | None]) -> None:
    headers = {"Authorization": f"Bearer {link.rpartition('=')[2]}"}
    with httpx.Client(base_url=server.address, headers=headers, timeout=60) as reader:
        known = {"reader_id": reader.get("/api/reading").json()["reader_id"], "known": 0, "comment": COMMENT}
        for number, one in enumerate(order, start=1):
            scores = given[one.scan]
            said = {"scores": dict(zip(SCALE_NAMES, scores, strict=True))} if scores else {"cannot_rate": "no atrium"}
            body = {"save_id": f"save-{number:04}", **known, **said}
            reader.post(f"/api/reading/{number}/ratings", json=body).raise_for_status()


def number_of(server: Server, study: str, scan: str) -> int:
    """Of a scan that is to be adjudicated."""
    listed = server.get(f"/api{study}/adjudication")
    return next(int(one["number"]) for one in listed if one["dispute"]["scan_id"] == scan)


def open_agreement(page: Page, server: Server, study: str) -> Page:
    """Open the page as the owner and wait for the figures."""
    page.goto(f"{server.address}{study}/agreement?token={TOKEN}")
    expect(page.locator("#figures")).to_be_visible(timeout=PATIENCE_MS)
    return page


def open_scan(page: Page, server: Server, study: str, scan: str) -> Page:
    """Open the page of a scan to adjudicate as the owner and wait for the scan."""
    page.goto(f"{server.address}{study}/adjudication/{number_of(server, study, scan)}?token={TOKEN}")
    expect_scan(page, scan)
    return page


def expect_scan(page: Page, scan: str) -> None:
    """Wait until everything of a scan is there."""
    expect(page.locator("#scan")).to_have_text(f"Adjudicate {scan}", timeout=PATIENCE_MS)
    for place in ("#place", "#place-in-list"):
        expect(page.locator(place)).not_to_be_empty(timeout=PATIENCE_MS)


def test_the_figures_of_a_scale(server: Server, study: str, page: Page) -> None:
    page.goto(f"{server.address}{study}?token={TOKEN}")
    page.locator("#agreement").click()

    expect(page.locator("h1")).to_contain_text("Agreement: ", timeout=PATIENCE_MS)
    expect(page.locator("#pairs tbody td").nth(0)).to_have_text("2", timeout=PATIENCE_MS)
    expect(page.locator("#pairs tbody td").nth(1)).to_have_text("1")  # cannot be rated
    expect(page.locator("#pairs tbody tr")).to_have_count(1)
    expect(page.locator("#pairs tbody td").nth(4)).to_contain_text("0.50 (0.00 to 1.00)")  # the same score of quality
    expect(page.locator("#leniency tbody tr").nth(1)).to_contain_text("+1.00 (0.00 to +2.00)")
    assert page.locator("#together tbody th").all_text_contents() == [scale.title for scale in SCALES]
    page.get_by_label("Scale").select_option("enhancement")
    expect(page.locator("#pairs tbody td").nth(4)).to_contain_text("1.00")
    expect(page.locator("#repeats")).to_be_hidden()
    expect(page.locator("#model")).to_be_hidden()


@pytest.mark.slow
def test_a_scan_is_adjudicated_with_the_keyboard(server: Server, study: str, page: Page) -> None:
    open_agreement(page, server, study)
    expect(page.locator("#count")).to_have_text("2 scans, 2 of them still open.")
    page.get_by_role("link", name="SECRET-2").click()
    expect_scan(page, "SECRET-2")
    expect(page.locator("#place-in-list")).to_have_text("1 of 2")
    expect(page.locator("#ratings tbody")).to_contain_text("no atrium")
    expect(page.locator("#ratings tbody")).to_contain_text(COMMENT)
    expect(page.locator("#scales input").first).to_be_focused()
    for key in ("3", "2", "4"):
        page.keyboard.press(key)
    page.locator("#save").click()
    expect(page.locator("#missing")).to_have_text("Quality for fibrosis assessment has no score yet.")
    page.keyboard.press("5")
    page.get_by_label("Why").fill("readable in spite of it")
    page.get_by_label("Who agreed").fill("Ada, Bo")
    page.locator("#save").dblclick()

    expect(page.locator("#status")).to_contain_text("Agreed on")
    expect(page.locator("#history li")).to_have_count(1)
    expect(page.locator("#history")).to_contain_text("by Ada, Bo; readable in spite of it")
    page.locator("#next").click()
    expect_scan(page, "SECRET-1")
    expect(page.locator("#ratings .apart")).to_have_count(4)  # sharpness and quality of each
    expect(page.locator("#next")).to_be_hidden()
    page.locator("#list").click()
    expect(page.locator("#count")).to_have_text("2 scans, 1 of them still open.", timeout=PATIENCE_MS)
    expect(page.locator("#disputes tr").first).to_contain_text("✓ 3 2 4 5")
    assert ",adjudicated,3,2,4,5,\n" in server.ask("GET", f"/api{study}/export/scores.csv").text


@pytest.mark.slow
def test_two_pages_do_not_overwrite_each_other(server: Server, study: str, browser: Browser) -> None:
    """Each in a context of its own; a refusal is an error on the console."""
    contexts = [browser.new_context() for _ in range(2)]
    one, other = (open_scan(context.new_page(), server, study, "SECRET-1") for context in contexts)
    for page in (one, other):
        expect(page.locator("#scales input").first).to_be_focused()
        for _ in SCALE_NAMES:
            page.keyboard.press("2")
    one.locator("#save").click()
    expect(one.locator("#status")).to_contain_text("Agreed on")

    other.locator("#save").click()
    expect(other.locator("#error")).to_contain_text("adjudicated on another page meanwhile")
    number = number_of(server, study, "SECRET-1")
    assert len(server.get(f"/api{study}/adjudication/{number}")["agreed"]) == 1
    for context in contexts:
        context.close()


@pytest.mark.slow
def test_what_was_set_outlives_a_lost_connection(server: Server, study: str, browser: Browser) -> None:
    with browser.new_context() as context:
        page = open_scan(context.new_page(), server, study, "SECRET-1")
        context.set_offline(True)
        for _ in SCALE_NAMES:
            page.keyboard.press("4")
        page.locator("#save").click()
        expect(page.locator("#error")).to_contain_text("Not saved yet")
        context.set_offline(False)

        expect(page.locator("#status")).to_contain_text("Agreed on")
        expect(page.locator("#error")).to_be_empty()
        expect(page.locator("#history li")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.slow
def test_axe_finds_nothing_serious(server: Server, study: str, open_page: Callable[..., Page], scheme: str) -> None:
    page = open_agreement(open_page(color_scheme=scheme), server, study)
    assert serious(page) == []
    open_scan(page, server, study, "SECRET-2")
    assert serious(page) == []
    page.get_by_label("Cannot be rated").check()
    assert serious(page) == []


def serious(page: Page) -> list[str]:
    """What axe finds serious or critical on a page, and where."""
    found = [one for one in Axe().run(page).response["violations"] if one["impact"] in {"serious", "critical"}]
    return [f"{one['id']}: {node['target']}" for one in found for node in one["nodes"]]


def test_a_phone_needs_no_scrolling_sideways(server: Server, study: str, open_page: Callable[..., Page]) -> None:
    page = open_agreement(open_page(viewport={"width": 320, "height": 640}), server, study)
    page.get_by_text("Which scans are listed").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    open_scan(page, server, study, "SECRET-2")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.slow
def test_progress_is_shown_until_the_figures_are_there(server: Server, study: str, page: Page) -> None:
    page.route("**/progress", lambda route: route.fulfill(json={"share": 0.4, "done": False}), times=2)
    page.goto(f"{server.address}{study}/agreement?token={TOKEN}")
    expect(page.locator("#percent")).to_have_text("40 %")
    expect(page.locator("#adjudication")).to_be_visible()
    expect(page.locator("#figures")).to_be_visible()
    expect(page.locator("#busy")).to_be_hidden()


@pytest.mark.slow
def test_the_owner_changes_which_scans_are_listed(server: Server, study: str, page: Page) -> None:
    open_agreement(page, server, study)
    expect(page.locator("#disputes tr")).to_have_count(2)
    page.get_by_text("Which scans are listed").press("Enter")
    page.get_by_label("Points").fill("4")
    page.locator("#sides_on").get_by_label("Quality").press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#stored")).to_have_text("Saved.")
    expect(page.locator("#disputes tr")).to_have_count(1)
    page.reload()
    expect(page.locator("#disputes tr")).to_have_count(1)
    expect(page.get_by_label("Points")).to_have_value("4")
    assert server.get(f"/api{study}")["rule"]["sides_on"] == []


@pytest.mark.slow
def test_picture_can_be_enlarged_in_adjudication(server: Server, study: str, page: Page) -> None:
    open_scan(page, server, study, "SECRET-1")
    picture = page.locator("#stage canvas")
    seen = [picture.screenshot()]
    for key in ("+", "w", "Shift+ArrowLeft"):
        page.keyboard.press(key)
        page.wait_for_timeout(200)
        seen.append(picture.screenshot())
    whole, large, again, narrow = seen

    assert again == whole
    assert len({whole, large, narrow}) == 3
    page.get_by_label("Larger picture").click()
    page.wait_for_timeout(200)
    assert picture.screenshot() != narrow


@pytest.mark.slow
def test_report_can_be_downloaded_as_pdf(server: Server, study: str, page: Page) -> None:
    open_agreement(page, server, study)
    with page.expect_download() as download:
        page.get_by_role("link", name="agreement.pdf").click()

    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")
