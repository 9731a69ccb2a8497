"""Labels of an evaluation. Only this module takes them from a cohort."""

from collections.abc import Sequence

from lgeqa.cohort import Case, LabelRule, Scores, check_labelled, has_quality_label, scores_of, settled_rule
from lgeqa.errors import CohortError


def choose_rule(cases: Sequence[Case], rule: str, reader: str | None) -> LabelRule:
    """Return the rule with this name, or the one that fits the scores of the cohort for `auto`.

    Raises:
        CohortError: The cohort has no scores, or no label of quality by the rule. The message lists the readers.
        ConfigError: The reader does not fit the rule.
    """
    chosen = settled_rule(cases, LabelRule.of({"rule": rule, "reader": reader}, "--rule and --reader"))
    if not any(case.scores for case in cases):
        raise CohortError("The cohort has no scores. Evaluation compares verdicts with scores: give a scored cohort.")
    check_labelled(cases, chosen)
    return chosen


def label_of(case: Case, rule: LabelRule) -> Scores | None:
    """Return the scores that are the label of a scan, NaN where there is none, or None without a label of quality."""
    return tuple(scores_of(case, rule).tolist()) if has_quality_label(case, rule) else None
