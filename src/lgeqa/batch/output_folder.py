"""The output folder of a run: records and pictures of the scans, tables, report, masks, and tracebacks of bugs."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from pydantic import ValidationError

from lgeqa.atomic_io import DRAFT, LOCK, not_written, telling, write_whole
from lgeqa.bids import is_derivative
from lgeqa.errors import UsageError
from lgeqa.records import ScanResult

if TYPE_CHECKING:
    from lgeqa.reporting.pictures import ScanPictures
    from lgeqa.reporting.report import Report

#: Name of the store of results.
STORE = "results.sqlite"
#: Folders of the records, of the pictures, of the report's pages and of the DICOM results in an output folder.
_SCANS, _PICTURES, _PAGES, _DICOM = "scans", "pictures", "report", "dicom"
#: Names of the files that are directly in an output folder.
_OUR_NAMES = re.compile(
    r"results\.sqlite(-wal|-journal)?|results\.csv|measures\.csv|measures\.json|report\.html|faults\.log|"
    + re.escape(LOCK)
)
#: Suffix of the files of some folders, and text near the start of each file.
_STARTS = {
    _SCANS: (".json", b'"scan_id":'),
    _PICTURES: (".js", b'"pixels":'),
    _PAGES: (".html", b"<!-- lgeqa "),
}
#: Number of bytes in which this text is found.
_START_BYTES = 128
#: Start of the warning in a record for which DICOM results were wanted and could not be written.
NO_DICOM = "No DICOM results were written:"
#: Files of a scan's DICOM results. The last one is also written last.
DICOM_NAMES = ("heat_map.dcm", "seg.dcm", "pdf.dcm", "sr.dcm")


def masks_in(path: Path) -> Path:
    """Return the folder of the masks in an output folder."""
    return path / "masks"


def has_store(path: Path) -> bool:
    """Return whether a folder has a store of results."""
    return (path / STORE).is_file()


class OutputFolder:
    """Tables, the report, `scans/`, `pictures/`, `masks/`, `dicom/` and `faults.log` below `path`.

    Attributes:
        path: Path of the folder.
        masks: Whether masks are written.
        pictures: Whether pictures are written.
        dicom: Whether DICOM results are written.
    """

    def __init__(self, path: Path, *, masks: bool = False, pictures: bool = False, dicom: bool = False) -> None:
        """Create the folders that are missing.

        Raises:
            OutputError: A folder cannot be created or written to.
        """
        self.path = path
        self.masks = masks
        self.pictures = pictures
        self.dicom = dicom
        self.store = path / STORE
        self.table = path / "results.csv"
        self.measures = path / "measures.csv"
        self.dictionary = path / "measures.json"
        self.report = path / "report.html"
        self.log = path / "faults.log"
        self._scans = path / _SCANS
        self.masks_folder = masks_in(path)
        self.pictures_folder = path / _PICTURES
        self._dicom_folder = path / _DICOM
        wanted = {
            self._scans: True,
            self.masks_folder: masks,
            self.pictures_folder: pictures,
            self._dicom_folder: dicom,
        }
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
        return self.pictures_folder / f"{scan_id}.js"

    def dicom_path(self, scan_id: str) -> Path:
        """Return the folder of a scan's DICOM results, for use if they are wanted."""
        return self._dicom_folder / scan_id

    def sidecar_files(self, scan_id: str, *, with_atrium: bool, with_dicom: bool) -> list[Path]:
        """Return the wanted files that belong to a record: mask and pictures of an atrium, and DICOM results."""
        wanted = {
            self.mask_path(scan_id): self.masks and with_atrium,
            self.pictures_path(scan_id): self.pictures and with_atrium,
            self.dicom_path(scan_id) / DICOM_NAMES[-1]: self.dicom and with_dicom,
        }
        return [path for path, needed in wanted.items() if needed]

    def drop_sidecar_files(self, scan_id: str) -> None:
        """Remove the mask, the pictures and the DICOM results of a scan from an earlier run."""
        _remove(self.mask_path(scan_id))
        _remove(self.pictures_path(scan_id))
        self.drop_dicom(scan_id)

    def drop_dicom(self, scan_id: str) -> None:
        """Remove the DICOM results of a scan from an earlier run, and their folder if nothing else is in it."""
        for name in reversed(DICOM_NAMES):  # without the last one the others count as incomplete
            _remove(self.dicom_path(scan_id) / name)
        with suppress(OSError):
            self.dicom_path(scan_id).rmdir()

    def load_pictures(self, scan_id: str) -> "ScanPictures | None":
        """Return the pictures of a scan, or None if there are none of this version."""
        from lgeqa.reporting.pictures import ScanPictures

        try:
            return ScanPictures.from_script(self.pictures_path(scan_id).read_bytes())
        except (OSError, ValidationError):
            return None

    def save_pictures(self, scan_id: str, pictures: "ScanPictures") -> None:
        """Write the pictures of one scan."""
        write_whole(self.pictures_path(scan_id), pictures.to_script())

    def load(self, scan_id: str) -> ScanResult | None:
        """Return the record of a scan from an earlier run, or None if there is none of this version."""
        try:
            return ScanResult.model_validate_json(self.record_path(scan_id).read_bytes())
        except (OSError, ValidationError):
            return None

    def load_all(self) -> Iterator[ScanResult]:
        """Yield the records of all scans from earlier runs that `load` can read, sorted by name."""
        records = (self.load(path.stem) for path in sorted(self._scans.glob("*.json")))
        return (record for record in records if record)

    def save(self, result: ScanResult) -> None:
        """Write the record of one scan."""
        write_whole(self.record_path(result.scan_id), record_text(result))

    def write_report(self, report: "Report") -> None:
        """Write the pages of the report that changed, and remove those of an earlier run that it does not have."""
        pages = set()
        for name, html in report.update(self.path):
            path = self.path / name
            pages.add(path)
            if html is not None:
                with telling(path):
                    path.parent.mkdir(exist_ok=True)
                write_whole(path, html)
        for path in (self.path / _PAGES).glob("*.html"):
            if path not in pages and _is_result(path, self.path):
                _remove(path)
        with suppress(OSError):
            (self.path / _PAGES).rmdir()

    def scan_ids(self) -> set[str]:
        """Return the names of all scans of which the folder holds a file."""
        folders = (self._scans, self.masks_folder, self.pictures_folder, self._dicom_folder)
        paths = (path for folder in folders for path in folder.glob("*") if not path.name.startswith(DRAFT))
        return {path.name if path.is_dir() else path.stem for path in paths}

    def log_fault(self, scan_id: str, trace: str) -> None:
        """Append the traceback of a bug in lgeqa to `faults.log`."""
        self.add_faults(f"{scan_id}\n{trace}\n")

    def add_faults(self, text: str) -> None:
        """Append text to `faults.log`, unless it is there or empty.

        Raises:
            OutputError: The file cannot be written.
        """
        if text in self.faults():
            return
        try:
            with self.log.open("a", encoding="utf-8") as log:
                log.write(text)
        except OSError as error:
            raise not_written(self.log, error) from None

    def faults(self) -> str:
        """Return the content of `faults.log`, or nothing if there was no bug."""
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""


