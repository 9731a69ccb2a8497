"""The web application as a person uses it: scans dropped, queued, judged and looked at."""

import io
import json
import re
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from matplotlib.colors import to_rgb
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Route, expect

from lgeqa.frontend.colours import overlay_colour
from lgeqa.inference.bundle.manifest import MANIFEST
from lgeqa.measures import MEASURES
from lgeqa.reporting import ENDS
from lgeqa.web.app import create_app
from lgeqa.web.settings import ServeSettings
from tests.toy import SLOPES, toy_bundle, toy_scan
from tests.web.serving import TOKEN, zipped

CAUTION = "It called every scan diagnostic: look at the measures."
VERDICT = ".badge.diagnostic, .badge.non-diagnostic"
#: Drops a file of this name and these bytes on the page. Text reaches the page much faster than a list of numbers.
DROP = """([name, base64]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name));
  document.querySelector("#drop").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
}"""
MARKUP = "<img src=x onerror=alert(1)>"
#: Gives the window of a viewer of the scan whose page this is.
WINDOW = """async () => {
  const { createViewer } = await import("/static/volume_viewer.js");
  const canvas = document.querySelector("#canvas").parentElement.appendChild(document.createElement("canvas"));
  return (await createViewer(canvas, { volume: `/api${location.pathname}/volume.nii.gz` })).window;
}"""
#: Gives the outlines of a ball around column 4, row 5 and slice 6 on the planes through its middle.
OUTLINES = """async () => {
  const { planeOutlines } = await import("/static/mask_outlines.js");
  const mask = Uint8Array.from({ length: 12 * 11 * 10 }, (_, at) =>
    Math.hypot((at % 10) - 4, (Math.floor(at / 10) % 11) - 5, Math.floor(at / 110) - 6) ** 2 <= 14.01 ? 1 : 0);
  return [...planeOutlines(mask, [10, 11, 12], [4, 5, 6])];
}"""


class Server(uvicorn.Server):
    """The application in a thread of this process.

    Attributes:
        address: without a path.
    """

    def __init__(self, place: Path) -> None:
        bundle = toy_bundle(place / "bundle", maps=SLOPES)
        manifest = json.loads((bundle / MANIFEST).read_text(encoding="utf-8"))
        (bundle / MANIFEST).write_text(json.dumps(manifest | {"caution": CAUTION}), encoding="utf-8")
        app = create_app(place / "home", TOKEN, ServeSettings.of({"bundle": bundle, "upload_mb": 1}))
        super().__init__(uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=1))
        self._thread = threading.Thread(target=self.run)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self.started:
            time.sleep(0.01)
        self.address = f"http://127.0.0.1:{self.servers[0].sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self.should_exit = True
        self._thread.join()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture
def home(page: Page, server: Server) -> Page:
    """The page of all scans."""
    page.goto(f"{server.address}/?token={TOKEN}")
    return page


def drop(page: Page, name: str, content: bytes) -> None:
    page.evaluate(DROP, [name, b64encode(content).decode()])


def pixels(shown: Locator) -> npt.NDArray[np.uint8]:
    """Return what an element looks like, as (row, column, colour)."""
    return np.asarray(Image.open(io.BytesIO(shown.screenshot())).convert("RGB"))


def has_colour_of_heat(picture: npt.NDArray[np.uint8]) -> bool:
    """Return whether the most colourful place has a tint of the report's heat maps."""
    tints = picture.reshape(-1, 3) - picture.reshape(-1, 3).mean(axis=1, keepdims=True)
    strongest = tints[np.argmax(np.linalg.norm(tints, axis=1))]
    colours = np.array([to_rgb(overlay_colour("heat-for")), to_rgb(overlay_colour("heat-against"))])
    wanted = colours - colours.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(wanted, axis=1) * max(float(np.linalg.norm(strongest)), 1.0)
    return bool(np.max(wanted @ strongest / lengths) > 0.99)


def small_scan(place: Path, seed: int = 0) -> bytes:
    return toy_scan(place / f"{seed}.nrrd", seed).read_bytes()


