"""The report as a person uses it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from lgeqa.inference.bundle.kept_out import KeptOut
from lgeqa.operating_point import DEFAULT
from lgeqa.reporting import render
from lgeqa.scales import SCALES
from tests.reporting.shown import pictured, sliced
from tests.results import REFUSED, REVIEW, STAMP, measured, unassessed

NASTY = "<img src=x onerror=alert(1)>&amp;"
#: Worst first; the names do not follow the qualities.
QUALITIES = {"beta 10": 0.1, "beta 9": 0.4, "alpha": 0.9, NASTY: 0.6}
GREY, COLOURED = "grey", "coloured"
KEPT_OUT = KeptOut(
    probabilities=(0.95, 0.9, 0.6, 0.1),
    diagnostic=(True, False, True, False),
    may_accept=(True,) * 4,
    may_repeat=(True,) * 4,
    patients=(0, 1, 2, 3),
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four assessed scans, the last without maps, and one that failed."""
    folder = tmp_path_factory.mktemp("report")
    results = [
        sliced(
            name,
            (quality, 0.2, 0.9, quality),
            p_quality=quality,
            probability=quality,
            verdict="diagnostic" if quality > 0.5 else "non-diagnostic",
            p_sharpness=0.9 if name == "alpha" else 0.3,
            message=NASTY,
            warnings=(NASTY,),
            measures=measured(0.5, noise_percent=99.0),
            findings=(REVIEW,) if name == "alpha" else (),
            decision="repeat" if quality < 0.5 else "review",
            reasons=(f"The probability is {quality}.",),
            operating_point=DEFAULT,
        )
        for name, quality in QUALITIES.items()
    ]
    pictures = {name: pictured(maps=name != NASTY) for name in QUALITIES}
    pages = render([*results, unassessed("void")], pictures.get, STAMP, "For tests.", "", KEPT_OUT)
    for name, page in pages:
        (folder / name).write_text(page, encoding="utf-8")
    return folder / "report.html"


@pytest.fixture
def opened(page: Page, report: Path) -> Page:
    page.goto(report.as_uri())
    return page


def names(page: Page) -> list[str]:
    return page.locator("#scans tbody tr:visible th span").all_text_contents()


def sheets(page: Page) -> int:
    """Return the number of pages that the report takes on paper."""
    return len(re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True)))


def open_scan(page: Page, name: str) -> None:
    page.locator("#scans a", has_text=name).click()
    page.locator("details.scan[open][data-ready]", has_text=name).wait_for()


def colour(page: Page) -> str:
    """Whether the large picture has any colour; the outline must be off."""
    pixels = """canvas => { const data = canvas.getContext('2d').getImageData(0, 0, 512, 512).data;
        for (let i = 0; i < data.length; i += 4)
            if (Math.abs(data[i] - data[i + 1]) > 4 || Math.abs(data[i] - data[i + 2]) > 4) return 'coloured';
        return 'grey' }"""
    found: str = page.locator("[open] .frame canvas").evaluate(pixels)
    return found


def pixel(page: Page, x: int, y: int) -> list[int]:
    script = f"canvas => [...canvas.getContext('2d').getImageData({x}, {y}, 1, 1).data]"
    found: list[int] = page.locator("[open] .frame canvas").evaluate(script)
    return found


def test_sorting_by_keyboard_shows_its_direction(opened: Page) -> None:
    head = opened.locator("#scans thead th")
    quality = head.filter(has_text=SCALES[3].short_title)
    quality.get_by_role("button").focus()
    opened.keyboard.press("Enter")
    assert names(opened) == ["beta 10", "beta 9", NASTY, "alpha", "void"]
    expect(quality).to_have_attribute("aria-sort", "ascending")
    opened.keyboard.press("Enter")
    assert names(opened) == ["alpha", NASTY, "beta 9", "beta 10", "void"]
    expect(quality).to_have_attribute("aria-sort", "descending")
    head.first.get_by_role("button").press("Space")
    assert names(opened) == [NASTY, "alpha", "beta 9", "beta 10", "void"]
    assert head.evaluate_all("cells => cells.filter(cell => cell.ariaSort).length") == 1


def test_verdicts_and_votes_sort_by_their_meaning(opened: Page) -> None:
    head = opened.locator("#scans thead th")
    head.filter(has_text="Verdict").get_by_role("button").click()
    assert names(opened) == ["alpha", NASTY, "beta 10", "beta 9", "void"]
    head.filter(has_text="Vote").get_by_role("button").click()
    assert names(opened)[-1] == "void"


