"""Records of the model for the scans of the readers."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from lgeqa.cohort import Case
from lgeqa.errors import UsageError
from lgeqa.records import ScanResult


def read_results(out: Path) -> list[ScanResult]:
    """Read the records below an output folder of `lgeqa assess`, in the order of their names.

    Raises:
        UsageError: There are no records, or a record cannot be read or is not of this version.
    """
    paths = sorted((out / "scans").glob("*.json"))
    if not paths:
        raise UsageError(f"{out}: holds no scans/<scan>.json. Name the output folder of lgeqa assess.")
    return [_record(path) for path in paths]


def results_of(cases: Sequence[Case], results: Sequence[ScanResult]) -> dict[str, ScanResult]:
    """Return the record of each scan of a cohort that has one, by scan name.

    A record belongs to the scan with the same file, or else to the scan with the same name.
    """
    by_file = {Path(result.source).resolve(): result for result in results if result.source}
    by_name = {result.scan_id: result for result in results}
    matches = {case.scan_id: by_file.get(case.image.resolve()) or by_name.get(case.scan_id) for case in cases}
    return {scan: result for scan, result in matches.items() if result}


def _record(path: Path) -> ScanResult:
    try:
        return ScanResult.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        why = error.strerror if isinstance(error, OSError) else f"{error.error_count()} faults"
        raise UsageError(
            f"{path}: is not a record of a scan of this version ({why}). Assess the scans again."
        ) from None