def test_drop_a_scan_and_read_the_verdict_and_look_at_it(home: Page, tmp_path: Path) -> None:
    drop(home, "dropped.nrrd", small_scan(tmp_path))

    line = home.locator("#scans tbody tr", has_text="dropped")
    expect(line.locator(VERDICT)).to_be_visible(timeout=30_000)
    expect(line.locator("img")).to_have_js_property("naturalWidth", 96)
    expect(home.locator("#progress")).to_contain_text("done")

    line.get_by_role("link", name="dropped").click()
    home.wait_for_selector("body[data-ready]")
    expect(home.get_by_role("heading", level=1)).to_have_text("dropped")
    expect(home.locator("#provenance dd").first).to_have_text(re.compile(r"^20\d\d-\d\d-\d\d \d\d:\d\d$"))
    canvas = home.get_by_role("slider", name="Slice", exact=True)
    expect(canvas).to_have_attribute("aria-valuetext", re.compile(r"^Slice 12 at \+30\.0 mm: quality \.\d\d$"))
    canvas.focus()
    home.keyboard.press("ArrowUp")
    expect(home.locator("#slice")).to_have_text(re.compile(r"^Slice 13 at \+32\.5 mm: quality \.\d\d$"))
    home.keyboard.press("Home")
    expect(home.locator("#slice")).to_have_text("No left atrium at +0.0 mm")
    canvas.hover()
    home.mouse.wheel(0, -100)
    expect(home.locator("#slice")).to_have_text("No left atrium at +2.5 mm")
    home.locator("#worst button").first.click()
    expect(home.locator("#slice")).to_contain_text("quality")
    bars = home.locator(".strip .target")
    expect(bars).to_have_count(20)
    bars.last.click(force=True)
    expect(home.locator("#slice")).to_contain_text("Slice 21 at")
    here, last = (home.locator(".strip .here"), bars.last)
    expect(here).to_have_attribute("visibility", "visible")
    assert here.get_attribute("x") == last.get_attribute("x") == "19"
    strip = home.locator(".strip .votes")
    strip.focus()
    home.keyboard.press("ArrowLeft")
    expect(home.locator("#slice")).to_contain_text("Slice 20 at")
    expect(strip).to_have_attribute("aria-valuenow", "19")
    home.keyboard.press("Home")
    expect(strip).to_have_attribute("aria-valuenow", "1")
    home.keyboard.press("ArrowLeft")
    expect(strip).to_have_attribute("aria-valuenow", "1")
    before = home.locator("#slice").text_content()
    swipe = "{pointerType: 'touch', buttons: 1, movementY: -60}"
    canvas.evaluate(f"(canvas) => canvas.dispatchEvent(new PointerEvent('pointermove', {swipe}))")
    expect(home.locator("#slice")).not_to_have_text(before or "")


@pytest.mark.slow
def test_parts_estimated_scores_and_weights_are_shown(home: Page, tmp_path: Path) -> None:
    """The bundle of these tests gives none of them, so they are put into the answer of the server."""

    def with_all(route: Route) -> None:
        response = route.fetch()
        part = response.json()
        if part["result"]:
            names = [attribute["name"] for attribute in part["attributes"]]
            part["result"]["scores"] = {name: {"expected": 3.42, "low": 3, "high": 4} for name in names}
            for attribute in part["attributes"]:
                attribute["parts"] = "network .62, measures .34"
            for scores in part["result"]["slices"]:
                scores["weight"] = 0.05
        route.fulfill(response=response, json=part)

    drop(home, "weighed.nrrd", small_scan(tmp_path, 5))
    line = home.locator("#scans tbody tr", has_text="weighed")
    expect(line.locator(VERDICT)).to_be_visible(timeout=30_000)
    home.route(re.compile(r"/api/scans/\d+$"), with_all)
    line.get_by_role("link", name="weighed").click()
    home.wait_for_selector("body[data-ready]")
    expect(home.locator("#estimated")).to_be_visible()
    expect(home.locator("#parts")).to_be_visible()
    expect(home.locator("#attributes tbody td:nth-child(3)")).to_have_text(["network .62, measures .34"] * 4)
    expect(home.locator("#attributes tbody td:nth-child(4)")).to_have_text(["3.4 (3 to 4)"] * 4)
    expect(home.locator(".strip figcaption")).to_contain_text("in which each slice counts by its weight")
    expect(home.locator(".strip title").first).to_have_text(re.compile(r"iagnostic, weight 5 %$"))
    assert home.locator("#attributes tr").evaluate_all("rows => new Set(rows.map(r => r.cells.length)).size") == 1


