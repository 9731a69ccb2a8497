"""What the model's figures are to be held against: other words on the quality of the same scans."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from lgeqa.attributes import ATTRIBUTE_NAMES, NAMES
from lgeqa.cohort.case import MEASURED
from lgeqa.evaluate.answers import Answers, Judged, diagnostic, labels_of, measured, patients_of, scan_answers
from lgeqa.evaluate.record import Comparison
from lgeqa.intervals import Bootstrap

MODEL: Final = "model"
ALL_DIAGNOSTIC: Final = "calling all diagnostic"
TRUE_ATTRIBUTES: Final = "majority rule on the true attributes"
MEASURED_READER: Final = "measured reader"
EVERY_SCAN: Final = "all"


def compare(scans: Sequence[Judged], reader: str, bootstrap: Bootstrap) -> tuple[Comparison, ...]:
    """The model, the two rules and every reader against the label; then model and readers against each other reader.

    Where a reader scored only a part of the scans, the model stands beside that reader on the same scans. The measured
    reader is compared like a person, but nobody is compared with it unless its scores are the labels.

    Args:
        scans: at least one.
        reader: whose scores the labels are.
        bootstrap: for the intervals.
    """
    rows = [
        (MODEL, reader, EVERY_SCAN, scan_answers(scans, "quality")),
        (ALL_DIAGNOSTIC, reader, EVERY_SCAN, all_diagnostic(scans)),
        (TRUE_ATTRIBUTES, reader, EVERY_SCAN, from_true_attributes(scans)),
        *_readers_against(reader, scans, EVERY_SCAN),
    ]
    for other in readers_of(scans, reader):
        if other == MEASURED:
            continue
        theirs = [
            Judged(scan.case, scan.result, scan.case.scores[other]) for scan in scans if other in scan.case.scores
        ]
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


def all_diagnostic(scans: Sequence[Judged]) -> Answers:
    """Every scan called diagnostic, with probability 1."""
    certain = np.ones(len(scans))
    return Answers(labels_of(scans, "quality"), patients_of(scans), np.ones(len(scans), bool), certain, certain)


def from_true_attributes(scans: Sequence[Judged]) -> Answers:
    """What can be said of quality by one who knows the true binary labels of the three attributes, and nothing else.

    A scan's probability is the share of diagnostic scans among those of *other patients* with the same three labels;
    where there is none, among all scans of other patients. The call is a share of .5 or more. A single patient leaves
    nobody to learn from: the probability is then .5. The shares give no ranks: a diagnostic scan lowers the share
    that its own pattern leaves to it, which ranks scans of one pattern against their labels.
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
    return Answers(labels, patients, shares >= 0.5, None, shares, absent=absent)


def reader_answers(scans: Sequence[Judged], reader: str) -> Answers:
    """A reader's scores of scans that this reader scored, taken as calls (3 or more) and as ranks."""
    scores = [scan.case.scores[reader] for scan in scans]
    ranks = np.array([one[NAMES.index("quality")] for one in scores], float)
    absent = "a reader gives no probabilities"
    labels = labels_of(scans, "quality")
    return Answers(labels, patients_of(scans), diagnostic(scores, "quality"), ranks, None, absent=absent)


def readers_of(scans: Sequence[Judged], but: str) -> list[str]:
    """Names of all readers but one, in order."""
    return sorted({reader for scan in scans for reader in scan.case.scores} - {but})


def _readers_against(against: str, scans: Sequence[Judged], on: str) -> Iterator[tuple[str, str, str, Answers]]:
    """A row for each other reader of `scans`, which `against` scored; `on` is what they are, in words."""
    for reader in readers_of(scans, against):
        both = [scan for scan in scans if reader in scan.case.scores]
        words = _also_scored_by(reader, both, scans, on)
        yield MEASURED_READER if reader == MEASURED else reader, against, words, reader_answers(both, reader)
        if words != on:
            yield MODEL, against, words, scan_answers(both, "quality")


def _also_scored_by(reader: str, part: Sequence[Judged], scans: Sequence[Judged], on: str) -> str:
    """What `part` is, in words: those of `scans`, which are `on`, that the reader scored."""
    if len(part) == len(scans):
        return on
    return f"scored by {reader}" if on == EVERY_SCAN else f"{on} and {reader}"
