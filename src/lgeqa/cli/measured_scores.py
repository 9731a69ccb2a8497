"""Workflow of `lgeqa score-by-measures`, from the scans to the rows of the measured reader."""

import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import typer

from lgeqa.attributes import NAMES, is_diagnostic
from lgeqa.batch import OutputFolder, Settled
from lgeqa.bundle import open_bundle
from lgeqa.cli.running import NOT_ALL, Job, exit_code, find_scans, settle
from lgeqa.cli.score_table import open_table
from lgeqa.errors import UsageError
from lgeqa.measure import measured_reader

#: Note to read before using the scores.
CAUTION: Final = (
    "These scores follow from image quality measures and are not clinical ones. They assume that the reference scans, "
    "which nobody scored, are as good as the scans that experts scored at the same centre."
)


def carry_out(job: Job) -> int:
    """Measure and score the scans, write the table `job.out`, and return the exit code.

    Raises:
        UsageError: There is no scan, or the bundle or the table cannot be used.
    """
    table = open_table(job.out)
    with TemporaryDirectory() as folder:
        records = OutputFolder(Path(folder))
        sources = find_scans(job)
        if series := [source for source in sources if source.kind == "dicom"]:
            raise UsageError(
                f"{series[0].location}: is a DICOM series, and a table of scores names volumes in one file. Convert it "
                "to NRRD or NIfTI."
            )
        scans = table.scans_of(sources)
        settled = settle(sources, job, records, open_bundle(job.bundle))
        if records.log.exists():
            typer.echo(records.log.read_text(encoding="utf-8"), err=True)
    readings = {
        item.result.scan_id: measured_reader().reading(item.result.measures.values)
        for item in settled
        if item.result.measures
    }
    rows = [(scans[scan_id], _cells(reading)) for scan_id, reading in readings.items()]
    if rows:
        table.measured(rows).write()
    _show(settled, readings, job)
    return exit_code(settled) or (0 if all(readings.values()) else NOT_ALL)


def _cells(reading: Mapping[str, float] | None) -> list[str]:
    """Return a scan's scores as cells of the table, which are empty without a reading."""
    return [f"{score:.2f}" for score in reading.values()] if reading else [""] * len(NAMES)


def _show(settled: list[Settled], readings: Mapping[str, Mapping[str, float] | None], job: Job) -> None:
    """Print which scans have no scores and why and, unless quiet, how many have scores and a note about them."""
    for item in settled:
        result = item.result
        if result.measures is None:
            # A pipe already has the line of a failed scan, and so has standard error in quiet mode.
            if sys.stdout.isatty() and not job.quiet:
                typer.echo(f"{result.scan_id}: not scored. {result.message}", err=True)
        elif not readings[result.scan_id]:
            typer.echo(f"{result.scan_id}: not scored. {measured_reader().why_unscored(result.measures)}", err=True)
    if job.quiet:
        return
    scored = [reading for reading in readings.values() if reading]
    diagnostic = sum(is_diagnostic(reading["quality"]) for reading in scored)
    typer.echo(f"{len(scored)} of {len(settled)} scans scored, {diagnostic} of them diagnostic: quality 3 or more")
    if scored:
        typer.echo(CAUTION)
    if readings:
        typer.echo(f"Table: {job.out}; a scan that is new in it counts as a patient of its own")
