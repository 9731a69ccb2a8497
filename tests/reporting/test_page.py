import base64
import hashlib
import html
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from lgeqa.measures import MEASURES, definition, reference_scans
from lgeqa.records import ReferenceLevels, ScanResult
from lgeqa.reporting import ScanPictures, end_of, render
from lgeqa.reporting.measure_rows import reference_note
from lgeqa.scales import SCALES, Scale
from tests.reporting.shown import pictured, sliced
from tests.results import REFUSED, REVIEW, STAMP, assessed, measured, unassessed

USE = "For research; the labels are simulated, and it is not a medical device."
CAUTION = "It called every scan diagnostic: look at the measures."
NASTY = '<script>alert("1")</script><img src=x onerror=alert(2)></details></script>'


class _Page(HTMLParser):
    """The text of each cell of each row, the tags, and every attribute by its name."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self._in_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag not in {"td", "th"}

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data

    def all_of(self, name: str) -> list[str]:
        return [value or "" for key, value in self.attributes if key == name]


def _nothing(_: str) -> None:
    return None


def _page(*results: ScanResult, load: Callable[[str], ScanPictures | None] = _nothing) -> str:
    [(name, page)] = render(results, load, STAMP, USE, CAUTION)
    assert name == "report.html"
    return page


def _data(page: str, name: str) -> list[str]:
    """The contents of the script elements that hold data of this class."""
    return re.findall(rf'<script type="application/json" class="{name}">(.*?)</script>', page, re.DOTALL)


def _row(page: str, scan_id: str) -> list[str]:
    row = next(row for row in _Page(page).rows if row and row[0].strip() == scan_id)
    return [cell.strip() for cell in row]


def test_the_row_of_an_assessed_scan() -> None:
    assert _row(_page(assessed("one", message="Slices of 4 mm.")), "one") == [
        "one",
        "diagnostic",
        "31 of 40",
        "0.81",
        "0.91",
        "0.42",
        "0.66",
        "Slices of 4 mm.",
    ]


def test_the_columns_are_in_the_order_of_the_cells() -> None:
    head = _Page(_page(assessed())).rows[0]
    assert head[3:7] == [SCALES[3].title, SCALES[0].title, SCALES[1].title, SCALES[2].title]


def test_the_row_of_a_scan_that_was_not_assessed() -> None:
    page = _page(unassessed("void"), unassessed("dark", status="not_assessable", message="no atrium"))
    assert _row(page, "void")[1] == "failed"
    assert _row(page, "void")[-1] == "void.nrrd: the file is empty."
    assert _row(page, "dark") == ["dark", "not assessable", "–", "–", "–", "–", "–", "no atrium"]


def test_a_tie_is_marked_and_so_is_what_is_below_one_half() -> None:
    page = _page(assessed("even", votes_diagnostic=20, tie=True, p_sharpness=0.499))
    assert _row(page, "even")[2] == "20 of 40, tie"
    table = page.partition("<details")[0]
    assert re.findall(r'class="number low" data-value="0.499">([\d.]+)<', table) == ["0.50"]
    assert "The vote is a tie, so this mean decided." in page


def test_rows_carry_what_they_are_filtered_by() -> None:
    page = _page(assessed("a", p_sharpness=0.2, p_enhancement=0.49), unassessed("b"))
    found = _Page(page)
    assert found.all_of("data-failing") == ["sharpness enhancement", ""]
    assert found.all_of("data-end") == ["diagnostic", "failed"]
    assert set(found.all_of("data-part")) <= set(found.all_of("id"))


def test_the_counts_add_up() -> None:
    results = [assessed("a"), assessed("b"), assessed("c", verdict="non-diagnostic"), unassessed("d")]
    counts = dict(re.findall(r'<li class="([\w-]+)[^>]*><b>(\d+)</b>', _page(*results)))
    assert counts == {"diagnostic": "2", "non-diagnostic": "1", "not_assessable": "0", "failed": "1"}
    assert sum(map(int, counts.values())) == len(results)


def test_it_says_what_made_it_and_what_it_is_not() -> None:
    page = _page(assessed())
    assert page.index(USE) < page.index("<table")
    assert "toy 0.1" in page
    assert STAMP.sha256 in page
    assert "0.5 or more" in page


def test_part_states_vote_probability_and_their_origin() -> None:
    page = _page(sliced("one", input_sha256="cd" * 32))
    words = " ".join(page.split())
    assert "3 of 4 slices that hold the left atrium reach the threshold of 0.5: <b>diagnostic</b>" in words
    assert "their mean, is 0.60." in words
    for told in ("cd" * 32, STAMP.sha256, "lgeqa 0", "2026-01-01T00:00:00+00:00", "read 0.1 s"):
        assert told in page.partition("Where this result comes from")[2]


def test_the_strip_has_a_bar_for_each_slice_up_or_down() -> None:
    [block] = _data(_page(sliced()), "vote-data")
    data = json.loads(block)
    assert [(bar["number"], bar["up"]) for bar in data["bars"]] == [(0, False), (1, True), (2, True), (3, True)]
    assert data["vote"]["slices"][0] == {"index": 20, "position_mm": -10.0, "p_quality": 0.2}
    assert (data["vote"]["votes_diagnostic"], data["vote"]["votes_total"], data["vote"]["threshold"]) == (3, 4, 0.5)


def test_the_worst_slices_are_named_with_their_place() -> None:
    worst = " ".join(_page(sliced()).partition("Worst slices")[2].partition("</ol>")[0].split())
    assert re.findall(r">Slice (\d+)</button> at (\S+) mm: quality ([\d.]+)", worst) == [
        ("20", "−10.0", "0.20"),
        ("19", "−7.5", "0.60"),
        ("17", "−2.5", "0.70"),
    ]


def test_advice_is_given_for_failing_attributes_with_its_source() -> None:
    page = _page(sliced(p_sharpness=0.2))
    advice = page.partition('class="advice"')[2].partition("</ul>")[0]
    assert SCALES[1].title in advice
    assert SCALES[0].title not in advice
    for source in SCALES[1].sources:
        assert f"https://doi.org/{source.doi}" in advice
    assert 'class="advice"' not in _page(sliced(p_sharpness=0.9))


def test_warnings_have_a_place_of_their_own() -> None:
    assert "<li>Slices of 4 mm.</li>" in _page(assessed(warnings=("Slices of 4 mm.",)))


def test_pictures_are_kept_as_they_are() -> None:
    made = pictured()
    page = _page(sliced(), load={"case": made}.get)
    [block] = _data(page, "pictures-data")
    assert ScanPictures.model_validate(json.loads(block)) == made
    assert f"data:image/jpeg;base64,{made.thumbnail}" in page.partition("<details")[0]


def test_pictures_that_are_missing_are_reported() -> None:
    assert "The pictures of this scan are missing" in _page(sliced())


def test_markup_from_outside_is_text() -> None:
    bundle = STAMP.model_copy(update={"name": NASTY})
    nasty = REFUSED.model_copy(update={"seen": NASTY, "remedy": NASTY})
    measures = measured(0.5, asnr=None).model_copy(update={"reasons": {"asnr": NASTY}})
    results = [
        sliced(
            NASTY,
            message=NASTY,
            warnings=(NASTY,),
            findings=(nasty,),
            measures=measures,
            versions={NASTY: NASTY},
            finished_at=NASTY,
            input_sha256=NASTY,
        ),
        unassessed(f"{NASTY}2", message=NASTY),
    ]
    [(_, page)] = render(results, _nothing, bundle, NASTY, NASTY)
    found = _Page(page)
    assert found.tags.count("script") == 2  # the data of the vote, and the page's own
    assert found.tags.count("img") == 0
    assert not {"onerror"} & {name for name, _ in found.attributes}
    assert _row(page, NASTY)[-1] == NASTY


def test_no_sign_of_a_record_ends_its_script() -> None:
    made = pictured().model_copy(update={"thumbnail": NASTY})
    page = _page(sliced(), load={"case": made}.get)
    [block] = _data(page, "pictures-data")
    assert json.loads(block)["thumbnail"] == NASTY


def test_page_is_self_contained() -> None:
    page = _page(sliced(), load={"case": pictured()}.get)
    found = _Page(page)
    assert {value[:5] for value in found.all_of("src")} == {"data:"}
    assert {value for value in found.all_of("href") if value[0] != "#"} == {
        f"https://doi.org/{source.doi}" for scale in SCALES for source in scale.sources if scale.name == "sharpness"
    }
    assert not re.search(r"@import|url\(|<link|<iframe", page)
    assert not found.all_of("style")


def test_policy_allows_only_the_pages_own_style_and_script() -> None:
    page = _page(sliced())
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    for tag, told in (("style", "style-src"), ("script", "script-src")):
        [text] = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{told} &#39;sha256-{digest}&#39;" in policy
    assert policy.startswith("default-src &#39;none&#39;; img-src data:;")
    assert "unsafe" not in policy


def test_a_run_of_one_and_a_run_of_none() -> None:
    assert "1 scan ·" in _page(assessed())
    assert "the bundle&#39;s threshold" in _page(unassessed())
    assert "0 scans ·" in _page()


def test_many_scans_are_split_over_linked_pages() -> None:
    results = [sliced(f"scan {number}") for number in range(7)]
    pages = dict(render(results, _nothing, STAMP, USE, CAUTION, scans_a_page=3))
    assert list(pages) == ["report.html", "report-2.html", "report-3.html"]
    parsed = {name: _Page(page) for name, page in pages.items()}
    parts = [[one for one in page.all_of("id") if one.startswith("scan-")] for page in parsed.values()]
    assert [len(one) for one in parts] == [3, 3, 1]
    assert len(_Page(pages["report.html"].partition("<details")[0]).rows) == 8
    for name, page in parsed.items():
        for link in page.all_of("href"):
            target, _, anchor = link.partition("#")
            if not target.startswith("https:"):
                assert not anchor or anchor in parsed[target or name].all_of("id")
        assert USE in pages[name]


def _part(page: str) -> str:
    """The words of the first part, with single spaces."""
    return " ".join(page.partition('<details class="scan"')[2].split())


def test_caution_is_shown_before_the_table_if_there_is_one() -> None:
    page = _page(assessed())
    assert page.index(CAUTION) < page.index("<table")
    [(_, without)] = render([assessed()], _nothing, STAMP, USE, "")
    assert without.count('class="notice"') == 1


@pytest.mark.parametrize("status", ["assessed", "measured", "not_assessable"])
def test_measures_are_shown_whatever_became_of_the_scan(status: str) -> None:
    measures = measured(0.5, noise_percent=99.0, asnr=None)
    result = sliced(measures=measures) if status == "assessed" else unassessed(status=status, measures=measures)
    page = _page(result)
    titles = [row[0].strip() for row in _Page(page).rows]
    first = titles.index("Measure") + 1
    assert (titles[first], titles[first + len(MEASURES) - 1]) == ("Noise", "Signal-to-noise ratio of blood")
    assert "Poor among the reference scans: <b>" in page
    poor = " ".join(_row(page, "Noise")[1].split())
    assert poor == "99.0 % of blood poor"
    assert "worse than" in _row(page, "Noise")[2]
    assert "The image is grainy" in _row(page, "Noise")[3]
    assert _row(page, "Signal-to-noise ratio of blood")[1:3] == ["–", "undefined: No asnr here."]
    assert reference_note(reference_scans()) in page


def test_each_measure_links_to_its_definition_and_its_reference() -> None:
    found = _Page(page := _page(sliced(measures=measured())))
    for measure in MEASURES:
        assert f"#measure-{measure.name}" in found.all_of("href")
        assert {f"measure-{measure.name}", f"reference-{measure.name}"} <= set(found.all_of("id"))
    assert html.escape(definition("asnr"), quote=False) in html.unescape(page)


def test_strip_has_the_scan_where_its_value_lies() -> None:
    page = _page(sliced(measures=measured(0.99, noise_percent=1e3)))
    strips = re.findall(r'<svg class="spread" role="img"><title>(.*?)</title>.*?<svg x="([\d.]+)%".*?mark (\w+)', page)
    assert len(strips) == len(MEASURES)
    assert strips[[title.startswith("Noise") for title, _, _ in strips].index(True)][1:] == ("98.0", "poor")
    facts = dict.fromkeys(measure.title for measure in MEASURES if measure.better == "neither")
    assert {kind for title, _, kind in strips if title.rpartition(" ")[0].startswith(tuple(facts))} == {"plain"}


def test_a_scan_without_measures_has_no_section_for_them() -> None:
    page = _page(sliced())
    assert "Image quality measures" not in page
    assert 'id="definitions"' not in page


def test_refused_scan_says_why_and_what_to_do_once() -> None:
    message = f"{REFUSED.seen} {REFUSED.remedy}"
    part = _part(_page(unassessed(status="not_assessable", message=message, findings=(REFUSED, REVIEW))))
    assert f"Not assessable because</h4> <ul> <li><b>{REFUSED.seen}</b> {REFUSED.remedy}</li>" in part
    assert f"Review before use:</h4> <ul> <li><b>{REVIEW.seen}</b> {REVIEW.remedy}</li>" in part
    assert part.count(REFUSED.seen) == 1


def test_scan_to_review_is_marked_in_table_and_part() -> None:
    page = _page(sliced("one", review=True, findings=(REVIEW,)), sliced("two"))
    assert _row(page, "one")[1].split() == ["diagnostic", "review"]
    assert _row(page, "two")[1] == "diagnostic"
    assert _Page(page).all_of("data-end") == ["diagnostic review", "diagnostic"]
    part = _part(page)
    assert part.index('class="badge review"') < part.index("Review before use:") < part.index("slices that hold")


def test_forced_verdict_is_said() -> None:
    page = _page(sliced("one", forced=True, findings=(REFUSED,)))
    assert _row(page, "one")[1].split() == ["diagnostic", "forced"]
    assert "Verdict forced" in _part(page)
    assert "Not assessable because" not in _part(page)


def test_reference_levels_are_one_line_with_a_flag() -> None:
    levels = ReferenceLevels(air=1, blood=100, p_quality_if_lower=0.4, p_quality_if_higher=0.7)
    flag = "One of these is on the other side of the threshold of 0.5"
    part = _part(_page(sliced(reference=levels)))
    assert "Grey level of blood 100.0, of air 1.0." in part
    assert flag in part
    assert flag not in _part(_page(sliced(reference=levels.model_copy(update={"p_quality_if_lower": 0.6}))))


def test_measures_over_a_batch_name_and_link_outliers() -> None:
    results = [sliced(f"scan {n}", measures=measured(0.5, noise_percent=10.0 + n % 5)) for n in range(9)]
    results.append(sliced("far", measures=measured(0.5, noise_percent=90.0)))
    pages = dict(render(results, _nothing, STAMP, USE, CAUTION, scans_a_page=5))
    section = pages["report.html"].partition("Measures over this batch")[2].partition("</section>")[0]
    noise = next(part for part in section.split("<tr>") if "measure-noise_percent" in part)
    assert noise.count('class="mark dot"') == 10
    named = noise.partition('class="outliers"')[2]
    assert re.findall(r'<a href="(.*?)">(.*?)</a>', named) == [("report-2.html#scan-far", "far")]
    assert "far above the others, worse" in named
    assert "Measures over this batch" not in pages["report-2.html"]


def test_a_small_batch_has_no_section_for_it() -> None:
    assert "over this batch" not in _page(*(sliced(str(n), measures=measured()) for n in range(5)))


def test_measured_scans_are_counted_where_there_are_any() -> None:
    page = _page(unassessed("m", status="measured", message=""), assessed("a"))
    assert '<li class="measured"><b>1</b> measured</li>' in page
    assert _row(page, "m")[1] == "measured"


def test_pictures_of_a_scan_without_a_verdict_are_there() -> None:
    page = _page(unassessed("case", status="measured", message=""), load={"case": pictured(maps=False)}.get)
    assert page.count('class="pictures-data"') == 1
    assert "pictures of this scan are missing" not in _page(unassessed(status="measured"))


def test_pages_of_just_as_many_scans_as_they_hold() -> None:
    names = [
        name for name, _ in render([assessed(str(n)) for n in range(6)], _nothing, STAMP, USE, CAUTION, scans_a_page=3)
    ]
    assert names == ["report.html", "report-2.html"]


@pytest.mark.parametrize("scale", [scale for scale in SCALES if scale.name != "quality"], ids=lambda scale: scale.name)
def test_advice_has_a_source(scale: Scale) -> None:
    assert all(re.fullmatch(r"10\.\d{4,}/\S+", source.doi) for source in scale.sources)
    assert scale.sources


def test_the_end_of_a_scan() -> None:
    assert [end_of(assessed()), end_of(unassessed())] == ["diagnostic", "failed"]