@pytest.mark.slow
def test_heat_and_contour_can_be_seen_and_turned_off(home: Page, tmp_path: Path) -> None:
    drop(home, "heated.nrrd", small_scan(tmp_path, 1))
    expect(home.locator("#scans tbody tr", has_text="heated").locator(VERDICT)).to_be_visible(timeout=30_000)
    home.get_by_role("link", name="heated").click()
    home.wait_for_selector("body[data-ready]")
    canvas = home.locator("#canvas")

    assert not has_colour_of_heat(pixels(canvas))
    home.get_by_label("Heat map").select_option("Quality for fibrosis assessment")
    home.wait_for_timeout(500)
    both = canvas.screenshot()
    home.get_by_label("Contour").uncheck()
    heat = canvas.screenshot()
    assert has_colour_of_heat(pixels(canvas))
    home.get_by_label("Heat map").select_option("none")
    neither = canvas.screenshot()
    assert not has_colour_of_heat(pixels(canvas))
    home.get_by_label("Heat map").select_option("Myocardium nulling")
    home.wait_for_function(
        "name => performance.getEntriesByType('resource').some((one) => one.name.endsWith(name))",
        arg="myocardium_nulling.nii.gz",
    )
    home.wait_for_timeout(500)
    other = canvas.screenshot()

    assert len({both, heat, neither, other}) == 4
    home.get_by_label("multiplanar").check()
    assert canvas.screenshot() != other


@pytest.mark.slow
def test_mask_is_outlined_in_every_plane(home: Page, tmp_path: Path) -> None:
    drop(home, "filled.nrrd", small_scan(tmp_path, 12))
    expect(home.locator("#scans tbody tr", has_text="filled").locator(VERDICT)).to_be_visible(timeout=30_000)
    home.get_by_role("link", name="filled").click()
    home.wait_for_selector("body[data-ready]")
    home.get_by_label("Heat map").select_option("none")
    covered = {}
    for view in ("axial", "multiplanar"):
        home.get_by_label(view).check()
        shown = pixels(home.locator("#canvas"))
        home.get_by_label("Contour").uncheck()
        covered[view] = np.any(shown != pixels(home.locator("#canvas")), axis=-1).mean()
        home.get_by_label("Contour").check()
    # Three filled discs would cover .12.
    assert 0.005 < covered["axial"] < 0.04
    assert 0.005 < covered["multiplanar"] < 0.06


@pytest.mark.slow
def test_outlines_of_a_mask_are_whole_in_each_plane(home: Page) -> None:
    """In each plane through a ball, the outline has the first and the last voxel of each row and column."""
    outlines = np.array(home.evaluate(OUTLINES)).reshape(12, 11, 10)
    z, y, x = np.ogrid[:12, :11, :10]
    ball = (z - 6) ** 2 + (y - 5) ** 2 + (x - 4) ** 2 <= 14
    planes = ((outlines[6], ball[6]), (outlines[:, 5], ball[:, 5]), (outlines[:, :, 4], ball[:, :, 4]))
    for outline, disc in planes:
        for lines, discs in ((outline, disc), (outline.T, disc.T)):
            for line, inside in zip(lines, discs, strict=True):
                if inside.any():
                    assert set(np.flatnonzero(inside)[[0, -1]]) <= set(np.flatnonzero(line))
        assert not outline[~disc].any()
        assert np.count_nonzero(outline) < 0.8 * np.count_nonzero(disc)
    others = np.delete(np.delete(np.delete(outlines, 6, 0), 5, 1), 4, 2)
    assert not others.any()


