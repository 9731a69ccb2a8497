"""Evaluation of a bundle on the scans of a cohort."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from lgeqa.bootstrap import Bootstrap
from lgeqa.cohort import GROUPS, TRUTH, Case, LabelRule
from lgeqa.errors import CohortError
from lgeqa.evaluation.baselines import MODEL, TRUE_ATTRIBUTES, compare
from lgeqa.evaluation.constant import constant_caution, few_caution, prevalence_caution
from lgeqa.evaluation.paper_tables import table_1
from lgeqa.evaluation.predictions import (
    LabelledResult,
    Predictions,
    measured,
    patients_of,
    scan_answers,
    slice_answers,
)
from lgeqa.evaluation.record import Comparison, Evaluation, Excluded, ScaleFigures
from lgeqa.evaluation.reference_labels import label_of
from lgeqa.formatting import utc_now
from lgeqa.inference.bundle import Bundle
from lgeqa.records import ScanResult
from lgeqa.scales import PASSES_FROM, QUALITY_FIRST, SCALE_NAMES
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
    """Return the scans that have a label of quality and were assessed.

    Args:
        cases: Scans of the cohort.
        results: Record of each scan, in the order of `cases`.
        rule: Rule that derives the labels.

    Raises:
        CohortError: No scan has a label of quality and was assessed.
    """
    scans = [
        LabelledResult(case, result, label)
        for case, result in zip(cases, results, strict=True)
        if result.status == "assessed" and (label := label_of(case, rule))
    ]
    if not scans:
        why = f" The first says: {results[0].message}" if results else ""
        raise CohortError(
            f"None of {len(cases)} scans has a label of quality by {rule.name!r} and could be assessed.{why}"
        )
    return scans


def left_out(
    cases: Sequence[Case], labelled: Sequence[Case], results: Sequence[ScanResult], rule: LabelRule
) -> tuple[Excluded, ...]:
    """Return the scans that are in no figure, with the reason: no label of quality, or not assessed.

    Args:
        cases: All scans.
        labelled: Scans with a label of quality.
        results: Record of each scan of `labelled`.
        rule: Rule that derives the labels.
    """
    known = {case.place for case in labelled}
    without = [
        Excluded(scan_id=case.scan_id, why=f"no label of quality by {rule.name}")
        for case in cases
        if case.place not in known
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
    comparisons = compare(scans, question.rule.name, bootstrap)
    of_scans = {name: figures_of_scale(scan_answers(scans, name), bootstrap) for name in SCALE_NAMES}
    counts = {scale.title: (of_scans[scale.name].diagnostic, of_scans[scale.name].n) for scale in QUALITY_FIRST}
    return Evaluation(
        bundle=bundle.stamp,
        bundle_labels=bundle.manifest.labels,
        cohorts=question.cohorts,
        part=question.part,
        label=question.rule.description,
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
        scans=of_scans,
        slices={name: figures_of_scale(slice_answers(scans, name), bootstrap) for name in SCALE_NAMES},
        comparisons=comparisons,
        groups=_by_group(scans, bootstrap),
        associations=table_1(np.array([scan.label for scan in scans], float), patients, bootstrap),
        cautions=tuple(filter(None, (*_scale_cautions(scans), few_caution(counts), *_reader_cautions(comparisons)))),
        versions=training_versions(),
        finished_at=utc_now(),
    )


def _scale_cautions(scans: Sequence[LabelledResult]) -> Iterator[str]:
    """Yield what to say about each scale on which the network is no better than a constant, or an empty string."""
    for scale in QUALITY_FIRST:
        answers, of_slices = scan_answers(scans, scale.name), slice_answers(scans, scale.name)
        assert answers.probabilities is not None
        assert of_slices.probabilities is not None
        labels = answers.labels
        if len(labels):
            share = float(labels.mean())
            yield constant_caution(scale.title, of_slices.probabilities) or prevalence_caution(
                scale.title, labels, answers.probabilities, share
            )


def _reader_cautions(comparisons: Sequence[Comparison]) -> Iterator[str]:
    """Yield what to say about readers who agree better with the labels of quality than the model does."""
    model = {(row.against, row.on): row.figures["balanced_accuracy"].value for row in comparisons if row.who == MODEL}
    for row in comparisons:
        own, other = model.get((row.against, row.on)), row.figures["balanced_accuracy"].value
        is_reader = row.who not in {MODEL, TRUE_ATTRIBUTES} and row.against == comparisons[0].against
        if is_reader and own is not None and other is not None and other > own:
            yield (
                f"{row.who} agrees better with the labels of quality than the model: balanced accuracy {other:.2f} and "
                f"{own:.2f} on {row.n_scans} scans."
            )


def _by_group(scans: Sequence[LabelledResult], bootstrap: Bootstrap) -> dict[str, dict[str, ScaleFigures]]:
    """Return the figures of quality over the scans of each group, for the columns with at least two values."""
    groups = {}
    for name in GROUPS:
        values = sorted({value for scan in scans if (value := scan.case.groups.get(name))})
        if len(values) >= 2:
            members = {value: [scan for scan in scans if scan.case.groups.get(name) == value] for value in values}
            groups[name] = {
                value: figures_of_scale(scan_answers(of_group, "quality"), bootstrap)
                for value, of_group in members.items()
            }
    return groups


def figures_of_scale(answers: Predictions, bootstrap: Bootstrap) -> ScaleFigures:
    """Return the figures of the answers on one scale."""
    figures = measured(answers, bootstrap)
    return ScaleFigures(n=len(answers.labels), diagnostic=int(answers.labels.sum()), figures=figures)


def _is_simulated(case: Case) -> bool:
    return TRUTH in case.scores or case.image.with_name(_RECIPE).is_file()
