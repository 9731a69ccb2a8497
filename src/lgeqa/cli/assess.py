"""`lgeqa assess`: the main job."""

import os
from pathlib import Path
from typing import Annotated

import typer

from lgeqa.threads import ONE_THREAD


def assess(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Scans, or folders to look for scans in.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder for the results.")],
    bundle: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Trained model to use instead of the one in the package.")
    ] = None,
    masks: Annotated[bool, typer.Option("--masks", help="Write each left-atrial mask on the scan's own grid.")] = False,
    given_masks: Annotated[
        bool, typer.Option("--given-masks", help="Use the mask beside each scan instead of detecting the atrium.")
    ] = False,
    threshold: Annotated[
        float | None,
        typer.Option(metavar="T", help="Probability from which a slice counts as diagnostic; else the model's own."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Scans to work on at once; else one a core, 8 at the most.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Judge scans: find the left atrium, score its slices, and give each scan a verdict.

    Reads NRRD, NIfTI, MetaImage and DICOM series. Writes results.csv, report.html and a record of each scan below OUT.
    A run that was stopped goes on where it was when it is started again with the same OUT.

    Exit code 0: all scans were assessed. 3: finished, but some scans were not. 2: wrong use. 1: a fault of lgeqa.
    """
    os.environ.update(ONE_THREAD)
    from lgeqa.cli.running import Job, carry_out
    from lgeqa.pipeline import AssessSettings

    settings = AssessSettings.of({"threshold": threshold, "given_masks": given_masks}, "lgeqa assess")
    raise typer.Exit(carry_out(Job(paths, out, settings, bundle=bundle, masks=masks, jobs=jobs, quiet=quiet)))
