"""How well probabilities of quality agree with labels, with intervals over patients."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.floating]
Flags = npt.NDArray[np.bool_]


class Interval(NamedTuple):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


def auroc(labels: Flags, scores: Numbers) -> float:
    """Area under the ROC curve: the chance that a diagnostic scan scores higher than a non-diagnostic one.

    1 is best, .5 is chance; ties count half. NaN where one class is missing.
    """
    from sklearn.metrics import roc_auc_score

    if labels.all() or not labels.any():
        return math.nan
    return float(roc_auc_score(labels, scores))


def f1(labels: Flags, predictions: Flags) -> float:
    """F1 of class 1; NaN where nothing is diagnostic and nothing was called so."""
    hits = int((labels & predictions).sum())
    of_concern = int(labels.sum()) + int(predictions.sum())
    return 2 * hits / of_concern if of_concern else math.nan


def specificity(labels: Flags, predictions: Flags) -> float:
    """Share of the non-diagnostic scans that were called so; NaN where there is none."""
    negatives = int((~labels).sum())
    return int((~labels & ~predictions).sum()) / negatives if negatives else math.nan


def with_interval(
    figure: Callable[..., float],
    labels: Flags,
    given: npt.NDArray[np.generic],
    patients: Sequence[str],
    rng: np.random.Generator,
    draws: int = 1000,
) -> Interval:
    """A figure with its percentile interval by bootstrap over patients.

    Patients are drawn with replacement and bring all their scans, since scans of one patient are alike.

    Args:
        figure: of labels and what was given, such as `auroc`.
        labels: (scans,) true classes.
        given: (scans,) scores or predictions.
        patients: of each scan.
        rng: of the draws.
        draws: number of bootstrap samples; those in which the figure is undefined are left out.
    """
    names = np.array(patients)
    groups = [np.flatnonzero(names == name) for name in sorted(set(patients))]
    values = []
    for _ in range(draws):
        chosen = np.concatenate([groups[i] for i in rng.integers(len(groups), size=len(groups))])
        values.append(figure(labels[chosen], given[chosen]))
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return Interval(figure(labels, given), float(low), float(high))
