"""`lgeqa measure`: image quality measures without a verdict."""

import os
from pathlib import Path
from typing import Annotated

import typer

from lgeqa.cli.options import (
    PIPELINE,
    AsCsv,
    AsJson,
    Deidentify,
    DetectorBundle,
    Fresh,
    GivenMasks,
    Jobs,
    LogFile,
    Paths,
    Quiet,
    Secrets,
    Timeout,
    Verify,
)
from lgeqa.threads import ONE_THREAD, TIMEOUT_S
from lgeqa.workers import start_early


def measure(  # noqa: PLR0913, PLR0917 - one parameter for each option
    paths: Paths,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="OUT", help="Folder for the results; without it nothing is written."),
    ] = None,
    bundle: DetectorBundle = None,
    given_masks: GivenMasks = False,
    deidentify: Deidentify = False,
    secrets: Secrets = None,
    fresh: Fresh = False,
    verify: Verify = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    jobs: Jobs = None,
    timeout: Timeout = TIMEOUT_S,
    log: LogFile = None,
    quiet: Quiet = False,
) -> None:
    """Measure the image quality of scans, such as signal-to-noise ratio and sharpness, without a verdict.

    With OUT it writes measures.csv, measures.json, which says what the columns hold, report.html and a record of each
    scan. Without OUT it prints the main measures, and for each scan those that are poor.

    Exit code 0: all scans were measured. 3: finished, but some scans were not. 2: wrong use. 1: a bug in lgeqa.
    """
    os.environ.update(ONE_THREAD)
    start_early(PIPELINE)
    from lgeqa.batch import measures_text
    from lgeqa.cli.console import conclude_measures
    from lgeqa.cli.scan_run import Printing, run_and_print, secrets_folder
    from lgeqa.inference.pipeline import AssessSettings
    from lgeqa.workflows.assessment import AssessmentRequest

    settings = AssessSettings(given_masks=given_masks, measures_only=True)
    folder = secrets_folder(out, secrets, deidentify=deidentify)
    request = AssessmentRequest(
        paths,
        settings,
        out,
        bundle,
        jobs=jobs,
        timeout=timeout,
        fresh=fresh,
        secrets=folder,
        verify=verify,
    )
    printing = Printing(conclude_measures, measures_text, as_json, as_csv, quiet, log)
    raise typer.Exit(run_and_print("lgeqa measure", request, printing))
