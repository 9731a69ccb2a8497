"""`lgeqa agreement`: how far readers agree."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lgeqa.cli.options import Quiet

if TYPE_CHECKING:
    from lgeqa.agreement.record import Agreement


def agreement(  # noqa: PLR0913, PLR0917 - one parameter for each option
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder for the figures.")] = Path(
        "lgeqa-agreement"
    ),
    cohort: Annotated[
        Path | None, typer.Option("--cohort", metavar="PATH", help="A cohort whose scans several readers scored.")
    ] = None,
    ratings: Annotated[
        Path | None, typer.Option("--ratings", metavar="FILE", help="The ratings.csv of a rating study.")
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option("--results", metavar="R", help="Output folder of lgeqa assess: puts the model among the readers."),
    ] = None,
    points: Annotated[
        int, typer.Option(metavar="P", min=1, max=4, help="Adjudicate scans with scores this far apart.")
    ] = 2,
    points_on: Annotated[
        list[str] | None,
        typer.Option(metavar="SCALE", help="Scale on which --points counts, or none; may be repeated. Default: all."),
    ] = None,
    sides_on: Annotated[
        list[str] | None,
        typer.Option(metavar="SCALE", help="Scale on which different sides of 3 count, or none. Default: quality."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the draws for the intervals.")] = 0,
    draws: Annotated[int, typer.Option(metavar="N", min=100, help="Bootstrap draws for the intervals.")] = 1000,
    quiet: Quiet = False,
) -> None:
    """Measure how far readers agree, name the scans that they should adjudicate, and put the model among them.

    Give either --cohort or --ratings. Writes agreement.html, agreement.pdf, agreement.md, agreement.json and
    adjudicate.csv below OUT.
    """
    from lgeqa.extras import require

    require("agreement", "lgeqa agreement")
    from lgeqa.workflows.agreement import AgreementRequest, measure_agreement

    rule = {"points": points, **_scales("points_on", points_on), **_scales("sides_on", sides_on)}
    measured = measure_agreement(AgreementRequest(cohort, ratings, results, out, seed, draws, rule))
    if not quiet:
        show(measured)
        typer.echo(f"Report: {out / 'agreement.html'}")


def _scales(name: str, scales: list[str] | None) -> dict[str, list[str]]:
    """Return an option of scales for the rule, where `none` means no scale. Nothing if the option was not given."""
    return {name: [] if scales == ["none"] else scales} if scales else {}


def show(agreement: "Agreement") -> None:
    """Print a line for each scale, and the number of scans to adjudicate."""
    from lgeqa.agreement.report import cell
    from lgeqa.scales import SCALES

    for scale in SCALES:
        figures = agreement.scales[scale.name]
        typer.echo(f"{scale.title}: Krippendorff's alpha {cell(figures.alpha)}, ICC(2,1) {cell(figures.icc)}")
    typer.echo(
        f"{len(agreement.readers)} readers, {agreement.n_scans} scans, {agreement.n_shared} read by two or more; "
        f"{len(agreement.disputes)} to adjudicate"
    )
