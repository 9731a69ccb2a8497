"""Records to test with, as no scan of this world made them."""

from typing import Any

from lgeqa.records import BundleStamp, ScanResult

STAMP = BundleStamp(name="toy", version="0.1", sha256="0f" * 32)


def assessed(scan_id: str = "case", **changes: Any) -> ScanResult:
    """A diagnostic scan of 40 slices, with `changes`."""
    values: dict[str, Any] = {
        "status": "assessed",
        "verdict": "diagnostic",
        "probability": 0.8125,
        "votes_diagnostic": 31,
        "votes_total": 40,
        "tie": False,
        "p_myocardium_nulling": 0.91,
        "p_sharpness": 0.42,
        "p_enhancement": 0.66,
        "p_quality": 0.8125,
        "first_slice": 3,
        "last_slice": 42,
        "n_slices": 40,
        "threshold": 0.5,
        "mask_source": "detected",
        "source": f"/scans/{scan_id}.nrrd",
        "input_sha256": "ab" * 32,
        "bundle": STAMP,
    }
    return ScanResult(scan_id=scan_id, **values | changes)


def unassessed(scan_id: str = "case", **changes: Any) -> ScanResult:
    """A scan that failed, with `changes`."""
    values: dict[str, Any] = {"status": "failed", "message": f"{scan_id}.nrrd: the file is empty.", "bundle": STAMP}
    return ScanResult(scan_id=scan_id, **values | changes)
