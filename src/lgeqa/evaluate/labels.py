"""Whose scores are the labels of an evaluation; the only place that takes them from a cohort."""

from collections.abc import Sequence

from lgeqa.cohort import LABEL, TRUTH, Case, Scores
from lgeqa.errors import CohortError


def choose_reader(cases: Sequence[Case], wanted: str | None) -> str:
    """The reader whose scores are the labels: the wanted one, else `truth`, else `label`.

    Raises:
        CohortError: the cohort has no scores of that reader, or of neither; the message lists the readers.
    """
    known = {reader for case in cases for reader in case.scores}
    found = [reader for reader in ((wanted,) if wanted else (TRUTH, LABEL)) if reader in known]
    if found:
        return found[0]
    asked = f"reader {wanted!r}" if wanted else f"{TRUTH!r} or {LABEL!r}"
    readers = ", ".join(sorted(known)) or "nobody"
    raise CohortError(f"The cohort has no scores of {asked}. Scored by: {readers}. Name one with --reader.")


def label_of(case: Case, reader: str) -> Scores | None:
    """The scores that are the label of a scan; None where it has none."""
    return case.scores.get(reader)


def in_words(reader: str) -> str:
    """What the labels are, for people."""
    words = {TRUTH: "scores before reader noise (truth)", LABEL: "agreed scores (label)"}
    return words.get(reader, f"scores of {reader}")