@pytest.mark.slow
def test_window_reaches_below_the_first_percentile(home: Page, tmp_path: Path) -> None:
    drop(home, "window.nrrd", small_scan(tmp_path, 13))
    expect(home.locator("#scans tbody tr", has_text="window").locator(VERDICT)).to_be_visible(timeout=30_000)
    home.get_by_role("link", name="window").click()
    home.wait_for_selector("body[data-ready]")
    low, high = home.evaluate(WINDOW)
    voxels = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(tmp_path / "13.nrrd"))
    first = float(np.percentile(voxels, 1))
    assert low == pytest.approx(first - 0.05 * (high - first), abs=0.02 * (high - first))
    assert (voxels > high).mean() == pytest.approx(0.005, abs=0.003)


@pytest.mark.slow
def test_slider_and_windows_change_the_picture(home: Page, tmp_path: Path) -> None:
    drop(home, "slid.nrrd", small_scan(tmp_path, 14))
    expect(home.locator("#scans tbody tr", has_text="slid").locator(VERDICT)).to_be_visible(timeout=30_000)
    home.get_by_role("link", name="slid").click()
    home.wait_for_selector("body[data-ready]")
    canvas = home.locator("#canvas")
    automatic = pixels(canvas)
    home.get_by_label("Window").select_option("blood")
    blood = pixels(canvas)
    home.get_by_label("Window").select_option("wide")
    wide = pixels(canvas)
    home.get_by_label("Window").select_option("automatic")
    assert np.array_equal(pixels(canvas), automatic)
    assert not np.array_equal(blood, automatic)
    assert wide.mean() < automatic.mean()  # its white is brighter

    slider = home.get_by_role("slider", name="Slices", exact=True)
    before = home.locator("#slice").text_content()
    slider.press("ArrowRight")
    expect(home.locator("#slice")).not_to_have_text(before or "")
    after = home.locator("#slice").text_content()
    assert slider.get_attribute("aria-valuetext") == canvas.get_attribute("aria-valuetext") == after


@pytest.mark.slow
def test_measures_and_caution_are_on_the_page_of_a_scan(home: Page, tmp_path: Path) -> None:
    expect(home.locator("#caution")).to_have_text(CAUTION)
    drop(home, "measured.nrrd", small_scan(tmp_path, 8))
    expect(home.locator("#scans tbody tr", has_text="measured").locator(VERDICT)).to_be_visible(timeout=30_000)
    home.get_by_role("link", name="measured").click()
    home.wait_for_selector("body[data-ready]")

    expect(home.locator("#caution")).to_have_text(CAUTION)
    expect(home.locator("#reference-note")).to_contain_text("not a clinical score")
    expect(home.locator("#levels")).to_contain_text("Grey level of blood")
    rows = home.locator("#measures tbody tr")
    expect(rows).to_have_count(len(MEASURES))
    noise = rows.filter(has=home.get_by_role("rowheader", name="Noise", exact=True))
    expect(noise.locator(".spread title")).to_contain_text("Noise")
    band, mark = noise.locator(".band"), noise.locator(".mark")
    assert band.evaluate("band => band.getBoundingClientRect().width") > 10
    assert mark.evaluate("mark => mark.getBoundingClientRect().width") > 5
    expect(noise.locator(".definition")).to_be_hidden()
    noise.get_by_text("Definition").click()
    expect(noise.locator(".definition")).to_contain_text("Formula")


