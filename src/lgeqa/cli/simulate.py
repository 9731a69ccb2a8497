"""`lgeqa simulate`: scans with known artefacts and measured scores."""

import os
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lgeqa.cli.options import Quiet
from lgeqa.threads import ONE_THREAD

if TYPE_CHECKING:
    from lgeqa.simulation.cohort_writing import Written
    from lgeqa.simulation.recipe import CohortSettings


def simulate(  # noqa: PLR0913, PLR0917 - one parameter for each option
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder for the scans.")],
    n: Annotated[
        int | None,
        typer.Option("--n", metavar="N", min=1, help="Number of scans.  [default: one of each in FOLDER, else 50]"),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Same seed, same cohort.")] = 0,
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
    cluster: Annotated[
        str | None,
        typer.Option(metavar="WHERE", help="Simulate on a Dask cluster: local, slurm, or the address of a scheduler."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Make simulated scans: real scans or phantoms with artefacts, their measured scores, and simulated readers.

    Writes data.nrrd, shrinkwrap.nrrd, recipe.json and measures.json for each scan, and labels.json and scores.csv for
    all, below OUT. A run that was stopped continues when it is started again with the same options.
    """
    os.environ.update(ONE_THREAD)  # so that any number of jobs makes the same scans
    from lgeqa.simulation.recipe import CohortSettings

    if again:
        _simulate_again(again, out, folder, quiet=quiet)
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
        _simulate_cohort(settings, out, folder, cluster, jobs=jobs, quiet=quiet)


def _simulate_cohort(
    settings: "CohortSettings", out: Path, folder: Path | None, cluster: str | None, *, jobs: int, quiet: bool
) -> None:
    from lgeqa.cluster import OnCluster
    from lgeqa.workflows.simulation import simulate_cohort

    there = OnCluster(cluster) if cluster else None
    scans = simulate_cohort(settings, out, folder, jobs, partial(_follow, quiet=quiet), there)
    if quiet:
        return
    for written in scans:
        if not written.scores():
            typer.echo(f"{_line(written)} Its row in the table is without scores.", err=True)
    typer.echo(f"{len(scans)} scans in {out}; scores in {out / 'scores.csv'}")


def _follow(scans: Iterable["Written"], total: int, *, quiet: bool) -> Iterator["Written"]:
    """Yield the scans, with a progress bar on a terminal and a line for each in a pipe."""
    from rich.console import Console
    from rich.progress import track

    hidden = quiet or not sys.stderr.isatty()
    shown = track(scans, "Simulating", total=total, console=Console(stderr=True), disable=hidden, transient=True)
    for number, written in enumerate(shown, start=1):
        if not quiet and not sys.stdout.isatty():
            typer.echo(f"{number}/{total} {_line(written)}")
        yield written


def _simulate_again(recipe: Path, out: Path, folder: Path | None, *, quiet: bool) -> None:
    from lgeqa.workflows.simulation import simulate_again

    written, other_versions = simulate_again(recipe, out, folder)
    if other_versions:
        known = ", ".join(f"{name} {version}" for name, version in other_versions.items())
        typer.echo(f"{recipe}: was made with {known}; the scan may differ in rounding.", err=True)
    if not quiet:
        typer.echo(_line(written))


def _line(written: "Written") -> str:
    """Return a scan's measured scores, or why it has none, in one line."""
    from lgeqa.cohort import MEASURED
    from lgeqa.measures import measured_reader

    name = f"{'kept ' if written.kept else ''}{written.recipe.scan_id}"
    scores = written.scores()
    if not scores:
        return f"{name}: has no scores. {measured_reader().why_unscored(written.measures)}"
    return f"{name}: {', '.join(f'{scale} {score:g}' for scale, score in scores[MEASURED].items())}"
