"""The model's records among the readers' scans."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from lgeqa.cohort import Case
from lgeqa.errors import UsageError
from lgeqa.records import ScanResult


def read_results(out: Path) -> list[ScanResult]:
    """The records below an output folder of `lgeqa assess`, in the order of their names.

    Raises:
        UsageError: there is none, or one is not of this version.
    """
    paths = sorted((out / "scans").glob("*.json"))
    if not paths:
        raise UsageError(f"{out}: holds no scans/<scan>.json. Name the output folder of lgeqa assess.")
    return [_record(path) for path in paths]


def results_of(cases: Sequence[Case], results: Sequence[ScanResult]) -> dict[str, ScanResult]:
    """The record of each scan of a cohort that has one, by the name of the scan: that of its file, else of its name."""
    by_file = {Path(one.source).resolve(): one for one in results if one.source}
    by_name = {one.scan_id: one for one in results}
    found = {case.scan_id: by_file.get(case.image.resolve()) or by_name.get(case.scan_id) for case in cases}
    return {scan: result for scan, result in found.items() if result}


def _record(path: Path) -> ScanResult:
    try:
        return ScanResult.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else f"{fault.error_count()} faults"
        raise UsageError(f"{path}: is no record of a scan of this version ({why}). Assess the scans anew.") from None
