"""Measures of answers against labels. The docstring of each measure is its definition.

Class 1 is diagnostic. TP, FP, TN and FN are the numbers of items (scans or slices) by label and call, and P and N are
the numbers of diagnostic and non-diagnostic items. Every measure takes

- `labels`, bool (n,);
- the answers, (n,): calls (bool), ranks (higher is more diagnostic) or probabilities of being diagnostic;
- `times`, float (draws, n): how often each item counts. A row of ones counts each item once, and the rows of a
  bootstrap are its draws;

and returns (draws,), NaN where it is undefined.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from lgeqa.bootstrap import Numbers
from lgeqa.roc import auroc, by_rank, ratio

Flags = npt.NDArray[np.bool_]
#: Function of labels, answers and times.
Measure = Callable[[Flags, npt.NDArray[Any], Numbers], Numbers]
#: Function of labels and answers that returns the reason why a measure is undefined, with `{unit}` for scan or slice,
#: or an empty string if it is defined.
Lack = Callable[[Flags, npt.NDArray[Any]], str]

#: Number of bins of equal width of the calibration error and of the reliability plot. The last bin includes 1.
BINS: Final = 10


def precision(labels: Flags, calls: Flags, times: Numbers) -> Numbers:
    """Compute the share of the items called diagnostic that are diagnostic: TP / (TP + FP).

    Higher is better. Undefined where nothing was called diagnostic.
    """
    return ratio(_count(labels & calls, times), _count(calls, times))


def recall(labels: Flags, calls: Flags, times: Numbers) -> Numbers:
    """Compute the share of the diagnostic items that were called diagnostic, the sensitivity: TP / (TP + FN).

    Higher is better. Undefined where nothing is diagnostic.
    """
    return ratio(_count(labels & calls, times), _count(labels, times))


def f1(labels: Flags, calls: Flags, times: Numbers) -> Numbers:
    """Compute the harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN).

    Higher is better. Undefined where nothing is diagnostic and nothing was called diagnostic.
    """
    return ratio(2 * _count(labels & calls, times), _count(labels, times) + _count(calls, times))


def specificity(labels: Flags, calls: Flags, times: Numbers) -> Numbers:
    """Compute the share of the non-diagnostic items that were called non-diagnostic: TN / (TN + FP).

    Higher is better. Undefined where nothing is non-diagnostic.
    """
    return ratio(_count(~labels & ~calls, times), _count(~labels, times))


def balanced_accuracy(labels: Flags, calls: Flags, times: Numbers) -> Numbers:
    """Compute the mean of recall and specificity.

    Higher is better; the same answer for all items gives .5. Undefined where one class is missing.
    """
    return (recall(labels, calls, times) + specificity(labels, calls, times)) / 2


def average_precision(labels: Flags, ranks: Numbers, times: Numbers) -> Numbers:
    """Compute the mean over the diagnostic items of the precision among all items that rank as high or higher.

    With R_k and Q_k the recall and precision of calling the k highest ranks diagnostic, this is the sum of
    (R_k - R_k-1) Q_k over the distinct ranks, without interpolation. Higher is better; chance is P / (P + N). Undefined
    where nothing is diagnostic.
    """
    positive, negative = (counts[:, ::-1] for counts in by_rank(labels, ranks, times))
    true = positive.cumsum(axis=1)
    called = true + negative.cumsum(axis=1)
    precisions = np.divide(true, called, out=np.zeros_like(true), where=called > 0)
    return ratio((positive * precisions).sum(axis=1), positive.sum(axis=1))


def brier(labels: Flags, probabilities: Numbers, times: Numbers) -> Numbers:
    """Compute the mean squared difference of probability and label (1 or 0), the "MSE" of the paper's section 4.3.

    Lower is better; a probability of .5 for all items gives .25. Undefined where there are no items.
    """
    return ratio(times @ (probabilities - labels) ** 2, times.sum(axis=1))


def calibration_error(labels: Flags, probabilities: Numbers, times: Numbers) -> Numbers:
    """Compute the expected calibration error, the difference between probabilities and observed diagnostic shares.

    It is the sum over 10 bins of equal width of (n_b / n) |mean label in b - mean probability in b|. Bin b holds
    b / 10 <= p < (b + 1) / 10, and the last bin also holds 1. Lower is better. It is too high where a bin holds few
    items, so compare it only between equal numbers of items. Undefined where there are no items.
    """
    within = bin_of(probabilities)[:, None] == np.arange(BINS)
    gaps = times @ (within * (labels - probabilities)[:, None])
    return ratio(np.abs(gaps).sum(axis=1), times.sum(axis=1))


def bin_of(probabilities: Numbers) -> npt.NDArray[np.int64]:
    """Return the bin of each probability, 0 to BINS - 1."""
    return np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)


@dataclass(frozen=True)
class Metric:
    """A measure of answers against labels.

    Attributes:
        name: Name in records and tables.
        title: Display name.
        measure: Function whose docstring is the definition.
        takes: Kind of answers that the measure takes.
        better: Direction in which the measure is better.
        lack: Function that returns the reason why the measure is undefined.
    """

    name: str
    title: str
    measure: Measure
    takes: Literal["calls", "ranks", "probabilities"]
    better: Literal["higher", "lower"]
    lack: Lack

    def __call__(self, labels: Flags, answers: npt.NDArray[Any]) -> float:
        """Return the measure with each item counted once, NaN where it is undefined."""
        return float(self.measure(labels, answers, np.ones((1, len(labels))))[0])

    def why_undefined(self, labels: Flags, answers: npt.NDArray[Any], unit: str) -> str:
        """Return a reason such as "no scan is non-diagnostic", or an empty string if the measure is defined."""
        if not len(labels):
            return f"no {unit} has a label"
        return self.lack(labels, answers).format(unit=unit)


def _no_positive(labels: Flags, _: npt.NDArray[Any]) -> str:
    return "" if labels.any() else "no {unit} is diagnostic"


def _no_negative(labels: Flags, _: npt.NDArray[Any]) -> str:
    return "no {unit} is non-diagnostic" if labels.all() else ""


def _one_class(labels: Flags, answers: npt.NDArray[Any]) -> str:
    return _no_positive(labels, answers) or _no_negative(labels, answers)


def _none_called(_: Flags, calls: npt.NDArray[Any]) -> str:
    return "" if calls.any() else "no {unit} was called diagnostic"


def _none_of_concern(labels: Flags, calls: npt.NDArray[Any]) -> str:
    return "" if labels.any() or calls.any() else "no {unit} is diagnostic and none was called so"


def _nothing(_: Flags, __: npt.NDArray[Any]) -> str:
    return ""


#: Every measure of an evaluation, in the order of its tables, with the paper's four first.
METRICS: Final = (
    Metric("precision", "Precision", precision, "calls", "higher", _none_called),
    Metric("recall", "Recall", recall, "calls", "higher", _no_positive),
    Metric("f1", "F1", f1, "calls", "higher", _none_of_concern),
    Metric("specificity", "Specificity", specificity, "calls", "higher", _no_negative),
    Metric("balanced_accuracy", "Balanced accuracy", balanced_accuracy, "calls", "higher", _one_class),
    Metric("auroc", "AUROC", auroc, "ranks", "higher", _one_class),
    Metric("average_precision", "Average precision", average_precision, "ranks", "higher", _no_positive),
    Metric("brier", "Brier score", brier, "probabilities", "lower", _nothing),
    Metric("calibration_error", "Calibration error", calibration_error, "probabilities", "lower", _nothing),
)


def _count(chosen: Flags, times: Numbers) -> Numbers:
    return times @ chosen.astype(np.float64)
