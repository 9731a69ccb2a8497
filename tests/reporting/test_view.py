import pytest

from lgeqa.formatting import probability_text
from lgeqa.records import ReferenceLevels
from lgeqa.reporting.presenter import ScanLink, ScanView, likelihood
from lgeqa.scales import SCALES
from tests.reporting.shown import sliced
from tests.results import REFUSED, REVIEW, assessed, measured, unassessed


def view(**changes: object) -> ScanView:
    return ScanView(sliced(**changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (0.0, "likely non-diagnostic"),
        (0.4, "likely non-diagnostic"),
        (0.41, "a close call"),
        (0.5, "a close call"),
        (0.59, "a close call"),
        (0.6, "likely diagnostic"),
        (1.0, "likely diagnostic"),
    ],
)
def test_a_probability_as_text(probability: float, words: str) -> None:
    assert likelihood(probability) == words


def test_the_attributes_are_quality_first_with_what_they_mean() -> None:
    shown = view(p_quality=0.55, p_myocardium_nulling=0.9, p_sharpness=0.2, p_enhancement=0.5).attributes
    assert [one.scale.name for one in shown] == ["quality", "myocardium_nulling", "sharpness", "enhancement"]
    assert [one.fails for one in shown] == [False, False, True, False]
    assert shown[2].towards == SCALES[1].worst
    assert shown[1].towards == SCALES[0].best


def test_a_scan_without_a_verdict_has_none_of_it() -> None:
    shown = ScanView(unassessed())
    assert (shown.attributes, shown.failing, shown.differs, shown.end) == ([], [], False, "failed")


def test_worst_slices_come_first_with_their_weakest_attribute() -> None:
    worst = view(qualities=(0.5, 0.2, 0.9, 0.1)).worst
    assert [(number, one.index) for number, one, _ in worst] == [(3, 17), (1, 19), (0, 20)]
    assert {scale.name for _, _, scale in worst} == {"sharpness"}


def test_bars_reach_from_the_threshold_to_the_probability() -> None:
    shown = view(qualities=(0.2, 0.7, 0.75), threshold=0.7)
    assert [bar.up for bar in shown.bars] == [False, True, True]
    assert [bar.start for bar in shown.bars] == [0, 1, 2]
    assert [bar.top for bar in shown.bars] == pytest.approx([30, 30, 25])
    assert [bar.height for bar in shown.bars] == pytest.approx([50, 0, 5])
    assert shown.length == 3


def test_slices_that_are_missing_between_others_leave_a_gap() -> None:
    slices = sliced(qualities=(0.2, 0.4, 0.6, 0.8, 0.9)).slices
    shown = ScanView(assessed(slices=(slices[0], slices[1], slices[4])))
    assert [bar.start for bar in shown.bars] == [0, 1, 4]
    assert shown.length == 5


def test_one_slice_is_a_strip_too() -> None:
    assert view(qualities=(0.4,)).length == 1


@pytest.mark.parametrize(
    ("probability", "verdict", "differs"),
    [(0.6, "diagnostic", False), (0.4, "diagnostic", True), (0.6, "non-diagnostic", True)],
)
def test_a_vote_and_a_mean_that_differ_are_reported(probability: float, verdict: str, differs: bool) -> None:
    assert view(probability=probability, verdict=verdict).differs is differs


def test_an_anchor_needs_no_escaping() -> None:
    link = ScanLink('a b/<ü>"&', "report/a.html")
    assert link.address == "report/a.html#scan-a%20b%2F%3C%C3%BC%3E%22%26"


def test_flags_are_beside_the_verdict() -> None:
    assert view().flags == []
    assert view(review=True, forced=True).flags == ["review", "forced"]


def test_findings_are_parted_by_severity() -> None:
    shown = view(findings=(REFUSED, REVIEW))
    assert (shown.refusals, shown.reviews) == ([REFUSED], [REVIEW])


@pytest.mark.parametrize(
    ("status", "forced", "title"),
    [
        ("not_assessable", False, "Not assessable because"),
        ("measured", False, "A verdict would be refused because"),
        ("assessed", True, "Verdict forced: asked for although the scan was refused because"),
    ],
)
def test_refusals_are_titled_by_what_became_of_the_scan(status: str, forced: bool, title: str) -> None:
    assert ScanView(unassessed(status=status, forced=forced)).refusal_title == title


def test_poor_measures_are_counted() -> None:
    assert [row.measure.name for row in view(measures=measured(0.5, edge_width_mm=9.0)).poor] == ["edge_width_mm"]
    assert view().measures == []


@pytest.mark.parametrize(
    ("lower", "higher", "sensitive"),
    [(0.51, 0.9, False), (0.49, 0.9, True), (0.9, 0.49, True), (0.5, 0.5, False)],
)
def test_reference_that_decides_the_side_is_flagged(lower: float, higher: float, sensitive: bool) -> None:
    levels = ReferenceLevels(air=3.04, blood=120.06, p_quality_if_lower=lower, p_quality_if_higher=higher)
    shown = view(probability=0.6, threshold=0.5, reference=levels)
    assert shown.sensitive is sensitive
    assert shown.reference_words == (
        "Grey level of blood 120.1, of air 3.0. If the blood level were 5 % lower / higher, "
        f"the probability would be {probability_text(lower)} / {probability_text(higher)}."
    )


def test_reference_of_a_scan_without_a_verdict_is_its_levels() -> None:
    shown = ScanView(unassessed(reference=ReferenceLevels(air=3, blood=120)))
    assert shown.reference_words == "Grey level of blood 120.0, of air 3.0."
    assert not shown.sensitive
    assert ScanView(unassessed()).reference_words == ""
