"""Rating in a real browser, on a real server."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from lgeqa.scales import SCALE_NAMES
from tests.browser.rating import TOKEN, Server, Study, expect_scan, open_reading, rate
from tests.web.rating import write_scans

MARKUP = "<img src=x onerror=\"document.title='broken'\">"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from running(tmp_path_factory.mktemp("served"))


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """To be killed, or to be found without studies."""
    yield from running(tmp_path)


def running(place: Path) -> Iterator[Server]:
    one = Server(place / "home")
    one.start()
    yield one
    one.kill()


@pytest.fixture
def study(server: Server, tmp_path: Path) -> Study:
    """Of three scans, with Ada to read them."""
    return server.make_study(tmp_path / "scans")


@pytest.fixture
def link(study: Study) -> str:
    return study.add_reader("Ada")


@pytest.fixture
def shaken(browser: Browser) -> Iterator[Page]:
    """A page whose requests may fail; its scripts must not."""
    faults: list[str] = []
    with browser.new_context() as context:
        page = context.new_page()
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        yield page
    assert faults == []


def scores(row: dict[str, str]) -> str:
    return "".join(row[name] for name in SCALE_NAMES)


def test_three_scans_with_the_keyboard_alone(study: Study, link: str, page: Page) -> None:
    open_reading(page, link)
    expect(page.locator("#scan")).to_have_text("Scan 1 of 3")
    for key in ["ArrowUp", "PageDown", "4", "3", "2", "5", "Enter"]:
        page.keyboard.press(key)
    expect_scan(page, "Scan 2 of 3")
    expect(page.locator("#rated")).to_have_text("1 of 3 rated")
    for key in ["1", "c", *"dark rim", "Escape", "2", "3", "4"]:
        page.keyboard.press("Space" if key == " " else key)
    page.wait_for_timeout(450)
    page.keyboard.press("Enter")
    expect_scan(page, "Scan 3 of 3")
    for key in ["x", *"motion"]:
        page.keyboard.press(key)
    page.wait_for_timeout(450)
    page.keyboard.press("Enter")
    expect(page.locator("#notices")).to_contain_text("All scans are rated.")
    expect(page.locator("#status")).to_contain_text("Saved")

    rows = study.exported("ratings.csv")

    assert Counter((scores(row), row["comment"], row["cannot_rate"]) for row in rows) == Counter(
        [("4325", "", ""), ("1234", "dark rim", ""), ("", "", "motion")]
    )


def test_arrows_move_through_slices_and_touch_no_score(link: str, page: Page) -> None:
    open_reading(page, link)
    before = page.locator("#place").inner_text()
    for key in ["ArrowUp", "ArrowRight"]:
        page.keyboard.press(key)
    expect(page.locator("#place")).to_have_text("7 of 9")
    page.keyboard.press("End")
    page.keyboard.press("ArrowUp")

    assert before == "5 of 9"
    expect(page.locator("#place")).to_have_text("9 of 9")
    expect(page.locator("#scales input:checked")).to_have_count(0)


@pytest.mark.slow
def test_keys_set_window_and_zoom_and_w_resets_both(link: str, page: Page) -> None:
    open_reading(page, link)
    picture = page.locator("#stage .volume:not(.waiting) canvas")
    seen = [picture.screenshot()]
    for key in ("Shift+ArrowLeft", "Shift+ArrowUp", "+", "-", "+", "w"):
        page.keyboard.press(key)
        page.wait_for_timeout(200)
        seen.append(picture.screenshot())
    home, narrow, bright, large, small, _, again = seen

    assert len({home, narrow, bright, large}) == 4
    assert small == bright
    assert again == home
    expect(page.locator("#place")).to_have_text("5 of 9")


@pytest.mark.slow
def test_what_is_missing_is_said_and_focused(study: Study, link: str, page: Page) -> None:
    open_reading(page, link)
    page.keyboard.press("4")
    page.keyboard.press("Enter")
    expect(page.locator("#missing")).to_have_text("Sharpness has no score yet.")
    expect(page.locator("#scales input:focus")).to_have_attribute("name", "sharpness")
    page.keyboard.press("x")
    page.keyboard.press("Enter")
    expect(page.locator("#missing")).to_have_text("Say why the scan cannot be rated.")
    page.locator("#scan").click()
    page.keyboard.press("x")
    for key in "333":
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect_scan(page, "Scan 2 of 3")

    assert [scores(row) for row in study.exported("history.csv")] == ["4333"]


def test_mouse_and_touch_rate_as_well(study: Study, link: str, open_page: Callable[..., Page]) -> None:
    page = open_page(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    open_reading(page, link)
    for name, score in zip(SCALE_NAMES, (2, 3, 4, 5), strict=True):
        page.locator(f"#scales input[name={name}][value='{score}']").tap()
    page.locator("#slice").fill("2")
    expect(page.locator("#place")).to_have_text("2 of 9")
    page.locator("#save").tap()
    expect_scan(page, "Scan 2 of 3")
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    assert overflow == 0
    assert [scores(row) for row in study.exported("ratings.csv")] == ["2345"]


@pytest.mark.slow
def test_reading_resumes_with_half_a_rating(link: str, page: Page) -> None:
    open_reading(page, link)
    rate(page, "1234")
    expect_scan(page, "Scan 2 of 3")
    page.keyboard.press("5")
    page.keyboard.press("4")
    page.locator("#comment").fill("half done")
    page.reload()
    expect_scan(page, "Scan 2 of 3")

    checked = page.locator("#scales input:checked")
    assert [one.get_attribute("value") for one in checked.all()] == ["5", "4"]
    expect(page.locator("#comment")).to_have_value("half done")
    expect(page.locator("#scales input:focus")).to_have_attribute("name", "enhancement")


@pytest.mark.slow
def test_going_back_changes_a_rating_and_keeps_the_first(study: Study, link: str, page: Page) -> None:
    open_reading(page, link)
    rate(page, "1234")
    expect_scan(page, "Scan 2 of 3")
    page.keyboard.press("p")
    expect_scan(page, "Scan 1 of 3")
    assert [one.get_attribute("value") for one in page.locator("#scales input:checked").all()] == list("1234")
    page.locator("#scales input").first.focus()
    page.keyboard.press("5")
    page.keyboard.press("Enter")
    expect_scan(page, "Scan 2 of 3")
    expect(page.locator("#status")).to_contain_text("Saved")

    assert [scores(row) for row in study.exported("history.csv")] == ["1234", "5234"]


@pytest.mark.slow
def test_unchanged_rating_and_double_click_save_once(study: Study, link: str, page: Page) -> None:
    open_reading(page, link)
    rate(page, "1111")
    expect_scan(page, "Scan 2 of 3")
    rate(page, "2222")
    expect_scan(page, "Scan 3 of 3")
    page.locator("#go").select_option("1")
    expect_scan(page, "Scan 1 of 3")
    page.locator("#save").click()
    expect_scan(page, "Scan 3 of 3")
    for key in "3333":
        page.keyboard.press(key)
    page.wait_for_timeout(450)
    page.locator("#save").dblclick()
    expect(page.locator("#notices")).to_contain_text("All scans are rated.")
    expect(page.locator("#status")).to_contain_text("Saved")

    assert sorted(scores(row) for row in study.exported("history.csv")) == ["1111", "2222", "3333"]


@pytest.mark.slow
def test_two_readers_at_once(study: Study, link: str, open_page: Callable[..., Page]) -> None:
    ada, bo = open_page(), open_page()
    open_reading(ada, link)
    open_reading(bo, study.add_reader("Bo"))
    for scan in (1, 2, 3):
        rate(ada, f"{scan}111")
        rate(bo, f"{scan}555")
        for page in (ada, bo):
            if scan < 3:
                expect_scan(page, f"Scan {scan + 1} of 3")
    for page in (ada, bo):
        expect(page.locator("#notices")).to_contain_text("All scans are rated.")
        expect(page.locator("#status")).to_contain_text("Saved")

    rows = study.exported("ratings.csv")

    assert sorted(scores(row) for row in rows if row["reader"] == "Ada") == ["1111", "2111", "3111"]
    assert sorted(scores(row) for row in rows if row["reader"] == "Bo") == ["1555", "2555", "3555"]
    assert len({(row["scan"], row["reader"]) for row in rows}) == 6


@pytest.mark.slow
def test_two_tabs_of_one_reader(study: Study, link: str, open_page: Callable[..., Page]) -> None:
    first = open_reading(open_page(), link)
    second = open_reading(first.context.new_page(), f"{study.server.address}/read")
    rate(first, "1111")
    expect(first.locator("#status")).to_contain_text("Saved")
    rate(second, "5555")
    expect(second.locator("#notices")).to_contain_text("Scan 1 was rated in another tab too.")
    expect(first.locator("#notices")).to_be_empty()

    assert [scores(row) for row in study.exported("history.csv")] == ["1111", "5555"]
    assert [scores(row) for row in study.exported("ratings.csv")] == ["5555"]


@pytest.mark.slow
def test_offline_a_rating_is_kept_and_said_not_to_be_saved(study: Study, link: str, shaken: Page) -> None:
    open_reading(shaken, link)
    shaken.context.set_offline(True)
    rate(shaken, "2345")
    expect(shaken.locator("#status")).to_have_text("Not saved yet: scan 1")
    assert study.progress() == [0]
    shaken.context.set_offline(False)
    expect(shaken.locator("#status")).to_contain_text("Saved")
    expect_scan(shaken, "Scan 2 of 3")

    assert [scores(row) for row in study.exported("history.csv")] == ["2345"]


@pytest.mark.slow
def test_page_closed_while_offline_sends_when_reopened(study: Study, link: str, shaken: Page) -> None:
    open_reading(shaken, link)
    shaken.context.set_offline(True)
    rate(shaken, "2345")
    expect(shaken.locator("#status")).to_have_text("Not saved yet: scan 1")
    later = shaken.context.new_page()
    shaken.close()
    later.context.set_offline(False)
    open_reading(later, f"{study.server.address}/read")
    expect(later.locator("#status")).to_contain_text("Saved")

    assert [scores(row) for row in study.exported("history.csv")] == ["2345"]


@pytest.mark.slow
def test_a_lost_answer_doubles_nothing(study: Study, link: str, shaken: Page) -> None:
    """The server keeps the rating, and its answer never comes."""
    open_reading(shaken, link)
    lost: list[int] = []

    def lose(route: Any) -> None:
        lost.append(route.fetch().status)
        route.abort()

    shaken.route("**/ratings", lose, times=1)
    rate(shaken, "2345")
    expect(shaken.locator("#status")).to_contain_text("Saved")

    assert lost == [200]
    assert [scores(row) for row in study.exported("history.csv")] == ["2345"]


@pytest.mark.slow
def test_a_server_killed_in_mid_study_loses_and_doubles_nothing(
    own_server: Server, tmp_path: Path, browser: Browser
) -> None:
    """Right after its answer for one reader, and with a rating of the other on the way."""
    study = own_server.make_study(tmp_path / "scans")
    links = (study.add_reader("Ada"), study.add_reader("Bo"))
    with browser.new_context() as one, browser.new_context() as other:
        ada, bo = (open_reading(context.new_page(), link) for context, link in zip((one, other), links, strict=True))
        with ada.expect_response("**/ratings"):
            rate(ada, "1111")
        own_server.kill()
        rate(bo, "5555")
        expect(bo.locator("#status")).to_have_text("Not saved yet: scan 1")
        own_server.start()
        expect(bo.locator("#status")).to_contain_text("Saved", timeout=20_000)
        for page in (ada, bo):
            expect_scan(page, "Scan 2 of 3")
        rate(ada, "2222")
        expect_scan(ada, "Scan 3 of 3")

    rows = study.exported("history.csv")

    assert sorted((row["reader"], scores(row)) for row in rows) == [("Ada", "1111"), ("Ada", "2222"), ("Bo", "5555")]


@pytest.mark.slow
def test_rating_of_a_closed_study_is_sent_when_reopened(study: Study, link: str, shaken: Page) -> None:
    open_reading(shaken, link)
    study.post("close")
    rate(shaken, "2345")
    expect(shaken.locator("#notices")).to_contain_text("Scan 1 was not saved: The study ")
    expect(shaken.locator("#scan")).to_have_text("This study is closed")
    expect(shaken.locator("#main")).to_be_hidden()
    expect(shaken.locator("#status")).to_have_text("Not saved yet: scan 1")
    study.post("reopen")
    shaken.reload()
    expect_scan(shaken, "Scan 2 of 3")

    assert [scores(row) for row in study.exported("history.csv")] == ["2345"]


@pytest.mark.slow
def test_other_readers_link_in_the_same_browser_loses_no_rating(study: Study, link: str, shaken: Page) -> None:
    open_reading(shaken, link)
    other = open_reading(shaken.context.new_page(), study.add_reader("Bo"))
    rate(shaken, "1111")
    expect(shaken.locator("#notices")).to_contain_text("This page was opened by another reader.")
    rate(other, "5555")
    expect(other.locator("#status")).to_contain_text("Saved")

    assert [(row["reader"], scores(row)) for row in study.exported("history.csv")] == [("Bo", "5555")]


def confirm(page: Page, action: str) -> None:
    """Choose an action in the dialog that asks for it."""
    page.get_by_role("dialog").get_by_role("button", name=action).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.slow
def test_the_owner_runs_a_study_from_its_pages(
    own_server: Server, tmp_path: Path, open_page: Callable[..., Page]
) -> None:
    write_scans(tmp_path / "scans", 4)
    (tmp_path / "scans" / "broken.nrrd").write_bytes(b"NRRD0004\nbroken")
    owner = open_page()
    owner.goto(f"{own_server.address}/studies?token={TOKEN}")
    expect(owner.locator("#none")).to_be_visible()
    owner.get_by_label("Name").fill(MARKUP)
    owner.get_by_label("Folder of scans").fill(str(tmp_path / "scans"))
    owner.get_by_label("Shown twice, %").fill("50")
    owner.get_by_role("button", name="Make the study").click()
    expect(owner.locator("#out")).to_contain_text("broken.nrrd")
    owner.get_by_role("link", name="Open the study").click()
    owner.get_by_label("New reader").fill(MARKUP)
    owner.keyboard.press("Enter")
    owner.get_by_label("New reader").fill("Bo")
    owner.keyboard.press("Enter")
    expect(owner.locator("#whose")).to_have_text("The link of Bo")
    owner.get_by_role("button", name=f"Remove {MARKUP}").click()
    confirm(owner, "Remove")
    expect(owner.locator("#readers tr")).to_have_count(1)
    expect(owner.locator("#link")).to_be_visible()
    owner.get_by_role("button", name="Remove Bo").click()
    confirm(owner, "Remove")
    expect(owner.locator("#readers tr")).to_have_count(0)
    expect(owner.locator("#link")).to_be_hidden()
    owner.get_by_label("New reader").fill(MARKUP)
    owner.keyboard.press("Enter")
    expect(owner.locator("#link")).to_be_visible()  # only then is the address that of the new reader
    link = owner.locator("#address")
    expect(link).to_have_value(re.compile(r"/enter#token=.{32}"))
    reader = open_reading(open_page(), link.input_value())
    expect(reader.locator("#scan")).to_have_text("Scan 1 of 6")
    reader.locator("#comment").fill(MARKUP)
    rate(reader, "4321")
    expect(reader.locator("#status")).to_contain_text("Saved")
    owner.reload()
    expect(owner.locator("#readers")).to_contain_text("1 of 6")
    expect(owner.get_by_role("button", name=re.compile("Delete|Remove"))).to_have_count(0)
    expect(owner.locator("#results")).to_be_hidden()
    reader.close()
    owner.get_by_role("button", name="Close the study").click()
    confirm(owner, "Close the study")
    expect(owner.locator("#ratings tbody tr")).to_have_count(1)
    expect(owner.locator("#ratings")).to_contain_text(MARKUP)
    with owner.expect_download() as download:
        owner.get_by_role("link", name="ratings.csv").click()

    assert "4,3,2,1" in Path(download.value.path()).read_text(encoding="utf-8")
    assert owner.title() == MARKUP
    expect(owner.locator("main img")).to_have_count(0)


def make_study(page: Page, server: Server, place: Path, name: str) -> None:
    """Make a study of two scans from the page."""
    write_scans(place / "scans", 2)
    page.goto(f"{server.address}/studies?token={TOKEN}")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Folder of scans").fill(str(place / "scans"))
    page.get_by_role("button", name="Make the study").click()


@pytest.mark.slow
def test_a_name_may_be_typed_before_the_last_reader_was_made(own_server: Server, tmp_path: Path, shaken: Page) -> None:
    make_study(shaken, own_server, tmp_path, "Fast")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    shaken.route("**/readers", hold, times=1)
    field = shaken.get_by_label("New reader")
    field.fill("Ann")
    shaken.keyboard.press("Enter")
    field.fill("Bo")
    shaken.keyboard.press("Enter")
    expect(shaken.locator("#whose")).to_have_text("The link of Bo")
    field.fill("Cy")
    held[0].continue_()
    expect(shaken.locator("#readers tr")).to_have_count(2)
    expect(shaken.locator("#whose")).to_have_text("The link of Bo")
    expect(field).to_have_value("Cy")
    shaken.keyboard.press("Enter")
    expect(shaken.locator("#whose")).to_have_text("The link of Cy")


@pytest.mark.slow
def test_a_name_stays_where_the_reader_could_not_be_made(own_server: Server, tmp_path: Path, shaken: Page) -> None:
    make_study(shaken, own_server, tmp_path, "Offline")
    shaken.route("**/readers", lambda route: route.abort(), times=1)
    field = shaken.get_by_label("New reader")
    field.fill("Cy")
    shaken.keyboard.press("Enter")
    expect(shaken.locator("#error")).not_to_be_empty()
    expect(field).to_have_value("Cy")


@pytest.mark.slow
def test_a_study_made_by_mistake_is_deleted_from_its_page(own_server: Server, tmp_path: Path, page: Page) -> None:
    make_study(page, own_server, tmp_path, "Wrong")
    page.get_by_role("button", name="Delete the study").click()
    expect(page.get_by_role("dialog")).to_contain_text("Its links will stop working.")
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("#name")).to_have_text("Wrong")
    page.get_by_role("button", name="Delete the study").click()
    confirm(page, "Delete the study")

    expect(page.locator("#none")).to_be_visible()


def test_an_error_is_reported_on_the_owners_page(server: Server, shaken: Page) -> None:
    shaken.goto(f"{server.address}/studies?token={TOKEN}")
    shaken.get_by_label("Name").fill("S")
    shaken.get_by_label("Folder of scans").fill("/not/there")
    shaken.get_by_role("button", name="Make the study").click()
    expect(shaken.locator("#error")).to_contain_text("/not/there: is not a folder on the server's machine")
    shaken.goto(f"{server.address}/studies/999")
    expect(shaken.locator("#error")).to_have_text("There is no study 999.")


def test_link_of_a_reader_is_shown_again(study: Study, link: str, page: Page) -> None:
    page.goto(f"{study.server.address}/studies/{study.number}?token={TOKEN}")
    page.get_by_role("button", name="Show the link of Ada").click()
    expect(page.locator("#address")).to_have_value(link)
    page.get_by_role("button", name="New link for Ada").click()
    confirm(page, "Make a new link")
    expect(page.locator("#address")).not_to_have_value(link)


def test_focus_stays_in_the_list_of_readers(study: Study, link: str, page: Page) -> None:
    study.add_reader("Bo")
    page.goto(f"{study.server.address}/studies/{study.number}?token={TOKEN}")
    page.get_by_role("button", name="Show the link of Ada").focus()
    study.add_reader("Cem")
    expect(page.locator("#readers")).to_contain_text("Cem")

    expect(page.get_by_role("button", name="Show the link of Ada")).to_be_focused()


def test_next_scan_is_loaded_while_this_one_is_rated(link: str, page: Page) -> None:
    volumes: list[str] = []
    page.on("request", lambda request: volumes.append(request.url) if request.url.endswith("/volume") else None)
    with page.expect_response("**/2/volume"):
        open_reading(page, link)
    expect(page.locator("#scan")).to_have_text("Scan 1 of 3")
    with page.expect_response("**/3/volume"):
        rate(page, "1234")
        expect_scan(page, "Scan 2 of 3")

    assert [address.split("/")[-2] for address in volumes] == ["1", "2", "3"]
    expect(page.locator("#stage .volume:not(.waiting)")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.slow
def test_no_page_shuts_people_out(study: Study, link: str, scheme: str, open_page: Callable[..., Page]) -> None:
    reader = open_reading(open_page(color_scheme=scheme), link)
    assert faults(reader) == []
    reader.keyboard.press("4")
    reader.keyboard.press("x")
    assert faults(reader) == []
    reader.locator("#scan").click()
    for key in ("?", "e"):
        reader.keyboard.press(key)
        expect(reader.locator("dialog[open]")).to_be_visible()
        assert faults(reader) == []
        reader.keyboard.press("Escape")
    owner = open_page(color_scheme=scheme)
    owner.goto(f"{study.server.address}/studies?token={TOKEN}")
    expect(owner.locator("#studies")).to_contain_text("scans")
    assert faults(owner) == []
    owner.goto(f"{study.server.address}/studies/{study.number}")
    owner.get_by_label("New reader").fill("Bo")
    owner.keyboard.press("Enter")
    expect(owner.locator("#link")).to_be_visible()
    assert faults(owner) == []
    study.post("close")
    owner.reload()
    expect(owner.locator("#results")).to_be_visible()
    assert faults(owner) == []
    reader.reload()
    expect(reader.locator("#scan")).to_have_text("This study is closed")
    assert faults(reader) == []


def test_narrow_pages_need_no_scrolling_sideways(study: Study, link: str, open_page: Callable[..., Page]) -> None:
    reader = open_reading(open_page(viewport={"width": 320, "height": 640}), link)
    assert overflow(reader) == 0
    owner = open_page(viewport={"width": 320, "height": 640})
    owner.goto(f"{study.server.address}/studies?token={TOKEN}")
    expect(owner.locator("#studies")).to_contain_text("scans")
    assert overflow(owner) == 0
    owner.goto(f"{study.server.address}/studies/{study.number}")
    owner.get_by_role("button", name="Show the link of Ada").click()
    expect(owner.locator("#link")).to_be_visible()
    assert overflow(owner) == 0
    owner.get_by_role("button", name="Close the study").click()
    assert overflow(owner) == 0
    assert faults(owner) == []


def overflow(page: Page) -> int:
    """How many pixels a page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def faults(page: Page) -> list[str]:
    """What axe finds serious or critical on a page, and where."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['target']}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
