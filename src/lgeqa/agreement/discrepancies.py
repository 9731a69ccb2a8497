"""Scans that the readers should adjudicate, those with the largest disagreement first."""

from collections.abc import Iterator, Mapping

import numpy as np

from lgeqa.agreement.discrepancy_rule import DiscrepancyRule
from lgeqa.agreement.rating_matrix import Flags, RatingMatrix
from lgeqa.agreement.record import Dispute
from lgeqa.agreement.statistics import sides
from lgeqa.bootstrap import Numbers
from lgeqa.records import ScanResult
from lgeqa.scales import DIAGNOSTIC_FROM, SCALES


def disputes_of(panel: RatingMatrix, judged: Mapping[str, ScanResult], rule: DiscrepancyRule) -> tuple[Dispute, ...]:
    """Return the scans to adjudicate, by the first readings of two or more readers.

    Scans that a reader cannot rate come first, then those with readers on different sides of 3. Within each of these
    groups scans are ranked by the largest range of scores on a scale, then by the sum of the ranges of all scales.

    Args:
        panel: Readings of all readers.
        judged: Records of the model by scan name, to be shown beside the readings.
        rule: Rule for the scans to adjudicate.
    """
    disputes = []
    for place, scan in enumerate(panel.scans):
        scores, refused = panel.scores[0, :, place], panel.refused[0, :, place]
        scored = panel.scored[0, :, place]
        if reasons := list(_reasons(scores, refused, panel.readers, rule)):
            ranges = _ranges(scores)
            split, far = _split_on(scores, rule), _far_on(scores, rule)
            order = (not refused.any(), not split, -ranges.max(), -ranges.sum(), scan)
            readings = {
                reader: tuple(None if np.isnan(score) else float(score) for score in row) if has_scores else None
                for reader, row, has_scores, off in zip(panel.readers, scores, scored, refused, strict=True)
                if has_scores or off
            }
            apart = tuple(scale.name for scale in SCALES if scale.name in split | far)
            disputes.append((order, scan, tuple(reasons), float(ranges.max()), apart, readings))
    return tuple(
        Dispute(
            rank=rank,
            scan_id=scan,
            reasons=reasons,
            spread=spread,
            apart=apart,
            readings=readings,
            verdict=judged[scan].verdict if scan in judged else None,
            probability=judged[scan].probability if scan in judged else None,
        )
        for rank, (_, scan, reasons, spread, apart, readings) in enumerate(sorted(disputes), start=1)
    )


def _split_on(scores: Numbers, rule: DiscrepancyRule) -> set[str]:
    """Return the scales of the rule on which readers are on different sides of 3. `scores` is (readers, scales)."""
    labels = sides(scores)
    split = np.array([len(np.unique(column[~np.isnan(column)])) > 1 for column in labels.T])
    return {scale.name for scale, differs in zip(SCALES, split, strict=True) if differs and scale.name in rule.sides_on}


def _far_on(scores: Numbers, rule: DiscrepancyRule) -> set[str]:
    """Return the scales of the rule on which scores are too far apart, for `scores` of shape (readers, scales)."""
    ranges = zip(SCALES, _ranges(scores), strict=True)
    return {scale.name for scale, apart in ranges if apart >= rule.points and scale.name in rule.points_on}


def _ranges(scores: Numbers) -> Numbers:
    """Return the range of the scores on each scale, (scales,), for `scores` of shape (readers, scales), or 0."""
    highest, lowest = (np.where(np.isnan(scores), end, scores) for end in (-np.inf, np.inf))
    ranges = highest.max(axis=0) - lowest.min(axis=0)
    return np.where(np.isfinite(ranges), ranges, 0.0)


def _reasons(scores: Numbers, refused: Flags, readers: tuple[str, ...], rule: DiscrepancyRule) -> Iterator[str]:
    scored = np.asarray((~np.isnan(scores)).any(axis=1))
    if refused.any() and scored.any():
        yield f"Rated by {_names(readers, scored)}, and not ratable by {_names(readers, refused)}"
    split, far = _split_on(scores, rule), _far_on(scores, rule)
    for scale, values in zip(SCALES, scores.T, strict=True):
        if scale.name in split:
            above, below = values >= DIAGNOSTIC_FROM, values < DIAGNOSTIC_FROM
            yield f"{scale.title}: diagnostic by {_names(readers, above)}, not by {_names(readers, below)}"
    for scale, apart in zip(SCALES, _ranges(scores), strict=True):
        if scale.name in far:
            yield f"{scale.title}: {apart:g} apart"


def _names(readers: tuple[str, ...], chosen: Flags) -> str:
    return ", ".join(reader for reader, is_chosen in zip(readers, chosen, strict=True) if is_chosen)
