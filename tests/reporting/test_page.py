import base64
import hashlib
import html
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from lgeqa.inference.bundle.kept_out import KeptOut
from lgeqa.measures import MEASURES, definition, reference_scans
from lgeqa.operating_point import OperatingPoint
from lgeqa.records import ProbabilityParts, ReferenceLevels, ScanResult
from lgeqa.reporting import ScanPictures, end_of, render
from lgeqa.reporting.measure_rows import reference_note
from lgeqa.scales import SCALE_NAMES, SCALES, Scale
from tests.reporting.shown import pictured, sliced, weighed
from tests.results import REFUSED, REVIEW, STAMP, assessed, decided, measured, unassessed

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
    assert _row(_page(decided("one", p_sharpness=0.98, warnings=("Slices of 4 mm.",))), "one") == [
        "one",
        "✓ accept",
        "The probability of being diagnostic is .81, and scans from .80 are accepted. Slices of 4 mm.",
        "diagnostic",
        "40 of 40",
        ".81",
        ".91",
        ".98",
        ".66",
    ]


def test_the_columns_are_in_the_order_of_the_cells() -> None:
    head = _Page(_page(assessed())).rows[0]
    assert head[5:9] == [SCALES[place].short_title for place in (3, 0, 1, 2)]


def test_the_row_of_a_scan_that_was_not_assessed() -> None:
    page = _page(unassessed("void"), unassessed("dark", status="not_assessable", message="no atrium"))
    assert _row(page, "void")[1:4] == ["–", "void.nrrd: the file is empty.", "failed"]
    assert _row(page, "dark") == ["dark", "–", "no atrium", "not assessable", "–", "–", "–", "–", "–"]


def test_a_tie_is_marked_and_so_is_what_is_below_one_half() -> None:
    page = _page(assessed("even", votes_diagnostic=20, tie=True, p_sharpness=0.499))
    assert _row(page, "even")[4] == "20 of 40, tie"
    table = page.partition("<details")[0]
    assert re.findall(r'class="number low" data-label="Sharpness" data-value="0.499">([\d.]+)<', table) == [".50"]
    assert "The vote is a tie, so this mean decided." in page


def test_rows_carry_what_they_are_filtered_by() -> None:
    page = _page(decided("a", p_sharpness=0.2, p_enhancement=0.49), unassessed("b"))
    found = _Page(page)
    assert found.all_of("data-decision") == ["review", "none"]
    assert found.all_of("data-failing") == ["sharpness enhancement", ""]
    assert found.all_of("data-end") == ["diagnostic", "failed"]
    assert set(found.all_of("data-part")) <= set(found.all_of("id"))


def test_the_counts_add_up() -> None:
    results = [decided("a", p_sharpness=0.98), decided("b"), decided("c", p_quality=0.1), unassessed("d")]
    page = " ".join(_page(*results).split())
    counts = dict(re.findall(r'<li class="([\w-]+)[^>]*>(?:<span[^<]*</span> )?<b>(\d+)</b>', page))
    assert counts == {"decision-accept": "1", "decision-review": "1", "decision-repeat": "1", "measured": "1"}
    assert "By verdict: 2 diagnostic, 1 non-diagnostic, 0 not assessable, 1 failed." in page


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
    assert "their mean, is .60." in words
    for told in ("cd" * 32, STAMP.sha256, "lgeqa 0", "2026-01-01T00:00:00+00:00", "read 0.1 s"):
        assert told in page.partition("Where this result comes from")[2]


def test_the_strip_has_a_bar_for_each_slice_up_or_down() -> None:
    [block] = _data(_page(sliced()), "vote-data")
    data = json.loads(block)
    assert [(bar["number"], bar["up"]) for bar in data["bars"]] == [(0, False), (1, True), (2, True), (3, True)]
    assert data["vote"]["slices"][0] == {"index": 20, "position_mm": -10.0, "p_quality": 0.2}
    assert (data["vote"]["votes_diagnostic"], data["vote"]["votes_total"], data["vote"]["threshold"]) == (3, 4, 0.5)


