"""The worklist as a person uses it: scans decided on by key, filtered, sorted and seen all at once."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from lgeqa.database import open_database
from tests.browser.test_serve import Server, serious
from tests.factories.worklist import fill
from tests.web.serving import TOKEN

#: Scans of the worklist, and keys that a decision on one of them may take.
SCANS, MOST_KEYS = 6, 3
#: Marks a scan as urgent.
MARK_URGENT = """(number) => fetch(`/api/scans/${number}/urgency`, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ urgent: true }),
})"""
#: Whether the probabilities of the list ascend.
SORTED = """() => {
  const cells = [...document.querySelectorAll("#scans tbody tr")].map((row) => row.cells[6].textContent);
  const shares = cells.map((text) => Number(text.replace(/[<>] /, "")));
  return shares.every((share, at) => at === 0 || shares[at - 1] <= share);
}"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "home").mkdir()
    fill(open_database(tmp_path / "home" / "lgeqa.sqlite"), SCANS)
    with Server(tmp_path) as running:
        yield running


@pytest.fixture
def home(page: Page, server: Server) -> Page:
    """The list, the worst scan first."""
    page.goto(f"{server.address}/?token={TOKEN}")
    page.get_by_label("Order").select_option("probability:false")
    page.get_by_label("Decided by a person").select_option("undecided")
    return page


def rows(page: Page) -> list[str]:
    return [text.strip() for text in page.locator("#scans tbody th a").all_inner_texts()]


def worst_first(page: Page) -> list[str]:
    """Return the names of the scans once the list is sorted by its probabilities."""
    expect(page.locator("#scans tbody tr")).to_have_count(SCANS)
    page.wait_for_function(SORTED)
    return rows(page)


class CountingKeyboard:
    """The keyboard of a page, which counts its keys."""

    def __init__(self, page: Page) -> None:
        self.page, self.count = page, 0

    def press(self, key: str) -> None:
        self.count += 1
        self.page.keyboard.press(key)


