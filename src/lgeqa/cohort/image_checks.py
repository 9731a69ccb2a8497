"""Checks of the images of a cohort: whether each can be read, its mask fits, and no two are the same."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lgeqa.cohort.case import Case
from lgeqa.cohort.findings import Finding, caution, error, named
from lgeqa.cohort.sources import source_of
from lgeqa.cohort.split import Split
from lgeqa.errors import ScanError
from lgeqa.io import read_mask, read_scan, voxels_sha256
from lgeqa.records import Scan


@dataclass(frozen=True)
class Inspected:
    """Result of reading a scan and its mask.

    Attributes:
        case: Scan that was read.
        image_sha256: Hash by `voxels_sha256`. None if the image cannot be read.
        findings: First error of the image or of its mask, and the warnings from reading the image.
    """

    case: Case
    image_sha256: str | None
    findings: tuple[Finding, ...]


def inspect(case: Case) -> Inspected:
    """Read the image of a scan and its mask, if it has one, in the same way as training."""
    try:
        scan = read_scan(source_of(case))
    except ScanError as problem:
        return Inspected(case, None, (error(str(problem)),))
    warnings = [caution(f"{case.image}: {warning}") for warning in scan.warnings]
    return Inspected(case, voxels_sha256(scan), (*warnings, *_mask_findings(case, scan)))


def repeats(inspected: Sequence[Inspected], split: Split) -> Iterator[Finding]:
    """Yield a finding for each image that belongs to more than one scan.

    The finding is an error if the patients are in different parts of `split`, since a training image would then be
    tested on. Otherwise, also if `split` is empty, it is a caution.
    """
    same = defaultdict(list)
    for scan in inspected:
        if scan.image_sha256:
            same[scan.image_sha256].append(scan.case)
    yield from (_repeat(cases, split) for cases in same.values() if len(cases) > 1)


def _repeat(cases: Sequence[Case], split: Mapping[str, str]) -> Finding:
    files = f"{named({str(case.image) for case in cases})}: the scans {named(case.scan_id for case in cases)}"
    patients = {case.patient for case in cases}
    if len(patients) == 1:
        return caution(
            f"{files} of patient {cases[0].patient} are the same image, which counts more than once. Keep one."
        )
    parts = {split[patient] for patient in patients if patient in split}
    names = named(f"{patient} ({split[patient]})" if patient in split else patient for patient in patients)
    summary = f"{files} are the same image under the patients {names}."
    if len(parts) > 1:
        return error(f"{summary} They are on both sides of the split. Keep one, or name one patient and split again.")
    return caution(f"{summary} A split may part them. Keep one, or give them one patient.")


def _mask_findings(case: Case, scan: Scan) -> Iterator[Finding]:
    if case.mask is not None:
        try:
            read_mask(case.mask, scan)
        except ScanError as problem:
            yield error(str(problem))