def test_weights_and_estimated_scores_are_shown() -> None:
    page = _page(weighed())
    words = " ".join(page.split())
    assert "reach the threshold of 0.5. The probability of the scan, in which each slice counts by its" in words
    assert "weight, is .31 and decides: <b>non-diagnostic</b>." in words
    assert "the vote, which decides" not in words
    rows = _Page(page).rows
    [head] = [row for row in rows if "Estimated score" in row]
    column = head.index("Estimated score")
    attributes = rows[rows.index(head) + 1 :][: len(SCALES)]
    assert {row[column] for row in attributes} == {"3.4 (3 to 4)"}
    [head] = [row for row in rows if "Weight" in row]
    assert [row[head.index("Weight")] for row in rows[rows.index(head) + 1 :][:4]] == ["70 %", "12 %", "12 %", "5 %"]
    [block] = _data(page, "vote-data")
    assert [scores["weight"] for scores in json.loads(block)["vote"]["slices"]] == [0.7, 0.125, 0.125, 0.05]


def test_the_parts_of_each_probability_are_shown() -> None:
    parts = {name: ProbabilityParts(network=0.62, measures=0.344) for name in SCALE_NAMES}
    rows = _Page(_page(sliced(parts=parts | {"enhancement": ProbabilityParts(network=0.9, measures=None)}))).rows
    [head] = [row for row in rows if "Mean of" in row]
    shown = [row[head.index("Mean of")] for row in rows[rows.index(head) + 1 :][: len(SCALES)]]
    assert shown == [*["network .62, measures .34"] * 3, "network .90, measures –"]


def test_other_scans_show_neither_weights_nor_scores_nor_parts() -> None:
    cells = {cell for row in _Page(_page(sliced())).rows for cell in row}
    assert not cells & {"Estimated score", "Weight", "Mean of"}


