"""The scans of a study: from a folder, with their patients and masks, each read once to see that it can be shown."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from lgeqa.cohort import read_cohort, source_of
from lgeqa.cohort.read import TABLES
from lgeqa.errors import ScanError
from lgeqa.rate.faults import RatingError
from lgeqa.read import Source, discover, read_scan

#: Columns of the table that tells patients.
PATIENT_COLUMNS: Final = ("scan", "patient")


@dataclass(frozen=True)
class Candidate:
    """A scan that can be shown to readers.

    Attributes:
        source: where it lies; its `mask_path` goes to the export.
        patient: whose scan it is.
        sha256: of its files.
    """

    source: Source
    patient: str
    sha256: str


def scans_of_folder(folder: Path, patients: str = "") -> tuple[list[Candidate], list[str]]:
    """Find the scans of a folder and read each once.

    Where the folder holds a table of scores (`scores.csv` or `scores.parquet`), the scans are those of the table, with
    its names, patients and masks. Else they are those that `read.discover` finds, each a patient of its own.

    Args:
        folder: absolute path.
        patients: CSV with the columns scan and patient, which tells patients anew; empty for none.

    Returns:
        The scans that can be read, and for each that cannot why.

    Raises:
        RatingError: the folder is not there, holds no scan, or `patients` lacks one of them or is no such table.
        CohortError: the folder's table of scores cannot be used.
    """
    if not folder.is_absolute() or not folder.is_dir():
        raise RatingError(f"{folder}: is no folder on the server's machine. Give its whole path, from the root.")
    scans, left_out = _readable(_found(folder))
    if not scans:
        raise RatingError(f"{folder}: holds no scan that can be read. {' '.join(left_out[:3])}".strip())
    return (_with_patients(scans, _patients(patients)) if patients.strip() else scans), left_out


def _found(folder: Path) -> list[tuple[Source, str]]:
    """Each scan and its patient."""
    if any((folder / name).is_file() for name in TABLES):
        return [(source_of(case), case.patient) for case in read_cohort(folder)]
    return [(source, source.scan_id) for source in discover([folder])]


def _readable(found: Sequence[tuple[Source, str]]) -> tuple[list[Candidate], list[str]]:
    scans, faults = [], []
    for source, patient in found:
        try:
            scans.append(Candidate(source, patient, read_scan(source).sha256))
        except ScanError as fault:
            faults.append(str(fault))
    return scans, faults


def _patients(table: str) -> dict[str, str]:
    rows = csv.DictReader(io.StringIO(table.removeprefix("\ufeff")))
    if missing := [name for name in PATIENT_COLUMNS if name not in (rows.fieldnames or ())]:
        has = ", ".join(rows.fieldnames or ()) or "none"
        raise RatingError(f"The table of patients lacks the column(s) {', '.join(missing)}. It has {has}.")
    found: dict[str, str] = {}
    for row in rows:
        scan, patient = (row[name] or "" for name in PATIENT_COLUMNS)
        if patient and found.setdefault(scan, patient) != patient:
            raise RatingError(f"The table of patients gives the scan {scan!r} both {found[scan]!r} and {patient!r}.")
    return found


def _with_patients(scans: Sequence[Candidate], patients: Mapping[str, str]) -> list[Candidate]:
    if missing := [scan.source.scan_id for scan in scans if scan.source.scan_id not in patients]:
        named = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise RatingError(f"The table of patients does not tell whose these scans are: {named}. Add them.")
    return [replace(scan, patient=patients[scan.source.scan_id]) for scan in scans]
