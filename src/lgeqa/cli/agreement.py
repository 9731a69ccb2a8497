"""`lgeqa agreement`: how far readers agree."""

from pathlib import Path
from typing import Annotated

import typer


def agreement(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder for the figures.")] = Path(
        "lgeqa-agreement"
    ),
    cohort: Annotated[
        Path | None, typer.Option("--cohort", metavar="C", help="A cohort whose scans several readers scored.")
    ] = None,
    ratings: Annotated[
        Path | None, typer.Option("--ratings", metavar="FILE", help="The ratings.csv of a rating study.")
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option("--results", metavar="R", help="Output folder of lgeqa assess: puts the model among the readers."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="S", min=0, help="Seed of the draws for the intervals.")] = 0,
    draws: Annotated[int, typer.Option(metavar="N", min=100, help="Bootstrap draws for the intervals.")] = 1000,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Measure how far readers agree, name the scans that they should adjudicate, and put the model among them.

    Give either --cohort or --ratings. Writes agreement.md, agreement.json and adjudicate.csv below OUT.
    """
    from lgeqa.extras import require

    require("agreement", "lgeqa agreement")
    from lgeqa.cli.agreeing import Request, carry_out

    carry_out(Request(cohort, ratings, results, out, seed, draws, quiet))
