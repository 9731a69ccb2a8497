"""`lgeqa score-by-measures`: a table of scores that follow from image quality measures."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from lgeqa.cli.options import DetectorBundle, GivenMasks, Jobs, Paths, Quiet, Timeout
from lgeqa.threads import ONE_THREAD, TIMEOUT_S

if TYPE_CHECKING:
    from lgeqa.workflows.measured_scores import MeasuredScores

#: Note to read before using the scores.
CAUTION: Final = (
    "These scores follow from image quality measures and are not clinical ones. They assume that the reference scans, "
    "which nobody scored, are as good as the scans that experts scored at the same centre."
)


def score_by_measures(
    paths: Paths,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="TABLE", help="CSV table of scores to write, or to add rows to.")
    ],
    bundle: DetectorBundle = None,
    given_masks: GivenMasks = False,
    jobs: Jobs = None,
    timeout: Timeout = TIMEOUT_S,
    quiet: Quiet = False,
) -> None:
    """Score scans from 1 to 5 on all four scales by their image quality measures, as the reader `measured`.

    TABLE is a cohort, which training, evaluation and agreement read. If it exists, its other rows are kept, and rows of
    `measured` of the same scans are replaced. The scores are not clinical ones: they rest on the assumption that the
    reference scans, which nobody scored, are as good as the scans that experts scored at the same centre.

    Exit code 0: all scans were scored. 3: finished, but some scans were not. 2: wrong use. 1: a bug in lgeqa.
    """
    os.environ.update(ONE_THREAD)
    from lgeqa.cli.console import NOT_ALL, exit_code
    from lgeqa.cli.progress import RunConsole
    from lgeqa.inference.pipeline import AssessSettings
    from lgeqa.workflows.assessment import AssessmentRequest
    from lgeqa.workflows.measured_scores import score_by_measures as score

    settings = AssessSettings(given_masks=given_masks, measures_only=True)
    request = AssessmentRequest(paths, settings, bundle=bundle, jobs=jobs, timeout=timeout)
    with RunConsole(quiet=quiet, resumes=False) as console:
        scored = score(request, out, console.follow)
    if scored.traces:
        typer.echo(scored.traces, err=True)
    _show(scored, out, quiet=quiet)
    raise typer.Exit(exit_code(scored.items) or (0 if all(scored.readings.values()) else NOT_ALL))


def _show(scored: "MeasuredScores", table: Path, *, quiet: bool) -> None:
    """Print which scans have no scores and why and, unless quiet, how many have scores and a note about them."""
    from lgeqa.measures import measured_reader
    from lgeqa.scales import is_diagnostic

    for item in scored.items:
        result = item.result
        if result.measures is None:
            # A pipe already has the line of a failed scan, and so has standard error in quiet mode.
            if sys.stdout.isatty() and not quiet:
                typer.echo(f"{result.scan_id}: not scored. {result.message}", err=True)
        elif not scored.readings[result.scan_id]:
            typer.echo(f"{result.scan_id}: not scored. {measured_reader().why_unscored(result.measures)}", err=True)
    if quiet:
        return
    readings = [reading for reading in scored.readings.values() if reading]
    diagnostic = sum(is_diagnostic(reading["quality"]) for reading in readings)
    typer.echo(
        f"{len(readings)} of {len(scored.items)} scans scored, {diagnostic} of them diagnostic: quality 3 or more"
    )
    if readings:
        typer.echo(CAUTION)
    if scored.readings:
        typer.echo(f"Table: {table}; a scan that is new in it counts as a patient of its own")
