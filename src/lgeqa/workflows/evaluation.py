"""Evaluation of a bundle on scored cohorts, from the cohorts to the figures."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from lgeqa.atomic_io import write_through, write_whole
from lgeqa.batch import BatchItem, OutputFolder
from lgeqa.cohort import (
    Case,
    LabelRule,
    ScanHashes,
    load_split,
    read_cohort,
    read_hashes,
    seen_message,
    seen_scans,
    sources_of,
    used_training_scans,
)
from lgeqa.documents import markdown
from lgeqa.errors import CohortError, UsageError
from lgeqa.inference.bundle import Bundle, open_bundle
from lgeqa.inference.pipeline import AssessSettings
from lgeqa.workflows.assessment import AssessmentRequest, Follow, pass_on, run_scans

if TYPE_CHECKING:
    from lgeqa.evaluation.plots import Curves
    from lgeqa.evaluation.predictions import LabelledResult
    from lgeqa.evaluation.record import Evaluation, Excluded

_NOTHING_KEPT_OUT = "all; no split was given, so the bundle may have learnt from these patients"


@dataclass(frozen=True)
class EvaluationRequest:
    """A bundle to evaluate on scored cohorts, and how.

    Attributes:
        bundle: Folder of a trained model. None for the bundle in the package.
        cohorts: Folders or tables of the cohorts.
        out: Folder for the results. None to write nothing.
        split: File of a saved split. None to take all patients.
        part: Part of the split to take, or `all`. None for the test part if there is a split, else all.
        rule: Rule that derives the labels from the scores. `auto` for the rule that fits them.
        reader: Reader whose scores are the labels. None if the rule needs none.
        given_masks: Whether the masks of the cohort are used instead of detecting the atrium.
        seed: Random seed of the bootstrap.
        draws: Number of resamples of the bootstrap.
        jobs: Number of processes. None for one per core, as far as there are 2 GB for each.
        allow_seen: Whether scans of patients whom the bundle was trained on may be in the test part of a split.
    """

    bundle: Path | None
    cohorts: Sequence[Path]
    out: Path | None = None
    split: Path | None = None
    part: str | None = None
    rule: str = "auto"
    reader: str | None = None
    given_masks: bool = False
    seed: int = 0
    draws: int = 1000
    jobs: int | None = None
    allow_seen: bool = False

    @property
    def taken_part(self) -> str:
        """Part of the split that is taken, or `all`."""
        return self.part or ("test" if self.split else "all")


@dataclass(frozen=True)
class EvaluationRun:
    """A finished evaluation and the outcome of each of its scans."""

    evaluation: "Evaluation"
    items: Sequence[BatchItem]


def evaluate_bundle(request: EvaluationRequest, follow: Follow = pass_on) -> EvaluationRun:
    """Assess the labelled scans of the cohorts, evaluate the results, and write them if the request names a folder.

    Raises:
        CohortError: The cohorts have no labelled scan that could be assessed, or a scan is in them twice.
        UsageError: The split, the bundle or the output folder cannot be used, or the bundle was trained on patients of
            the split's test part.
        OutputError: A file cannot be written.
    """
    if request.out is not None:
        return _evaluate_into(request.out, request, follow)
    with TemporaryDirectory() as folder:
        return _evaluate_into(Path(folder), request, follow)


def _evaluate_into(out: Path, request: EvaluationRequest, follow: Follow) -> EvaluationRun:
    from lgeqa.bootstrap import Bootstrap
    from lgeqa.evaluation.bundle_evaluation import EvaluationSpec, evaluate
    from lgeqa.evaluation.plots import curves_of
    from lgeqa.evaluation.prediction_table import predictions

    run = assess_labelled(request, out, follow)
    bootstrap = Bootstrap(request.draws, request.seed)
    spec = EvaluationSpec(tuple(map(str, request.cohorts)), run.part, run.rule, bootstrap, run.seen)
    evaluation = evaluate(run.scans, run.excluded, run.bundle, spec)
    results = [item.result for item in run.items]
    _write(evaluation, curves_of(run.scans, run.rule.name), predictions(run.labelled, results, run.rule), out)
    return EvaluationRun(evaluation, run.items)


@dataclass(frozen=True)
class LabelledRun:
    """The labelled scans of cohorts, assessed by a bundle.

    Attributes:
        bundle: Bundle that assessed the scans.
        rule: Rule that derived the labels.
        part: Description of the part of the cohorts.
        labelled: Scans with a label of quality.
        items: Outcome of each of them.
        scans: Those of them that were assessed.
        excluded: All other scans of the part, with the reason.
        seen: Scans of the part that each stage was trained on.
        hashes: Hashes of the scans of the part. Empty if the bundle does not say what it was trained on.
    """

    bundle: Bundle
    rule: LabelRule
    part: str
    labelled: Sequence[Case]
    items: Sequence[BatchItem]
    scans: "Sequence[LabelledResult]"
    excluded: "tuple[Excluded, ...]"
    seen: dict[str, tuple[str, ...]]
    hashes: Sequence[tuple[Case, ScanHashes]]


def assess_labelled(request: EvaluationRequest, out: Path, follow: Follow) -> LabelledRun:
    """Assess the labelled scans of the cohorts, with a record of each in the folder `out`.

    Raises the errors of `evaluate_bundle`.
    """
    from lgeqa.evaluation.bundle_evaluation import join, left_out
    from lgeqa.evaluation.reference_labels import choose_rule, label_of

    cases = _cases(request)
    rule = choose_rule(cases, request.rule, request.reader)
    labelled = [case for case in cases if label_of(case, rule)]
    bundle = open_bundle(request.bundle)
    learnt = used_training_scans(bundle.manifest.training_scans, detected=not request.given_masks)
    # A part has all scans of its patients, so no other scan of the cohorts has to be read.
    hashes = [(case, read_hashes(case)) for case in cases] if any(learnt.values()) else []
    seen = seen_scans(cases, hashes, learnt)
    _refuse_seen(seen, len(cases), request)
    # The network is evaluated here, so a scan gets a verdict even if the gate refuses it.
    settings = AssessSettings(given_masks=request.given_masks, force=True)
    assessment = AssessmentRequest(request.cohorts, settings, out, bundle=request.bundle, jobs=request.jobs)
    items = run_scans(sources_of(labelled), assessment, OutputFolder(out), bundle, follow)
    results = [item.result for item in items]
    scans = join(labelled, results, rule)
    part = f"{request.taken_part} of {request.split}" if request.split else _NOTHING_KEPT_OUT
    excluded = left_out(cases, labelled, results, rule)
    return LabelledRun(bundle, rule, part, labelled, items, scans, excluded, seen, hashes)


def _refuse_seen(seen: Mapping[str, Sequence[str]], n_cases: int, request: EvaluationRequest) -> None:
    """Raise UsageError if scans of a split's test part were seen in training, unless the request allows it."""
    message = seen_message(seen, n_cases)
    if message and request.split and request.taken_part == "test" and not request.allow_seen:
        raise UsageError(
            f"{request.split}: {message}, so this is not a test on new patients. Train on the training part of this "
            "split, or evaluate all the same with --allow-seen."
        )


