"""An experiment from a cohort to its report: the work of `lgeqa experiment`."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from lgeqa.atomic_io import write_through, write_whole
from lgeqa.cohort import label_note, read_split, save_new_split, seen_message
from lgeqa.documents import html_page, markdown
from lgeqa.errors import UsageError
from lgeqa.evaluation.example_selection import Choice
from lgeqa.evaluation.figures import Panel
from lgeqa.experiment.figures import NotDrawnError, attention, curves, embeddings
from lgeqa.experiment.plan import Plan, Run, make_plan, split_file
from lgeqa.experiment.report import ATTENTION, CURVES, EMBEDDING, TITLE, Findings, report
from lgeqa.experiment.results import POOLED, SCORE_AGREEMENT, associations, evaluate_run, pool_folds
from lgeqa.experiment.score_agreement import ScoreAgreement, score_agreements
from lgeqa.experiment.settings import ExperimentConfig
from lgeqa.experiment.trainings import check_detector, check_devices, prepare, train_all
from lgeqa.training.bundle_export import seen_by_detector
from lgeqa.training.processes import is_main
from lgeqa.training.run import keep_settings
from lgeqa.training.slice_store import SliceDataset
from lgeqa.training.tracking import check_tracker


def run_experiment(
    cohorts: Sequence[Path],
    config: ExperimentConfig,
    out: Path,
    detector: Path | None = None,
    *,
    detected: bool = False,
    allow_seen: bool = False,
    jobs: int = 1,
    quiet: bool = False,
) -> None:
    """Train and evaluate all runs of an experiment and write the report.

    Args:
        cohorts: Folders or tables of the cohorts. A patient's name means the same patient in all of them.
        config: Settings of the experiment.
        out: Folder of the experiment. An interrupted experiment is resumed.
        detector: Run or bundle that provides stage 1 of the bundles. None for the bundle in the package.
        detected: Whether test scans get their slices from stage 1 instead of their own masks, as they do if a scan
            has none.
        allow_seen: Whether stage 1 may be one that was trained on test patients, where it is used.
        jobs: Number of trainings at a time.
        quiet: Whether to hide the progress.

    Raises:
        CohortError: The cohort cannot be used.
        UsageError: The folder holds an experiment with other settings or on another cohort, or parallel trainings
            would not have a device each. A finished training has another detector, or test slices come from a detector
            that was trained on test patients.
        TrainingError: A training failed as described in `lgeqa.training.loop.fit`.
        OutputError: The folder of the experiment cannot be written.
    """
    console = Console(stderr=True, quiet=quiet or not is_main(), highlight=False, soft_wrap=True)
    check_devices(config, jobs)
    check_tracker(config)
    plan = make_plan(cohorts, config)
    config = config.model_copy(update={"label": plan.label})
    detector_sha256 = check_detector(plan, out, detector)  # fail now rather than after hours of training
    keep_settings(config, out)  # after all checks, so that a failed one leaves no settings that block better ones
    if is_main():
        _keep_splits(plan, out)
    console.print(
        f"{len(plan.cases)} scans of {len({case.patient for case in plan.cases})} patients, {len(plan.runs)} trainings"
    )
    console.print(label_note(plan.cases, plan.label))

    def announce(run: Run) -> None:
        console.print(f"trained {run.name}")

    store = prepare(plan, config, out, detector)
    if detected and not allow_seen:
        _refuse_seen(plan, store, detector)
    train_all(plan, config, out, detector, jobs, quiet, announce)
    if not is_main():
        return  # only the main process of a distributed training evaluates and reports
    tested = {run: evaluate_run(run, plan, config, out, detected) for run in plan.runs}
    pooled = pool_folds(tested, config) if config.splits != "repeated" else None
    agreements: tuple[ScoreAgreement, ...] = ()
    if pooled:
        write_whole(out / POOLED, pooled.model_dump_json(indent=1) + "\n")
        agreements = score_agreements({run: result.scans for run, result in tested.items()}, config)
        content = [agreement.model_dump(mode="json") for agreement in agreements]
        write_whole(out / SCORE_AGREEMENT, json.dumps(content, indent=1) + "\n")
    console.print("evaluated on the test scans; drawing the figures")
    choice, panels, undrawn = _draw(plan, config, out)
    evaluations = {run: result.evaluation for run, result in tested.items()}
    findings = Findings(
        cohorts,
        evaluations,
        associations(plan.cases, config),
        choice,
        panels,
        pooled,
        agreements,
        undrawn,
        detector_sha256,
    )
    blocks = list(report(plan, config, findings, out))
    write_whole(out / "report.md", markdown(blocks))
    write_whole(out / "report.html", html_page(blocks, TITLE))
    console.print(f"Report: {out / 'report.html'}")


def _draw(plan: Plan, config: ExperimentConfig, out: Path) -> tuple[Choice | None, Sequence[Panel], dict[str, str]]:
    """Draw and write the figures.

    Returns:
        Slices of Fig. 2 and panels of Fig. 3, as far as they could be drawn, and the reason by file name where not.
    """
    pictures, undrawn = {CURVES: curves(plan, config, out)}, {}
    choice: Choice | None = None
    panels: Sequence[Panel] = ()
    try:
        pictures[ATTENTION], choice = attention(plan, config, out)
    except NotDrawnError as error:
        undrawn[ATTENTION] = str(error)
    try:
        pictures[EMBEDDING], panels = embeddings(plan, config, out)
    except NotDrawnError as error:
        undrawn[EMBEDDING] = str(error)
    for name, picture in pictures.items():
        write_through(out / name, partial(picture.savefig, dpi=150))
    return choice, panels, undrawn


def _refuse_seen(plan: Plan, store: SliceDataset, detector: Path | None) -> None:
    """Raise UsageError if the detector was trained on patients of a test part."""
    hashes = list(zip(plan.cases, store.hashes, strict=True))
    for iteration in range(len(plan.splits)):
        tested = [plan.cases[number] for number in plan.numbers(iteration, "test")]
        if message := seen_message(seen_by_detector(tested, hashes, detector), len(tested)):
            raise UsageError(
                f"Split {iteration}: {message}. Leave out --detected, name a --detector that was trained on other "
                "patients, or go on all the same with --allow-seen."
            )


def _keep_splits(plan: Plan, out: Path) -> None:
    """Write the splits, or check that a resumed experiment has the same ones."""
    for iteration, split in enumerate(plan.splits):
        path = split_file(out, iteration)
        if path.is_file() and read_split(path) != split:
            raise UsageError(
                f"{path}: deals other patients, or deals them otherwise; the cohort has changed. Name a new folder: "
                "what was trained in this one may have learnt from scans that would be tested now."
            )
        save_new_split(split, path)
