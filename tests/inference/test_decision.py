"""Decision on a scored scan: accept, review or repeat, with reasons."""

from typing import Any

import pytest

from lgeqa.errors import ConfigError
from lgeqa.inference.decision import DecisionRule, message_of
from lgeqa.operating_point import DEFAULT, Costs, OperatingPoint
from lgeqa.records import ReferenceLevels, ScanResult
from lgeqa.scales import SCALE_NAMES
from tests.results import REFUSED, REVIEW, decided, unassessed

GOOD: dict[str, Any] = dict.fromkeys((f"p_{name}" for name in SCALE_NAMES), 0.9)
POOR: dict[str, Any] = dict.fromkeys((f"p_{name}" for name in SCALE_NAMES), 0.1)


def test_good_scan_is_accepted() -> None:
    result = decided(**GOOD)
    assert result.decision == "accept"
    assert result.reasons == ("The probability of being diagnostic is .90, and scans from .80 are accepted.",)


def test_poor_scan_is_to_be_repeated() -> None:
    result = decided(**POOR)
    assert result.decision == "repeat"
    assert "scans below .20 are to be repeated" in result.reasons[0]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"p_quality": 0.6}, "too close to call: between .20 and .80"),
        ({"p_sharpness": 0.45}, "The scan fails sharpness."),
        ({"p_sharpness": 0.45, "p_enhancement": 0.3}, "The scan fails sharpness and enhancement of aorta and valve."),
        ({"p_sharpness": 0.1}, "the probability of a good score says otherwise: sharpness .10"),
        ({"findings": (REVIEW,)}, "The scan is noisy."),
        (
            {"reference": ReferenceLevels(air=0, blood=100, p_quality_if_lower=0.4, p_quality_if_higher=0.95)},
            "A blood level 5 % lower or higher would turn the verdict.",
        ),
    ],
)
def test_doubt_sends_a_good_scan_to_review(changes: dict[str, Any], reason: str) -> None:
    result = decided(**GOOD | changes)
    assert result.decision == "review"
    assert any(reason in text for text in result.reasons)


def test_finding_sends_a_poor_scan_to_review() -> None:
    assert decided(**POOR, findings=(REVIEW,)).decision == "review"


def test_vote_against_the_probability_is_reviewed() -> None:
    result = DecisionRule(0.95).apply(decided(**GOOD))
    assert (result.verdict, result.decision) == ("non-diagnostic", "review")
    assert "The vote of the slices says non-diagnostic, and the probability says otherwise." in result.reasons


def test_slices_that_disagree_are_reviewed() -> None:
    result = decided(**GOOD)
    slices = [scores.model_copy(update={"p_quality": 0.2}) if scores.index < 19 else scores for scores in result.slices]
    result = DecisionRule(0.5).apply(result.model_copy(update={"slices": tuple(slices)}))
    assert (result.verdict, result.decision) == ("diagnostic", "review")
    assert "The slices disagree: 24 of 40 vote diagnostic." in result.reasons


def test_refused_scan_is_reviewed_with_the_reason() -> None:
    refused = unassessed(status="not_assessable", findings=(REFUSED,))
    result = DecisionRule(0.5).apply(refused)
    assert (result.decision, result.reasons) == ("review", ("The stack ends in the atrium.",))
    assert result.message == refused.message


@pytest.mark.parametrize("status", ["failed", "measured"])
def test_scan_without_scores_has_no_decision(status: str) -> None:
    assert DecisionRule(0.5).apply(unassessed(status=status)).decision is None


def test_rule_applied_twice_changes_nothing() -> None:
    for result in (decided(**GOOD | {"p_sharpness": 0.1}), decided(**POOR, findings=(REVIEW,))):
        assert DecisionRule(0.5).apply(result) == result


def test_decision_returns_with_its_limits() -> None:
    first = decided(**GOOD)
    strict = DecisionRule(0.95, OperatingPoint(accept_from=0.99, repeat_below=0.97)).apply(first)
    assert (first.decision, strict.decision) == ("accept", "review")
    assert DecisionRule(0.5).apply(strict) == first


def test_costs_set_the_limits() -> None:
    assert (DEFAULT.accept_from, DEFAULT.repeat_below) == (0.8, 0.2)
    point = OperatingPoint.of_costs(Costs(missed=20, needless=4))
    assert (point.accept_from, point.repeat_below) == (0.95, 0.25)


