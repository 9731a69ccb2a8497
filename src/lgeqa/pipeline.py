"""The way of one scan from its files to its result: the only place that knows the order of the steps."""

from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import numpy as np
from pydantic import Field

from lgeqa.attributes import NAMES
from lgeqa.bundle import Bundle
from lgeqa.config import Settings
from lgeqa.detect import atrium_mask, slice_areas_mm2
from lgeqa.errors import NotAssessableError
from lgeqa.prepare import context_slices, prepare_for_detector, prepare_for_quality, to_scan_grid
from lgeqa.read import Source, read_mask, read_scan
from lgeqa.read.words import shown
from lgeqa.records import BoolArray, FloatArray, Scan, ScanResult, SliceScores
from lgeqa.score import vote
from lgeqa.versions import versions


class AssessSettings(Settings):
    """What a user can choose about an assessment.

    Attributes:
        threshold: slice probability of quality from which a slice counts as diagnostic; None for the bundle's.
        given_masks: take the atrium from the mask beside the scan; a scan without one is not assessable.
    """

    threshold: float | None = Field(None, gt=0, lt=1)
    given_masks: bool = False


@dataclass(frozen=True)
class Assessment:
    """A result, and what it rests on.

    Attributes:
        result: the record.
        scan: as it was read.
        atrium: bool (slice, row, column), the blood pool.
        maps: float32 (slice, 4, map row, map column) in logits, where the logits of each of the result's slices came
            from, scales in the order of `attributes.NAMES`; None if the bundle does not explain.
    """

    result: ScanResult
    scan: Scan
    atrium: BoolArray
    maps: FloatArray | None = None


def assess_source(source: Source, bundle: Bundle, settings: AssessSettings) -> Assessment:
    """Read a scan and assess it.

    Raises:
        ScanError: the scan cannot be read, or cannot be judged; its `status` says which.
    """
    start = perf_counter()
    scan = read_scan(source)
    supplied = _supplied_mask(source, scan) if settings.given_masks else None
    return assess_scan(scan, bundle, settings, supplied, perf_counter() - start)


def assess_scan(
    scan: Scan,
    bundle: Bundle,
    settings: AssessSettings,
    supplied: BoolArray | None = None,
    seconds_reading: float = 0.0,
) -> Assessment:
    """Assess a scan in memory.

    Args:
        scan: as it was read.
        bundle: the two networks and their settings.
        settings: the user's choices.
        supplied: atrium mask (slice, row, column) that stands in for the detector's.
        seconds_reading: time already spent, for the record.

    Raises:
        NotAssessableError: no slice holds the atrium.
    """
    clock = perf_counter()
    atrium = find_atrium(scan, bundle) if supplied is None else supplied
    detected = perf_counter()
    prepared = prepare_for_quality(scan.voxels, atrium, scan.spacing_mm, bundle.manifest.quality.preparation)
    probabilities, maps = bundle.explain(prepared) if bundle.explains else (bundle.score(prepared), None)
    scored = perf_counter()
    result = _result(scan, atrium, probabilities, settings.threshold or bundle.manifest.threshold)
    details = {
        "mask_source": "detected" if supplied is None else "supplied",
        "bundle": bundle.stamp,
        "versions": versions(),
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": {"read": seconds_reading, "detect": detected - clock, "score": scored - detected},
    }
    return Assessment(result.model_copy(update=details), scan, atrium, maps)


def find_atrium(scan: Scan, bundle: Bundle) -> BoolArray:
    """Stage 1: the blood-pool mask on the scan's own pixels, bool (slice, row, column).

    Raises:
        NotAssessableError: no slice holds the atrium.
    """
    part = bundle.manifest.detector
    prepared, grid = prepare_for_detector(scan.voxels, scan.spacing_mm, part.preparation)
    context = context_slices(len(prepared), scan.spacing_mm[0], part.preparation)
    atrium = atrium_mask(to_scan_grid(bundle.detect(prepared, context), grid), scan.spacing_mm, part.rule)
    if not atrium.any():
        raise NotAssessableError(
            f"{shown(scan.source)}: no left atrium was found on any of its {len(scan.voxels)} slices. Check that it is "
            "an axial left-atrial LGE scan; a mask of your own can be used with --given-masks."
        )
    return atrium


def _supplied_mask(source: Source, scan: Scan) -> BoolArray:
    if source.mask_path is None:
        raise NotAssessableError(
            f"{shown(scan.source)}: has no mask beside it (shrinkwrap.nrrd). Leave --given-masks out to detect it."
        )
    return read_mask(source.mask_path, scan)


def _result(scan: Scan, atrium: BoolArray, probabilities: FloatArray, threshold: float) -> ScanResult:
    held = np.flatnonzero(atrium.any(axis=(1, 2)))
    areas = slice_areas_mm2(atrium, scan.spacing_mm)
    slices = tuple(
        SliceScores(
            index=scan.file_slices[z],
            position_mm=scan.slice_positions_mm[z],
            atrium_area_mm2=float(areas[z]),
            **_named(row),
        )
        for z, row in zip(held, probabilities, strict=True)
    )
    decision = vote(probabilities[:, NAMES.index("quality")], threshold)
    indices = [one.index for one in slices]
    return ScanResult(
        scan_id=scan.scan_id,
        status="assessed",
        verdict=decision.verdict,
        probability=decision.probability,
        votes_diagnostic=decision.diagnostic,
        votes_total=decision.total,
        tie=decision.tie,
        **_named(probabilities.mean(axis=0, dtype=float)),
        first_slice=min(indices),
        last_slice=max(indices),
        n_slices=len(slices),
        message=" ".join(scan.warnings),
        warnings=scan.warnings,
        threshold=threshold,
        slices=slices,
        source=shown(scan.source),
        input_sha256=scan.sha256,
    )


def _named(probabilities: FloatArray) -> dict[str, Any]:
    """Four probabilities under their names in the records."""
    return {f"p_{name}": float(p) for name, p in zip(NAMES, probabilities, strict=True)}
