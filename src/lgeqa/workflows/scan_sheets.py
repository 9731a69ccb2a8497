"""Sheets of the scans of a run: one page about each, as PDF."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lgeqa.atomic_io import telling, write_through
from lgeqa.batch import OutputFolder, load_run
from lgeqa.errors import UsageError
from lgeqa.extras import require
from lgeqa.records import ScanResult


@dataclass(frozen=True)
class SheetRequest:
    """Scans of a run to write sheets of.

    Attributes:
        run: Output folder of `lgeqa assess`.
        out: Folder for the sheets.
        scans: Names of the scans. All scans of the run if empty.
        named: Whether pages and their files have the names of the scans, which may identify a patient.
    """

    run: Path
    out: Path
    scans: Sequence[str] = ()
    named: bool = False


def write_sheets(request: SheetRequest) -> Iterator[Path]:
    """Write a sheet of each scan that could be read, and yield its path.

    Raises:
        UsageError: The folder holds no result, or none of a scan that was named.
        OutputError: A sheet cannot be written.
        MissingExtraError: The package fpdf2 is not installed.
    """
    require("agreement", "lgeqa report pdf")
    from lgeqa.reporting.scan_sheet import draw_sheet, sheet_title

    selected = _selected(request.run, request.scans)
    run = OutputFolder(request.run)
    with telling(request.out):
        request.out.mkdir(parents=True, exist_ok=True)
    for result in selected:
        path = request.out / f"{sheet_title(result, named=request.named)}.pdf"
        _write(path, draw_sheet(result, run.load_pictures(result.scan_id), named=request.named))
        yield path


def _write(path: Path, sheet: bytes) -> None:
    write_through(path, lambda draft: draft.write_bytes(sheet))


def _selected(run: Path, scans: Sequence[str]) -> list[ScanResult]:
    """Return the records of the scans of a run that could be read, all or those that are named."""
    readable = {record.scan_id: record for record in load_run(run) if record.status != "failed"}
    absent = [scan for scan in scans if scan not in readable]
    if absent:
        raise UsageError(
            f"{run}: holds no scan {', '.join(map(repr, absent))} that could be read. Names are in results.csv."
        )
    return [readable[scan] for scan in dict.fromkeys(scans)] or list(readable.values())
