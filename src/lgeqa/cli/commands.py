"""All commands together, and how errors appear on the command line."""

import sys
import threading
import traceback
from typing import Annotated

import typer

from lgeqa.cli.agreement import agreement
from lgeqa.cli.archive import app as archive
from lgeqa.cli.assess import assess
from lgeqa.cli.calibrate import calibrate
from lgeqa.cli.cohort import app as cohort
from lgeqa.cli.demo import demo
from lgeqa.cli.evaluate import evaluate
from lgeqa.cli.experiment import experiment
from lgeqa.cli.export_monai import export_monai
from lgeqa.cli.info import info
from lgeqa.cli.list_results import list_results
from lgeqa.cli.listen import listen
from lgeqa.cli.measure import measure
from lgeqa.cli.merge import merge
from lgeqa.cli.monitor import monitor
from lgeqa.cli.operating_point import operating_point
from lgeqa.cli.people import app as people
from lgeqa.cli.renamed_options import RenamedOptionsCommand
from lgeqa.cli.report import app as report
from lgeqa.cli.score_by_measures import score_by_measures
from lgeqa.cli.serve import serve
from lgeqa.cli.simulate import simulate
from lgeqa.cli.train import app as train
from lgeqa.errors import LgeqaError, OutputError, fault_of_the_machine, system_reason

app = typer.Typer(
    name="lgeqa",
    help="Tell whether a left-atrial LGE-MRI scan is good enough to measure fibrosis, and why not.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command()(agreement)
app.command()(assess)
app.command()(calibrate)
app.command()(demo)
app.command()(evaluate)
app.command(cls=RenamedOptionsCommand)(experiment)
app.command()(export_monai)
app.command()(info)
app.command("list")(list_results)
app.command()(listen)
app.command()(measure)
app.command()(merge)
app.command()(monitor)
app.command()(operating_point)
app.command()(score_by_measures)
app.command()(serve)
app.command()(simulate)
app.add_typer(archive, name="archive")
app.add_typer(cohort, name="cohort")
app.add_typer(people, name="people")
app.add_typer(report, name="report")
app.add_typer(train, name="train")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"lgeqa {version('lgeqa')}")
        raise typer.Exit


@app.callback()
def _lgeqa(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


def _report_thread(ended: threading.ExceptHookArgs) -> None:
    """Print the error that ended a thread, unless it is of the machine and so raised in the waiting thread as well."""
    if not fault_of_the_machine(ended.exc_value):
        threading.__excepthook__(ended)


def main() -> None:
    """Run the command line, with one line for a deliberate error or one of the machine, and a traceback for a bug."""
    threading.excepthook = _report_thread
    try:
        app()
    except LgeqaError as error:
        typer.echo(f"lgeqa: {error}", err=True)
        sys.exit(error.exit_code)
    except Exception as error:
        if machine := fault_of_the_machine(error):
            where = f"{machine.filename}: " if isinstance(machine, OSError) and machine.filename else ""
            remedy = "Make room, or see to the disk, and run the same command again."
            typer.echo(f"lgeqa: {where}{system_reason(machine)}. {remedy}", err=True)
            sys.exit(OutputError.exit_code)
        traceback.print_exc()
        typer.echo("lgeqa: This is a bug in lgeqa. Please report it with the lines above.", err=True)
        sys.exit(1)