def test_filters_hide_rows_and_parts_and_count(opened: Page) -> None:
    shown = opened.get_by_role("status")
    opened.get_by_label("Verdict").select_option("non-diagnostic")
    assert names(opened) == ["beta 10", "beta 9"]
    expect(shown).to_have_text("2 of 5 scans")
    assert opened.locator("details.scan:visible h3").all_text_contents() == ["beta 10", "beta 9"]
    opened.get_by_label("Name or reason").fill("TA 1")
    assert names(opened) == ["beta 10"]
    opened.get_by_role("button", name="Show all").click()
    expect(shown).to_have_text("5 of 5 scans")
    opened.get_by_label("Below one half").select_option("sharpness")
    assert names(opened) == ["beta 10", "beta 9", NASTY]
    opened.get_by_label("Name or reason").fill("file is empty")
    expect(shown).to_have_text("0 of 5 scans")
    opened.get_by_role("button", name="Show all").click()
    opened.locator("[name=decision]").select_option("review")
    assert names(opened) == ["alpha", NASTY]
    opened.locator("[name=decision]").select_option("none")
    assert names(opened) == ["void"]


def test_a_scan_is_opened_and_closed_by_keyboard(opened: Page) -> None:
    opened.locator("#scans a", has_text="beta 9").focus()
    opened.keyboard.press("Enter")
    part = opened.locator("details.scan", has_text="beta 9")
    expect(part).to_have_attribute("open", "")
    expect(part.locator("> summary")).to_be_focused()
    expect(part.locator(".frame canvas")).to_be_visible()
    opened.keyboard.press("Enter")
    expect(part.locator(".frame canvas")).to_be_hidden()


def test_a_link_to_a_scan_opens_it(page: Page, report: Path) -> None:
    page.goto(f"{report.as_uri()}#scan-beta%209")
    expect(page.locator("details.scan[open] h3")).to_have_text("beta 9")


def test_arrow_keys_move_through_the_slices(opened: Page) -> None:
    open_scan(opened, "alpha")
    caption = opened.locator("[open] figcaption").last
    mark = opened.locator("[open] .here")
    expect(caption).to_have_text("Slice 18 at −5.0 mm: quality .90, diagnostic")
    place = mark.get_attribute("x")
    opened.keyboard.press("ArrowLeft")
    expect(caption).to_contain_text("Slice 19 at −7.5 mm")
    assert mark.get_attribute("x") != place
    for _ in range(5):
        opened.keyboard.press("ArrowRight")
    expect(caption).to_contain_text("Slice 17 at −2.5 mm")
    expect(opened.locator("[open] .sheet [aria-current=true]")).to_have_text("17")


def test_slices_are_selected_by_slider_strip_sheet_and_list(opened: Page) -> None:
    open_scan(opened, "alpha")
    caption = opened.locator("[open] figcaption").last
    slider = opened.locator("[open]").get_by_label("Slice", exact=True)
    slider.press("Home")
    expect(caption).to_contain_text("Slice 20")
    expect(slider).to_have_attribute("aria-valuetext", "Slice 20 at −10.0 mm: quality .90, diagnostic")
    opened.locator("[open] .strip g").nth(1).click()
    expect(caption).to_contain_text("Slice 19")
    opened.locator("[open] .sheet button").nth(2).click()
    expect(caption).to_contain_text("Slice 18")
    opened.locator("[open]").get_by_role("list").get_by_role("button", name="Slice 19").click()
    expect(caption).to_contain_text("Slice 19")


def test_the_heat_map_is_switched_on_and_off_and_by_opacity(opened: Page) -> None:
    open_scan(opened, "alpha")
    part = opened.locator("details.scan[open]")
    part.get_by_label("Outline of the atrium").uncheck()
    assert colour(opened) == GREY  # until it is asked for
    part.get_by_label("Show").check()
    assert colour(opened) == COLOURED
    part.get_by_label("Opacity").fill("100")
    strong = pixel(opened, 256, 460)
    part.get_by_label("Opacity").fill("20")
    weak = pixel(opened, 256, 460)
    part.get_by_label("Opacity").fill("0")
    assert colour(opened) == GREY
    part.get_by_label("Opacity").fill("100")
    part.get_by_label("Show").uncheck()
    assert colour(opened) == GREY
    assert strong[2] - strong[1] > weak[2] - weak[1] > 5  # against: more blue than green
    part.get_by_label("Outline of the atrium").check()
    assert colour(opened) == COLOURED


