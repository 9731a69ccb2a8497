"""`lgeqa measure`: image quality measures without a verdict."""

import os
from pathlib import Path
from typing import Annotated

import typer

from lgeqa.cli.options import DetectorBundle, GivenMasks, Jobs, Paths, Quiet, Timeout
from lgeqa.threads import ONE_THREAD, TIMEOUT_S


def measure(
    paths: Paths,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="OUT", help="Folder for the results; without it nothing is written."),
    ] = None,
    bundle: DetectorBundle = None,
    given_masks: GivenMasks = False,
    jobs: Jobs = None,
    timeout: Timeout = TIMEOUT_S,
    quiet: Quiet = False,
) -> None:
    """Measure the image quality of scans, such as signal-to-noise ratio and sharpness, without a verdict.

    With OUT it writes measures.csv, measures.json, which says what the columns hold, report.html and a record of each
    scan. Without OUT it prints the main measures, and for each scan those that are poor.

    Exit code 0: all scans were measured. 3: finished, but some scans were not. 2: wrong use. 1: a bug in lgeqa.
    """
    os.environ.update(ONE_THREAD)
    from lgeqa.cli.console import RunConsole, conclude_measures, exit_code
    from lgeqa.inference.pipeline import AssessSettings
    from lgeqa.workflows.assessment import AssessmentRequest, assess_scans

    settings = AssessSettings(given_masks=given_masks, measures_only=True)
    request = AssessmentRequest(paths, settings, out, bundle=bundle, jobs=jobs, timeout=timeout)
    with RunConsole(quiet=quiet) as console:
        run = assess_scans(request, console.follow)
    if not quiet:
        conclude_measures(run)
    if run.traces:
        typer.echo(run.traces, err=True)
    raise typer.Exit(exit_code(run.items))
