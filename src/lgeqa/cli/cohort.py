"""`lgeqa cohort`: import a lab's table, check a cohort before training, and split it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lgeqa.cli.renamed_options import RenamedOptionsCommand
from lgeqa.errors import UsageError

if TYPE_CHECKING:
    from lgeqa.cohort import LabelRule

app = typer.Typer(
    help="Import a lab's table of scores, check a cohort before training, and split it by patient.",
    no_args_is_help=True,
)

Cohorts = Annotated[
    list[Path],
    typer.Option(
        "--cohort",
        metavar="PATH",
        help="A .csv or .parquet table, or a folder with scores.csv, scores.parquet or <scan id>/data.nrrd; "
        "may be repeated.",
    ),
]
Rule = Annotated[
    Literal["auto", "reader", "mean", "median", "majority"],
    typer.Option(help="How the label comes from the readers' scores: of one reader, or of all; auto: what fits them."),
]
Reader = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Reader whose scores are the labels."),
]


@app.command("import", cls=RenamedOptionsCommand)
def import_(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="A lab's table of scores, as .csv, .tsv or .parquet.")],
    scans: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder to look for the scans in.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder for the cohort's scores.csv.")],
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=THEIRS",
            help="Column THEIRS of the table holds NAME: scan, patient, reader, series, a scale, or SCALE@READER where "
            "each reader has a column; may be repeated.",
        ),
    ] = None,
    masks: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder of masks named after the scans; else those beside the scans."),
    ] = None,
    reader: Annotated[
        str, typer.Option(metavar="NAME", help="Reader of the scores where the table names none.")
    ] = "reader 1",
) -> None:
    """Turn a lab's table of scores into a cohort that points at the scans where they are.

    Semicolons, tabs, decimal commas and the encodings of spreadsheets are understood. The scan of each row is found by
    its name, its file or its folder. Everything that is wrong is reported at once, and then nothing is written.
    """
    from lgeqa.cli.cohort_report import import_and_report
    from lgeqa.workflows.cohort_import import ImportRequest

    import_and_report(ImportRequest(table, scans, out, _columns(column or []), masks, reader))


@app.command()
def check(
    cohort: Cohorts,
    split: Annotated[Path | None, typer.Option(metavar="FILE", help="A saved split to check as well.")] = None,
    rule: Rule = "auto",
    reader: Reader = None,
) -> None:
    """Read every table, scan and mask, and report everything that is wrong: files, grids, scores, splits, classes.

    Exit code 0: nothing prevents training. 2: something does.
    """
    from lgeqa.cli.cohort_report import check_and_tell

    raise typer.Exit(check_and_tell(cohort, _rule(rule, reader, "lgeqa cohort check"), split))


@app.command(cls=RenamedOptionsCommand)
def split(  # noqa: PLR0913, PLR0917 - one parameter for each option
    cohort: Cohorts,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="OUT",
            help="File of the split, or a folder for split.json, or split-0.json and so on.",
        ),
    ],
    test: Annotated[float | None, typer.Option(help="Share of the scans for the test part; else 0.1.")] = None,
    keep_test: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A saved split whose test patients are the test part again.")
    ] = None,
    validation: Annotated[float, typer.Option(help="Share of the remaining scans for validation.")] = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="Same cohort and seed, same splits.")] = 0,
    folds: Annotated[
        int | None, typer.Option(min=2, help="Write so many splits; each patient is in the test part of one.")
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(min=1, help="Write so many splits with one test part, the rest drawn again in each.")
    ] = None,
    rule: Rule = "auto",
    reader: Reader = None,
) -> None:
    """Assign the patients to training, validation and test, the classes of quality and the unlabelled spread alike."""
    from lgeqa.extras import require

    require("train", feature="splitting a cohort")
    from lgeqa.workflows.cohort_split import SplitRequest, split_cohorts

    wanted = SplitRequest(test, keep_test, validation, seed, folds, repeats)
    written = split_cohorts(cohort, _rule(rule, reader, "lgeqa cohort split"), wanted, out)
    for path, counts in written.items():
        typer.echo(f"{path}: " + ", ".join(f"{count} scans for {part}" for part, count in counts.items()))


def _columns(options: list[str]) -> dict[str, str]:
    """Return the column of the table by its canonical name."""
    columns: dict[str, str] = {}
    for option in options:
        name, equals, theirs = option.partition("=")
        if not (name and equals and theirs):
            raise UsageError(f"--column {option!r}: write it as NAME=THEIRS, for instance quality=LGE_score.")
        if columns.setdefault(name, theirs) != theirs:
            raise UsageError(f"--column {option!r}: {name} is {columns[name]!r} already. Leave one out.")
    return columns


def _rule(rule: str, reader: str | None, where: str) -> "LabelRule":
    from lgeqa.cohort import LabelRule

    return LabelRule.of({"rule": rule, "reader": reader}, where)
