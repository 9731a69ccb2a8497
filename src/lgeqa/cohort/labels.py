"""From every reader's scores to the label that is trained on: an explicit rule."""

from collections.abc import Callable, Sequence
from statistics import fmean, median, median_low
from typing import Final, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from lgeqa.attributes import NAMES, is_diagnostic
from lgeqa.cohort.case import ADJUDICATED, PSEUDO_READERS, TRUTH, Case
from lgeqa.config import Settings
from lgeqa.errors import CohortError
from lgeqa.records import FloatArray

#: Stratum of the scans without a label; 0 and 1 are those of the label of quality.
UNLABELLED: Final = 2

_JOINING: Final[dict[str, Callable[[Sequence[float]], float]]] = {
    "mean": fmean,
    "median": median,
    "majority": median_low,
}
#: Rules that join all readers.
JOINED: Final = tuple(_JOINING)


class LabelRule(Settings):
    """How a scan's label comes from its readers' scores; a joined score of 3.0 or more is diagnostic, 2.5 is not.

    Mean, median and majority take all readers who scored the scan, be it one, and never the names `truth` (a simulated
    scan's scores before reader noise) and `label` (the agreed scores of a `labels.json`), which are no readings. Ask
    for these two as a reader. Where a panel agreed on scores, under the name `adjudicated`, these count instead.

    Attributes:
        rule: `reader`: the scores of one reader. `mean`, `median`: of all readers, scale by scale; between two middle
            scores the median is their mean. `majority`: diagnostic if more than half of the readers gave 3 or more;
            a tie is non-diagnostic.
        reader: whose scores are the labels, with the rule `reader` alone.
    """

    rule: Literal["reader", "mean", "median", "majority"] = "reader"
    reader: str = Field(TRUTH, min_length=1)

    @model_validator(mode="after")
    def _no_conflict(self) -> Self:
        if self.rule != "reader" and self.reader != TRUTH:
            raise ValueError(
                f"rule = {self.rule!r} takes all readers, and reader = {self.reader!r} names one. "
                "Leave the reader out, or choose rule = 'reader'"
            )
        return self


def scores_of(case: Case, rule: LabelRule) -> FloatArray:
    """The score of a scan on each scale, 1 to 5, (4,) in the order of `attributes.NAMES`.

    With the rule `majority` it is the median, the lower of the middle two where the number of readers is even: the
    highest score that more than half of the readers gave or exceeded, so that it is 3 or more just where they call the
    scan diagnostic.

    NaN on all scales where there is no score: the scan was not scored, or not by the reader of the rule.
    """
    scores = _joined(case, rule)
    return np.array(scores or [np.nan] * len(NAMES), np.float32)


def labels_of(case: Case, rule: LabelRule) -> FloatArray:
    """1 for diagnostic and 0 for non-diagnostic on each scale, (4,) in the order of `attributes.NAMES`.

    NaN where `scores_of` is.
    """
    labels = [float(is_diagnostic(score)) for score in _joined(case, rule)]
    return np.array(labels or [np.nan] * len(NAMES), np.float32)


def is_labelled(case: Case, rule: LabelRule) -> bool:
    """Whether the rule gives the scan a label: on all scales or on none."""
    return bool(_joined(case, rule))


def check_labelled(cases: Sequence[Case], rule: LabelRule) -> None:
    """Raises CohortError where scans were scored and the rule labels none; the message names who scored them."""
    readers = sorted({reader for case in cases for reader in case.scores})
    if readers and not any(is_labelled(case, rule) for case in cases):
        asked = f"the reader {rule.reader!r}" if rule.rule == "reader" else f"the rule {rule.rule!r}"
        raise CohortError(
            f"No scan has a label by {asked}; scores are by {', '.join(readers)}. Choose another rule or reader."
        )


def strata_of(cases: Sequence[Case], rule: LabelRule) -> list[int]:
    """For `draw_split`: each scan's label of quality, or `UNLABELLED`."""
    quality = NAMES.index("quality")
    return [int(labels_of(case, rule)[quality]) if is_labelled(case, rule) else UNLABELLED for case in cases]


def _joined(case: Case, rule: LabelRule) -> list[float]:
    """In 64 bits, so that nothing below 3.0 is rounded up to it; empty where there is no score."""
    if rule.rule == "reader":
        return list(case.scores.get(rule.reader, ()))
    if ADJUDICATED in case.scores:
        return list(case.scores[ADJUDICATED])
    readings = [scores for reader, scores in case.scores.items() if reader not in PSEUDO_READERS]
    return [_JOINING[rule.rule](scale) for scale in zip(*readings, strict=True)]
