"""Reading the scans of a cohort for training."""

from lgeqa.cohort import Case, source_of
from lgeqa.errors import CohortError
from lgeqa.read import read_mask, read_scan
from lgeqa.records import BoolArray, Scan


def read_case(case: Case) -> tuple[Scan, BoolArray]:
    """The scan of a case, and its bool (slice, row, column) mask.

    Raises:
        CohortError: the case has no mask.
        ScanError: its files cannot be read.
    """
    if case.mask is None:
        raise CohortError(f"{case.image}: has no mask beside it (shrinkwrap.nrrd), and training needs one.")
    scan = read_scan(source_of(case))
    return scan, read_mask(case.mask, scan)
