"""What the labels of an evaluation are; the only place that takes them from a cohort."""

from collections.abc import Sequence

from lgeqa.cohort import LABEL, TRUTH, Case, LabelRule, Scores, is_labelled, scores_of
from lgeqa.cohort.case import MEASURED
from lgeqa.errors import CohortError


def choose_rule(cases: Sequence[Case], rule: str, reader: str | None) -> LabelRule:
    """How labels are made: with the rule `reader` by the wanted reader, else `truth`, else `label`.

    Raises:
        CohortError: the cohort has no scores of that reader, or of neither; the message lists the readers.
        ConfigError: a reader was named with another rule.
    """
    if rule != "reader":
        return LabelRule.of({"rule": rule} | ({"reader": reader} if reader else {}), "--rule and --reader")
    known = {name for case in cases for name in case.scores}
    found = [name for name in ((reader,) if reader else (TRUTH, LABEL)) if name in known]
    if found:
        return LabelRule(reader=found[0])
    asked = f"reader {reader!r}" if reader else f"{TRUTH!r} or {LABEL!r}"
    readers = ", ".join(sorted(known)) or "nobody"
    raise CohortError(f"The cohort has no scores of {asked}. Scored by: {readers}. Name one with --reader.")


def label_of(case: Case, rule: LabelRule) -> Scores | None:
    """The scores that are the label of a scan; None where it has none."""
    if not is_labelled(case, rule):
        return None
    nulling, sharpness, enhancement, quality = scores_of(case, rule).tolist()
    return nulling, sharpness, enhancement, quality


def name_of(rule: LabelRule) -> str:
    """The label's name among the readers."""
    return rule.rule if rule.is_joined else rule.reader


def in_words(rule: LabelRule) -> str:
    """What the labels are, for people."""
    if rule.is_joined:
        return f"the {rule.rule} of the readers' scores"
    words = {
        TRUTH: "scores before reader noise (truth)",
        LABEL: "agreed scores (label)",
        MEASURED: "scores from image quality measures, which are not clinical ones (measured)",
    }
    return words.get(rule.reader, f"scores of {rule.reader}")