@pytest.mark.slow
def test_aorta_and_pools_are_fetched_when_they_are_wanted(home: Page, tmp_path: Path) -> None:
    drop(home, "pooled.nrrd", small_scan(tmp_path, 9))
    expect(home.locator("#scans tbody tr", has_text="pooled").locator(VERDICT)).to_be_visible(timeout=30_000)
    home.get_by_role("link", name="pooled").click()
    home.wait_for_selector("body[data-ready]")
    fetched = "() => performance.getEntriesByType('resource').filter((one) => one.name.includes('/blood/')).length"

    assert home.evaluate(fetched) == 0
    expect(home.locator("#blood-legend")).to_be_hidden()
    home.get_by_label("Aorta and blood pools").check()
    home.wait_for_function(f"() => ({fetched})() === 2")
    expect(home.locator("#blood-legend")).to_be_visible()
    home.get_by_label("Aorta and blood pools").uncheck()
    home.get_by_label("Aorta and blood pools").check()
    home.get_by_label("Heat map").select_option("Sharpness")
    home.wait_for_timeout(300)
    assert home.evaluate(fetched) == 2
    expect(home.locator("#lost")).to_be_hidden()


def test_open_a_folder_and_filter_what_came_of_it(home: Page, tmp_path: Path) -> None:
    toy_scan(tmp_path / "cohort" / "opened-1.nrrd", 2)
    toy_scan(tmp_path / "cohort" / "opened-2.nrrd", 3, atrium=False)

    home.get_by_label("Or a folder").fill(str(tmp_path / "cohort"))
    home.get_by_role("button", name="Open").dblclick()
    expect(home.locator("#scans tbody tr", has_text="opened-1").locator(VERDICT)).to_be_visible(timeout=30_000)
    expect(home.locator("#scans tbody tr", has_text="opened-2")).to_contain_text("No left atrium was found")

    home.get_by_label("Search").fill("opened")
    home.locator("#filters [name=kind]").select_option("not assessable")
    expect(home.locator("#scans tbody tr")).to_have_count(1)
    home.get_by_label("Choose opened-2").check()
    with home.expect_download() as download:
        home.get_by_role("link", name="CSV").click()
    lines = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert [line.partition(",")[0] for line in lines] == ["scan_id", "opened-2"]

    home.get_by_role("button", name="Delete").click()
    home.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(home.locator("#none")).to_have_text("No scan fits the filters.")
    assert (tmp_path / "cohort" / "opened-2.nrrd").exists()


def test_names_of_outcomes_come_from_the_server_in_their_order(home: Page, tmp_path: Path) -> None:
    drop(home, "named.nrrd", small_scan(tmp_path, 14))
    expect(home.locator("#scans tbody tr", has_text="named").locator(VERDICT)).to_be_visible(timeout=30_000)

    expect(home.locator("#history .legend li")).to_have_text(list(ENDS.values()))


@pytest.fixture
def shaken(browser: Browser, server: Server) -> Iterator[Page]:
    """The page of all scans, where requests may fail; its scripts must not."""
    faults: list[str] = []
    with browser.new_context() as context:
        page = context.new_page()
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        page.goto(f"{server.address}/?token={TOKEN}")
        yield page
    assert faults == []


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("notes.txt", b"no image", "no scan was found"),
        ("bad.zip", zipped({"../out.nrrd": b"x"}), "'../out.nrrd': is a path that leads out"),
        ("large.nrrd", bytes(1_100_000), "more than 1 MB"),
        (MARKUP, b"no image", "no scan was found"),
    ],
)
def test_what_is_refused_is_reported_with_its_name_and_reason(
    shaken: Page, name: str, content: bytes, told: str
) -> None:
    drop(shaken, name, content)

    line = shaken.locator("#uploads li", has_text=name)
    expect(line.locator(".refused")).to_contain_text(told)
    expect(line.locator("b")).to_have_text(name)
    assert shaken.locator("img[src=x]").count() == 0


def test_markup_in_a_reason_stays_text(shaken: Page) -> None:
    shaken.get_by_label("Or a folder").fill(f"/nowhere/{MARKUP}")
    shaken.get_by_role("button", name="Open").click()

    expect(shaken.locator(".refused")).to_have_text(
        f"/nowhere/{MARKUP}: cannot be opened (no such file or directory). Check the path and permissions."
    )
    assert shaken.locator("img[src=x]").count() == 0