def test_the_worst_slices_are_named_with_their_place() -> None:
    worst = " ".join(_page(sliced()).partition("Worst slices")[2].partition("</ol>")[0].split())
    assert re.findall(r">Slice (\d+)</button> at (\S+) mm: quality ([\d.]+)", worst) == [
        ("20", "−10.0", ".20"),
        ("19", "−7.5", ".60"),
        ("17", "−2.5", ".70"),
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
    assert _row(page, NASTY)[2] == NASTY


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


def test_reasons_for_the_decision_come_first_with_their_remedy() -> None:
    page = _page(decided("one", findings=(REVIEW,)), decided("two", p_quality=0.1))
    assert _row(page, "one")[1:3] == ["? review", f"{REVIEW.seen} The scan fails sharpness."]
    assert _row(page, "two")[1] == "↻ repeat"
    part = _part(page)
    reasons = f"<li><b>{REVIEW.seen}</b> {REVIEW.remedy}</li> <li><b>The scan fails sharpness.</b> </li>"
    assert part.index('class="badge decision-review"') < part.index(reasons) < part.index("slices that hold")
    assert part.partition("</details>")[0].count(REVIEW.remedy) == 1


@pytest.mark.parametrize("quality", [0.99, 0.5, 0.01])
def test_failed_attribute_is_under_no_green_badge(quality: float) -> None:
    page = _page(decided(p_quality=quality, p_sharpness=0.2))
    badges = re.findall(r'class="badge ([\w-]+)"', page)
    assert not {"decision-accept", "diagnostic"} & set(badges)
    assert "fails" in badges
    assert "fails sharpness" in _part(page)


def test_refused_scan_is_for_review() -> None:
    refused = unassessed(status="not_assessable", findings=(REFUSED,), decision="review", reasons=(REFUSED.seen,))
    part = _part(_page(refused))
    assert f"Review: no verdict can be given</h4> <ul> <li><b>{REFUSED.seen}</b> {REFUSED.remedy}</li>" in part
    assert part.count(REFUSED.seen) == 1


def test_forced_verdict_is_said() -> None:
    page = _page(decided("one", forced=True, findings=(REFUSED,)))
    assert _row(page, "one")[3].split() == ["diagnostic", "forced"]
    assert "Review: the verdict was forced, although the scan was refused" in _part(page)


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
    section = _page(*results).partition("Measures over this batch")[2].partition("</section>")[0]
    noise = next(part for part in section.split("<tr>") if "measure-noise_percent" in part)
    assert noise.count('class="mark dot"') == 10
    named = noise.partition('class="outliers"')[2]
    assert re.findall(r'<a href="(.*?)">(.*?)</a>', named) == [("#scan-far", "far")]
    assert "far above the others, worse" in named


def test_a_small_batch_has_no_section_for_it() -> None:
    assert "over this batch" not in _page(*(sliced(str(n), measures=measured()) for n in range(5)))


def test_measured_scans_are_counted_where_there_are_any() -> None:
    page = _page(unassessed("m", status="measured", message=""), assessed("a"))
    assert "1 measured" in page.partition("By verdict:")[2].partition("</p>")[0]
    assert _row(page, "m")[1:4] == ["–", "", "measured"]


def test_pictures_of_a_scan_without_a_verdict_are_there() -> None:
    page = _page(unassessed("case", status="measured", message=""), load={"case": pictured(maps=False)}.get)
    assert page.count('class="pictures-data"') == 1
    assert "pictures of this scan are missing" not in _page(unassessed(status="measured"))


@pytest.mark.parametrize("scale", [scale for scale in SCALES if scale.name != "quality"], ids=lambda scale: scale.name)
def test_advice_has_a_source(scale: Scale) -> None:
    assert all(re.fullmatch(r"10\.\d{4,}/\S+", source.doi) for source in scale.sources)
    assert scale.sources


def test_the_end_of_a_scan() -> None:
    assert [end_of(assessed()), end_of(unassessed())] == ["diagnostic", "failed"]


KEPT_OUT = KeptOut(
    probabilities=(0.95, 0.9, 0.6, 0.1),
    diagnostic=(True, False, True, False),
    may_accept=(True,) * 4,
    may_repeat=(True,) * 4,
    patients=(0, 1, 2, 3),
)


def test_curves_say_how_far_to_trust_a_decision() -> None:
    [(_, page)] = render([decided()], _nothing, STAMP, USE, CAUTION, KEPT_OUT)
    section = page.partition('class="trust"')[2].partition("</section>")[0]
    assert "Of 100 scans like these, 50 are accepted (25 of them poor), 25 sent to review" in section
    assert [_row(section, cell)[1:] for cell in (".95", ".10", "25 %", "50 %")] == [
        ["100 %", "1"],
        ["0 %", "1"],
        ["0 %"],
        ["50 %"],
    ]
    reliability, risk = re.findall(r'class="curve" points="([^"]*)"', section)
    assert reliability.split()[:4] == ["74.0", "180.0", "194.0", "10.0"]  # (.1, 0), (.6, 1) from 50 to 290, 180 to 10
    assert risk.split()[:4] == ["110.0", "180.0", "170.0", "10.0"]  # (.25, 0), (.5, .5), the highest risk of the axis
    assert re.findall(r'class="dot point" d="M([\d. ]+)h0"', section) == ["170.0 10.0"]


def test_decisions_that_were_not_measured_say_how_to() -> None:
    page = _page(decided(point=OperatingPoint(accept_from=0.9, repeat_below=0)))
    section = page.partition('class="trust"')[2].partition("</section>")[0]
    assert "has not been measured" in section
    assert "lgeqa calibrate" in section
    text = "accepted from a probability of .90, never to be repeated, and otherwise for review (set by hand)."
    assert text in page.partition("<table")[0]
    assert 'class="trust"' not in _page(unassessed())


def test_outcomes_of_several_operating_points_are_told_apart() -> None:
    results = [decided("a"), decided("b", point=OperatingPoint(accept_from=2, repeat_below=0.5))]
    [(_, page)] = render(results, _nothing, STAMP, USE, CAUTION, KEPT_OUT)
    section = page.partition('class="trust"')[2].partition("</section>")[0]
    assert "never accepted, to be repeated below .50" in section
    assert section.count("Of 100 scans like these") == 2
    assert section.count('class="dot point"') == 1  # no scan is accepted at the other
