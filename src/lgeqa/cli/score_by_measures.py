"""`lgeqa score-by-measures`: a table of scores that follow from image quality measures."""

import os
from pathlib import Path
from typing import Annotated

import typer

from lgeqa.cli.options import DetectorBundle, GivenMasks, Jobs, Paths, Quiet, Timeout
from lgeqa.threads import ONE_THREAD, TIMEOUT_S


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

    Exit code 0: all scans were scored. 3: finished, but some scans were not. 2: wrong use. 1: a fault of lgeqa.
    """
    os.environ.update(ONE_THREAD)
    from lgeqa.cli.measured_scores import carry_out
    from lgeqa.cli.running import Job
    from lgeqa.pipeline import AssessSettings

    settings = AssessSettings(given_masks=given_masks, measures_only=True)
    raise typer.Exit(carry_out(Job(paths, out, settings, bundle=bundle, jobs=jobs, timeout=timeout, quiet=quiet)))
