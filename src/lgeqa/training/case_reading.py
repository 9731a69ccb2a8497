"""Reading of a cohort's scans for training, with the atrium on them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from lgeqa.cohort import Case, source_of
from lgeqa.errors import CohortError
from lgeqa.inference.atrium import find_atrium
from lgeqa.inference.bundle import Bundle, open_bundle
from lgeqa.inference.bundle.manifest import MANIFEST
from lgeqa.io import read_mask, read_scan
from lgeqa.records import BoolArray, Scan
from lgeqa.training.run_layout import BUNDLE

#: Origin of the atrium on the slices that stage 2 is trained on.
AtriumFrom = Literal["given", "detected", "both"]


def read_case(case: Case) -> tuple[Scan, BoolArray]:
    """Read the scan of a case and its bool mask (slice, row, column).

    Raises:
        CohortError: The case has no mask.
        ScanError: The files of the case cannot be read.
    """
    if case.mask is None:
        raise CohortError(f"{case.image}: has no mask, and training needs one.")
    scan = read_scan(source_of(case))
    return scan, read_mask(case.mask, scan)


def read_atria(case: Case, origin: AtriumFrom, detector: Bundle | None) -> tuple[Scan, list[BoolArray]]:
    """Read the scan of a case, and find the atrium on it.

    Args:
        case: Scan of a cohort.
        origin: Origin of the atrium. A scan without a mask is given to the detector in any case.
        detector: Bundle whose detector finds the atrium. None if `needs_detector` says that none is needed.

    Returns:
        The scan, and bool masks (slice, row, column) of its atrium: one, two for `both`, or none if no voxel was found.

    Raises:
        ScanError: The files of the case cannot be read.
    """
    scan = read_scan(source_of(case))
    masks = [] if case.mask is None or origin == "detected" else [read_mask(case.mask, scan)]
    if needs_detector([case], origin):
        assert detector is not None
        masks.append(find_atrium(scan, detector).mask)
    return scan, [mask for mask in masks if mask.any()]


def needs_detector(cases: Sequence[Case], origin: AtriumFrom) -> bool:
    """Return whether the detector finds the atrium on any of the scans."""
    return origin != "given" or any(case.mask is None for case in cases)


def open_detector(source: Path | None) -> Bundle:
    """Open the bundle that holds a detector: a bundle, the one of a finished run, or None for the one in the package.

    Raises:
        BundleError: There is no bundle, or it cannot be used.
    """
    if source is None or (source / MANIFEST).is_file():
        return open_bundle(source)
    return open_bundle(source / BUNDLE)