def test_costs_below_two_reviews_leave_no_review() -> None:
    point = OperatingPoint.of_costs(Costs(missed=1.5, needless=0.5))
    assert point.accept_from == point.repeat_below == 0.75
    costs = [(share, 1.5 * (1 - share), 0.5 * share) for share in (0.74, 0.76)]
    assert [accepted < repeated for _, accepted, repeated in costs] == [False, True]


@pytest.mark.parametrize("limits", [{"accept_from": 0.3, "repeat_below": 0.4}, {"accept_from": 0, "repeat_below": 0}])
def test_limits_without_sense_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="accept_from"):
        OperatingPoint.of(limits)


def test_weighed_slices_decide_by_their_probability() -> None:
    result = decided(**GOOD | {"p_quality": 0.9})
    slices = tuple(scores.model_copy(update={"p_quality": 0.1, "weight": 1 / 40}) for scores in result.slices)
    weighed: ScanResult = DecisionRule(0.5).apply(result.model_copy(update={"slices": slices}))
    assert (weighed.verdict, weighed.votes_diagnostic) == ("diagnostic", 0)


@pytest.mark.parametrize(("probability", "decision"), [(0.8, "accept"), (0.79, "review"), (0.2, "review")])
def test_probability_at_a_limit_is_above_it(probability: float, decision: str) -> None:
    scores: dict[str, Any] = dict.fromkeys(GOOD, probability)
    assert decided(**scores).decision == decision


def test_limit_above_one_is_shown_as_one() -> None:
    [reason] = decided(**GOOD, point=OperatingPoint(accept_from=1.5, repeat_below=0.2)).reasons
    assert reason.endswith("too close to call: between .20 and > .99.")


def test_two_thirds_of_the_slices_are_enough() -> None:
    result = decided(**GOOD)
    slices = [
        scores.model_copy(update={"p_quality": 0.2 if number < 10 else 0.9})
        for number, scores in enumerate(result.slices[:30])
    ]
    result = DecisionRule(0.5).apply(result.model_copy(update={"slices": tuple(slices)}))
    assert (result.votes_diagnostic, result.votes_total, result.decision) == (20, 30, "accept")


def test_uncertain_scan_without_doubts_has_one_reason() -> None:
    [reason] = decided(**GOOD | {"p_quality": 0.6}).reasons
    assert "too close to call" in reason


def test_doubts_follow_an_uncertain_probability() -> None:
    reason, *doubts = decided(**GOOD | {"p_quality": 0.6, "p_sharpness": 0.45}, findings=(REVIEW,)).reasons
    assert "too close to call" in reason
    assert doubts == ["The scan is noisy.", "The scan fails sharpness."]


@pytest.mark.parametrize(
    ("lower", "higher", "decision"), [(0.95, 0.4, "review"), (0.5, 0.95, "accept"), (None, None, "accept")]
)
def test_blood_level_matters_across_the_threshold(lower: float | None, higher: float | None, decision: str) -> None:
    levels = ReferenceLevels(air=0, blood=100, p_quality_if_lower=lower, p_quality_if_higher=higher)
    assert decided(**GOOD, reference=levels).decision == decision


def test_inconsistent_scores_ask_for_a_review() -> None:
    result = decided(**GOOD | {"p_sharpness": 0.1})
    assert result.review
    assert not DecisionRule(0.95).apply(result.model_copy(update={"findings": (), "review": True})).review


def test_refused_scan_without_findings_gives_its_message() -> None:
    refused = unassessed(status="not_assessable", message="The stack is empty.")
    assert DecisionRule(0.5).apply(refused).reasons == ("The stack is empty.",)


def test_message_of_a_refused_scan_names_only_the_refusal() -> None:
    assert (
        message_of("not_assessable", ["Warned."], [REVIEW, REFUSED]) == "The stack ends in the atrium. Send all slices."
    )
    assert message_of("assessed", ["Warned."], [REVIEW]) == "Warned. The scan is noisy. Look at it."


def test_weighed_slices_may_disagree() -> None:
    result = decided(**GOOD | {"p_quality": 0.9})
    slices = tuple(
        scores.model_copy(update={"p_quality": 0.1 if scores.index % 2 else 0.9, "weight": 1 / 40})
        for scores in result.slices
    )
    weighed = result.model_copy(update={"slices": slices})
    assert DecisionRule(0.5).apply(weighed).decision == "accept"
    assert DecisionRule(0.9).apply(weighed).verdict == "diagnostic"
