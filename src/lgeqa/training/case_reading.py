"""Reading of a cohort's scans for training."""

from lgeqa.cohort import Case, source_of
from lgeqa.errors import CohortError
from lgeqa.io import read_mask, read_scan
from lgeqa.records import BoolArray, Scan


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