def remove_results(path: Path) -> None:
    """Remove the results of all earlier runs from an output folder.

    Raises:
        UsageError: The folder also holds something that lgeqa did not write. Then nothing is removed.
        OutputError: A file cannot be removed.
    """
    files = [file for file in path.rglob("*") if file.is_symlink() or not file.is_dir()]
    foreign = [file for file in files if not _is_result(file, path)]
    if foreign:
        raise UsageError(
            f"{foreign[0]}: was not written by lgeqa, so --fresh removes nothing from {path}. Move it elsewhere, or "
            "name another folder."
        )
    for file in files:
        if file.name != LOCK:
            _remove(file)


def _is_result(file: Path, out: Path) -> bool:
    """Return whether a file in an output folder is a result, the draft of one, or the lock."""
    name = file.name.removeprefix(DRAFT)
    if file.is_symlink():
        return False
    if file.parent == out:
        return bool(_OUR_NAMES.fullmatch(name)) or is_derivative(file, out)
    if file.parent == masks_in(out):  # a mask belongs to a record
        return file.suffix == ".nrrd" and (name != file.name or (out / _SCANS / f"{file.stem}.json").exists())
    if file.parent.parent == out / _DICOM:
        return name in DICOM_NAMES and (out / _SCANS / f"{file.parent.name}.json").exists()
    suffix, start = _STARTS.get(file.parent.relative_to(out).as_posix(), ("", b""))
    if not suffix or file.suffix != suffix:
        return is_derivative(file, out)
    return name != file.name or start in _first_bytes(file)


def _first_bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as content:
            return content.read(_START_BYTES)
    except OSError:
        return b""


def load_run(path: Path) -> list[ScanResult]:
    """Return the records of an output folder, sorted by name, and create nothing.

    Raises:
        UsageError: The folder holds no results of this version.
    """
    records = list(OutputFolder(path).load_all()) if (path / "scans").is_dir() else []
    if not records:
        raise UsageError(f"{path}: holds no results of this version of lgeqa. Name an output folder of lgeqa assess.")
    return records


def record_text(result: ScanResult) -> str:
    """Return the content of the file of a record."""
    return result.model_dump_json(indent=2) + "\n"


def lacks_dicom(result: ScanResult) -> bool:
    """Return whether DICOM results of a scan were wanted and could not be written. Its last warning says why."""
    return any(warning.startswith(NO_DICOM) for warning in result.warnings)


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
