"""What `lgeqa score-by-measures` does: from the scans to the rows of the measured reader."""

import sys
from collections.abc import Mapping
from math import floor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import typer

from lgeqa.attributes import is_diagnostic
from lgeqa.batch import OutputFolder, Settled
from lgeqa.bundle import open_bundle
from lgeqa.cli.running import NOT_ALL, Job, exit_code, find_scans, settle
from lgeqa.cli.score_table import open_table
from lgeqa.errors import UsageError
from lgeqa.measure import measured_reader
from lgeqa.records import Measures, ScanResult

#: What to know before using the scores.
CAUTION: Final = (
    "These scores follow from image quality measures and are not clinical ones. They assume that the reference scans, "
    "which nobody scored, are as good as the scans that experts scored at the same centre."
)


def carry_out(job: Job) -> int:
    """Measure and score the scans, write the table `job.out`, and return the exit code.

    Raises:
        UsageError: no scan is there, or the bundle or the table cannot be used.
    """
    table = open_table(job.out)
    with TemporaryDirectory() as folder:
        records = OutputFolder(Path(folder))
        sources = find_scans(job.paths, records)
        if series := [source for source in sources if source.kind == "dicom"]:
            raise UsageError(
                f"{series[0].location}: is a DICOM series, and a table of scores names volumes in one file. Convert it "
                "to NRRD or NIfTI."
            )
        scans = table.scans_of(sources)
        settled = settle(sources, job, records, open_bundle(job.bundle))
        if records.log.exists():
            typer.echo(records.log.read_text(encoding="utf-8"), err=True)
    scores = {one.result.scan_id: _scores(one.result.measures) for one in settled if one.result.measures}
    rows = [(scans[scan_id], [_cell(score) for score in of_scan.values()]) for scan_id, of_scan in scores.items()]
    if rows:
        table.measured(rows).write()
    _show(settled, scores, job)
    return exit_code(settled) or (0 if all(map(_is_whole, scores.values())) else NOT_ALL)


def _scores(measures: Measures) -> dict[str, float | None]:
    """Return the scores of a scan: all four, or none, as a table has them."""
    scores = measured_reader().scores(measures.values)
    return scores if _is_whole(scores) else dict.fromkeys(scores)


def _is_whole(scores: Mapping[str, float | None]) -> bool:
    return None not in scores.values()


def _cell(score: float | None) -> str:
    """Return a score with two decimals, cut and not rounded, so that none gets to 3 which is below."""
    return "" if score is None else f"{floor(100 * score) / 100:.2f}"


def _show(settled: list[Settled], scores: Mapping[str, Mapping[str, float | None]], job: Job) -> None:
    """Print which scans have no scores and why; unless quiet, how many have, and what to know of them."""
    for one in settled:
        if one.result.scan_id not in scores:
            # A pipe has the line of a failed scan already, and so has standard error if it is to be quiet.
            if sys.stdout.isatty() and not job.quiet:
                typer.echo(f"{one.result.scan_id}: not scored. {one.result.message}", err=True)
        elif not _is_whole(scores[one.result.scan_id]):
            typer.echo(f"{one.result.scan_id}: not scored. {_why(one.result)}", err=True)
    if job.quiet:
        return
    quality = [score for of_scan in scores.values() if (score := of_scan["quality"]) is not None]
    diagnostic = sum(map(is_diagnostic, quality))
    typer.echo(f"{len(quality)} of {len(settled)} scans scored, {diagnostic} of them diagnostic: quality 3 or more")
    typer.echo(CAUTION)
    if scores:
        typer.echo(f"Table: {job.out}; a scan that is new in it counts as a patient of its own")


def _why(result: ScanResult) -> str:
    """Return which undefined measures keep a scan from being scored, and why they are undefined."""
    assert result.measures
    lacking = measured_reader().lacking(result.measures.values)
    names = dict.fromkeys(name for needed in lacking.values() for name in needed)
    reasons = dict.fromkeys(result.measures.reasons[name] for name in names)
    return f"Undefined and needed for {', '.join(lacking)}: {', '.join(names)}. {' '.join(reasons)}"
