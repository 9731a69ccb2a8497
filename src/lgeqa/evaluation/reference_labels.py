"""Labels of an evaluation. Only this module takes them from a cohort."""

from collections.abc import Sequence

from lgeqa.cohort import LABEL, TRUTH, Case, LabelRule, Scores, is_labelled, scores_of
from lgeqa.cohort.case import MEASURED
from lgeqa.errors import CohortError


def choose_rule(cases: Sequence[Case], rule: str, reader: str | None) -> LabelRule:
    """Return the label rule, where the rule `reader` takes the requested reader, or else `truth`, or else `label`.

    Raises:
        CohortError: The cohort has no scores by the requested reader, or by `truth` or `label` without a request. The
            message lists the readers.
        ConfigError: The reader does not fit the rule.
    """
    if rule != "reader":
        return LabelRule.of({"rule": rule} | ({"reader": reader} if reader else {}), "--rule and --reader")
    known = {name for case in cases for name in case.scores}
    matches = [name for name in ((reader,) if reader else (TRUTH, LABEL)) if name in known]
    if matches:
        return LabelRule(reader=matches[0])
    asked = f"reader {reader!r}" if reader else f"{TRUTH!r} or {LABEL!r}"
    readers = ", ".join(sorted(known)) or "nobody"
    raise CohortError(f"The cohort has no scores of {asked}. Scored by: {readers}. Name one with --reader.")


def label_of(case: Case, rule: LabelRule) -> Scores | None:
    """Return the scores that are the label of a scan, or None if it has no label."""
    if not is_labelled(case, rule):
        return None
    nulling, sharpness, enhancement, quality = scores_of(case, rule).tolist()
    return nulling, sharpness, enhancement, quality


def name_of(rule: LabelRule) -> str:
    """Return the name of the label among the readers."""
    return rule.rule if rule.is_joined else rule.reader


def in_words(rule: LabelRule) -> str:
    """Return a description of the labels."""
    if rule.is_joined:
        return f"the {'majority' if rule.rule == 'soft' else rule.rule} of the readers' scores"
    words = {
        TRUTH: "scores before reader noise (truth)",
        LABEL: "agreed scores (label)",
        MEASURED: "scores from image quality measures, which are not clinical ones (measured)",
    }
    return words.get(rule.reader, f"scores of {rule.reader}")
