"""Comparison of the model with the readers by verdicts, since the model gives probabilities and no scores."""

from collections.abc import Mapping

import numpy as np

from lgeqa.agreement.rating_matrix import RatingMatrix
from lgeqa.agreement.record import ModelPair
from lgeqa.agreement.statistics import Sample, auroc, diagnostic_share, label_kappa, same_side, sides
from lgeqa.bootstrap import Numbers
from lgeqa.inference.vote import scan_call
from lgeqa.records import ScanResult

#: Name of the majority of the readers, with which the model is compared last.
MAJORITY = "majority"


def model_pairs(
    panel: RatingMatrix, scale: str, judged: Mapping[str, ScanResult], sample: Sample
) -> tuple[ModelPair, ...]:
    """Compare the model with each reader, and with the majority of them, on one scale.

    Args:
        panel: Readings of all readers.
        scale: Name of the scale, one of `scales.SCALE_NAMES`.
        judged: Assessed records by scan name. Empty for no comparison.
        sample: Sample of the panel's scans.
    """
    if not judged:
        return ()
    results = [judged.get(scan) for scan in panel.scans]
    calls = np.array([scan_call(result, scale) if result else np.nan for result in results], float)
    probabilities = np.array([getattr(result, f"p_{scale}") if result else np.nan for result in results], float)
    labels = sides(panel.on(scale))
    against = [*zip(panel.readers, labels, strict=True), (MAJORITY, _majority(labels))]
    return tuple(_pair(name, theirs, calls, probabilities, sample) for name, theirs in against)


def _majority(labels: Numbers) -> Numbers:
    """Return 1 where more than half of a scan's readers call it diagnostic, 0 where not, NaN where nobody scored it."""
    scored = (~np.isnan(labels)).sum(axis=0)
    return np.where(scored > 0, 2 * np.nansum(labels, axis=0) > scored, np.nan)


def _pair(against: str, theirs: Numbers, calls: Numbers, probabilities: Numbers, sample: Sample) -> ModelPair:
    both = ~np.isnan(theirs) & ~np.isnan(calls)
    theirs, calls, of_both = theirs[both], calls[both], sample.of(both)
    return ModelPair(
        against=against,
        n=len(theirs),
        label_kappa=label_kappa(calls, theirs, of_both),
        same_side=same_side(calls, theirs, of_both),
        auroc=auroc(theirs, probabilities[both], of_both),
        diagnostic=diagnostic_share(calls, of_both),
        others_diagnostic=diagnostic_share(theirs, of_both),
    )
