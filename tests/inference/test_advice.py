"""Advice on a poor scan: causes, evidence, and whether a repeat helps."""

from typing import Any

import pytest

from lgeqa.inference.advice import CAUSES, advise
from lgeqa.inference.gate import CHECKS
from lgeqa.measures import BY_NAME
from lgeqa.records import Acquisition
from lgeqa.scales import SCALE_NAMES
from tests.results import REFUSED, decided, measured, unassessed

GOOD: dict[str, Any] = dict.fromkeys((f"p_{name}" for name in SCALE_NAMES), 0.9)


def test_good_scan_needs_no_advice() -> None:
    assert decided(**GOOD, measures=measured()).advice == ()


@pytest.mark.parametrize(
    ("scale", "cause"),
    [("myocardium_nulling", "inversion_time"), ("sharpness", "motion"), ("enhancement", "enhancement")],
)
def test_failed_scale_names_its_cause(scale: str, cause: str) -> None:
    [advice] = decided(**GOOD | {f"p_{scale}": 0.3}).advice
    assert advice.cause == cause
    assert advice.strength == pytest.approx(0.7)
    assert advice.seen == f"Probability of {scale.replace('_', ' ')} .30."
    assert advice.sources


@pytest.mark.parametrize(
    ("measure", "value", "cause"),
    [
        ("nulling_ratio", 5.0, "inversion_time"),
        ("dark_line_percent", 50.0, "inversion_time"),
        ("edge_width_mm", 50.0, "motion"),
        ("septal_contrast", -5.0, "enhancement"),
        ("noise_percent", 90.0, "noise"),
        ("asnr", 0.1, "noise"),
        ("ghosting_percent", 90.0, "ghosting"),
        ("shading_percent", 300.0, "shading"),
    ],
)
def test_poor_measure_names_its_cause(measure: str, value: float, cause: str) -> None:
    [advice] = advise(unassessed(status="measured", measures=measured(**{measure: value})))
    assert (advice.cause, advice.strength) == (cause, 1.0)
    assert advice.seen == f"{BY_NAME[measure].title} worse than 100% of the reference scans."


@pytest.mark.parametrize(
    ("check", "cause", "repeat"),
    [
        ("stack_covers_atrium", "coverage", "unlikely"),
        ("no_slice_lost", "export", "unneeded"),
    ],
)
def test_finding_of_the_gate_names_its_cause(check: str, cause: str, repeat: str) -> None:
    finding = REFUSED.model_copy(update={"check": check})
    acquisition = Acquisition(minutes_since_contrast=60)
    [advice] = advise(unassessed(status="not_assessable", findings=(finding,), acquisition=acquisition))
    assert (advice.cause, advice.strength, advice.repeat, advice.seen) == (cause, 1.0, repeat, REFUSED.seen)
    assert check in {check.__name__ for check in CHECKS}


def test_measures_of_a_refused_scan_give_no_advice() -> None:
    refused = unassessed(status="not_assessable", findings=(REFUSED,), measures=measured(nulling_ratio=5.0))
    assert advise(refused) == ()


def test_accepted_scan_gets_no_advice() -> None:
    noisy = measured(noise_percent=90.0)
    assert decided(**GOOD, measures=noisy).advice == ()
    [advice] = decided(**GOOD | {"p_quality": 0.6}, measures=noisy).advice
    assert advice.cause == "noise"
    assert advice.strength == pytest.approx((1 + 0.4) / 2)


def test_strongest_evidence_comes_first() -> None:
    result = decided(**GOOD | {"p_sharpness": 0.45, "p_myocardium_nulling": 0.05}, measures=measured(nulling_ratio=5.0))
    assert [item.cause for item in result.advice] == ["inversion_time", "motion"]
    assert result.advice[0].strength == pytest.approx((0.95 + 1) / 2)
    assert result.advice[0].strength > result.advice[1].strength


@pytest.mark.parametrize(
    ("minutes", "repeat", "reason"),
    [
        (None, "unlikely", "the delay is not known"),
        (12.0, "likely", "wait until 20 minutes"),
        (20.0, "unlikely", "the delay is not the cause"),
        (25.0, "unlikely", "the delay is not the cause"),
        (40.0, "unlikely", "the delay is not the cause"),
        (55.0, "unlikely", "the contrast agent is washing out"),
    ],
)
def test_enhancement_depends_on_the_delay(minutes: float | None, repeat: str, reason: str) -> None:
    acquisition = Acquisition(minutes_since_contrast=minutes)
    [advice] = decided(**GOOD | {"p_enhancement": 0.2}, acquisition=acquisition).advice
    assert advice.repeat == repeat
    assert reason in advice.reason


@pytest.mark.parametrize(("minutes", "repeat"), [(None, "likely"), (15.0, "likely"), (60.0, "unlikely")])
def test_repeat_helps_while_the_agent_is_there(minutes: float | None, repeat: str) -> None:
    acquisition = Acquisition(inversion_time_ms=260, minutes_since_contrast=minutes)
    [advice] = decided(**GOOD | {"p_myocardium_nulling": 0.2}, acquisition=acquisition).advice
    assert advice.repeat == repeat
    assert advice.change.endswith("It was 260 ms.")


def test_every_measure_of_the_image_has_a_cause() -> None:
    named = {name for cause in CAUSES for name in cause.measures}
    of_the_stack = {"clipping_percent", "margin_below_mm", "margin_above_mm", "empty_slices", "repeated_slices"}
    assert named | of_the_stack == {name for name, measure in BY_NAME.items() if measure.better != "neither"}


@pytest.mark.parametrize(("share", "causes"), [(0.9, ["noise"]), (0.89, [])])
def test_measure_counts_from_nine_tenths(share: float, causes: list[str]) -> None:
    measures = measured()
    measures = measures.model_copy(update={"places": measures.places | {"noise_percent": share}})
    advice = advise(unassessed(status="measured", measures=measures))
    assert [(item.cause, item.strength) for item in advice] == [(cause, share) for cause in causes]


def test_heart_rate_is_named_with_motion() -> None:
    [advice] = decided(**GOOD | {"p_sharpness": 0.3}, acquisition=Acquisition(heart_rate_bpm=71)).advice
    assert advice.change.endswith("The heart rate was 71 a minute.")
