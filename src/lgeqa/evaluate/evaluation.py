"""One evaluation, put together."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from lgeqa.attributes import NAMES
from lgeqa.bundle import Bundle
from lgeqa.cohort import TRUTH, Case, LabelRule
from lgeqa.errors import CohortError
from lgeqa.evaluate.answers import (
    ATTRIBUTE_THRESHOLD,
    Answers,
    Judged,
    measured,
    patients_of,
    scan_answers,
    slice_answers,
)
from lgeqa.evaluate.comparisons import compare
from lgeqa.evaluate.labels import in_words, label_of, name_of
from lgeqa.evaluate.record import Evaluation, Excluded, ScaleFigures
from lgeqa.evaluate.tables import table_1
from lgeqa.intervals import Bootstrap
from lgeqa.records import ScanResult
from lgeqa.versions import versions

#: Beside each scan of a simulated cohort.
_RECIPE = "recipe.json"


@dataclass(frozen=True)
class Question:
    """What an evaluation is to tell.

    Attributes:
        cohorts: the folders, as they were named.
        part: which part of them, in words.
        rule: that makes the labels.
        bootstrap: for the intervals.
    """

    cohorts: tuple[str, ...]
    part: str
    rule: LabelRule
    bootstrap: Bootstrap = field(default_factory=Bootstrap)


def join(cases: Sequence[Case], results: Sequence[ScanResult], rule: LabelRule) -> list[Judged]:
    """The scans that have a label and were assessed.

    Args:
        cases: any scans.
        results: the record of each, in the order of `cases`.
        rule: that makes the labels.

    Raises:
        CohortError: there is none.
    """
    scans = [
        Judged(case, result, label)
        for case, result in zip(cases, results, strict=True)
        if result.status == "assessed" and (label := label_of(case, rule))
    ]
    if not scans:
        why = f" The first says: {results[0].message}" if results else ""
        raise CohortError(f"None of {len(cases)} scans has a label by {name_of(rule)!r} and could be assessed.{why}")
    return scans


def left_out(
    cases: Sequence[Case], labelled: Sequence[Case], results: Sequence[ScanResult], rule: LabelRule
) -> tuple[Excluded, ...]:
    """The scans that are in no figure, and why: those of `cases` without a label, and those not assessed.

    Args:
        cases: all scans.
        labelled: those with a label.
        results: the record of each of `labelled`.
        rule: that makes the labels.
    """
    known = {case.image for case in labelled}
    without = [
        Excluded(scan_id=one.scan_id, why=f"no label by {name_of(rule)}") for one in cases if one.image not in known
    ]
    faults = [Excluded(scan_id=one.scan_id, why=one.message) for one in results if one.status != "assessed"]
    return (*without, *faults)


def evaluate(scans: Sequence[Judged], excluded: Sequence[Excluded], bundle: Bundle, question: Question) -> Evaluation:
    """Measure how well `bundle` judged `scans`.

    Args:
        scans: at least one, all judged by `bundle` with the same settings.
        excluded: the other scans of the cohort.
        bundle: that made their records.
        question: what is asked.
    """
    first, bootstrap = scans[0].result, question.bootstrap
    patients = patients_of(scans)
    return Evaluation(
        bundle=bundle.stamp,
        bundle_labels=bundle.manifest.labels,
        cohorts=question.cohorts,
        part=question.part,
        label=in_words(question.rule),
        simulated=any(_is_simulated(scan.case) for scan in scans),
        mask_source=first.mask_source or "detected",
        threshold=first.threshold or bundle.manifest.threshold,
        attribute_threshold=ATTRIBUTE_THRESHOLD,
        n_scans=len(scans),
        n_slices=sum(len(scan.result.slices) for scan in scans),
        n_patients=len(np.unique(patients)),
        excluded=tuple(excluded),
        draws=bootstrap.draws,
        seed=bootstrap.seed,
        scans={name: _of_scale(scan_answers(scans, name), bootstrap) for name in NAMES},
        slices={name: _of_scale(slice_answers(scans, name), bootstrap) for name in NAMES},
        comparisons=compare(scans, name_of(question.rule), bootstrap),
        associations=table_1(np.array([scan.label for scan in scans], float), patients, bootstrap),
        versions=versions(),
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _of_scale(answers: Answers, bootstrap: Bootstrap) -> ScaleFigures:
    figures = measured(answers, bootstrap)
    return ScaleFigures(n=len(answers.labels), diagnostic=int(answers.labels.sum()), figures=figures)


def _is_simulated(case: Case) -> bool:
    return TRUTH in case.scores or case.image.with_name(_RECIPE).is_file()
