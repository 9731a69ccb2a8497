"""Area under the ROC curve in each resample, with the arguments and results of `lgeqa.evaluation.metrics`."""

import numpy as np

from lgeqa.bootstrap import Numbers
from lgeqa.records import BoolArray


def auroc(labels: BoolArray, ranks: Numbers, times: Numbers) -> Numbers:
    """Compute the area under the ROC curve: the share of the P x N pairs in which the diagnostic item ranks higher.

    A tie counts half. Higher is better; .5 is chance. Undefined where one class is missing.
    """
    positive, negative = by_rank(labels, ranks, times)
    outranked = negative.cumsum(axis=1) - negative / 2
    return ratio((positive * outranked).sum(axis=1), positive.sum(axis=1) * negative.sum(axis=1))


def ratio(part: Numbers, whole: Numbers) -> Numbers:
    """Return part / whole, NaN where the whole is 0."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def by_rank(labels: BoolArray, ranks: Numbers, times: Numbers) -> tuple[Numbers, Numbers]:
    """Count each distinct rank, ascending, among the diagnostic and the other items, as two arrays (draws, ranks)."""
    order = np.argsort(ranks, kind="stable")
    _, starts = np.unique(ranks[order], return_index=True)
    times, labels = times[:, order], labels[order]
    return np.add.reduceat(times * labels, starts, axis=1), np.add.reduceat(times * ~labels, starts, axis=1)
