"""`lgeqa simulate`: scans with known artefacts and measured scores."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from lgeqa.threads import ONE_THREAD


def simulate(  # noqa: PLR0913, PLR0917 - one parameter for each option
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder for the scans.")],
    n: Annotated[
        int | None,
        typer.Option("--n", metavar="N", min=1, help="Number of scans.  [default: one of each in FOLDER, else 50]"),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="S", min=0, help="Same seed, same cohort.")] = 0,
    folder: Annotated[
        Path | None,
        typer.Option("--from", metavar="FOLDER", help="Real scans with masks to start from, instead of phantoms."),
    ] = None,
    field: Annotated[
        Literal["cropped", "full"],
        typer.Option(help="Field of view: around the atrium, or the whole chest (a real scan is set into a phantom)."),
    ] = "cropped",
    artefacts: Annotated[
        Literal["drawn", "none"], typer.Option(help="Artefacts drawn for each scan, or scans as they were acquired.")
    ] = "drawn",
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="MECHANISM", help="Mechanism of artefacts that is never drawn; repeat it for more."),
    ] = None,
    distractors: Annotated[
        bool,
        typer.Option("--distractors/--no-distractors", help="Also change what does not change the quality."),
    ] = False,
    readers: Annotated[int, typer.Option(metavar="R", min=0, help="Simulated readers who score each scan.")] = 2,
    again: Annotated[
        Path | None,
        typer.Option(metavar="RECIPE", help="Make the scan of this recipe.json again, and nothing else."),
    ] = None,
    jobs: Annotated[int, typer.Option(metavar="N", min=1, help="Scans to work on at once.")] = 1,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Make simulated scans: real scans or phantoms with artefacts, their measured scores, and simulated readers.

    Writes data.nrrd, shrinkwrap.nrrd, recipe.json and measures.json for each scan, and labels.json and scores.csv for
    all, below OUT. A run that was stopped continues when it is started again with the same options.
    """
    os.environ.update(ONE_THREAD)  # so that any number of jobs makes the same scans
    from lgeqa.cli.simulating import make_again, make_cohort
    from lgeqa.simulate.recipe import CohortSettings

    if again:
        make_again(again, out, folder, quiet=quiet)
    else:
        settings = CohortSettings.of(
            {
                "n": n,
                "seed": seed,
                "field": field,
                "artefacts": artefacts,
                "without": tuple(without or ()),
                "distractors": distractors,
                "readers": readers,
            },
            "lgeqa simulate",
        )
        make_cohort(settings, out, folder, jobs=jobs, quiet=quiet)
