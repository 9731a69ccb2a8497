"""An experiment from a cohort to its report: what `lgeqa experiment` does."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from lgeqa.cohort import read_split, save_new_split
from lgeqa.errors import UsageError
from lgeqa.evaluate.choice import Choice
from lgeqa.evaluate.figures import Panel
from lgeqa.experiment.figures import NotDrawnError, attention, curves, embeddings
from lgeqa.experiment.html import html
from lgeqa.experiment.plan import Plan, Run, make_plan, split_file
from lgeqa.experiment.report import ATTENTION, CURVES, EMBEDDING, Findings, page
from lgeqa.experiment.results import POOLED, associations, evaluate_run, pool_folds
from lgeqa.experiment.settings import ExperimentConfig
from lgeqa.experiment.trainings import check_devices, train_all
from lgeqa.train.bundling import stage_1
from lgeqa.train.processes import is_main
from lgeqa.train.runs import keep_settings
from lgeqa.writing import write_through, write_whole


def run_experiment(
    cohorts: Sequence[Path],
    config: ExperimentConfig,
    out: Path,
    detector: Path | None = None,
    *,
    detected: bool = False,
    jobs: int = 1,
    quiet: bool = False,
) -> None:
    """Train, evaluate and report.

    Args:
        cohorts: folders or tables of the cohorts; a patient's name means the same patient in all of them.
        config: the settings.
        out: folder of the experiment; one that was cut short goes on.
        detector: run or bundle that stage 1 of the bundles comes from; None for the bundle in the package.
        detected: whether test scans get their slices from stage 1, and not from their own masks.
        jobs: trainings at a time.
        quiet: say nothing of the progress.

    Raises:
        CohortError: the cohort cannot be used.
        UsageError: the folder holds an experiment with other settings or on another cohort, or trainings side by side
            would not have a device each.
        TrainingError, OutputError: as `lgeqa.train.loop.fit` does.
    """
    console = Console(stderr=True, quiet=quiet or not is_main(), highlight=False, soft_wrap=True)
    stage_1(detector)  # told now and not after hours
    check_devices(config, jobs)
    plan = make_plan(cohorts, config)
    keep_settings(config, out)  # after what may be refused, so that nothing is in the way of better settings
    if is_main():
        _keep_splits(plan, out)
    console.print(
        f"{len(plan.cases)} scans of {len({case.patient for case in plan.cases})} patients, {len(plan.runs)} trainings"
    )

    def told(run: Run) -> None:
        console.print(f"trained {run.name}")

    train_all(plan, config, out, detector, jobs, quiet, told)
    if not is_main():
        return  # the other processes of a training that is spread over several have nothing more to do
    tested = {run: evaluate_run(run, plan, config, out, detected) for run in plan.runs}
    pooled = pool_folds(tested, config) if config.splits == "folds" else None
    if pooled:
        write_whole(out / POOLED, pooled.model_dump_json(indent=1) + "\n")
    console.print("evaluated on the test scans; drawing the figures")
    shown, undrawn = {CURVES: curves(config, out)}, {}
    choice: Choice | None = None
    panels: Sequence[Panel] = ()
    try:
        shown[ATTENTION], choice = attention(plan, config, out)
    except NotDrawnError as reason:
        undrawn[ATTENTION] = str(reason)
    try:
        shown[EMBEDDING], panels = embeddings(plan, config, out)
    except NotDrawnError as reason:
        undrawn[EMBEDDING] = str(reason)
    for name, picture in shown.items():
        write_through(out / name, partial(picture.savefig, dpi=150))
    evaluations = {run: one.evaluation for run, one in tested.items()}
    found = Findings(cohorts, evaluations, associations(plan.cases, config), choice, panels, pooled, undrawn)
    text = page(plan, config, found, out)
    write_whole(out / "report.md", text)
    write_whole(out / "report.html", html(text, out))
    console.print(f"Report: {out / 'report.html'}")


def _keep_splits(plan: Plan, out: Path) -> None:
    """Write the splits, or see that those of an experiment taken up again are the same."""
    for iteration, split in enumerate(plan.splits):
        path = split_file(out, iteration)
        if path.is_file() and read_split(path) != split:
            raise UsageError(
                f"{path}: deals other patients, or deals them otherwise; the cohort has changed. Name a new folder: "
                "what was trained in this one may have learnt from scans that would be tested now."
            )
        save_new_split(split, path)
