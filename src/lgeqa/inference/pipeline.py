"""Steps that take one scan from its files to its result. Only this module knows their order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import Final

import numpy as np
from pydantic import Field

from lgeqa.config import Settings
from lgeqa.errors import NotAssessableError
from lgeqa.inference.atrium import FoundAtrium, find_atrium
from lgeqa.inference.bundle import Bundle
from lgeqa.inference.bundle.manifest import Manifest
from lgeqa.inference.decision import DecisionRule
from lgeqa.inference.gate import check_novelty, check_scan, in_order, refused
from lgeqa.inference.result import Scores, make_result, score_fields
from lgeqa.inference.scan_scores import attention_weights, estimate_scores, pooled_probabilities
from lgeqa.io import Source, read_mask, read_scan
from lgeqa.io.formatting import printable_path
from lgeqa.io.stored_volume import hash_files
from lgeqa.io.volume import volume_files
from lgeqa.measures import Heart, compute_measures, measured_reader
from lgeqa.operating_point import DEFAULT, OperatingPoint
from lgeqa.outcomes import Provider, Status
from lgeqa.preprocessing import prepare_for_quality, quality_context
from lgeqa.preprocessing.quality_input import at_other_blood_level
from lgeqa.records import BoolArray, Finding, FloatArray, IntArray, Measures, ProbabilityParts, Scan, ScanResult
from lgeqa.scales import SCALE_NAMES
from lgeqa.workers import report_step

#: Relative change of the level of blood above air.
STEP = 0.05
#: Largest number of evenly spaced slices that are scored again at each other level.
MOST_SLICES = 6
_QUALITY: Final = SCALE_NAMES.index("quality")


class AssessSettings(Settings):
    """Settings of an assessment that a user can choose.

    Attributes:
        threshold: Slice probability of quality from which a slice counts as diagnostic. None for the bundle's
            threshold.
        operating_point: Limits of the scan's probability for the decision. None for the bundle's.
        given_masks: Whether the atrium comes from the mask beside the scan. A scan without a mask is not assessable.
        force: Whether a scan gets a verdict even if the gate refuses it. The record says so.
        measures_only: Whether only image quality measures are taken, without a verdict.
        provider: What runs the networks of a bundle that is opened with these settings.
    """

    threshold: float | None = Field(None, gt=0, lt=1)
    operating_point: OperatingPoint | None = None
    given_masks: bool = False
    force: bool = False
    measures_only: bool = False
    provider: Provider = "cpu"

    def rule(self, manifest: Manifest) -> DecisionRule:
        """Return the limits of the user, or else those of the bundle."""
        point = self.operating_point or manifest.operating_point or DEFAULT
        return DecisionRule(self.threshold or manifest.threshold, point)


@dataclass(frozen=True)
class Assessment:
    """A result and the data behind it.

    Attributes:
        result: Record of the scan.
        scan: Scan as it was read.
        atrium: Blood-pool mask, bool (slice, row, column). Empty if no atrium was found.
        maps: Attribution maps of each of the result's slices, float32 (slice, 4, map row, map column) in logits,
            scales in the order of `scales.SCALE_NAMES`. None without a verdict, or if the bundle does not explain.
        heart: Anatomy that the measures refer to. None if no measures were taken.
    """

    result: ScanResult
    scan: Scan
    atrium: BoolArray
    maps: FloatArray | None = None
    heart: Heart | None = None


def assess_source(source: Source, bundle: Bundle, settings: AssessSettings) -> Assessment:
    """Read a scan and assess it.

    Raises:
        ScanError: The scan cannot be read, or the mask that it needs cannot be used. Its `status` says which.
    """
    start = perf_counter()
    report_step("reading")
    scan = read_scan(source)
    if not settings.given_masks:
        return assess_scan(scan, bundle, settings, seconds_reading=perf_counter() - start)
    supplied, sha256 = _supplied_mask(source, scan)
    assessment = assess_scan(scan, bundle, settings, supplied, perf_counter() - start)
    return replace(assessment, result=assessment.result.model_copy(update={"mask_sha256": sha256}))


def assess_scan(
    scan: Scan,
    bundle: Bundle,
    settings: AssessSettings,
    supplied: BoolArray | None = None,
    seconds_reading: float = 0.0,
) -> Assessment:
    """Assess a scan in memory: find the atrium, take the measures, check the scan, and score it.

    Args:
        scan: Scan as it was read.
        bundle: Bundle with both networks and their settings.
        settings: Choices of the user.
        supplied: Atrium mask, bool (slice, row, column), to use instead of the detected one.
        seconds_reading: Seconds already spent on reading, for the record.

    Returns:
        An assessment whose result is `assessed`, `not_assessable` or, if only measures are wanted, `measured`.
    """
    start = perf_counter()
    report_step("detecting")
    atrium = find_atrium(scan, bundle) if supplied is None else FoundAtrium(supplied)
    detected = perf_counter()
    report_step("measuring")
    heart = Heart(scan.voxels, atrium.mask, scan.spacing_mm)
    measures = compute_measures(scan, heart)
    measured = perf_counter()
    report_step("scoring")
    findings = check_scan(heart, atrium.probabilities)
    scores = _score(scan, atrium.mask, measures, bundle) if _is_scored(findings, heart, settings) else None
    if scores:
        novel = check_novelty(scores.novelty, bundle.manifest.quality.novelty, findings)
        findings = in_order((*findings, *novel))
        scores = scores if _is_scored(findings, heart, settings) else None
    status: Status = "assessed" if scores else "measured" if settings.measures_only else "not_assessable"
    result = make_result(
        scan,
        heart,
        measures,
        findings,
        status,
        mask_source="detected" if supplied is None else "supplied",
        bundle=bundle.stamp,
        provider=bundle.provider,
        seconds={
            "read": seconds_reading,
            "detect": detected - start,
            "measure": measured - detected,
            "score": perf_counter() - measured,
        },
        other_levels=scores.other_levels if scores else None,
        **score_fields(scan, atrium.mask, scores) if scores else {},
    )
    result = settings.rule(bundle.manifest).apply(result)
    return Assessment(result, scan, atrium.mask, scores.maps if scores else None, heart)


def _supplied_mask(source: Source, scan: Scan) -> tuple[BoolArray, str]:
    """Return the mask beside a scan, and the SHA-256 of its file."""
    if source.mask_path is None:
        raise NotAssessableError(
            f"{printable_path(scan.source)}: has no mask beside it (shrinkwrap.nrrd). "
            "Leave --given-masks out to detect it."
        )
    return read_mask(source.mask_path, scan), hash_files(volume_files(source.mask_path))


def _is_scored(findings: tuple[Finding, ...], heart: Heart, settings: AssessSettings) -> bool:
    """Return whether a scan gets a verdict, for which it needs an atrium even with `force`."""
    return heart.is_there and not settings.measures_only and (settings.force or not refused(findings))


def _score(scan: Scan, atrium: BoolArray, measures: Measures, bundle: Bundle) -> Scores:
    """Score the slices that hold the atrium (stage 2), where the measured reader may have a share."""
    preparation = bundle.manifest.quality.preparation
    prepared = prepare_for_quality(scan.voxels, atrium, scan.spacing_mm, preparation)
    context = quality_context(atrium, scan.spacing_mm[0], preparation)
    by_measures = measured_reader().probabilities(measures.values)
    score = partial(bundle.score, measured=np.array([*by_measures.values()], np.float32))  # None becomes NaN
    outputs = score(prepared, context)
    if outputs.attention is None or outputs.logits is None:
        weights, pooled = None, None
        other_levels = quality_at_other_levels(
            prepared, context, outputs.probabilities, lambda *scored: score(*scored).probabilities
        )
    else:
        weights, pooled = attention_weights(outputs.attention), _pooled(outputs.logits, outputs.attention, bundle)
        other_levels = _pooled_at_other_levels(prepared, context, bundle)
    scores = {} if outputs.levels is None else estimate_scores(outputs.levels)
    parts = {} if outputs.network is None else _parts(outputs.network, by_measures)
    return Scores(outputs.probabilities, outputs.maps, outputs.novelty, other_levels, weights, pooled, scores, parts)


def _parts(network: FloatArray, by_measures: Mapping[str, float | None]) -> dict[str, ProbabilityParts]:
    """Return what the network says of a scan, from its slices (slice, 4), and what the measured reader says."""
    means = network.mean(axis=0, dtype=float).tolist()
    return {
        name: ProbabilityParts(network=mean, measures=by_measures[name])
        for name, mean in zip(SCALE_NAMES, means, strict=True)
    }


def _pooled(logits: FloatArray, attention: FloatArray, bundle: Bundle) -> FloatArray:
    """Return the probabilities of a scan whose slices have weights, calibrated if the bundle says how, (4,)."""
    pooled = pooled_probabilities(logits, attention)
    calibration = bundle.manifest.quality.calibration
    return calibration.apply(pooled[None])[0] if calibration else pooled


def _pooled_at_other_levels(prepared: FloatArray, context: IntArray, bundle: Bundle) -> tuple[float, float]:
    """Return the same as `quality_at_other_levels` for a bundle that weighs slices, from all slices."""
    outputs = [bundle.score(at_other_blood_level(prepared, factor), context) for factor in (1 - STEP, 1 + STEP)]
    lower, higher = (
        float(_pooled(other.logits, other.attention, bundle)[_QUALITY])
        for other in outputs
        if other.logits is not None and other.attention is not None
    )
    return lower, higher


def quality_at_other_levels(
    prepared: FloatArray,
    context: IntArray,
    probabilities: FloatArray,
    score: Callable[[FloatArray, IntArray], FloatArray],
) -> tuple[float, float]:
    """Return the scan's probability of quality if blood were 5 % lower, and if it were 5 % higher.

    Each is the scan's own probability plus the mean change at the other level over a few slices.

    Args:
        prepared: Slices prepared for the quality network, (slice, row, column).
        context: Indices of the slices that the network sees with each slice, (slice, context).
        probabilities: Probabilities that the network gives for these slices, (slice, 4).
        score: Quality network, from prepared slices and the context of those to score, to such probabilities.
    """
    chosen = np.unique(np.linspace(0, len(prepared) - 1, min(MOST_SLICES, len(prepared))).round().astype(int))
    lower, higher = (
        float((score(other, context[chosen]) - probabilities[chosen])[:, _QUALITY].mean())
        for other in (at_other_blood_level(prepared, factor) for factor in (1 - STEP, 1 + STEP))
    )
    mean = float(probabilities[:, _QUALITY].mean(dtype=float))
    return min(max(mean + lower, 0.0), 1.0), min(max(mean + higher, 0.0), 1.0)
