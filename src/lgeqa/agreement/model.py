"""The model among the readers: its verdicts as labels, since it gives probabilities and no scores."""

from collections.abc import Mapping

import numpy as np

from lgeqa.agreement.measures import Sample, auroc, diagnostic_share, label_kappa, same_side, sides
from lgeqa.agreement.panel import Panel
from lgeqa.agreement.record import ModelPair
from lgeqa.intervals import Numbers
from lgeqa.records import ScanResult
from lgeqa.score import vote

#: Against whom the model stands, last of all.
MAJORITY = "majority"
#: Probability from which a slice counts as diagnostic for an attribute; a bundle's threshold is for quality alone.
_THRESHOLD = 0.5


def model_pairs(panel: Panel, scale: str, judged: Mapping[str, ScanResult], sample: Sample) -> tuple[ModelPair, ...]:
    """The model against each reader, and against the majority of them, on one scale.

    Args:
        panel: the readers.
        scale: a name of `attributes.NAMES`.
        judged: assessed records by the name of their scan; none for no comparison.
        sample: of the panel's scans.
    """
    if not judged:
        return ()
    answers = [answer(judged[scan], scale) if scan in judged else (np.nan, np.nan) for scan in panel.scans]
    calls, probabilities = np.array(answers, float).T
    labels = sides(panel.on(scale))
    against = [*zip(panel.readers, labels, strict=True), (MAJORITY, _majority(labels))]
    return tuple(_pair(name, theirs, calls, probabilities, sample) for name, theirs in against)


def answer(result: ScanResult, scale: str) -> tuple[bool, float]:
    """Whether an assessed record calls its scan diagnostic on a scale, and the probability.

    For quality they are verdict and probability of the record; for an attribute the mode of its slices' predictions,
    with the tie rule of the verdict, and the mean of their probabilities.
    """
    if scale == "quality":
        return result.verdict == "diagnostic", float(result.probability or 0)
    decision = vote(np.array([getattr(one, f"p_{scale}") for one in result.slices], np.float32), _THRESHOLD)
    return decision.verdict == "diagnostic", decision.probability


def _majority(labels: Numbers) -> Numbers:
    """1 where more than half of a scan's readers call it diagnostic, 0 where not, NaN where nobody scored it."""
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
