"""Checking the images of a cohort: whether each can be read, its mask fits, and no two are the same."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lgeqa.cohort.case import Case
from lgeqa.cohort.findings import Finding, caution, error, named
from lgeqa.cohort.sources import source_of
from lgeqa.cohort.split import Split
from lgeqa.errors import ScanError
from lgeqa.read import read_mask, read_scan
from lgeqa.read.suffixes import volume_suffix
from lgeqa.records import Scan


@dataclass(frozen=True)
class Inspected:
    """What reading a scan and its mask told.

    Attributes:
        case: the scan.
        image_sha256: hash of the size and the voxels in axial LPS order, the same for every format, packing and axis
            order of the file; None where the image cannot be read.
        findings: the first fault of the image or of its mask, and the warnings of reading it.
    """

    case: Case
    image_sha256: str | None
    findings: tuple[Finding, ...]


def inspect(case: Case) -> Inspected:
    """Read the image and, where there is one, the mask of a scan, as training will."""
    if not volume_suffix(case.image):
        fault = f"{case.image}: is no volume by its name. Give the scan as NRRD, NIfTI or MetaImage."
        return Inspected(case, None, (error(fault),))
    try:
        scan = read_scan(source_of(case))
    except ScanError as fault:
        return Inspected(case, None, (error(str(fault)),))
    warnings = [caution(f"{case.image}: {warning}") for warning in scan.warnings]
    return Inspected(case, _image_sha256(scan), (*warnings, *_mask_faults(case, scan)))


def repeats(inspected: Sequence[Inspected], split: Split) -> Iterator[Finding]:
    """One finding for each image that stands under more than one scan.

    An error where its patients lie in different parts of `split`, which may be empty: what was trained on would be
    tested on. Else a caution.
    """
    same = defaultdict(list)
    for one in inspected:
        if one.image_sha256:
            same[one.image_sha256].append(one.case)
    yield from (_repeat(cases, split) for cases in same.values() if len(cases) > 1)


def _repeat(cases: Sequence[Case], split: Mapping[str, str]) -> Finding:
    files = f"{named({str(case.image) for case in cases})}: the scans {named(case.scan_id for case in cases)}"
    patients = {case.patient for case in cases}
    if len(patients) == 1:
        return caution(
            f"{files} of patient {cases[0].patient} are the same image, which counts more than once. Keep one."
        )
    parts = {split[patient] for patient in patients if patient in split}
    told = named(f"{patient} ({split[patient]})" if patient in split else patient for patient in patients)
    fault = f"{files} are the same image under the patients {told}."
    if len(parts) > 1:
        return error(f"{fault} They stand on both sides of the split. Keep one, or name one patient and split anew.")
    return caution(f"{fault} A split may part them. Keep one, or give them one patient.")


def _mask_faults(case: Case, scan: Scan) -> Iterator[Finding]:
    if case.mask is not None:
        try:
            read_mask(case.mask, scan)
        except ScanError as fault:
            yield error(str(fault))


def _image_sha256(scan: Scan) -> str:
    digest = hashlib.sha256(repr(scan.voxels.shape).encode())
    digest.update(scan.voxels.tobytes())
    return digest.hexdigest()