def test_support_and_opposition_have_colours_and_numbers(opened: Page) -> None:
    open_scan(opened, "alpha")
    part = opened.locator("details.scan[open]")
    part.get_by_label("Show").check()
    part.get_by_label("Opacity").fill("100")
    top, bottom = pixel(opened, 256, 20), pixel(opened, 256, 500)
    assert top[1] > max(top[0], top[2])  # green
    assert min(bottom[0], bottom[2]) > bottom[1]  # purple
    part.get_by_label("Numbers").check()
    numbers = part.locator(".cells span:visible").all_text_contents()
    assert numbers == [one for one in ("+0.50", "+0.00", "−0.50", "−1.00") for _ in range(4)]
    expect(part.locator(".legend")).to_have_text("−1.00+1.00")
    part.locator("[name=scale]").select_option(label=SCALES[1].title)
    expect(part.locator(".heat legend")).to_have_text(f"Heat map: {SCALES[1].title}")


@pytest.mark.slow
def test_windows_are_selected(opened: Page) -> None:
    open_scan(opened, "alpha")
    part = opened.locator("details.scan[open]")
    part.get_by_label("Outline of the atrium").uncheck()
    levels = (
        "canvas => [...canvas.getContext('2d').getImageData(100, 100, 300, 300).data].filter((_, at) => at % 4 == 0)"
    )
    means = {}
    for window in ("automatic", "wide", "blood"):
        part.get_by_label("Window").select_option(window)
        greys: list[int] = part.locator(".frame canvas").evaluate(levels)
        means[window] = sum(greys) / len(greys)
    assert (
        means["blood"] < means["wide"] < means["automatic"]
    )  # blood is the brightest here, and mid-grey in its window


def test_wheel_and_finger_move_through_the_slices(opened: Page) -> None:
    open_scan(opened, "alpha")
    caption = opened.locator("[open] figcaption").last
    canvas = opened.locator("[open] .frame canvas")
    canvas.hover()
    opened.mouse.wheel(0, 100)
    expect(caption).to_contain_text("Slice 19 at")
    opened.mouse.wheel(0, -100)
    expect(caption).to_contain_text("Slice 18 at")
    swipe = """(canvas, movementX) =>
        canvas.dispatchEvent(new PointerEvent('pointermove', { pointerType: 'touch', movementX }))"""
    canvas.evaluate(swipe, 20)
    expect(caption).to_contain_text("Slice 17 at")
    canvas.evaluate(swipe, -20)
    expect(caption).to_contain_text("Slice 18 at")


def test_heat_map_spares_the_frame(page: Page, tmp_path: Path) -> None:
    pictures = pictured().model_copy(update={"prepared": (0.0, 0.0, 128.0, 256.0)})
    [(name, html)] = render([sliced("alpha")], {"alpha": pictures}.get, STAMP, "For tests.", "")
    (tmp_path / name).write_text(html, encoding="utf-8")
    page.goto((tmp_path / name).as_uri())
    open_scan(page, "alpha")
    part = page.locator("details.scan[open]")
    part.get_by_label("Show").check()
    part.get_by_label("Opacity").fill("100")
    seen, frame = pixel(page, 40, 500), pixel(page, 470, 500)
    assert max(seen[:3]) - min(seen[:3]) > 50
    assert max(frame[:3]) - min(frame[:3]) < 4


@pytest.mark.slow
def test_thirty_scans_take_fewer_than_40_sheets(page: Page, tmp_path: Path) -> None:
    results = [
        sliced(
            f"scan {n}",
            tuple(0.5 + 0.02 * (z % 9) for z in range(28)),
            measures=measured(0.03 * n),
            decision="review",
            reasons=("The probability of being diagnostic is 0.56, which is too close to call.", REVIEW.seen),
        )
        for n in range(30)
    ]
    pictures = pictured(28)
    [(name, html)] = render(results, lambda _: pictures, STAMP, "For tests.", "", KEPT_OUT)
    (tmp_path / name).write_text(html, encoding="utf-8")
    page.goto((tmp_path / name).as_uri())
    page.get_by_role("button", name="Open all").click()
    expect(page.locator("details.scan[data-ready]")).to_have_count(30)
    assert 30 < sheets(page) < 40
    page.emulate_media(media="print")
    # Chromium repeats a head on each page only if it may not break, and leaves out buttons.
    styles = "(head, name) => getComputedStyle(head)[name]"
    assert page.locator("#scans thead").evaluate(styles, "breakInside") == "avoid"
    assert set(
        page.locator("#scans thead button").evaluate_all("all => all.map(one => getComputedStyle(one).display)")
    ) == {"contents"}