def test_lost_connection_is_reported_and_upload_arrives_once(shaken: Page, tmp_path: Path) -> None:
    expect(shaken.locator("#progress")).to_contain_text("done")
    shaken.context.set_offline(True)
    drop(shaken, "offline.nrrd", small_scan(tmp_path, 4))
    expect(shaken.locator("#lost")).to_be_visible()
    expect(shaken.locator("#uploads li", has_text="offline.nrrd")).to_contain_text("no connection")

    shaken.context.set_offline(False)

    expect(shaken.locator("#uploads li", has_text="offline.nrrd")).to_contain_text("in the list", timeout=15_000)
    expect(shaken.locator("#lost")).to_be_hidden()
    expect(shaken.locator("#scans tbody tr", has_text="offline").locator(VERDICT)).to_be_visible(timeout=30_000)
    expect(shaken.locator("#scans tbody tr", has_text="offline")).to_have_count(1)


def test_an_answer_that_gets_lost_doubles_nothing(shaken: Page, tmp_path: Path) -> None:
    """The upload arrives, its answer does not, and the page sends it once more."""
    cut: list[int] = []

    def lose_first(route: Route) -> None:
        if cut:
            route.continue_()
        else:
            cut.append(route.fetch().status)
            route.abort("connectionreset")

    shaken.route("**/api/uploads", lose_first)
    drop(shaken, "twice.nrrd", small_scan(tmp_path, 5))

    expect(shaken.locator("#uploads li", has_text="twice.nrrd")).to_contain_text("in the list", timeout=15_000)
    assert cut == [201]
    expect(shaken.locator("#scans tbody tr", has_text="twice")).to_have_count(1)
    assert shaken.locator("#scans tbody tr", has_text="twice-2").count() == 0


@pytest.mark.slow
def test_two_tabs_show_the_same(open_page: Callable[..., Page], server: Server, tmp_path: Path) -> None:
    first = open_page()
    first.goto(f"{server.address}/?token={TOKEN}")
    second = first.context.new_page()
    second.goto(server.address)

    drop(first, "tabs.nrrd", small_scan(tmp_path, 6))
    for tab in (first, second):
        expect(tab.locator("#scans tbody tr", has_text="tabs").locator(VERDICT)).to_be_visible(timeout=30_000)
    second.get_by_label("Choose tabs").check()
    second.get_by_role("button", name="Assess again").click()

    expect(first.locator("#scans tbody tr", has_text="tabs").locator(VERDICT)).to_be_visible(timeout=30_000)
    expect(first.locator("#scans tbody tr", has_text="tabs")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_a_wrong_token_opens_a_page_that_asks_for_one(
    browser: Browser, server: Server, scheme: Literal["light", "dark"]
) -> None:
    with browser.new_context(color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(f"{server.address}/?token=wrong")
        expect(page.get_by_role("heading", level=1)).to_have_text("A token is needed")
        expect(page.get_by_role("alert")).to_contain_text("This token is not valid here")
        assert serious(page) == []

        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Open").click()

        expect(page.locator("#progress")).to_contain_text("done")
        assert TOKEN not in page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
@pytest.mark.slow
def test_no_page_has_a_serious_accessibility_problem(
    open_page: Callable[..., Page], server: Server, tmp_path: Path, scheme: str, width: int
) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    page.goto(f"{server.address}/?token={TOKEN}")
    name = f"seen-{scheme}-{width}"
    drop(page, f"{name}.nrrd", small_scan(tmp_path, 7))
    line = page.locator("#scans tbody tr", has_text=name)
    expect(line.locator(VERDICT)).to_be_visible(timeout=30_000)
    assert serious(page) == []
    line.get_by_role("link").click()
    page.wait_for_selector("body[data-ready]")
    assert serious(page) == []
    page.goto(f"{server.address}/interface")
    page.wait_for_selector("body[data-ready]")
    assert serious(page) == []


def serious(page: Page) -> list[str]:
    """What axe finds on a page and calls serious or critical; and the page, if it is wider than the screen."""
    found = Axe().run(page).response["violations"]
    told = [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in ("serious", "critical")]
    too_wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return told + (["wider than the screen"] if too_wide else [])
