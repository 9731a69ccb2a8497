"""Workflow and output of `lgeqa simulate`: a progress bar on a terminal, plain lines in a pipe."""

import sys
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import track

from lgeqa.attributes import NAMES
from lgeqa.cohort import MEASURED
from lgeqa.measure import measured_reader
from lgeqa.simulate.cohort import Written, make_folder, read_recipe, write_cohort, write_scan
from lgeqa.simulate.make import find_real_scans
from lgeqa.simulate.recipe import CohortSettings, draw_cohort, installed_versions
from lgeqa.writing import claimed


def make_cohort(settings: CohortSettings, out: Path, folder: Path | None, *, jobs: int, quiet: bool) -> None:
    """Draw and write a cohort.

    Raises the errors of `draw_cohort`, `claimed`, `write_cohort` and `find_real_scans`.
    """
    with claimed(out):
        _make_cohort(settings, out, folder, jobs=jobs, quiet=quiet)


def _make_cohort(settings: CohortSettings, out: Path, folder: Path | None, *, jobs: int, quiet: bool) -> None:
    recipes = draw_cohort(settings, find_real_scans(folder) if folder else ())
    terminal = sys.stderr.isatty()
    scans = track(
        write_cohort(recipes, out, folder, min(jobs, len(recipes))),
        "Simulating",
        total=len(recipes),
        console=Console(stderr=True),
        disable=quiet or not terminal,
        transient=True,
    )
    unscored = []
    for number, written in enumerate(scans, start=1):
        if not written.scores():
            unscored.append(written)
        if not quiet and not sys.stdout.isatty():
            typer.echo(f"{number}/{len(recipes)} {_line(written)}")
    if quiet:
        return
    for written in unscored:
        typer.echo(f"{_line(written)} Its row in the table is without scores.", err=True)
    typer.echo(f"{len(recipes)} scans in {out}; scores in {out / 'scores.csv'}")


def make_again(path: Path, out: Path, folder: Path | None, *, quiet: bool) -> None:
    """Make the scan of one recipe.

    Raises the errors of `make_folder`, `write_scan` and `read_recipe`.
    """
    recipe = read_recipe(path)
    installed = installed_versions()
    if other := {name: known for name, known in recipe.versions.items() if known != installed.get(name)}:
        known = ", ".join(f"{name} {version}" for name, version in other.items())
        typer.echo(f"{path}: was made with {known}; the scan may differ in rounding.", err=True)
    make_folder(out)
    written = write_scan(recipe, out, folder)
    if not quiet:
        typer.echo(_line(written))


def _line(written: Written) -> str:
    """Return a scan's measured scores, or why it has none, in one line."""
    name = f"{'kept ' if written.kept else ''}{written.recipe.scan_id}"
    scores = written.scores()
    if not scores:
        return f"{name}: has no scores. {measured_reader().why_unscored(written.measures)}"
    row = zip(NAMES, scores[MEASURED].row(), strict=True)
    return f"{name}: {', '.join(f'{scale} {score:g}' for scale, score in row)}"