def test_a_bundle_without_maps_is_reported(opened: Page) -> None:
    open_scan(opened, NASTY)
    part = opened.locator("details.scan[open]")
    expect(part.get_by_text("This bundle gives no heat maps.")).to_be_visible()
    expect(part.locator(".heat")).to_be_hidden()


def test_markup_in_names_and_messages_is_shown_as_text(opened: Page) -> None:
    open_scan(opened, NASTY)
    assert NASTY in names(opened)
    expect(opened.locator("details.scan[open] h3")).to_have_text(NASTY)
    expect(opened.locator("details.scan[open] .warnings")).to_have_text(NASTY)
    assert opened.locator("img[src=x]").count() == 0


def test_paper_gets_the_table_and_the_open_scans_with_numbers(opened: Page) -> None:
    open_scan(opened, "alpha")
    opened.locator("[open]").get_by_label("Show").check()
    opened.emulate_media(media="print", color_scheme="dark")
    part = opened.locator("details.scan", has_text="alpha")
    for kept in (opened.locator("#scans"), part.locator(".frame canvas"), part.locator(".legend")):
        expect(kept).to_be_visible()
    expect(part.locator(".cells span").first).to_be_visible()
    for gone in (opened.locator("#filters"), opened.locator("#print"), part.get_by_label("Opacity")):
        expect(gone).to_be_hidden()
    expect(opened.locator("details.scan", has_text="beta 9")).to_be_hidden()
    assert opened.locator("body").evaluate("body => getComputedStyle(body).backgroundColor") == "rgb(255, 255, 255)"


def test_each_open_scan_takes_one_page_of_paper(opened: Page) -> None:
    open_scan(opened, "beta 9")
    open_scan(opened, "beta 10")
    pages_of_two = sheets(opened)
    open_scan(opened, "alpha")
    assert sheets(opened) == pages_of_two + 1
    expect(opened.locator("details.scan[open] .all-measures").first).to_be_visible()
    opened.emulate_media(media="print")
    expect(opened.locator("details.scan[open] .all-measures").first).to_be_hidden()
    opened.locator("details.scan[open]").evaluate_all("scans => scans.slice(1).forEach(scan => scan.open = false)")
    expect(opened.locator("details.scan[open] .all-measures")).to_be_visible()


def test_all_scans_that_are_shown_can_be_opened_for_print(opened: Page) -> None:
    opened.get_by_label("Verdict").select_option("non-diagnostic")
    opened.get_by_role("button", name="Open all").click()
    expect(opened.locator("details.scan[data-ready]")).to_have_count(2)
    opened.evaluate("window.print = () => document.title = 'printed'")
    opened.get_by_role("button", name="Print").click()
    assert opened.title() == "printed"
    opened.get_by_role("button", name="Close all").click()
    expect(opened.locator("details.scan[open]")).to_have_count(0)


def test_a_phone_scrolls_no_page_sideways(open_page: Callable[..., Page], report: Path) -> None:
    page = open_page(viewport={"width": 320, "height": 667})
    page.goto(report.as_uri())
    open_scan(page, "alpha")
    for help_text in page.locator(".help > summary:visible").all():
        help_text.click()
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    box = page.locator("[open] .frame canvas").bounding_box()
    assert box is not None
    assert box["width"] > 240
    for badge in page.locator("#scans tbody .badge").all():
        place = badge.bounding_box()
        assert place is not None
        assert 0 <= place["x"] <= place["x"] + place["width"] <= 320


def test_focus_is_seen(opened: Page) -> None:
    opened.keyboard.press("Tab")
    styles = "element => getComputedStyle(element).outlineStyle + getComputedStyle(element).outlineWidth"
    assert opened.locator(":focus").evaluate(styles) == "solid3px"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.slow
def test_axe_finds_nothing_serious(open_page: Callable[..., Page], report: Path, scheme: str) -> None:
    page = open_page(color_scheme=scheme)
    page.goto(report.as_uri())
    open_scan(page, "alpha")
    page.locator("[open]").get_by_label("Show").check()
    page.locator("[open]").get_by_label("Numbers").check()
    for help_text in page.locator(".help > summary:visible").all():
        help_text.click()
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in {"serious", "critical"}] == []


