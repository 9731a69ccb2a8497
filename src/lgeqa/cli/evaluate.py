"""`lgeqa evaluate`: how well a bundle judges a scored cohort."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lgeqa.cli.cohort import Reader, Rule
from lgeqa.cli.options import Jobs, Quiet
from lgeqa.threads import ONE_THREAD

ScoredCohorts = Annotated[
    list[Path], typer.Option("--cohort", metavar="PATH", help="Folder of a scored cohort; may be repeated.")
]
SplitFile = Annotated[
    Path | None, typer.Option("--split", metavar="FILE", help="A saved split.json, to take a part of the patients.")
]
SplitPart = Annotated[
    Literal["test", "validation", "train", "all"] | None,
    typer.Option(help="Part of the split; test if there is a split, else all."),
]
GivenMasks = Annotated[
    bool, typer.Option("--given-masks", help="Use the masks of the cohort instead of detecting the atrium.")
]
Seed = Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the draws for the intervals.")]
Draws = Annotated[int, typer.Option(metavar="N", min=100, help="Bootstrap draws for the intervals.")]

if TYPE_CHECKING:
    from lgeqa.evaluation.record import Evaluation


def evaluate(  # noqa: PLR0913, PLR0917 - one parameter for each option
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="Folder of a trained model, or the word default.")],
    cohort: ScoredCohorts,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder for the results.")] = Path(
        "lgeqa-evaluation"
    ),
    split: SplitFile = None,
    part: SplitPart = None,
    rule: Rule = "auto",
    reader: Reader = None,
    given_masks: GivenMasks = False,
    allow_seen: Annotated[
        bool, typer.Option("--allow-seen", help="Test also on patients whom the bundle was trained on, and say so.")
    ] = False,
    seed: Seed = 0,
    draws: Draws = 1000,
    jobs: Jobs = None,
    quiet: Quiet = False,
) -> None:
    """Judge a scored cohort and measure how well the verdicts and probabilities agree with its scores.

    It is the network that is judged, so a scan gets a verdict also where the gate refuses it.

    Writes evaluation.md, evaluation.json, predictions.csv and three plots below OUT, and a record of each scan. Started
    again with the same OUT, it assesses only the scans that are not done.

    Exit code 0: all scans were assessed. 3: finished, but some scans were not. 2: wrong use. 1: a bug in lgeqa.
    """
    os.environ.update(ONE_THREAD)
    from lgeqa.extras import require

    require("train", feature="evaluating")
    from lgeqa.cli.console import exit_code
    from lgeqa.cli.progress import RunConsole
    from lgeqa.workflows.evaluation import EvaluationRequest, evaluate_bundle

    request = EvaluationRequest(
        bundle=None if str(bundle) == "default" else bundle,
        cohorts=cohort,
        out=out,
        split=split,
        part=part,
        rule=rule,
        reader=reader,
        given_masks=given_masks,
        seed=seed,
        draws=draws,
        jobs=jobs,
        allow_seen=allow_seen,
    )
    with RunConsole(quiet=quiet) as console:
        run = evaluate_bundle(request, console.follow)
    if not quiet:
        show(run.evaluation)
        typer.echo(f"Report: {out / 'evaluation.md'}")
    raise typer.Exit(exit_code(run.items))


def show(evaluation: "Evaluation") -> None:
    """Print the figures of quality, as a table on a terminal and as a line for each in a pipe."""
    from rich.console import Console
    from rich.table import Table

    from lgeqa.bootstrap import cell
    from lgeqa.cohort import seen_message
    from lgeqa.evaluation.metrics import METRICS
    from lgeqa.evaluation.report import number_form

    scans, slices = evaluation.scans["quality"], evaluation.slices["quality"]
    form = number_form(scans)
    rows = [(m.title, cell(scans.figures[m.name], form), cell(slices.figures[m.name], form)) for m in METRICS]
    console = Console(markup=False, highlight=False)
    say: Callable[[str], None] = console.print if sys.stdout.isatty() else typer.echo
    if sys.stdout.isatty():
        table = Table("Quality", f"{scans.n} scans", f"{slices.n} slices", box=None, pad_edge=False)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    else:
        for title, of_scans, of_slices in rows:
            say(f"{title}: {of_scans} over scans, {of_slices} over slices")
    say(f"Labels: {evaluation.label}{', of simulated scans' if evaluation.simulated else ''}")
    if seen := seen_message(evaluation.seen, evaluation.n_scans + len(evaluation.excluded)):
        say(f"Warning: {seen[:1].lower()}{seen[1:]}, so the figures say little about new patients")
    for caution in evaluation.cautions:
        say(f"Caution: {caution}")
    if evaluation.excluded:
        say(f"Left out: {len(evaluation.excluded)} scans")
