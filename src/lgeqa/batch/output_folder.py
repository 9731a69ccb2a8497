"""The output folder of a run: records and pictures of the scans, tables, report, masks, and tracebacks of bugs."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from lgeqa.atomic_io import not_written, write_whole
from lgeqa.batch.measures_csv import dictionary_text, measures_text
from lgeqa.records import ScanResult, csv_rows
from lgeqa.table_text import csv_text

if TYPE_CHECKING:
    from lgeqa.reporting.pictures import ScanPictures

#: Decimal places in the table. The records have full precision.
_DECIMALS = 6


def masks_in(path: Path) -> Path:
    """Return the folder of the masks in an output folder."""
    return path / "masks"


class OutputFolder:
    """Results and measures as tables, the report, `scans/`, `pictures/`, `masks/` and `faults.log` below `path`.

    Attributes:
        path: Path of the folder.
        masks: Whether masks are written.
        pictures: Whether pictures are written.
    """

    def __init__(self, path: Path, *, masks: bool = False, pictures: bool = False) -> None:
        """Create the folders that are missing.

        Raises:
            OutputError: A folder cannot be created or written to.
        """
        self.path = path
        self.masks = masks
        self.pictures = pictures
        self.table = path / "results.csv"
        self.measures = path / "measures.csv"
        self.dictionary = path / "measures.json"
        self.report = path / "report.html"
        self.log = path / "faults.log"
        self._scans = path / "scans"
        self.masks_folder = masks_in(path)
        self.pictures_folder = path / "pictures"
        wanted = {self._scans: True, self.masks_folder: masks, self.pictures_folder: pictures}
        for folder in (folder for folder, needed in wanted.items() if needed):
            _make_writable(folder)

    def record_path(self, scan_id: str) -> Path:
        """Return the path of a scan's record."""
        return self._scans / f"{scan_id}.json"

    def mask_path(self, scan_id: str) -> Path:
        """Return the path of a scan's blood-pool mask, for use if masks are wanted."""
        return self.masks_folder / f"{scan_id}.nrrd"

    def pictures_path(self, scan_id: str) -> Path:
        """Return the path of a scan's pictures, for use if pictures are wanted."""
        return self.pictures_folder / f"{scan_id}.json"

    def sidecar_files(self, result: ScanResult) -> list[Path]:
        """Return the wanted files that belong to a record: mask and pictures, or none for a scan without an atrium."""
        if not _has_atrium(result):
            return []
        mask = [self.mask_path(result.scan_id)] if self.masks else []
        return [*mask, self.pictures_path(result.scan_id)] if self.pictures else mask

    def drop_sidecar_files(self, scan_id: str) -> None:
        """Remove the mask and the pictures of a scan from an earlier run."""
        _remove(self.mask_path(scan_id))
        _remove(self.pictures_path(scan_id))

    def load_pictures(self, scan_id: str) -> "ScanPictures | None":
        """Return the pictures of a scan, or None if there are none of this version."""
        from lgeqa.reporting.pictures import ScanPictures

        try:
            return ScanPictures.model_validate_json(self.pictures_path(scan_id).read_bytes())
        except (OSError, ValidationError):
            return None

    def save_pictures(self, scan_id: str, pictures: "ScanPictures") -> None:
        """Write the pictures of one scan."""
        write_whole(self.pictures_path(scan_id), pictures.model_dump_json())

    def load(self, scan_id: str) -> ScanResult | None:
        """Return the record of a scan from an earlier run, or None if there is none of this version."""
        try:
            return ScanResult.model_validate_json(self.record_path(scan_id).read_bytes())
        except (OSError, ValidationError):
            return None

    def load_all(self) -> list[ScanResult]:
        """Return the records of all scans from earlier runs that `load` can read, sorted by name."""
        records = (self.load(path.stem) for path in sorted(self._scans.glob("*.json")))
        return [record for record in records if record]

    def save(self, result: ScanResult) -> None:
        """Write the record of one scan."""
        write_whole(self.record_path(result.scan_id), result.model_dump_json(indent=2) + "\n")

    def write_tables(self, results: Sequence[ScanResult]) -> None:
        """Write `results.csv` and `measures.csv` with a row for each result, and the data dictionary of the latter."""
        write_whole(self.table, table_text(results))
        write_whole(self.measures, measures_text(results))
        write_whole(self.dictionary, dictionary_text())

    def write_report(self, pages: Iterable[tuple[str, str]]) -> None:
        """Write the pages of the report, each a file name and its HTML, and remove other pages from an earlier run."""
        written = set()
        for name, html in pages:
            write_whole(self.path / name, html)
            written.add(name)
        for path in self.path.glob("report-*.html"):
            if re.fullmatch(r"report-\d+\.html", path.name) and path.name not in written:
                _remove(path)

    def log_fault(self, scan_id: str, trace: str) -> None:
        """Append the traceback of a bug in lgeqa to `faults.log`."""
        try:
            with self.log.open("a", encoding="utf-8") as log:
                log.write(f"{scan_id}\n{trace}\n")
        except OSError as error:
            raise not_written(self.log, error) from None

    def faults(self) -> str:
        """Return the content of `faults.log`, or nothing if there was no bug."""
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""


def table_text(results: Iterable[ScanResult]) -> str:
    """Return the results as CSV with a header line."""
    columns, rows = csv_rows(tuple(results))
    return csv_text(columns, ([_cell(row, column) for column in columns] for row in rows))


def _has_atrium(result: ScanResult) -> bool:
    """Return whether an atrium was found in a scan, which then has a verdict or an atrial volume."""
    measures = result.measures.values if result.measures else {}
    return result.status == "assessed" or measures.get("atrium_volume_ml") is not None


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise not_written(path, error) from None


def _make_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise not_written(folder, error) from None


def _cell(row: Mapping[str, Any], column: str) -> object:
    value = row[column]
    if column == "review" and row["status"] != "assessed":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return round(value, _DECIMALS) if isinstance(value, float) else value
