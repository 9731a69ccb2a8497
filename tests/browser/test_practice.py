"""Practice before a study, and signing in with a link, in a real browser."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.rating import TOKEN, Server, expect_scan
from tests.images import volume, write_volume

HEAD = "scan,patient,image,mask,reader,myocardium_nulling,sharpness,enhancement,quality\n"
ROWS = "a,p,a/data.nrrd,,adjudicated,4,3,2,2\nb,q,b/data.nrrd,,adjudicated,5,5,5,\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("served") / "home")
    started.start()
    yield started
    started.kill()


@pytest.fixture
def link(server: Server, tmp_path: Path) -> str:
    """The link of Ada to a study with two practice scans."""
    practice = tmp_path / "practice"
    for seed, name in enumerate("ab", start=50):
        write_volume(practice / name / "data.nrrd", volume((9, 16, 12), seed=seed))
    (practice / "scores.csv").write_text(HEAD + ROWS, encoding="utf-8")
    return server.make_study(tmp_path / "scans", practice=practice).add_reader("Ada")


@pytest.fixture
def refused(browser: Browser) -> Iterator[Page]:
    """A page whose requests may be refused, which the console reports."""
    with browser.new_context() as context:
        yield context.new_page()


def open_practice(page: Page, link: str) -> Page:
    page.goto(link)
    expect(page.locator("#scan")).to_have_text("Practice 1 of 2")
    expect(page.locator("#place")).not_to_be_empty()
    return page


def serious(page: Page) -> list[str]:
    """What axe finds serious or critical on a page."""
    violations = Axe().run(page).response["violations"]
    return [str(found["id"]) for found in violations if found["impact"] in ("serious", "critical")]


@pytest.mark.slow
def test_practice_with_the_keyboard_leads_to_the_study(server: Server, link: str, page: Page) -> None:
    open_practice(page, link)
    for key in ("4", "5", "2", "3", "Enter"):
        page.keyboard.press(key)
    rows = page.locator("#feedback tbody tr")
    expect(rows).to_have_text(
        [
            "Myocardium nulling44the same",
            "Sharpness532 too high",
            "Enhancement of aorta and valve22the same",
            "Quality for fibrosis assessment321 too high, other side of 3",
        ]
    )
    expect(page.locator("#feedback p")).to_have_text("Your mean distance from the known scores so far: 0.8.")
    page.keyboard.press("Enter")
    expect(page.locator("#scan")).to_have_text("Practice 2 of 2")
    expect(page.locator("#feedback")).to_be_empty()
    for key in "5541":
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(rows.last).to_have_text("Quality for fibrosis assessment1unknown")
    expect(page.locator("#save")).to_contain_text("Start the study")
    page.keyboard.press("Enter")
    expect_scan(page, "Scan 1 of 3")
    assert server.get("/api/studies")[0]["readers"][0]["practised"] == 2


def test_practice_goes_on_where_it_was_left(link: str, page: Page) -> None:
    open_practice(page, link)
    for key in ("4", "3", "2", "2", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#save")).to_contain_text("Next practice scan")
    page.reload()

    expect(page.locator("#scan")).to_have_text("Practice 2 of 2")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.slow
def test_practice_shuts_nobody_out(link: str, open_page: Callable[..., Page], scheme: str) -> None:
    page = open_practice(open_page(color_scheme=scheme, viewport={"width": 320, "height": 640}), link)
    assert serious(page) == []
    for key in ("4", "5", "2", "3", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#feedback table")).to_be_visible()
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_token_stays_in_no_address_and_no_request(server: Server, link: str, page: Page) -> None:
    token = link.partition("#token=")[2]
    addresses: list[str] = []
    page.on("request", lambda request: addresses.extend([request.url, request.headers.get("referer", "")]))
    open_practice(page, link)

    assert page.url == f"{server.address}/practice"
    assert not [address for address in addresses if token in address.partition("#")[0]]
    page.go_back()
    assert token not in page.url


@pytest.mark.slow
def test_wrong_token_is_told_even_to_somebody_signed_in(server: Server, link: str, refused: Page) -> None:
    refused.goto(f"{server.address}/enter#token={TOKEN}")
    expect(refused).to_have_url(f"{server.address}/")
    for wrong in (f"{link}x", link.replace("/enter#", "/read?") + "x"):
        refused.goto(wrong)
        expect(refused.locator("#refused")).to_contain_text("This token is not valid here.")
        expect(refused).to_have_url(f"{server.address}/enter")
    assert serious(refused) == []
    refused.get_by_label("Token").fill(link.partition("#token=")[2])
    refused.keyboard.press("Enter")
    expect(refused.locator("#scan")).to_have_text("Practice 1 of 2")


def test_link_of_an_earlier_version_still_works(server: Server, link: str, page: Page) -> None:
    open_practice(page, link.replace("/enter#", "/read?"))

    assert page.url == f"{server.address}/practice"
