import pytest

from lgeqa.attributes import SCALES
from lgeqa.report.view import ScanView, likelihood
from tests.report.shown import sliced
from tests.results import assessed, unassessed


def view(**changes: object) -> ScanView:
    return ScanView(sliced(**changes), "report.html")  # type: ignore[arg-type]


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
def test_a_probability_in_words(probability: float, words: str) -> None:
    assert likelihood(probability) == words


def test_the_attributes_are_quality_first_with_what_they_mean() -> None:
    shown = view(p_quality=0.55, p_myocardium_nulling=0.9, p_sharpness=0.2, p_enhancement=0.5).attributes
    assert [one.scale.name for one in shown] == ["quality", "myocardium_nulling", "sharpness", "enhancement"]
    assert [one.fails for one in shown] == [False, False, True, False]
    assert shown[2].towards == SCALES[1].worst
    assert shown[1].towards == SCALES[0].best


def test_a_scan_without_a_verdict_has_none_of_it() -> None:
    shown = ScanView(unassessed(), "report.html")
    assert (shown.attributes, shown.failing, shown.differs, shown.end) == ([], [], False, "failed")


def test_the_worst_slices_come_first_with_their_weakest_attribute() -> None:
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
    shown = ScanView(assessed(slices=(slices[0], slices[1], slices[4])), "report.html")
    assert [bar.start for bar in shown.bars] == [0, 1, 4]
    assert shown.length == 5


def test_one_slice_is_a_strip_too() -> None:
    assert view(qualities=(0.4,)).length == 1


@pytest.mark.parametrize(
    ("probability", "verdict", "differs"),
    [(0.6, "diagnostic", False), (0.4, "diagnostic", True), (0.6, "non-diagnostic", True)],
)
def test_a_vote_and_a_mean_that_differ_are_told(probability: float, verdict: str, differs: bool) -> None:
    assert view(probability=probability, verdict=verdict).differs is differs


def test_an_anchor_needs_no_escaping() -> None:
    shown = ScanView(assessed('a b/<ü>"&'), "report.html")
    assert shown.anchor == "scan-a%20b%2F%3C%C3%BC%3E%22%26"
