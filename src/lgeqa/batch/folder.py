"""The output folder of a run: records and pictures of the scans, the tables, the report, masks, our faults."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from pydantic import ValidationError

from lgeqa.batch.measures_csv import dictionary_text, measures_text
from lgeqa.records import CSV_COLUMNS, ScanResult
from lgeqa.tables import csv_text
from lgeqa.writing import not_written, write_whole

if TYPE_CHECKING:
    from lgeqa.report.pictures import ScanPictures

#: Decimal places of the table; the records hold full precision.
_DECIMALS = 6


def masks_in(path: Path) -> Path:
    """Return the folder of the masks in an output folder."""
    return path / "masks"


class OutputFolder:
    """Results and measures as tables, the report, `scans/`, `pictures/`, `masks/` and `faults.log` below `path`.

    Attributes:
        path: the folder.
        masks: whether masks are written.
        pictures: whether pictures are written.
    """

    def __init__(self, path: Path, *, masks: bool = False, pictures: bool = False) -> None:
        """Make the folders that are missing.

        Raises:
            OutputError: they cannot be made or written in.
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
        """Where the record of a scan is."""
        return self._scans / f"{scan_id}.json"

    def mask_path(self, scan_id: str) -> Path:
        """Where the blood-pool mask of a scan is, if masks are wanted."""
        return self.masks_folder / f"{scan_id}.nrrd"

    def pictures_path(self, scan_id: str) -> Path:
        """Where the pictures of a scan are, if pictures are wanted."""
        return self.pictures_folder / f"{scan_id}.json"

    def companions(self, result: ScanResult) -> list[Path]:
        """Return the wanted files that belong to a record: mask and pictures, or none of a scan without an atrium."""
        if not _has_atrium(result):
            return []
        mask = [self.mask_path(result.scan_id)] if self.masks else []
        return [*mask, self.pictures_path(result.scan_id)] if self.pictures else mask

    def drop_companions(self, scan_id: str) -> None:
        """Remove the mask and the pictures that an earlier run made of a scan."""
        _remove(self.mask_path(scan_id))
        _remove(self.pictures_path(scan_id))

    def load_pictures(self, scan_id: str) -> "ScanPictures | None":
        """The pictures of a scan; None where there are none, or none of this version."""
        from lgeqa.report.pictures import ScanPictures

        try:
            return ScanPictures.model_validate_json(self.pictures_path(scan_id).read_bytes())
        except (OSError, ValidationError):
            return None

    def save_pictures(self, scan_id: str, pictures: "ScanPictures") -> None:
        """Write the pictures of one scan."""
        write_whole(self.pictures_path(scan_id), pictures.model_dump_json())

    def load(self, scan_id: str) -> ScanResult | None:
        """The record of a scan from an earlier run; None where there is none, or none of this version."""
        try:
            return ScanResult.model_validate_json(self.record_path(scan_id).read_bytes())
        except (OSError, ValidationError):
            return None

    def load_all(self) -> list[ScanResult]:
        """Return the records of all scans from earlier runs, in the order of their names, as `load` gives them."""
        found = (self.load(path.stem) for path in sorted(self._scans.glob("*.json")))
        return [record for record in found if record]

    def save(self, result: ScanResult) -> None:
        """Write the record of one scan."""
        write_whole(self.record_path(result.scan_id), result.model_dump_json(indent=2) + "\n")

    def write_tables(self, results: Sequence[ScanResult]) -> None:
        """Write `results.csv` and `measures.csv`, a row for each result, and what the columns of the latter hold."""
        write_whole(self.table, table_text(results))
        write_whole(self.measures, measures_text(results))
        write_whole(self.dictionary, dictionary_text())

    def write_report(self, pages: Iterable[tuple[str, str]]) -> None:
        """Write the pages of the report, each a file name and its HTML, and remove further pages of an earlier run."""
        written = set()
        for name, html in pages:
            write_whole(self.path / name, html)
            written.add(name)
        for path in self.path.glob("report-*.html"):
            if re.fullmatch(r"report-\d+\.html", path.name) and path.name not in written:
                _remove(path)

    def log_fault(self, scan_id: str, trace: str) -> None:
        """Add the trace of a fault of lgeqa's own to `faults.log`."""
        try:
            with self.log.open("a", encoding="utf-8") as log:
                log.write(f"{scan_id}\n{trace}\n")
        except OSError as fault:
            raise not_written(self.log, fault) from None


def table_text(results: Iterable[ScanResult]) -> str:
    """Return `CSV_COLUMNS` of each result as CSV with a head line."""
    return csv_text(CSV_COLUMNS, ([_cell(result, column) for column in CSV_COLUMNS] for result in results))


def _has_atrium(result: ScanResult) -> bool:
    """Return whether an atrium was found in a scan: there is a verdict on it, or it has a volume."""
    measures = result.measures.values if result.measures else {}
    return result.status == "assessed" or measures.get("atrium_volume_ml") is not None


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as fault:
        raise not_written(path, fault) from None


def _make_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as fault:
        raise not_written(folder, fault) from None


def _cell(result: ScanResult, column: str) -> object:
    value = getattr(result, column)
    if column == "review" and result.status != "assessed":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return round(value, _DECIMALS) if isinstance(value, float) else value
