"""`lgeqa calibrate`: make a bundle's probabilities and threshold fit the scores of a site."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lgeqa.cli.cohort import Reader, Rule
from lgeqa.cli.evaluate import Draws, GivenMasks, ScoredCohorts, Seed, SplitFile, SplitPart
from lgeqa.cli.operating_point import Missed, Needless, Risk
from lgeqa.cli.options import Jobs, Quiet
from lgeqa.threads import ONE_THREAD

if TYPE_CHECKING:
    from lgeqa.evaluation.calibration_report import CalibrationReport


def calibrate(  # noqa: PLR0913, PLR0917 - one parameter for each option
    cohort: ScoredCohorts,
    bundle: Annotated[
        Path | None, typer.Option("--bundle", metavar="DIR", help="Folder of a trained model; else the default bundle.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="OUT", help="Folder for the calibrated bundle and the report.")
    ] = Path("lgeqa-calibration"),
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the calibrated bundle; else that of the bundle, -calibrated."),
    ] = None,
    missed: Missed = 5.0,
    needless: Needless = 5.0,
    risk: Risk = None,
    split: SplitFile = None,
    part: SplitPart = None,
    rule: Rule = "auto",
    reader: Reader = None,
    given_masks: GivenMasks = False,
    seed: Seed = 0,
    draws: Draws = 1000,
    jobs: Jobs = None,
    quiet: Quiet = False,
) -> None:
    """Calibrate a bundle on about 50 scored scans: probabilities that hold at your site, and limits for decisions.

    The networks stay as they are. Figures are by nested cross-validation: no scan is judged by what was fitted on it.

    Writes the bundle, calibration.md, calibration.json and a record of each scan below OUT.

    Exit code 0: all scans were assessed. 3: finished, but some scans were not. 2: wrong use. 1: a bug in lgeqa.
    """
    os.environ.update(ONE_THREAD)
    from lgeqa.extras import require

    require("train", feature="calibrating")
    from lgeqa.cli.console import exit_code
    from lgeqa.cli.progress import RunConsole
    from lgeqa.operating_point import Costs
    from lgeqa.workflows.calibration import calibrate_bundle
    from lgeqa.workflows.evaluation import EvaluationRequest
    from lgeqa.workflows.operating_point import PointRequest

    operating_point = PointRequest(Costs(missed=missed, needless=needless), risk)
    request = EvaluationRequest(
        bundle=bundle,
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
    )
    with RunConsole(quiet=quiet) as console:
        run = calibrate_bundle(request, name, console.follow, operating_point)
    if not quiet:
        _print(run.report)
        typer.echo(f"Report: {out / 'calibration.md'}")
        typer.echo(f"Bundle: {run.bundle} (use it with --bundle)")
    raise typer.Exit(exit_code(run.items))


def _print(report: "CalibrationReport") -> None:
    """Print the labels, the kept-out figures of quality, the limits, and the cautions."""
    from lgeqa.bootstrap import cell
    from lgeqa.inference.bundle.kept_out import outcome_text

    typer.echo(f"Labels: {report.label}")
    typer.echo(f"Quality, kept-out figures on {report.n_scans} scans of {report.n_patients} patients:")
    before, after = report.before["quality"].figures, report.after["quality"].figures
    for measure, title in (("calibration_error", "Calibration error"), ("balanced_accuracy", "Balanced accuracy")):
        typer.echo(f"  {title}: {cell(before[measure])} before, {cell(after[measure])} after")
    typer.echo(f"Threshold of quality: {report.threshold_before:g} before, {report.threshold:.3f} now")
    typer.echo(report.operating_point.text)
    typer.echo(outcome_text(report.outcomes))
    for caution in report.cautions:
        typer.echo(f"Caution: {caution}")
