"""Agreement and adjudication in a real browser."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from lgeqa.attributes import NAMES
from lgeqa.rate.order import draw_order
from tests.browser.rating import TOKEN, Server

#: What each reader gives to the three scans, scale by scale; None for "cannot be rated".
GIVEN: dict[str, tuple[tuple[int, ...] | None, ...]] = {
    "Ada": ((4, 4, 4, 4), (2, 2, 2, 2), (3, 3, 3, 3)),
    "Bo": ((4, 4, 4, 4), (2, 5, 2, 4), None),
}
COMMENT = "<img src=x onerror=alert(1)> blurred"
AGREEMENT, SECOND = "/studies/1/agreement", "/studies/1/adjudication/2"
#: Of the study that `Server.make_study` makes.
SEED = 5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A closed study with the number 1, whose second and third scans are to be adjudicated."""
    place = tmp_path_factory.mktemp("agreement")
    server = Server(place / "home")
    server.start()
    server.make_study(place / "scans")
    for reader, (name, given) in enumerate(GIVEN.items(), start=1):
        token = server.add_reader(name).rpartition("=")[2]
        for number, one in enumerate(draw_order(SEED, reader, len(given), []), start=1):
            scores = given[one.scan]
            body: dict[str, object] = {"save_id": f"save-{number:04}", "reader_id": reader, "known": 0}
            body |= {"scores": dict(zip(NAMES, scores, strict=True))} if scores else {"cannot_rate": "no atrium"}
            headers = {"Authorization": f"Bearer {token}"}
            path = f"{server.address}/api/reading/{number}/ratings"
            httpx.post(path, headers=headers, json=body | {"comment": COMMENT}, timeout=60).raise_for_status()
    server.post("/api/studies/1/close")
    yield server
    server.kill()


def open_at(page: Page, server: Server, path: str) -> Page:
    """Open a page as the owner and wait until it shows what it is for."""
    page.goto(f"{server.address}{path}?token={TOKEN}")
    if path == AGREEMENT:
        expect(page.locator("#figures")).to_be_visible(timeout=60_000)
    else:
        expect(page.locator("#place")).not_to_be_empty(timeout=60_000)
    return page


def test_the_figures_of_a_scale(server: Server, page: Page) -> None:
    page.goto(f"{server.address}/studies/1?token={TOKEN}")
    page.locator("#agreement").click()

    expect(page.locator("h1")).to_have_text("Agreement: Pilot")
    expect(page.locator("#pairs tbody")).to_contain_text("2 (+1 not ratable)", timeout=60_000)
    expect(page.locator("#pairs tbody tr")).to_have_count(1)
    expect(page.locator("#pairs tbody td").nth(3)).to_contain_text("0.50 (0.00 to 1.00)")  # the same score of quality
    expect(page.locator("#leniency tbody tr").nth(1)).to_contain_text("+1.00 (0.00 to +2.00)")
    page.get_by_label("Scale").select_option("enhancement")
    expect(page.locator("#pairs tbody td").nth(3)).to_contain_text("1.00")
    expect(page.locator("#repeats")).to_be_hidden()
    expect(page.locator("#model")).to_be_hidden()


def test_a_scan_is_adjudicated_with_the_keyboard(server: Server, page: Page) -> None:
    open_at(page, server, AGREEMENT)
    expect(page.locator("#count")).to_have_text("2 scans, 2 of them still open.")
    page.get_by_role("link", name="SECRET-2").click()
    expect(page.locator("#place-in-list")).to_have_text("1 of 2")
    expect(page.locator("#said tbody")).to_contain_text("cannot be rated: no atrium")
    expect(page.locator("#said tbody")).to_contain_text(COMMENT)
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
    expect(page.locator("#scan")).to_have_text("Adjudicate SECRET-1")
    expect(page.locator("#said .apart")).to_have_count(4)  # sharpness and quality of each
    expect(page.locator("#next")).to_be_hidden()
    page.locator("#list").click()
    expect(page.locator("#count")).to_have_text("2 scans, 1 of them still open.")
    expect(page.locator("#disputes tr").first).to_contain_text("✓ 3 2 4 5")
    rows = server.exported("scores.csv")
    assert [row["quality"] for row in rows if row["reader"] == "adjudicated"] == ["5"]


def test_two_pages_do_not_overwrite_each_other(server: Server, open_page: Callable[..., Page]) -> None:
    one, other = (open_at(open_page(), server, SECOND) for _ in range(2))
    for page in (one, other):
        expect(page.locator("#scales input").first).to_be_focused()
        for _ in NAMES:
            page.keyboard.press("2")
    one.locator("#save").click()
    expect(one.locator("#status")).to_contain_text("Agreed on")

    with other.expect_response("**/adjudication/2") as answer:
        other.locator("#save").click()
    assert answer.value.status == 409
    expect(other.locator("#fault")).to_contain_text("adjudicated on another page meanwhile")
    assert len(server.get("/api" + SECOND)["agreed"]) == 1


@pytest.mark.parametrize("path", [AGREEMENT, SECOND])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(server: Server, open_page: Callable[..., Page], scheme: str, path: str) -> None:
    page = open_at(open_page(color_scheme=scheme), server, path)

    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"]) for one in found if one["impact"] in {"serious", "critical"}] == []


@pytest.mark.parametrize("path", [AGREEMENT, SECOND])
def test_a_phone_needs_no_scrolling_sideways(server: Server, open_page: Callable[..., Page], path: str) -> None:
    page = open_at(open_page(viewport={"width": 375, "height": 667}), server, path)

    assert page.evaluate("document.documentElement.scrollWidth") <= 375
