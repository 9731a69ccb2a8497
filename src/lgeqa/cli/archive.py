"""`lgeqa archive`: find and pull series of an image archive, and store results in it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lgeqa.cli.options import Quiet
from lgeqa.errors import UsageError
from lgeqa.formatting import plural

if TYPE_CHECKING:
    from lgeqa.archive.client import Archive
    from lgeqa.archive.series import ArchivedSeries, SeriesFilter

app = typer.Typer(
    help="Find and pull series of an image archive by DICOMweb, and store results in it.", no_args_is_help=True
)

Url = Annotated[str, typer.Argument(metavar="URL", help="Root of the archive's DICOMweb services.")]
Credentials = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="TOML file with token, or with user and password; else LGEQA_ARCHIVE_TOKEN, or LGEQA_ARCHIVE_USER and "
        "LGEQA_ARCHIVE_PASSWORD.",
    ),
]
Authorities = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Certificates of the authorities to trust, as PEM.")
]
Study = Annotated[str | None, typer.Option(metavar="UID", help="Only series of this study.")]
Series = Annotated[str | None, typer.Option(metavar="UID", help="Only this series.")]
Patient = Annotated[str | None, typer.Option(metavar="ID", help="Only series of this patient.")]
Date = Annotated[
    str | None,
    typer.Option(metavar="DATE", help="Only studies of this day, such as 20261127, or of a range: 20261101-20261130."),
]
Description = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Only series with this description in any case; * is any text.")
]


@app.command("list")
def list_(
    url: Url,
    study: Study = None,
    series: Series = None,
    patient: Patient = None,
    date: Date = None,
    description: Description = None,
    credentials: Credentials = None,
    ca: Authorities = None,
) -> None:
    """List MR series: study date, number, number of images, description, and UIDs of series and study.

    A terminal gets a table, a pipe gets lines with tabs between the values.
    """
    archive = _connect("lgeqa archive list", url, credentials, ca)
    _print_series(list(archive.search(_filter(study, series, patient, date, description))))


@app.command()
def pull(  # noqa: PLR0913, PLR0917 - one parameter for each option
    url: Url,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder for the series, a folder each.")],
    study: Study = None,
    series: Series = None,
    patient: Patient = None,
    date: Date = None,
    description: Description = None,
    credentials: Credentials = None,
    ca: Authorities = None,
    quiet: Quiet = False,
) -> None:
    """Pull the MR series that match into OUT, where `lgeqa assess` reads them.

    At least one option must say which series. Started again, it pulls only what is new or was incomplete.
    """
    if not any((study, series, patient, date, description)):
        raise UsageError(
            "lgeqa archive pull: which series? Give --study, --series, --patient, --date or --description."
        )
    archive = _connect("lgeqa archive pull", url, credentials, ca)
    from lgeqa.workflows.archive import pull_series

    for pulled in pull_series(archive, _filter(study, series, patient, date, description), out):
        if not quiet:
            known = "" if pulled.is_new else ", there already"
            typer.echo(f"{pulled.folder}: {plural(pulled.n_images, 'image')}{known}")


@app.command()
def push(
    url: Url,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="DICOM files, or folders with files *.dcm.")],
    credentials: Credentials = None,
    ca: Authorities = None,
    quiet: Quiet = False,
) -> None:
    """Store DICOM files in the archive, such as the results of `lgeqa assess --dicom`.

    A file that the archive refuses does not stop the others. The same command may be repeated: objects keep their UIDs.
    """
    archive = _connect("lgeqa archive push", url, credentials, ca)
    from lgeqa.workflows.archive import push_files

    for path in push_files(archive, paths):
        if not quiet:
            typer.echo(f"Stored {path}")


def _connect(command: str, url: str, credentials: Path | None, ca: Path | None) -> "Archive":
    from lgeqa.extras import require

    require("archive", command)
    from lgeqa.archive.client import Archive
    from lgeqa.archive.settings import ArchiveSettings

    return Archive(ArchiveSettings.of({"url": url, "credentials": credentials, "ca": ca}, command))


def _filter(
    study: str | None, series: str | None, patient: str | None, date: str | None, description: str | None
) -> "SeriesFilter":
    from lgeqa.archive.series import SeriesFilter

    choices = {"study": study, "series": series, "patient": patient, "date": date, "description": description}
    return SeriesFilter.of(choices, "lgeqa archive")


def _print_series(found: "list[ArchivedSeries]") -> None:
    from lgeqa.io.formatting import printable

    rows = [
        [printable(str(value or "")) for value in (series.date, series.number, series.n_images, series.description)]
        + [series.series_uid, series.study_uid]
        for series in found
    ]
    if not sys.stdout.isatty():
        for row in rows:
            typer.echo("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Date", "No.", "Images", "Description", "Series", "Study"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    typer.echo(f"{len(rows)} series")
