"""The record of one scan, built from the output of the steps of the pipeline."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from lgeqa.inference.decision import message_of
from lgeqa.inference.detection import slice_areas_mm2
from lgeqa.inference.gate import refused
from lgeqa.io.formatting import printable_path
from lgeqa.measures import Heart
from lgeqa.outcomes import Status
from lgeqa.records import (
    BoolArray,
    Finding,
    FloatArray,
    Measures,
    ProbabilityParts,
    ReferenceLevels,
    Scan,
    ScanResult,
    ScoreEstimate,
    SliceScores,
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
        weights: Weight of each slice in the scan's probabilities, (slice,). None if all slices count alike.
        pooled: Probabilities of the scan from its slices by weight, (4,). None if all slices count alike.
        scores: Estimated score on each scale, by name. Empty if the bundle estimates none.
        parts: Parts of the scan's probability on each scale, by name. Empty if only the network counts.
    """

    probabilities: FloatArray
    maps: FloatArray | None
    novelty: FloatArray | None
    other_levels: tuple[float, float]
    weights: FloatArray | None = None
    pooled: FloatArray | None = None
    scores: dict[str, ScoreEstimate] = field(default_factory=dict)
    parts: dict[str, ProbabilityParts] = field(default_factory=dict)

    @property
    def deciding(self) -> FloatArray:
        """Probabilities that decide on the scan: those of the slices that vote, or of the scan alone, (n, 4)."""
        return self.probabilities if self.pooled is None else self.pooled[None]


def make_result(
    scan: Scan,
    heart: Heart,
    measures: Measures,
    findings: tuple[Finding, ...],
    status: Status,
    other_levels: tuple[float, float] | None = None,
    **fields: Any,
) -> ScanResult:
    """Return the record of a scan that was read, without verdict and decision.

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
        message=message_of(status, scan.warnings, findings),
        warnings=scan.warnings,
        findings=findings,
        forced=assessed and refused(findings),
        reference=_levels(heart, other_levels) if heart.is_there else None,
        measures=measures,
        source=printable_path(scan.source),
        series=scan.series,
        acquisition=scan.acquisition,
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


def score_fields(scan: Scan, atrium: BoolArray, scores: Scores) -> dict[str, Any]:
    """Return the fields of a record that hold the probabilities, without verdict and decision.

    Args:
        scan: Scan as it was read.
        atrium: Blood-pool mask, bool (slice, row, column), with at least one voxel.
        scores: Output of the network for the slices that hold the atrium.
    """
    slices = _slices(scan, atrium, scores)
    indices = [scores.index for scores in slices]
    return {
        **_named(scores.deciding.mean(axis=0, dtype=float)),
        "first_slice": min(indices),
        "last_slice": max(indices),
        "n_slices": len(slices),
        "slices": slices,
        "scores": scores.scores,
        "parts": scores.parts,
    }


def _slices(scan: Scan, atrium: BoolArray, scores: Scores) -> tuple[SliceScores, ...]:
    areas = slice_areas_mm2(atrium, scan.spacing_mm)
    weights = [None] * len(scores.probabilities) if scores.weights is None else scores.weights.tolist()
    return tuple(
        SliceScores(
            index=scan.file_slices[z],
            position_mm=scan.slice_positions_mm[z],
            atrium_area_mm2=float(areas[z]),
            weight=weight,
            **_named(row),
        )
        for z, row, weight in zip(np.flatnonzero(atrium.any(axis=(1, 2))), scores.probabilities, weights, strict=True)
    )


def _named(probabilities: FloatArray) -> dict[str, Any]:
    """Return four probabilities under their names in the records."""
    return {f"p_{name}": float(p) for name, p in zip(SCALE_NAMES, probabilities, strict=True)}
