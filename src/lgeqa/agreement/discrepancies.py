"""Scans that the readers should adjudicate, those with the largest disagreement first."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from lgeqa.agreement.rating_matrix import Flags, RatingMatrix
from lgeqa.agreement.record import Dispute
from lgeqa.agreement.statistics import sides
from lgeqa.bootstrap import Numbers
from lgeqa.records import ScanResult
from lgeqa.scales import DIAGNOSTIC_FROM, SCALE_NAMES, SCALES

#: Range of scores on a scale from which readers are too far apart.
FAR: Final = 2
_QUALITY: Final = SCALE_NAMES.index("quality")


def disputes_of(panel: RatingMatrix, judged: Mapping[str, ScanResult]) -> tuple[Dispute, ...]:
    """Return the scans to adjudicate, by the first readings of two or more readers.

    A scan is included if one reader says that it cannot be rated and another scores it, if readers are on different
    sides of 3 on quality, or if their scores on any scale are `FAR` or more apart. Scans are ranked by these reasons in
    this order, then by the largest range of scores on a scale, then by the sum of the ranges of all scales.

    Args:
        panel: Readings of all readers.
        judged: Records of the model by scan name, to be shown beside the readings.
    """
    disputes = []
    for place, scan in enumerate(panel.scans):
        scores, refused = panel.scores[0, :, place], panel.refused[0, :, place]
        scored = panel.scored[0, :, place]
        if reasons := list(_reasons(scores, refused, panel.readers)):
            ranges = _ranges(scores)
            order = (not refused.any(), not _split(scores), -ranges.max(), -ranges.sum(), scan)
            readings = {
                reader: tuple(None if np.isnan(score) else float(score) for score in row) if has_scores else None
                for reader, row, has_scores, off in zip(panel.readers, scores, scored, refused, strict=True)
                if has_scores or off
            }
            disputes.append((order, scan, tuple(reasons), float(ranges.max()), readings))
    return tuple(
        Dispute(
            rank=rank,
            scan_id=scan,
            reasons=reasons,
            spread=spread,
            readings=readings,
            verdict=judged[scan].verdict if scan in judged else None,
            probability=judged[scan].probability if scan in judged else None,
        )
        for rank, (_, scan, reasons, spread, readings) in enumerate(sorted(disputes), start=1)
    )


def _split(scores: Numbers) -> bool:
    """Return whether readers are on different sides of 3 on quality, for `scores` of shape (readers, scales)."""
    quality = scores[:, _QUALITY]
    return len(np.unique(sides(quality[~np.isnan(quality)]))) > 1


def _ranges(scores: Numbers) -> Numbers:
    """Return the range of the scores on each scale, (scales,), for `scores` of shape (readers, scales), or 0."""
    highest, lowest = (np.where(np.isnan(scores), end, scores) for end in (-np.inf, np.inf))
    ranges = highest.max(axis=0) - lowest.min(axis=0)
    return np.where(np.isfinite(ranges), ranges, 0.0)


def _reasons(scores: Numbers, refused: Flags, readers: tuple[str, ...]) -> Iterator[str]:
    scored = np.asarray((~np.isnan(scores)).any(axis=1))
    if refused.any() and scored.any():
        yield f"Rated by {_names(readers, scored)}, and not ratable by {_names(readers, refused)}"
    if _split(scores):
        quality = scores[:, _QUALITY]
        above, below = quality >= DIAGNOSTIC_FROM, quality < DIAGNOSTIC_FROM
        yield f"Quality: diagnostic by {_names(readers, above)}, not by {_names(readers, below)}"
    for scale, apart in zip(SCALES, _ranges(scores), strict=True):
        if apart >= FAR:
            yield f"{scale.title}: {apart:g} apart"


def _names(readers: tuple[str, ...], chosen: Flags) -> str:
    return ", ".join(reader for reader, is_chosen in zip(readers, chosen, strict=True) if is_chosen)