def outlined(page: Page) -> set[str]:
    """Which outlines have their colour on the large picture."""
    script = """canvas => { const data = canvas.getContext('2d').getImageData(0, 0, 512, 512).data;
        const colours = { atrium: [255, 212, 0], aorta: [255, 122, 60], pools: [90, 162, 255] };
        return Object.keys(colours).filter(name => { for (let i = 0; i < data.length; i += 4)
            if (colours[name].every((level, at) => Math.abs(data[i + at] - level) < 40)) return true; }) }"""
    return set(page.locator("[open] .frame canvas").evaluate(script))


def test_aorta_and_pools_are_drawn_on_demand(opened: Page) -> None:
    open_scan(opened, "alpha")
    part = opened.locator("details.scan[open]")
    assert outlined(opened) == {"atrium"}
    expect(part.locator(".outlines")).to_be_hidden()
    part.get_by_label("Aorta and blood pools").check()
    assert outlined(opened) == {"atrium", "aorta", "pools"}
    expect(part.locator(".outlines")).to_contain_text("descending aorta")
    part.get_by_label("Outline of the atrium").uncheck()
    assert outlined(opened) == {"aorta", "pools"}


def test_a_measure_leads_to_its_definition(opened: Page) -> None:
    open_scan(opened, "alpha")
    expect(opened.locator("#measure-noise_percent")).to_be_hidden()
    opened.locator("[open] .measures tbody a").first.click()
    expect(opened.locator("#measure-noise_percent")).to_be_visible()
    expect(opened.locator("#measure-noise_percent + dd")).to_contain_text("Formula")


def test_strips_are_drawn_with_their_reference(opened: Page) -> None:
    open_scan(opened, "alpha")
    strip = opened.locator("[open] .measures .spread").first
    fill = "(strip, name) => getComputedStyle(strip.querySelector(name)).fill"
    assert strip.evaluate(fill, ".mark.poor") == "rgb(122, 75, 0)"
    band = opened.locator("#reference-noise_percent .band")
    assert band.evaluate("band => getComputedStyle(band).fill") == "rgb(219, 225, 231)"
    box = strip.bounding_box()
    assert box is not None
    assert box["width"] > 150


@pytest.fixture
def unscored(page: Page, tmp_path: Path) -> Page:
    """The report on a refused scan and a measured one, which have no votes, and four more with measures."""
    refused = unassessed("cut", status="not_assessable", message="cut.", findings=(REFUSED,), measures=measured())
    others = [unassessed(f"m{n}", status="measured", message="", measures=measured(0.1 * n)) for n in range(1, 9)]
    pictures = dict.fromkeys(("cut", "m1"), pictured(maps=False))
    [(name, html)] = render([refused, *others], pictures.get, STAMP, "For tests.", "Look at the measures.")
    (tmp_path / name).write_text(html, encoding="utf-8")
    page.goto((tmp_path / name).as_uri())
    return page


def test_pictures_without_votes_have_index_and_position(unscored: Page) -> None:
    open_scan(unscored, "cut")
    part = unscored.locator("details.scan[open]")
    caption = part.locator(".stage figcaption")
    expect(caption).to_have_text("Slice 18 at −2.5 mm")
    part.locator("summary").first.press("ArrowRight")
    expect(caption).to_have_text("Slice 17 at +0.0 mm")
    part.locator(".sheet button").first.click()
    expect(caption).to_have_text("Slice 20 at −7.5 mm")
    expect(part.get_by_text("This bundle gives no heat maps.")).to_be_hidden()
    assert outlined(unscored) == {"atrium"}


def test_a_dot_of_the_batch_leads_to_its_scan(unscored: Page) -> None:
    row = unscored.locator("section[aria-labelledby=batch] tbody tr").first
    row.locator("svg a", has_text="m3:").locator(".mark").click(force=True)
    expect(unscored.locator("details.scan[open] h3")).to_have_text("m3")


@pytest.mark.parametrize("width", [320, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.slow
def test_measures_fit_and_are_accessible(unscored: Page, scheme: Literal["light", "dark"], width: int) -> None:
    unscored.emulate_media(color_scheme=scheme)
    unscored.set_viewport_size({"width": width, "height": 800})
    open_scan(unscored, "cut")
    unscored.locator("#definitions > summary").click()
    assert unscored.evaluate("document.documentElement.scrollWidth") == width
    strip = unscored.locator("[open] .measures .spread").first.bounding_box()
    assert strip is not None
    assert 0 < strip["x"] < strip["x"] + strip["width"] < width
    found = Axe().run(unscored).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in {"serious", "critical"}] == []
