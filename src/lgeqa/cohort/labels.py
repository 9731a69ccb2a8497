"""Rules that derive the label for training from the scores of the readers."""

import math
from collections.abc import Callable, Sequence
from statistics import fmean, median, median_low
from typing import Any, Final, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from lgeqa.cohort.case import ADJUDICATED, LABEL, MEASURED, NO_SCORES, PSEUDO_READERS, TRUTH, Case, Scores
from lgeqa.config import Settings
from lgeqa.errors import CohortError
from lgeqa.records import FloatArray
from lgeqa.scales import (
    DIAGNOSTIC_FROM,
    HIGHEST_SCORE,
    LOWEST_SCORE,
    SCALE_NAMES,
    chance_of_at_least,
    is_diagnostic,
)

Numbers = npt.NDArray[np.float64]

_QUALITY: Final = SCALE_NAMES.index("quality")
#: Stratum of the scans without a label. Strata 0 and 1 are the labels of quality.
UNLABELLED: Final = 2

_JOINING: Final[dict[str, Callable[[Sequence[float]], float]]] = {
    "mean": fmean,
    "median": median,
    "majority": median_low,
    "soft": median_low,
}
#: Rules that combine all readers.
JOINED: Final = tuple(_JOINING)


class LabelRule(Settings):
    """Rule that derives a scan's label from its readers' scores. A combined score of 3.0 is diagnostic, 2.5 is not.

    Mean, median and majority combine on each scale all readers who scored the scan on it, even if there is only one.
    They never include the names `truth` (a simulated scan's scores before reader noise), `label` (the agreed scores of
    a `labels.json`) and `measured` (scores derived from image quality measures), which are not readings. These three
    can be selected as a reader. Scores that a panel agreed on, under the name `adjudicated`, replace the readers'
    scores.

    Attributes:
        rule: Rule for the label. `auto`: the first of these that the cohort has scores for: the reader `truth`, the
            reader `label`, the median of several readers, a single reader, the reader `measured`. `reader`: the scores
            of one reader. `mean`, `median`: the mean or median of all readers on each scale, where the median of two
            middle scores is their mean. `majority`: diagnostic if more than half of the readers gave 3 or more, so a
            tie is non-diagnostic. `graded`: the scores of the reader `measured`, from which training learns the
            probability that an expert's score is 3 or more. `soft`: as `majority`, but training learns the share of the
            readers who gave 3 or more, so that a scan on which readers disagree counts as uncertain.
        reader: Reader whose scores are the labels, with the rules `reader` and `graded`. It is `measured` with the
            rule `graded`. A reader without a rule means the rule `reader`.
    """

    rule: Literal["auto", "reader", "mean", "median", "majority", "graded", "soft"] = "auto"
    reader: str | None = Field(None, min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _of_named_reader(cls, values: Any) -> Any:
        auto = isinstance(values, dict) and values.get("reader") is not None and values.get("rule", "auto") == "auto"
        return values | {"rule": "reader"} if auto else values

    @model_validator(mode="after")
    def _no_conflict(self) -> Self:
        if self.is_joined and self.reader:
            raise ValueError(
                f"rule = {self.rule!r} takes all readers, and reader = {self.reader!r} names one. "
                "Leave the reader out, or choose rule = 'reader'"
            )
        if self.rule == "reader" and not self.reader:
            raise ValueError("rule = 'reader' takes the scores of one reader, and none is named. Name the reader")
        if self.rule == "graded" and self.reader != MEASURED:
            raise ValueError(
                f"rule = 'graded' takes measured scores, and reader = {self.reader!r} gives others. "
                f"Set reader = {MEASURED!r}, or choose rule = 'reader'"
            )
        return self

    @property
    def is_joined(self) -> bool:
        """Whether the rule combines all readers instead of taking a single one."""
        return self.rule in JOINED

    @property
    def name(self) -> str:
        """Name of the label among the readers: the rule that combines them, or the reader."""
        return self.reader or self.rule

    @property
    def description(self) -> str:
        """Description of the labels."""
        if self.is_joined:
            return f"the {'majority' if self.rule == 'soft' else self.rule} of the readers' scores"
        words = {
            TRUTH: "scores before reader noise (truth)",
            LABEL: "agreed scores (label)",
            MEASURED: "scores from image quality measures, which are not clinical ones (measured)",
        }
        return words.get(self.name, f"scores of {self.name}")


def settled_rule(cases: Sequence[Case], rule: LabelRule) -> LabelRule:
    """Return the rule, or in place of `auto` the one that fits the scores of a cohort.

    This is the first of these that the cohort has scores for: `truth`, `label`, the median of several readers with what
    a panel agreed on in its place, a single reader, and `measured`.
    """
    if rule.rule != "auto":
        return rule
    readers = {reader for case in cases for reader in case.scores}
    people = readers.difference(PSEUDO_READERS)
    alone = () if ADJUDICATED in readers or len(people) > 1 else (*people, MEASURED)
    reader = next((name for name in (TRUTH, LABEL, *alone) if name in readers), None)
    return LabelRule(reader=reader) if reader else LabelRule(rule="median")


def scores_of(case: Case, rule: LabelRule) -> FloatArray:
    """Return the score of a scan on each scale, 1 to 5, (4,) in the order of `scales.SCALE_NAMES`.

    With the rules `majority` and `soft` it is the median, or the lower of the two middle scores if the number of
    readers is even. This is the highest score that more than half of the readers gave or exceeded, so it is 3 or more
    exactly if they call the scan diagnostic.

    The result is NaN on a scale without a score: nobody scored the scan on it, or not the reader of the rule.
    """
    return np.array(_joined(case, rule), np.float32)


def labels_of(case: Case, rule: LabelRule) -> FloatArray:
    """Return 1 for diagnostic and 0 for non-diagnostic on each scale, (4,) in the order of `scales.SCALE_NAMES`.

    The result is NaN where the result of `scores_of` is NaN.
    """
    scores = _joined(case, rule)
    return np.array([score if math.isnan(score) else is_diagnostic(score) for score in scores], np.float32)


def targets_of(case: Case, rule: LabelRule) -> FloatArray:
    """Return the training target of a scan on each scale, 0 to 1, (4,) in the order of `scales.SCALE_NAMES`.

    With the rule `graded` it is the probability that a score with a standard deviation of 0.6 around the measured one
    is 3 or more, so that a scan near the border counts as uncertain. With the rule `soft` it is the share of the
    readers of a scale who gave 3 or more (Peterson et al., Human uncertainty makes classification more robust, ICCV
    2019, arXiv 1908.07086, train on such shares). With any other rule it is `labels_of`.

    The result is NaN where the result of `scores_of` is NaN.
    """
    if rule.rule == "soft":
        return _reader_mean(case, lambda scores: (scores >= DIAGNOSTIC_FROM).astype(float))
    if rule.rule != "graded":
        return labels_of(case, rule)
    return np.array([chance_of_at_least(DIAGNOSTIC_FROM, score) for score in _joined(case, rule)], np.float32)


def levels_of(case: Case, rule: LabelRule) -> FloatArray:
    """Return the ordinal training target of a scan: how far its score lies above 1, 2, 3 and 4.

    A whole score s gives 1 for each of the thresholds k below s, and 0 for the others. A score between two whole ones,
    such as a half or the mean of readers, gives its fraction, min(max(s - k, 0), 1): 2.5 counts half for k = 2. The
    four values of a scale then sum to s - 1. With the rule `soft` it is the mean of these values over the readers of
    the scale. With the rule `graded` it is the probability that a score with a standard deviation of 0.6 around the
    measured one is k + 1 or more.

    Returns:
        Targets from 0 to 1, (4 scales in the order of `scales.SCALE_NAMES`, 4 thresholds). NaN where the result of
        `scores_of` is NaN.
    """
    thresholds = np.arange(LOWEST_SCORE, HIGHEST_SCORE)
    if rule.rule == "soft":
        return _reader_mean(case, lambda scores: np.clip(scores[..., None] - thresholds, 0, 1))
    scores = np.array(_joined(case, rule))[:, None]
    if rule.rule == "graded":
        return np.array(
            [[chance_of_at_least(k + 1, score) for k in thresholds.tolist()] for [score] in scores], np.float32
        )
    levels: FloatArray = np.clip(scores - thresholds, 0, 1).astype(np.float32)
    return levels


def is_labelled(case: Case, rule: LabelRule) -> bool:
    """Return whether the rule gives the scan a label on at least one scale, which is enough to learn from it."""
    return not np.isnan(scores_of(case, rule)).all()


def has_quality_label(case: Case, rule: LabelRule) -> bool:
    """Return whether the rule gives the scan a label of quality, which evaluation and the strata need."""
    return not math.isnan(_joined(case, rule)[_QUALITY])


def check_labelled(cases: Sequence[Case], rule: LabelRule) -> None:
    """Raise a CohortError if scans were scored and the rule labels the quality of none, with the readers."""
    readers = sorted({reader for case in cases for reader in case.scores})
    if readers and not any(has_quality_label(case, rule) for case in cases):
        asked = f"the rule {rule.rule!r}" if rule.is_joined else f"the reader {rule.reader!r}"
        raise CohortError(
            f"No scan has a label of quality by {asked}; scores are by {', '.join(readers)}. Choose another rule or "
            "reader."
        )


def label_note(cases: Sequence[Case], rule: LabelRule) -> str:
    """Return a sentence for the user that says what the labels are, and how many of the scored scans have them."""
    scored = [case for case in cases if case.scores]
    labelled = np.array([~np.isnan(scores_of(case, rule)) for case in scored]).reshape(-1, len(SCALE_NAMES))
    counts = labelled.sum(axis=0)
    lacking = [
        f"{name} {count}" for name, count in zip(SCALE_NAMES, counts, strict=True) if count < labelled.any(axis=1).sum()
    ]
    text = f"Labels: {rule.description}, for {labelled.any(axis=1).sum()} of {len(scored)} scored scans."
    return f"{text} Fewer on single scales: {', '.join(lacking)}." if lacking else text


def strata_of(cases: Sequence[Case], rule: LabelRule) -> list[int]:
    """Return the stratum of each scan for `draw_split`: its label of quality, or `UNLABELLED`."""
    labels = (labels_of(case, rule)[_QUALITY] for case in cases)
    return [UNLABELLED if math.isnan(label) else int(label) for label in labels]


def _joined(case: Case, rule: LabelRule) -> Scores:
    """Return the combined scores in 64 bits, so that none is rounded up to 3.0, with NaN where there is no score.

    Raises:
        ValueError: The rule is `auto`, which only `settled_rule` understands.
    """
    if rule.rule == "auto":
        raise ValueError("the rule auto depends on the whole cohort: settle it first")
    if not rule.is_joined:
        return case.scores.get(rule.name, NO_SCORES)
    agreed = case.scores.get(ADJUDICATED, NO_SCORES)
    readings = _readings(case)
    by_scale = zip(*readings, strict=True) if readings else [()] * len(agreed)
    return tuple(
        _combined(scores, rule) if math.isnan(panel) else panel for panel, scores in zip(agreed, by_scale, strict=True)
    )


def _combined(scores: Sequence[float], rule: LabelRule) -> float:
    """Return the scores of one scale as one, or NaN if all are NaN."""
    given = [score for score in scores if not math.isnan(score)]
    return _JOINING[rule.rule](given) if given else math.nan


def _readings(case: Case) -> list[Scores]:
    """Return the scores of each reader."""
    return [scores for reader, scores in case.scores.items() if reader not in PSEUDO_READERS]


def _reader_mean(case: Case, values_of: Callable[[Numbers], Numbers]) -> FloatArray:
    """Return the mean of values over the readers of each scale, or the value of the score that a panel agreed on.

    Args:
        case: Scan with its readers' scores, NaN on a scale that was left out.
        values_of: Function of scores (reader, 4) whose result begins with these axes.

    Returns:
        Mean of each scale, (4, ...). NaN for a scale that nobody scored.
    """
    agreed = np.array(case.scores.get(ADJUDICATED, (np.nan,) * len(SCALE_NAMES)))
    readings = np.array(_readings(case), float).reshape(-1, len(SCALE_NAMES))
    scores = np.vstack([agreed, np.where(np.isnan(agreed), readings, np.nan)])
    scored = ~np.isnan(scores)
    values = np.where(scored.T, values_of(scores).T, 0).T
    count = scored.sum(axis=0)
    total = values.sum(axis=0).T
    mean: FloatArray = np.where(count, total / np.maximum(count, 1), np.nan).T.astype(np.float32)
    return mean
