"""`lgeqa agreement`: how far readers agree."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lgeqa.agreement.record import Agreement


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
    from lgeqa.workflows.agreement import AgreementRequest, measure_agreement

    measured = measure_agreement(AgreementRequest(cohort, ratings, results, out, seed, draws))
    if not quiet:
        show(measured)
        typer.echo(f"Report: {out / 'agreement.md'}")


def show(agreement: "Agreement") -> None:
    """Print a line for each scale, and the number of scans to adjudicate."""
    from lgeqa.agreement.markdown_report import cell
    from lgeqa.scales import SCALES

    for scale in SCALES:
        figures = agreement.scales[scale.name]
        typer.echo(f"{scale.title}: Krippendorff's alpha {cell(figures.alpha)}, ICC(2,1) {cell(figures.icc)}")
    typer.echo(
        f"{len(agreement.readers)} readers, {agreement.n_scans} scans, {agreement.n_shared} read by two or more; "
        f"{len(agreement.disputes)} to adjudicate"
    )
