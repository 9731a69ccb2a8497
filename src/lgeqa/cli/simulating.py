"""What `lgeqa simulate` does and shows: a bar on a terminal, plain lines in a pipe."""

import sys
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import track

from lgeqa.attributes import NAMES
from lgeqa.simulate.cohort import Written, make_folder, read_recipe, write_cohort, write_scan
from lgeqa.simulate.make import find_real_scans
from lgeqa.simulate.recipe import CohortSettings, draw_cohort, installed_versions


def make_cohort(settings: CohortSettings, out: Path, folder: Path | None, *, jobs: int, quiet: bool) -> None:
    """Draw and write a cohort; raises as `write_cohort` and `find_real_scans` do."""
    recipes = draw_cohort(settings, find_real_scans(folder) if folder else ())
    terminal = sys.stderr.isatty()
    shown = track(
        write_cohort(recipes, out, folder, min(jobs, len(recipes))),
        "Simulating",
        total=len(recipes),
        console=Console(stderr=True),
        disable=quiet or not terminal,
        transient=True,
    )
    for number, written in enumerate(shown, start=1):
        if not quiet and not sys.stdout.isatty():
            typer.echo(f"{number}/{len(recipes)} {_line(written)}")
    if not quiet:
        typer.echo(f"{len(recipes)} scans in {out}; scores in {out / 'scores.csv'}")


def make_again(path: Path, out: Path, folder: Path | None, *, quiet: bool) -> None:
    """Make the scan of one recipe; raises as `make_folder`, `write_scan` and `read_recipe` do."""
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
    scores = ", ".join(f"{name} {score:g}" for name, score in zip(NAMES, written.recipe.scores.row(), strict=True))
    return f"{'kept ' if written.kept else ''}{written.recipe.scan_id}: {scores}"
