"""Records to test with, as no scan of this world made them."""

from typing import Any

import numpy as np

from lgeqa.inference.decision import DecisionRule
from lgeqa.measures import MEASURES, reference_scans
from lgeqa.measures.reference_scans import place_of
from lgeqa.operating_point import DEFAULT, OperatingPoint
from lgeqa.records import BundleStamp, Finding, Measures, ScanResult, SliceMeasures, SliceScores
from lgeqa.scales import SCALE_NAMES

REFUSED = Finding(check="coverage", severity="refused", seen="The stack ends in the atrium.", remedy="Send all slices.")
REVIEW = Finding(check="noise", severity="review", seen="The scan is noisy.", remedy="Look at it.")
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


def decided(scan_id: str = "case", *, point: OperatingPoint = DEFAULT, **changes: Any) -> ScanResult:
    """Return a record of 40 like slices with the probabilities of `assessed` or of `changes`, decided by a rule."""
    result = assessed(scan_id, **changes)
    shares = {f"p_{name}": getattr(result, f"p_{name}") for name in SCALE_NAMES}
    slices = tuple(SliceScores(index=z, position_mm=2.5 * z, atrium_area_mm2=900.0, **shares) for z in range(3, 43))
    return DecisionRule(0.5, point).apply(result.model_copy(update={"slices": slices}))


def unassessed(scan_id: str = "case", **changes: Any) -> ScanResult:
    """A scan that failed, with `changes`."""
    values: dict[str, Any] = {"status": "failed", "message": f"{scan_id}.nrrd: the file is empty.", "bundle": STAMP}
    return ScanResult(scan_id=scan_id, **values | changes)


def measured(share: float = 0.5, **changes: float | None) -> Measures:
    """Measures at one cumulative share of the reference scans, with `changes`; None is undefined, with a reason."""
    reference = reference_scans()
    values: dict[str, float | None] = {
        measure.name: float(np.interp(share, reference.shares, reference.quantiles[measure.name]))
        for measure in MEASURES
    }
    values |= changes
    by_slice = {measure.name: values[measure.name] for measure in MEASURES if measure.by_slice}
    return Measures(
        values=values,
        reasons={name: f"No {name} here." for name, value in values.items() if value is None},
        places={name: place_of(name, value) for name, value in values.items() if value is not None},
        slices=tuple(SliceMeasures(index=20 - z, position_mm=2.5 * z - 10, values=by_slice) for z in range(4)),
    )
