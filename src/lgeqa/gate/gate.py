"""The gate: all checks in their order."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from lgeqa.attributes import SCALES
from lgeqa.bundle.manifest import NoveltyLimits
from lgeqa.gate import checks
from lgeqa.gate.checks import Evidence, Limits
from lgeqa.measure import Heart
from lgeqa.records import Finding, FloatArray
from lgeqa.score import vote

#: A diagnostic scan is for review if the probability of an attribute is below the first, and a non-diagnostic one if
#: those of all attributes are above the second.
ATTRIBUTES: Final = (0.2, 0.8)
#: The checks of a scan with an atrium.
CHECKS: Final[tuple[Callable[[Evidence], Finding | None], ...]] = (
    checks.atrium_volume,
    checks.atrium_height,
    checks.atrium_in_one_piece,
    checks.stack_covers_atrium,
    checks.enough_slices_vote,
    checks.no_slice_lost,
    checks.grey_scale_of_image,
    checks.blood_brighter_than_lung,
    checks.detector_is_sure,
    checks.looks_like_heart,
    checks.orientation_as_stated,
)


def check_scan(heart: Heart, probabilities: FloatArray | None = None) -> tuple[Finding, ...]:
    """Check whether a verdict on a scan means something.

    Args:
        heart: The anatomy of the scan; its atrium may be empty.
        probabilities: The detector's probability at each voxel. None where the mask was supplied.

    Returns:
        What speaks against a verdict, refusals first; nothing for a sound scan.
    """
    evidence = Evidence(heart, probabilities)
    if missing := checks.atrium_found(evidence):
        return (missing,)
    findings = (check(evidence) for check in CHECKS)
    return in_order([finding for finding in findings if finding])


def check_novelty(novelty: FloatArray | None, limits: NoveltyLimits | None) -> tuple[Finding, ...]:
    """Check how far the quality network's features lie from those that it learnt from.

    Args:
        novelty: (slice,) Distance of each slice; None where the bundle does not tell.
        limits: The bundle's limits of the median over the slices.
    """
    if novelty is None or limits is None:
        return ()
    distance = float(np.median(novelty))
    severity = Limits((0, limits.review), (0, limits.refuse)).severity(distance)
    if severity is None:
        return ()
    usual = f"novelty {distance:.2f}, usual is up to {limits.review:.2f}"
    seen = f"The quality network learnt from no scan like this one ({usual})."
    remedy = "Look at the scan itself, and at its measures."
    return (Finding(check="features_known", severity=severity, seen=seen, remedy=remedy),)


def check_consistency(probabilities: FloatArray, threshold: float) -> tuple[Finding, ...]:
    """Check that the verdict does not contradict what the same network says of the attributes.

    Args:
        probabilities: (slice, 4) Probabilities of being diagnostic, scales in the order of `attributes.NAMES`.
        threshold: Probability of quality from which a slice counts as diagnostic.
    """
    *attributes, quality = SCALES
    values = dict(zip(SCALES, probabilities.mean(axis=0, dtype=float).tolist(), strict=True))
    verdict = vote(probabilities[:, SCALES.index(quality)], threshold).verdict
    low, high = ATTRIBUTES
    if verdict == "diagnostic":
        against = [scale for scale in attributes if values[scale] < low]
    else:
        against = attributes if all(values[scale] > high for scale in attributes) else []
    if not against:
        return ()
    which = ", ".join(f"{scale.title.lower()} {values[scale]:.2f}" for scale in against)
    seen = f"The verdict is {verdict}, and the probability of a good score says otherwise: {which}."
    remedy = "Look at the scan itself, and at its measures."
    return (Finding(check="verdict_fits_attributes", severity="review", seen=seen, remedy=remedy),)


def in_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return findings with refusals first."""
    return tuple(sorted(findings, key=lambda finding: finding.severity != "refused"))


def refused(findings: Sequence[Finding]) -> bool:
    """Return whether a finding keeps a verdict from being given."""
    return any(finding.severity == "refused" for finding in findings)
