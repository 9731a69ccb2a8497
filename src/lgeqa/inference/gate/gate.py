"""Gate that runs all checks in order."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from lgeqa.formatting import probability_text
from lgeqa.inference.bundle.manifest import NoveltyLimits
from lgeqa.inference.gate import checks
from lgeqa.inference.gate.checks import Evidence, Limits
from lgeqa.measures import Heart
from lgeqa.records import Finding, FloatArray, ScanResult
from lgeqa.scales import ATTRIBUTES

#: A diagnostic scan is for review if the probability of an attribute is below the first number, and a non-diagnostic
#: scan if the probabilities of all attributes are above the second.
CONTRADICTION: Final = (0.2, 0.8)
#: Name of the check that depends on the threshold.
CONSISTENCY: Final = "verdict_fits_attributes"
#: Name of the check of the network's features.
NOVELTY: Final = "features_known"
#: Checks of a scan with an atrium.
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
#: Checks of the atrium itself, and the check of what surrounds it.
_OF_ATRIUM: Final = frozenset(
    check.__name__
    for check in (checks.atrium_volume, checks.atrium_height, checks.atrium_in_one_piece, checks.detector_is_sure)
)
_SURROUNDINGS: Final = checks.looks_like_heart.__name__


def check_scan(heart: Heart, probabilities: FloatArray | None = None) -> tuple[Finding, ...]:
    """Check whether a verdict on a scan is meaningful.

    Args:
        heart: Anatomy of the scan, whose atrium may be empty.
        probabilities: Probability of blood pool by the detector at each voxel. None if the mask was supplied.

    Returns:
        Findings that speak against a verdict, refusals first. Empty for a sound scan.
    """
    evidence = Evidence(heart, probabilities)
    if missing := checks.atrium_found(evidence):
        return (missing,)
    findings = (check(evidence) for check in CHECKS)
    return in_order([finding for finding in findings if finding])


def check_novelty(
    novelty: FloatArray | None, limits: NoveltyLimits | None, others: Sequence[Finding]
) -> tuple[Finding, ...]:
    """Check the distance of the quality network's features from its training data.

    A doubtful distance refuses the scan if its atrium and the surroundings of the atrium are doubtful as well, since
    then nothing says that it shows a heart.

    Args:
        novelty: Distance of each slice, (slice,). None if the bundle does not measure it.
        limits: Limits of the bundle on the median over the slices. None if it has none.
        others: Findings of the other checks.
    """
    if novelty is None or limits is None:
        return ()
    distance = float(np.median(novelty))
    severity = Limits((0, limits.review), (0, limits.refuse)).severity(distance)
    if severity is None:
        return ()
    usual = f"novelty {distance:.2f}, usual is up to {limits.review:.2f}"
    text = f"The quality network learnt from no scan like this one ({usual})."
    doubts = {finding.check for finding in others}
    if severity == "review" and _SURROUNDINGS in doubts and doubts & _OF_ATRIUM:
        severity = "refused"
        text += " Its atrium and the surroundings of the atrium are unusual, too."
    remedy = "Look at the scan itself, and at its measures."
    return (Finding(check=NOVELTY, severity=severity, seen=text, remedy=remedy),)


def check_consistency(result: ScanResult) -> tuple[Finding, ...]:
    """Check that the verdict of a record does not contradict the attribute probabilities of the same network."""
    values = {scale: float(getattr(result, f"p_{scale.name}")) for scale in ATTRIBUTES}
    low, high = CONTRADICTION
    if result.verdict == "diagnostic":
        against = [scale for scale, value in values.items() if value < low]
    else:
        against = list(ATTRIBUTES) if all(value > high for value in values.values()) else []
    if not against:
        return ()
    which = ", ".join(f"{scale.title.lower()} {probability_text(values[scale])}" for scale in against)
    text = f"The verdict is {result.verdict}, and the probability of a good score says otherwise: {which}."
    remedy = "Look at the scan itself, and at its measures."
    return (Finding(check=CONSISTENCY, severity="review", seen=text, remedy=remedy),)


def in_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings with refusals first."""
    return tuple(sorted(findings, key=lambda finding: finding.severity != "refused"))


def refused(findings: Sequence[Finding]) -> bool:
    """Return whether a finding prevents a verdict."""
    return any(finding.severity == "refused" for finding in findings)
