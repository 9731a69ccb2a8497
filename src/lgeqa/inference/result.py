"""The record of one scan, built from the output of the steps of the pipeline."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from lgeqa.inference.detection import slice_areas_mm2
from lgeqa.inference.gate import refused
from lgeqa.inference.vote import vote
from lgeqa.io.formatting import printable_path
from lgeqa.measures import Heart
from lgeqa.records import (
    BoolArray,
    Finding,
    FloatArray,
    Measures,
    ReferenceLevels,
    Scan,
    ScanResult,
    SliceScores,
    Status,
)
from lgeqa.scales import SCALE_NAMES
from lgeqa.versions import versions


@dataclass(frozen=True)
class Scores:
    """Output of the quality network for the slices that hold the atrium.

    Attributes:
        probabilities: Probabilities of being diagnostic, float32 (slice, 4), in the order of `scales.SCALE_NAMES`.
        maps: Attribution map of each logit, float32 (slice, 4, map row, map column). None if the bundle does not
            explain.
        novelty: Distance of each slice from the training slices of the network. None if the bundle gives none.
        other_levels: Probability of quality if blood were 5 % lower, and if it were 5 % higher.
    """

    probabilities: FloatArray
    maps: FloatArray | None
    novelty: FloatArray | None
    other_levels: tuple[float, float]


def make_result(
    scan: Scan,
    heart: Heart,
    measures: Measures,
    findings: tuple[Finding, ...],
    status: Status,
    other_levels: tuple[float, float] | None = None,
    **fields: Any,
) -> ScanResult:
    """Return the record of a scan that was read.

    Args:
        scan: Scan as it was read.
        heart: Anatomy of the scan.
        measures: Image quality measures of the scan.
        findings: Observations that speak against a verdict.
        status: Outcome of the assessment.
        other_levels: Probability of quality at a lower and a higher blood level, as in `Scores`. None if not scored.
        fields: Further fields of the record.
    """
    assessed = status == "assessed"
    return ScanResult(
        scan_id=scan.scan_id,
        status=status,
        message=_message(scan, findings, status),
        warnings=scan.warnings,
        review=assessed and bool(findings),
        findings=findings,
        forced=assessed and refused(findings),
        reference=_levels(heart, other_levels) if heart.is_there else None,
        measures=measures,
        source=printable_path(scan.source),
        series=scan.series,
        input_sha256=scan.sha256,
        versions=versions(),
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        **fields,
    )


def _levels(heart: Heart, other_levels: tuple[float, float] | None) -> ReferenceLevels:
    lower, higher = other_levels or (None, None)
    return ReferenceLevels(
        air=heart.reference.air, blood=heart.reference.blood, p_quality_if_lower=lower, p_quality_if_higher=higher
    )


def verdict_fields(scan: Scan, atrium: BoolArray, probabilities: FloatArray, threshold: float) -> dict[str, Any]:
    """Return the fields of a record that hold the verdict and the probabilities behind it.

    Args:
        scan: Scan as it was read.
        atrium: Blood-pool mask, bool (slice, row, column), with at least one voxel.
        probabilities: Probabilities of each slice that holds the atrium, as in `Scores`.
        threshold: Probability of quality from which a slice counts as diagnostic.
    """
    decision = vote(probabilities[:, SCALE_NAMES.index("quality")], threshold)
    slices = _slices(scan, atrium, probabilities)
    indices = [scores.index for scores in slices]
    return {
        "verdict": decision.verdict,
        "probability": decision.probability,
        "votes_diagnostic": decision.diagnostic,
        "votes_total": decision.total,
        "tie": decision.tie,
        **_named(probabilities.mean(axis=0, dtype=float)),
        "first_slice": min(indices),
        "last_slice": max(indices),
        "n_slices": len(slices),
        "threshold": threshold,
        "slices": slices,
    }


def _slices(scan: Scan, atrium: BoolArray, probabilities: FloatArray) -> tuple[SliceScores, ...]:
    areas = slice_areas_mm2(atrium, scan.spacing_mm)
    return tuple(
        SliceScores(
            index=scan.file_slices[z],
            position_mm=scan.slice_positions_mm[z],
            atrium_area_mm2=float(areas[z]),
            **_named(row),
        )
        for z, row in zip(np.flatnonzero(atrium.any(axis=(1, 2))), probabilities, strict=True)
    )


def _named(probabilities: FloatArray) -> dict[str, Any]:
    """Return four probabilities under their names in the records."""
    return {f"p_{name}": float(p) for name, p in zip(SCALE_NAMES, probabilities, strict=True)}


def _message(scan: Scan, findings: tuple[Finding, ...], status: Status) -> str:
    """Return the reason why there is no verdict, or else what to know about the scan."""
    if status == "not_assessable":
        return _words([finding for finding in findings if finding.severity == "refused"])
    return " ".join([*scan.warnings, *filter(None, [_words(findings)])])


def _words(findings: Iterable[Finding]) -> str:
    return " ".join(f"{finding.seen} {finding.remedy}" for finding in findings)
