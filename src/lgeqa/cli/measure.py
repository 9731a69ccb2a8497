"""`lgeqa measure`: image quality measures without a verdict."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from lgeqa.threads import ONE_THREAD


def measure(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Scans, or folders to look for scans in.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="OUT", help="Folder for the results; without it nothing is written."),
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Trained model whose detector finds the atrium.")
    ] = None,
    given_masks: Annotated[
        bool, typer.Option("--given-masks", help="Use the mask beside each scan instead of detecting the atrium.")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Scans to work on at once; else one a core, 8 at the most.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Measure the image quality of scans, such as signal-to-noise ratio and sharpness, without a verdict.

    With OUT it writes measures.csv, measures.json, which says what the columns hold, report.html and a record of each
    scan. Without OUT it prints the main measures, and for each scan those that are poor.

    Exit code 0: all scans were measured. 3: finished, but some scans were not. 2: wrong use. 1: a fault of lgeqa.
    """
    os.environ.update(ONE_THREAD)
    from lgeqa.cli.running import Job, carry_out, print_measures
    from lgeqa.pipeline import AssessSettings

    settings = AssessSettings(given_masks=given_masks, measures_only=True)
    if out:
        raise typer.Exit(carry_out(Job(paths, out, settings, bundle=bundle, jobs=jobs, quiet=quiet)))
    with TemporaryDirectory() as folder:
        raise typer.Exit(print_measures(Job(paths, Path(folder), settings, bundle=bundle, jobs=jobs, quiet=quiet)))
