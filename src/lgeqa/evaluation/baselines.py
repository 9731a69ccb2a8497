"""Comparison of the model with readers and simple rules on the quality of the same scans."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from lgeqa.bootstrap import Bootstrap
from lgeqa.cohort import LabelRule, has_quality_label
from lgeqa.cohort.case import MEASURED
from lgeqa.evaluation.predictions import (
    LabelledResult,
    Predictions,
    diagnostic,
    labels_of,
    measured,
    patients_of,
    scan_answers,
)
from lgeqa.evaluation.record import Comparison
from lgeqa.scales import ATTRIBUTE_NAMES, SCALE_NAMES

MODEL: Final = "model"
ALL_DIAGNOSTIC: Final = "calling all diagnostic"
TRUE_ATTRIBUTES: Final = "majority rule on the true attributes"
MEASURED_READER: Final = "measured reader"
EVERY_SCAN: Final = "all"


def compare(scans: Sequence[LabelledResult], reader: str, bootstrap: Bootstrap) -> tuple[Comparison, ...]:
    """Compare the model, the two rules and every reader with the labels, then model and readers with each other reader.

    If a reader scored only part of the scans, the model is also compared on these scans. The measured reader is
    compared like a person, but nobody is compared with it unless its scores are the labels.

    Args:
        scans: Scans to compare on, at least one.
        reader: Reader whose scores are the labels.
        bootstrap: Bootstrap that draws the intervals.
    """
    rows = [
        (MODEL, reader, EVERY_SCAN, scan_answers(scans, "quality")),
        (ALL_DIAGNOSTIC, reader, EVERY_SCAN, all_diagnostic(scans)),
        *_true_attributes_against(reader, scans),
        *_readers_against(reader, scans, EVERY_SCAN),
    ]
    for other in readers_of(scans, reader):
        if other == MEASURED:
            continue
        theirs = [LabelledResult(scan.case, scan.result, scan.case.scores[other]) for scan in scored_by(other, scans)]
        on = _also_scored_by(other, theirs, scans, EVERY_SCAN)
        rows += [(MODEL, other, on, scan_answers(theirs, "quality")), *_readers_against(other, theirs, on)]
    return tuple(
        Comparison(
            who=who,
            against=against,
            on=on,
            n_scans=len(answers.labels),
            n_patients=len(np.unique(answers.patients)),
            figures=measured(answers, bootstrap),
        )
        for who, against, on, answers in rows
    )


def all_diagnostic(scans: Sequence[LabelledResult]) -> Predictions:
    """Return answers that call every scan diagnostic with probability 1."""
    certain = np.ones(len(scans))
    return Predictions(labels_of(scans, "quality"), patients_of(scans), np.ones(len(scans), bool), certain, certain)


def from_true_attributes(scans: Sequence[LabelledResult]) -> Predictions:
    """Predict quality from nothing but the true binary labels of the three attributes, which every scan must have.

    A scan's probability is the share of diagnostic scans among the scans of *other patients* with the same three
    labels, or among all scans of other patients if there are none. The call is a share of .5 or more. With a single
    patient there is nobody to learn from, and the probability is .5. The shares give no ranks: leaving out a diagnostic
    scan lowers the share for its own pattern, which ranks the scans of one pattern against their labels.
    """
    labels, patients = labels_of(scans, "quality"), patients_of(scans)
    patterns = np.array([labels_of(scans, name) for name in ATTRIBUTE_NAMES]).T @ [4, 2, 1]
    shares = np.full(len(scans), 0.5)
    for i in range(len(scans)):
        others = patients != patients[i]
        alike = others & (patterns == patterns[i])
        if others.any():
            shares[i] = labels[alike if alike.any() else others].mean()
    absent = "shares that leave a patient out give no order"
    return Predictions(labels, patients, shares >= 0.5, None, shares, absent=absent)


def reader_answers(scans: Sequence[LabelledResult], reader: str) -> Predictions:
    """Return a reader's scores as calls (3 or more) and as ranks, for scans that this reader scored."""
    scores = [scan.case.scores[reader] for scan in scans]
    ranks = np.array([values[SCALE_NAMES.index("quality")] for values in scores], float)
    absent = "a reader gives no probabilities"
    labels = labels_of(scans, "quality")
    return Predictions(labels, patients_of(scans), diagnostic(scores, "quality"), ranks, None, absent=absent)


def readers_of(scans: Sequence[LabelledResult], but: str) -> list[str]:
    """Return the names of all readers of the quality of a scan except `but`, in order."""
    readers = {reader for scan in scans for reader in scan.case.scores}
    return sorted(reader for reader in readers - {but} if scored_by(reader, scans))


def scored_by(reader: str, scans: Sequence[LabelledResult]) -> list[LabelledResult]:
    """Return the scans whose quality the reader scored."""
    return [scan for scan in scans if has_quality_label(scan.case, LabelRule(reader=reader))]


def _true_attributes_against(
    against: str, scans: Sequence[LabelledResult]
) -> Iterator[tuple[str, str, str, Predictions]]:
    """Yield a row for the rule on the true attributes, and one for the model on the same scans if these are a part."""
    complete = [scan for scan in scans if not np.isnan(scan.label).any()]
    on = EVERY_SCAN if len(complete) == len(scans) else "labelled on all scales"
    if complete:
        yield TRUE_ATTRIBUTES, against, on, from_true_attributes(complete)
        if on != EVERY_SCAN:
            yield MODEL, against, on, scan_answers(complete, "quality")


def _readers_against(
    against: str, scans: Sequence[LabelledResult], on: str
) -> Iterator[tuple[str, str, str, Predictions]]:
    """Yield a row for each other reader of `scans`, all scored by `against`, where `on` is their description."""
    for reader in readers_of(scans, against):
        both = scored_by(reader, scans)
        description = _also_scored_by(reader, both, scans, on)
        yield MEASURED_READER if reader == MEASURED else reader, against, description, reader_answers(both, reader)
        if description != on:
            yield MODEL, against, description, scan_answers(both, "quality")


def _also_scored_by(reader: str, part: Sequence[LabelledResult], scans: Sequence[LabelledResult], on: str) -> str:
    """Return a description of `part`, the scans that the reader scored among `scans`, whose description is `on`."""
    if len(part) == len(scans):
        return on
    return f"scored by {reader}" if on == EVERY_SCAN else f"{on} and {reader}"
