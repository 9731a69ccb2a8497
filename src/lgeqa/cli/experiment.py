"""`lgeqa experiment`: the paper's whole study on a cohort."""

from pathlib import Path
from typing import Annotated

import typer

from lgeqa.cli.options import Quiet
from lgeqa.cli.train import Changes, Cohorts, Config, Stage1, parse_changes


def experiment(  # noqa: PLR0913, PLR0917 - one parameter for each option
    cohort: Cohorts,
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="OUT", help="Folder of the experiment; one that was interrupted is resumed."
        ),
    ],
    config: Config = None,
    set_: Changes = None,
    detector: Stage1 = None,
    detected: Annotated[
        bool, typer.Option("--detected", help="Test scans get their slices from stage 1, not from their own masks.")
    ] = False,
    allow_seen: Annotated[
        bool, typer.Option("--allow-seen", help="Take a detector that was trained on test patients, and say so.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Trainings at a time.")] = 1,
    quiet: Quiet = False,
) -> None:
    """Train every strategy several times, and write the paper's tables and figures as one report."""
    from lgeqa.extras import require

    require("train", feature="an experiment")
    from lgeqa.experiment.run import run_experiment
    from lgeqa.experiment.settings import ExperimentConfig
    from lgeqa.workflows.training import claimed_run, read_settings

    settings = read_settings(ExperimentConfig, config, parse_changes(set_))
    with claimed_run(out):
        run_experiment(
            cohort, settings, out, detector, detected=detected, allow_seen=allow_seen, jobs=jobs, quiet=quiet
        )
