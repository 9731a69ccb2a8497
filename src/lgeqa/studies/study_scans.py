"""The scans of a study: found in a folder with their patients and masks, and each read once as a check."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from lgeqa.cohort import LabelRule, is_labelled, read_cohort, scores_of, settled_rule, source_of
from lgeqa.cohort.read import TABLES
from lgeqa.errors import ScanError
from lgeqa.io import Source, discover, read_scan
from lgeqa.studies.errors import RatingError

#: Columns of the table of patients.
PATIENT_COLUMNS: Final = ("scan", "patient")


@dataclass(frozen=True)
class Candidate:
    """A scan that can be shown to readers.

    Attributes:
        source: Location of the scan. The export contains its `mask_path`.
        patient: Patient of the scan.
        sha256: Hash of the scan's files.
    """

    source: Source
    patient: str
    sha256: str


@dataclass(frozen=True)
class PracticeCandidate:
    """A scan with known scores.

    Attributes:
        candidate: Scan that can be shown to readers.
        scores: Known score on each scale, in the order of `scales.SCALE_NAMES`. None on a scale without one.
    """

    candidate: Candidate
    scores: tuple[float | None, ...]


def practice_of_folder(folder: Path) -> list[PracticeCandidate]:
    """Read the scored scans of a cohort, with the label of each by the rule `auto` of `cohort.LabelRule`.

    Raises:
        RatingError: The folder does not exist, no scan is scored, or one cannot be read.
        CohortError: The cohort cannot be used.
    """
    _check_folder(folder)
    cases = read_cohort(folder)
    rule = settled_rule(cases, LabelRule())
    scored = [case for case in cases if is_labelled(case, rule)]
    scans, reasons = _readable([(source_of(case), case.patient) for case in scored])
    if reasons or not scans:
        why = " ".join(reasons[:3]) or "no scan has scores"
        raise RatingError(f"{folder}: cannot be the practice. {why} A practice needs scored scans that can be read.")
    known = [[None if math.isnan(score) else float(score) for score in scores_of(case, rule)] for case in scored]
    return [PracticeCandidate(scan, tuple(scores)) for scan, scores in zip(scans, known, strict=True)]


def scans_of_folder(folder: Path, patients: str = "") -> tuple[list[Candidate], list[str]]:
    """Find the scans of a folder and read each once.

    If the folder holds a table of scores (`scores.csv` or `scores.parquet`), the table lists the scans with their
    names, patients and masks. Otherwise `io.discover` finds the scans, and each counts as a patient of its own.

    Args:
        folder: Absolute path.
        patients: CSV with the columns scan and patient, which replaces the patients. Empty for none.

    Returns:
        The scans that can be read, and the reason for each one that cannot.

    Raises:
        RatingError: The folder does not exist or holds no scan, or `patients` lacks a scan or the columns.
        CohortError: The folder's table of scores cannot be used.
    """
    _check_folder(folder)
    scans, left_out = _readable(_sources(folder))
    if not scans:
        raise RatingError(f"{folder}: holds no scan that can be read. {' '.join(left_out[:3])}".strip())
    return (_with_patients(scans, _patients(patients)) if patients.strip() else scans), left_out


def _check_folder(folder: Path) -> None:
    if not folder.is_absolute() or not folder.is_dir():
        raise RatingError(f"{folder}: is not a folder on the server's machine. Give its whole path, from the root.")


def _sources(folder: Path) -> list[tuple[Source, str]]:
    """Return each scan with its patient."""
    if any((folder / name).is_file() for name in TABLES):
        return [(source_of(case), case.patient) for case in read_cohort(folder)]
    return [(source, source.scan_id) for source in discover([folder])]


def _readable(sources: Sequence[tuple[Source, str]]) -> tuple[list[Candidate], list[str]]:
    scans, reasons = [], []
    for source, patient in sources:
        try:
            scans.append(Candidate(source, patient, read_scan(source).sha256))
        except ScanError as error:
            reasons.append(str(error))
    return scans, reasons


def _patients(table: str) -> dict[str, str]:
    rows = csv.DictReader(io.StringIO(table.removeprefix("\ufeff")))
    if missing := [name for name in PATIENT_COLUMNS if name not in (rows.fieldnames or ())]:
        has = ", ".join(rows.fieldnames or ()) or "none"
        raise RatingError(f"The table of patients lacks the column(s) {', '.join(missing)}. It has {has}.")
    patients: dict[str, str] = {}
    for row in rows:
        scan, patient = (row[name] or "" for name in PATIENT_COLUMNS)
        if patient and patients.setdefault(scan, patient) != patient:
            raise RatingError(f"The table of patients gives the scan {scan!r} both {patients[scan]!r} and {patient!r}.")
    return patients


def _with_patients(scans: Sequence[Candidate], patients: Mapping[str, str]) -> list[Candidate]:
    if missing := [scan.source.scan_id for scan in scans if scan.source.scan_id not in patients]:
        named = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise RatingError(f"The table of patients does not say whose these scans are: {named}. Add them.")
    return [replace(scan, patient=patients[scan.source.scan_id]) for scan in scans]
