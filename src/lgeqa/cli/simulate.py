"""`lgeqa simulate`: scans with known faults and scores."""

from pathlib import Path
from typing import Annotated, Literal

import typer


def simulate(  # noqa: PLR0913, PLR0917 - one parameter for each option
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder for the scans.")],
    n: Annotated[int, typer.Option("--n", metavar="N", min=1, help="Number of scans.")] = 50,
    seed: Annotated[int, typer.Option(metavar="S", min=0, help="Same seed, same cohort.")] = 0,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="FOLDER", help="Real scans with masks to put the faults on, instead of phantoms."
        ),
    ] = None,
    field: Annotated[
        Literal["cropped", "full"],
        typer.Option(help="Field of view: around the atrium, or the whole chest (a real scan is set into a phantom)."),
    ] = "cropped",
    scores: Annotated[
        Literal["joint", "independent"],
        typer.Option(help="Scores that go together as experts give them, or each scale drawn for itself: lone faults."),
    ] = "joint",
    readers: Annotated[int, typer.Option(metavar="R", min=0, help="Simulated readers who score each scan.")] = 2,
    again: Annotated[
        Path | None,
        typer.Option(metavar="RECIPE", help="Make the scan of this recipe.json again, and nothing else."),
    ] = None,
    jobs: Annotated[int, typer.Option(metavar="N", min=1, help="Scans to work on at once.")] = 1,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Make simulated scans: phantoms or real scans with faults, their scores, and simulated readers.

    Writes data.nrrd, shrinkwrap.nrrd and recipe.json for each scan, and labels.json and scores.csv for all, below OUT.
    A run that was stopped goes on where it was when it is started again with the same options.
    """
    from lgeqa.cli.simulating import make_again, make_cohort
    from lgeqa.simulate.recipe import CohortSettings

    if again:
        make_again(again, out, folder, quiet=quiet)
    else:
        settings = CohortSettings(n=n, seed=seed, field=field, scores=scores, readers=readers)
        make_cohort(settings, out, folder, jobs=jobs, quiet=quiet)
