"""`lgeqa assess`: the main job."""

import os
from pathlib import Path
from typing import Annotated

import typer

from lgeqa.cli.options import GivenMasks, Jobs, Paths, Quiet, Timeout
from lgeqa.threads import ONE_THREAD, TIMEOUT_S


def assess(  # noqa: PLR0913, PLR0917 - one parameter for each option
    paths: Paths,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder for the results.")],
    bundle: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Trained model to use instead of the one in the package.")
    ] = None,
    masks: Annotated[bool, typer.Option("--masks", help="Write each left-atrial mask on the scan's own grid.")] = False,
    given_masks: GivenMasks = False,
    threshold: Annotated[
        float | None,
        typer.Option(metavar="T", help="Probability from which a slice counts as diagnostic; else the model's own."),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Give a verdict also where the gate refuses the scan; the record says so."),
    ] = False,
    jobs: Jobs = None,
    timeout: Timeout = TIMEOUT_S,
    quiet: Quiet = False,
) -> None:
    """Judge scans: find the left atrium, measure image quality, score the slices, and give each scan a verdict.

    A scan that does not look like a left-atrial LGE scan gets no verdict: the gate refuses it and says why.

    Reads NRRD, NIfTI, MetaImage and DICOM series. Writes results.csv, measures.csv, report.html and a record of each
    scan below OUT. Started again with the same OUT, a run that was stopped continues.

    Exit code 0: all scans were assessed. 3: finished, but some scans were not. 2: wrong use. 1: a bug in lgeqa.
    """
    os.environ.update(ONE_THREAD)
    from lgeqa.cli.console import RunConsole, conclude, exit_code
    from lgeqa.inference.pipeline import AssessSettings
    from lgeqa.workflows.assessment import AssessmentRequest, assess_scans

    choices = {"threshold": threshold, "given_masks": given_masks, "force": force}
    settings = AssessSettings.of(choices, "lgeqa assess")
    request = AssessmentRequest(paths, settings, out, bundle=bundle, masks=masks, jobs=jobs, timeout=timeout)
    with RunConsole(quiet=quiet) as console:
        run = assess_scans(request, console.follow)
    if not quiet:
        conclude(run)
    raise typer.Exit(exit_code(run.items))
