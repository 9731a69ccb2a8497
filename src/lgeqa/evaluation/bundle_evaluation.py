"""Evaluation of a bundle on the scans of a cohort."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from lgeqa.bootstrap import Bootstrap
from lgeqa.cohort import GROUPS, TRUTH, Case, LabelRule
from lgeqa.errors import CohortError
from lgeqa.evaluation.baselines import compare
from lgeqa.evaluation.paper_tables import table_1
from lgeqa.evaluation.predictions import (
    LabelledResult,
    Predictions,
    measured,
    patients_of,
    scan_answers,
    slice_answers,
)
from lgeqa.evaluation.record import Evaluation, Excluded, ScaleFigures
from lgeqa.evaluation.reference_labels import in_words, label_of, name_of
from lgeqa.inference.bundle import Bundle
from lgeqa.records import ScanResult
from lgeqa.scales import PASSES_FROM, SCALE_NAMES
from lgeqa.versions import training_versions

#: File next to each scan of a simulated cohort.
_RECIPE = "recipe.json"


@dataclass(frozen=True)
class EvaluationSpec:
    """Specification of an evaluation.

    Attributes:
        cohorts: Folders of the cohorts, as the user named them.
        part: Description of the part of the cohorts that is evaluated.
        rule: Rule that derives the labels.
        bootstrap: Bootstrap that draws the intervals.
        seen: Scans of the part that the stages of the bundle have seen, as in `Evaluation`.
    """

    cohorts: tuple[str, ...]
    part: str
    rule: LabelRule
    bootstrap: Bootstrap = field(default_factory=Bootstrap)
    seen: dict[str, tuple[str, ...]] = field(default_factory=dict)


def join(cases: Sequence[Case], results: Sequence[ScanResult], rule: LabelRule) -> list[LabelledResult]:
    """Return the scans that have a label and were assessed.

    Args:
        cases: Scans of the cohort.
        results: Record of each scan, in the order of `cases`.
        rule: Rule that derives the labels.

    Raises:
        CohortError: No scan has a label and was assessed.
    """
    scans = [
        LabelledResult(case, result, label)
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
    """Return the scans that are in no figure, with the reason: no label, or not assessed.

    Args:
        cases: All scans.
        labelled: Scans with a label.
        results: Record of each scan of `labelled`.
        rule: Rule that derives the labels.
    """
    known = {case.image for case in labelled}
    without = [
        Excluded(scan_id=case.scan_id, why=f"no label by {name_of(rule)}") for case in cases if case.image not in known
    ]
    failed = [Excluded(scan_id=result.scan_id, why=result.message) for result in results if result.status != "assessed"]
    return (*without, *failed)


def evaluate(
    scans: Sequence[LabelledResult], excluded: Sequence[Excluded], bundle: Bundle, question: EvaluationSpec
) -> Evaluation:
    """Measure how well `bundle` judged `scans`.

    Args:
        scans: Scans that `bundle` judged with the same settings, at least one.
        excluded: Other scans of the cohort.
        bundle: Bundle that produced the records of the scans.
        question: Specification of the evaluation.
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
        attribute_threshold=PASSES_FROM,
        n_scans=len(scans),
        n_slices=sum(len(scan.result.slices) for scan in scans),
        n_patients=len(np.unique(patients)),
        excluded=tuple(excluded),
        seen=question.seen,
        draws=bootstrap.draws,
        seed=bootstrap.seed,
        scans={name: _of_scale(scan_answers(scans, name), bootstrap) for name in SCALE_NAMES},
        slices={name: _of_scale(slice_answers(scans, name), bootstrap) for name in SCALE_NAMES},
        comparisons=compare(scans, name_of(question.rule), bootstrap),
        groups=_by_group(scans, bootstrap),
        associations=table_1(np.array([scan.label for scan in scans], float), patients, bootstrap),
        versions=training_versions(),
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _by_group(scans: Sequence[LabelledResult], bootstrap: Bootstrap) -> dict[str, dict[str, ScaleFigures]]:
    """Return the figures of quality over the scans of each group, for the columns with at least two values."""
    groups = {}
    for name in GROUPS:
        values = sorted({value for scan in scans if (value := scan.case.groups.get(name))})
        if len(values) >= 2:
            members = {value: [scan for scan in scans if scan.case.groups.get(name) == value] for value in values}
            groups[name] = {
                value: _of_scale(scan_answers(of_group, "quality"), bootstrap) for value, of_group in members.items()
            }
    return groups


def _of_scale(answers: Predictions, bootstrap: Bootstrap) -> ScaleFigures:
    figures = measured(answers, bootstrap)
    return ScaleFigures(n=len(answers.labels), diagnostic=int(answers.labels.sum()), figures=figures)


def _is_simulated(case: Case) -> bool:
    return TRUTH in case.scores or case.image.with_name(_RECIPE).is_file()
