"""`lgeqa report`: the results of a run in other forms."""

from pathlib import Path
from typing import Annotated

import typer

from lgeqa.cli.options import Quiet

app = typer.Typer(help="Write the results of a run in other forms.", no_args_is_help=True)


@app.callback()
def _report() -> None:
    """Keep `pdf` a subcommand although it is the only one."""


@app.command()
def pdf(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Output folder of lgeqa assess.")],
    scans: Annotated[
        list[str] | None, typer.Argument(metavar="SCAN", help="Names of scans as in results.csv. Default: all.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder for the pages.")] = Path(
        "lgeqa-sheets"
    ),
    named: Annotated[
        bool,
        typer.Option("--names", help="Put names of scans on pages and files."),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Write one page about each scan as PDF: decision, reasons, key slices, scales, poor measures, what to do.

    Without --names, pages and their files carry the start of the hash of the scan's files instead of its name, since
    names often identify a patient. No network is run. Scans that could not be read have no page.
    """
    from lgeqa.workflows.scan_sheets import SheetRequest, write_sheets

    for path in write_sheets(SheetRequest(run, out, scans or (), named)):
        if not quiet:
            typer.echo(path)