def test_scans_are_decided_by_at_most_three_keys_each(home: Page) -> None:
    names = worst_first(home)
    home.locator("#scans tbody th a").first.focus()
    keyboard = CountingKeyboard(home)
    keyboard.press("Enter")

    for number, name in enumerate(names):
        expect(home.get_by_role("heading", level=1)).to_have_text(name)
        expect(home.locator("#place")).to_have_text(f"Scan 1 of {SCANS - number}")
        if number % 2:
            keyboard.press("a")
        else:
            keyboard.press("r")
            keyboard.press("2")
        if number + 1 < SCANS:
            expect(home.locator("#before")).to_contain_text(f"{name}: {'accepted' if number % 2 else 'rejected'}.")

    expect(home.locator("#decided")).to_contain_text("✓ accepted by owner")
    assert keyboard.count <= MOST_KEYS * SCANS
    home.get_by_role("link", name="List").click()
    expect(home.locator("#none")).to_have_text("No scan fits the filters.")
    home.get_by_label("Decided by a person").select_option("reject")
    expect(home.locator("#scans tbody tr")).to_have_count(SCANS // 2)
    expect(home.locator("#scans .human").first).to_have_text("✗ rejected")


def test_decision_has_reason_note_and_name_and_can_be_withdrawn(home: Page) -> None:
    worst_first(home)
    home.locator("#scans tbody th a").last.click()
    home.get_by_label("Your name").fill("Ann")
    home.get_by_label("Note").fill("a breath was missed")
    home.keyboard.press("Enter")
    home.keyboard.press("r")
    home.get_by_role("button", name="Not sharp").click()

    expect(home.locator("#decided")).to_contain_text("✗ rejected by Ann")
    expect(home.locator("#decided")).to_contain_text("Not sharp. a breath was missed.")
    home.reload()
    expect(home.locator("#decided")).to_contain_text("✗ rejected by Ann")
    home.get_by_role("button", name="Withdraw").click()
    expect(home.locator("#decided")).to_have_text("Nobody has decided yet.")
    expect(home.locator("#decisions li")).to_have_count(2)


def test_letters_in_a_note_are_no_keys(home: Page) -> None:
    worst_first(home)
    home.locator("#scans tbody th a").first.click()
    expect(home.get_by_label("Note")).to_be_visible()
    home.get_by_label("Note").press_sequentially("arunp")

    expect(home.get_by_label("Note")).to_have_value("arunp")
    expect(home.locator("#decided")).to_have_text("Nobody has decided yet.")


def test_urgent_scan_comes_first(home: Page) -> None:
    names = worst_first(home)
    home.get_by_role("link", name=names[-1]).click()
    expect(home.locator("#place")).to_have_text(f"Scan {SCANS} of {SCANS}")
    expect(home.get_by_role("button", name="Urgent")).to_be_visible()
    home.keyboard.press("u")
    expect(home.get_by_role("button", name="Urgent")).to_have_attribute("aria-pressed", "true")
    home.get_by_role("link", name="List").click()

    expect(home.locator("#scans tbody tr").first).to_contain_text(names[-1])
    expect(home.locator("#scans .urgent")).to_have_text("! urgent")


def mark_urgent(page: Page, name: str) -> None:
    """Mark a scan as urgent behind the page's back, and wait until the page shows it."""
    address = page.get_by_role("link", name=name).get_attribute("href") or ""
    page.evaluate(MARK_URGENT, int(address.split("?")[0].rsplit("/", 1)[-1]))
    expect(page.locator(".urgent:visible")).to_have_count(1)


def test_link_keeps_the_focus_while_its_row_changes(home: Page) -> None:
    """A link that is taken out of the page loses the focus, and a click that has begun."""
    name = worst_first(home)[0]
    home.get_by_role("link", name=name).focus()
    mark_urgent(home, name)

    expect(home.get_by_role("link", name=name)).to_be_focused()


@pytest.mark.parametrize("changed", ["the same", "another"])
def test_picture_keeps_the_focus_while_a_scan_changes(home: Page, changed: str) -> None:
    name, other = worst_first(home)[:2]
    home.get_by_role("radio", name="mosaic").check()
    tile = home.locator("#mosaic").get_by_role("link", name=name)
    tile.focus()
    mark_urgent(home, name if changed == "the same" else other)

    expect(tile).to_be_focused()


def test_next_and_previous_follow_the_list(home: Page) -> None:
    names = worst_first(home)
    home.get_by_role("link", name=names[1]).click()
    expect(home.locator("#place")).to_have_text(f"Scan 2 of {SCANS}")
    home.keyboard.press("n")
    expect(home.get_by_role("heading", level=1)).to_have_text(names[2])
    expect(home.locator("#place")).to_have_text(f"Scan 3 of {SCANS}")
    home.keyboard.press("p")
    expect(home.get_by_role("heading", level=1)).to_have_text(names[1])


def test_green_is_kept_for_scans_that_are_accepted_without_a_failed_attribute(home: Page) -> None:
    worst_first(home)
    failing = home.locator("#scans tr", has=home.locator(".low"))
    assert failing.count()
    expect(failing.locator(".decision")).to_have_count(failing.count())
    expect(failing.locator(".decision.accept, .badge.diagnostic:not(.doubted)")).to_have_count(0)


def test_mosaic_shows_all_scans_and_filters_hold(home: Page) -> None:
    worst_first(home)
    home.get_by_role("radio", name="mosaic").check()
    expect(home.locator("#mosaic li")).to_have_count(SCANS)
    expect(home.locator("#table")).to_be_hidden()
    home.get_by_label("Search").fill("0003")
    expect(home.locator("#mosaic li")).to_have_count(1)
    home.get_by_role("link", name="scan-0003").click()
    home.get_by_role("link", name="List").click()
    expect(home.locator("#mosaic li")).to_have_count(1)
    home.get_by_role("button", name="Clear filters").click()
    expect(home.locator("#scans tbody tr")).to_have_count(SCANS)


def test_measure_filters_the_list(home: Page) -> None:
    worst_first(home)
    home.get_by_text("More filters").click()
    home.get_by_label("Attribute or measure", exact=True).last.select_option("p_sharpness")
    home.get_by_label("Limit").fill("0.5")
    expect(home.locator("#scans tbody tr")).not_to_have_count(SCANS)
    for row in home.locator("#scans tbody tr").all():
        expect(row.locator("td").nth(7)).to_have_class("number low")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 320])
@pytest.mark.slow
def test_worklist_has_no_serious_accessibility_problem(
    open_page: Callable[..., Page], server: Server, scheme: str, width: int
) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    page.goto(f"{server.address}/?token={TOKEN}")
    expect(page.locator("#scans tbody tr")).to_have_count(SCANS)
    page.get_by_text("More filters").click()
    assert serious(page) == []
    page.get_by_role("radio", name="mosaic").check()
    expect(page.locator("#mosaic li")).to_have_count(SCANS)
    assert serious(page) == []
    page.locator("#mosaic a").first.click()
    expect(page.locator("#place")).to_contain_text("Scan 1")
    assert serious(page) == []
    page.get_by_role("button", name="Reject").click()
    assert serious(page) == []
