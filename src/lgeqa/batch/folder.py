"""The output folder of a run: one record a scan, the table, masks and the log of our own faults.

Each file is written beside its place and then moved there, so that a killed run leaves whole files or none.
"""

import csv
import io
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

from pydantic import ValidationError

from lgeqa.errors import OutputError
from lgeqa.records import CSV_COLUMNS, ScanResult

#: Decimal places of the table; the records hold full precision.
_DECIMALS = 6


class OutputFolder:
    """`results.csv`, `report.html`, `scans/<scan_id>.json`, `masks/<scan_id>.nrrd` and `faults.log` below `path`.

    Attributes:
        path: the folder.
        masks: whether masks are written.
    """

    def __init__(self, path: Path, *, masks: bool = False) -> None:
        """Make the folders that are missing.

        Raises:
            OutputError: they cannot be made or written in.
        """
        self.path = path
        self.masks = masks
        self.table = path / "results.csv"
        self.report = path / "report.html"
        self.log = path / "faults.log"
        self._scans = path / "scans"
        self.masks_folder = path / "masks"
        for folder in (self._scans, self.masks_folder) if masks else (self._scans,):
            _make_writable(folder)

    def record_path(self, scan_id: str) -> Path:
        """Where the record of a scan is."""
        return self._scans / f"{scan_id}.json"

    def mask_path(self, scan_id: str) -> Path:
        """Where the blood-pool mask of a scan is, if masks are wanted."""
        return self.masks_folder / f"{scan_id}.nrrd"

    def drop_mask(self, scan_id: str) -> None:
        """Remove the mask of an earlier run, if there is one."""
        try:
            self.mask_path(scan_id).unlink(missing_ok=True)
        except OSError as fault:
            raise _refusal(self.mask_path(scan_id), fault) from None

    def load(self, scan_id: str) -> ScanResult | None:
        """The record of a scan from an earlier run; None where there is none, or none of this version."""
        try:
            return ScanResult.model_validate_json(self.record_path(scan_id).read_bytes())
        except (OSError, ValidationError):
            return None

    def save(self, result: ScanResult) -> None:
        """Write the record of one scan."""
        write_whole(self.record_path(result.scan_id), result.model_dump_json(indent=2) + "\n")

    def write_table(self, results: Iterable[ScanResult]) -> None:
        """Write `results.csv`: a row of `CSV_COLUMNS` for each result."""
        text = io.StringIO(newline="")
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(CSV_COLUMNS)
        rows.writerows([_cell(getattr(result, column)) for column in CSV_COLUMNS] for result in results)
        write_whole(self.table, text.getvalue())

    def log_fault(self, scan_id: str, trace: str) -> None:
        """Add the trace of a fault of lgeqa's own to `faults.log`."""
        try:
            with self.log.open("a", encoding="utf-8") as log:
                log.write(f"{scan_id}\n{trace}\n")
        except OSError as fault:
            raise _refusal(self.log, fault) from None


def write_whole(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all.

    Raises:
        OutputError: no space, no permission, or something else is in the way.
    """
    write_through(path, lambda draft: draft.write_text(text, encoding="utf-8", newline=""))


def write_through(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a draft beside `path`, with the same suffix, and move it there.

    Raises:
        OutputError: no space, no permission, or something else is in the way.
    """
    draft = path.with_name(f".draft-{path.name}")
    try:
        write(draft)
        draft.replace(path)
    except OSError as fault:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise _refusal(path, fault) from None


def _make_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as fault:
        raise _refusal(folder, fault) from None


def _refusal(path: Path, fault: OSError) -> OutputError:
    why = (fault.strerror or str(fault)).lower()
    return OutputError(
        f"{path}: cannot be written ({why}). Make room and make it writable, or name another output folder. "
        "The same command then goes on where it stopped."
    )


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return round(value, _DECIMALS) if isinstance(value, float) else value