def _cases(request: EvaluationRequest) -> list[Case]:
    """Return the scans of the cohorts that belong to the requested part."""
    cases = [case for cohort in request.cohorts for case in read_cohort(cohort)]
    places = Counter((case.image.resolve(), case.series) for case in cases)
    twice = [path for (path, _), count in places.items() if count > 1]
    if twice:
        raise CohortError(f"{twice[0]}: is in the cohorts twice. Name each cohort once.")
    if request.split is None:
        if request.taken_part != "all":
            raise UsageError(f"--part {request.taken_part} needs a split. Name a split.json with --split.")
        return cases
    split = load_split(request.split, cases)
    chosen = [case for case in cases if request.taken_part in {"all", split[case.patient]}]
    if not chosen:
        raise CohortError(f"{request.split}: gives no patient of the cohort to the part {request.taken_part!r}.")
    return chosen


def _write(evaluation: "Evaluation", curves: "Curves", table: str, out: Path) -> None:
    """Write the files of an evaluation.

    Raises:
        OutputError: A file cannot be written.
    """
    from lgeqa.evaluation.plots import precision_recall_plot, reliability_plot, roc_plot
    from lgeqa.evaluation.report import report

    write_whole(out / "evaluation.json", evaluation.model_dump_json(indent=2) + "\n")
    write_whole(out / "evaluation.md", markdown(report(evaluation)))
    write_whole(out / "predictions.csv", table)
    plots = {"roc": roc_plot, "precision-recall": precision_recall_plot, "reliability": reliability_plot}
    for name, plot in plots.items():
        write_through(out / f"{name}.png", plot(curves).savefig)
