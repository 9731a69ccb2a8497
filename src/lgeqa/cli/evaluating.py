"""Workflow of `lgeqa evaluate`, from the cohort to the figures on disk and on the terminal."""

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from lgeqa.batch import OutputFolder
from lgeqa.bundle import open_bundle
from lgeqa.cli.running import Job, exit_code, settle
from lgeqa.cohort import Case, load_split, read_cohort, sources_of
from lgeqa.errors import CohortError, UsageError
from lgeqa.pipeline import AssessSettings
from lgeqa.writing import write_through, write_whole

if TYPE_CHECKING:
    from lgeqa.evaluate.plots import Curves
    from lgeqa.evaluate.record import Evaluation

_NOTHING_KEPT_OUT = "all; no split was given, so the bundle may have learnt from these patients"


@dataclass(frozen=True)
class Request:
    """Options of the user, which `lgeqa evaluate --help` explains."""

    bundle: Path | None
    cohorts: list[Path]
    out: Path
    split: Path | None = None
    part: str = "all"
    rule: str = "reader"
    reader: str | None = None
    given_masks: bool = False
    seed: int = 0
    draws: int = 1000
    jobs: int | None = None
    quiet: bool = False


def carry_out(request: Request) -> int:
    """Assess the labelled scans, evaluate the results, write and print the figures, and return the exit code.

    Raises:
        UsageError: The cohort, its split, the bundle or the output folder cannot be used.
    """
    from lgeqa.evaluate.evaluation import Question, evaluate, join, left_out
    from lgeqa.evaluate.labels import choose_rule, label_of, name_of
    from lgeqa.evaluate.plots import curves_of
    from lgeqa.evaluate.predictions import predictions
    from lgeqa.intervals import Bootstrap

    cases = _cases(request)
    rule = choose_rule(cases, request.rule, request.reader)
    labelled = [case for case in cases if label_of(case, rule)]
    bundle = open_bundle(request.bundle)
    settled = settle(sources_of(labelled), _job(request), OutputFolder(request.out), bundle)
    results = [item.result for item in settled]
    scans = join(labelled, results, rule)
    part = f"{request.part} of {request.split}" if request.split else _NOTHING_KEPT_OUT
    question = Question(tuple(map(str, request.cohorts)), part, rule, Bootstrap(request.draws, request.seed))
    evaluation = evaluate(scans, left_out(cases, labelled, results, rule), bundle, question)
    _write(evaluation, curves_of(scans, name_of(rule)), predictions(labelled, results, rule), request.out)
    if not request.quiet:
        show(evaluation)
        typer.echo(f"Report: {request.out / 'evaluation.md'}")
    return exit_code(settled)


def _cases(request: Request) -> list[Case]:
    """Return the scans of the cohorts that belong to the requested part."""
    cases = [case for cohort in request.cohorts for case in read_cohort(cohort)]
    twice = [path for path, count in Counter(case.image.resolve() for case in cases).items() if count > 1]
    if twice:
        raise CohortError(f"{twice[0]}: is in the cohorts twice. Name each cohort once.")
    if request.split is None:
        if request.part != "all":
            raise UsageError(f"--part {request.part} needs a split. Name a split.json with --split.")
        return cases
    split = load_split(request.split, cases)
    chosen = [case for case in cases if request.part in {"all", split[case.patient]}]
    if not chosen:
        raise CohortError(f"{request.split}: gives no patient of the cohort to the part {request.part!r}.")
    return chosen


def _job(request: Request) -> Job:
    # The network is evaluated here, so a scan gets a verdict even if the gate refuses it.
    settings = AssessSettings(given_masks=request.given_masks, force=True)
    return Job(request.cohorts, request.out, settings, bundle=request.bundle, jobs=request.jobs, quiet=request.quiet)


def _write(evaluation: "Evaluation", curves: "Curves", table: str, out: Path) -> None:
    """Write the files of an evaluation.

    Raises:
        OutputError: A file cannot be written.
    """
    from lgeqa.evaluate.markdown import page
    from lgeqa.evaluate.plots import precision_recall_plot, reliability_plot, roc_plot

    write_whole(out / "evaluation.json", evaluation.model_dump_json(indent=2) + "\n")
    write_whole(out / "evaluation.md", page(evaluation))
    write_whole(out / "predictions.csv", table)
    plots = {"roc": roc_plot, "precision-recall": precision_recall_plot, "reliability": reliability_plot}
    for name, plot in plots.items():
        write_through(out / f"{name}.png", plot(curves).savefig)


def show(evaluation: "Evaluation") -> None:
    """Print the figures of quality, as a table on a terminal and as a line for each in a pipe."""
    from lgeqa.evaluate.metrics import METRICS
    from lgeqa.intervals import cell

    scans, slices = evaluation.scans["quality"], evaluation.slices["quality"]
    rows = [(m.title, cell(scans.figures[m.name]), cell(slices.figures[m.name])) for m in METRICS]
    if sys.stdout.isatty():
        table = Table("Quality", f"{scans.n} scans", f"{slices.n} slices", box=None, pad_edge=False)
        for row in rows:
            table.add_row(*row)
        Console().print(table)
    else:
        for title, of_scans, of_slices in rows:
            typer.echo(f"{title}: {of_scans} over scans, {of_slices} over slices")
    typer.echo(f"Labels: {evaluation.label}{', of simulated scans' if evaluation.simulated else ''}")
    if evaluation.excluded:
        typer.echo(f"Left out: {len(evaluation.excluded)} scans")
