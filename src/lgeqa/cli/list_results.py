"""`lgeqa list`: the results of a run by their outcome."""

from pathlib import Path
from typing import Annotated

import typer

from lgeqa.outcomes import Decision, Status, Verdict


def list_results(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Output folder of lgeqa assess or measure.")],
    decision: Annotated[Decision | None, typer.Option(help="Only scans with this decision.")] = None,
    verdict: Annotated[Verdict | None, typer.Option(help="Only scans with this verdict.")] = None,
    status: Annotated[Status | None, typer.Option(help="Only scans with this status.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print rows of results.csv.")] = False,
) -> None:
    """Print the results of a run, or those with one outcome, such as the scans to repeat.

    Each scan is a line: its name, decision, verdict, probability and reasons. Nothing is assessed or written.

    Exit code 0: done, also if no scan has the outcome. 2: the folder holds no results, or a run is writing them.
    """
    from lgeqa.batch import table_text
    from lgeqa.cli.console import line
    from lgeqa.workflows.listing import find_results

    found = find_results(out, decision, verdict, status)
    if as_csv:
        typer.echo(table_text(list(found)), nl=False)
    else:
        for result in found:
            typer.echo(line(result))
