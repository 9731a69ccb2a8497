"""Measures of the agreement between readings. The docstring of each measure is its definition.

Scores run from 1 to 5, and a score of 3 or more is diagnostic. An undefined figure has a reason and no value.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

import numpy as np

from lgeqa import roc
from lgeqa.agreement.rating_matrix import Flags
from lgeqa.bootstrap import Bootstrap, Estimate, Numbers, bounded, numbered, with_interval
from lgeqa.records import IntArray
from lgeqa.scales import DIAGNOSTIC_FROM, HIGHEST_SCORE
from lgeqa.weighted_kappa import quadratic_kappa

#: scikit-learn takes integers: in units of 1/60 of a score, halves and other means of up to six readers are integers.
_PARTS: Final = 60
#: Smallest number of scores that pingouin accepts.
_ICC_SCORES: Final = 5
_NO_SCAN: Final = "no scan was scored by both"


@dataclass(frozen=True)
class Sample:
    """Patients of the scans that a figure is computed from, and the bootstrap over them.

    Attributes:
        patients: Number of each scan's patient, (scans,).
        bootstrap: Bootstrap that draws the intervals.
    """

    patients: IntArray
    bootstrap: Bootstrap

    def of(self, scans: Flags) -> "Sample":
        """Return the sample of only these scans, with the patients renumbered without gaps."""
        return Sample(numbered(self.patients[scans]), self.bootstrap)


def sides(scores: Numbers) -> Numbers:
    """Return the label of each score: 1 for diagnostic, 0 for non-diagnostic, NaN where there is no score."""
    return np.where(np.isnan(scores), np.nan, scores >= DIAGNOSTIC_FROM)


def kappa(a: Numbers, b: Numbers, sample: Sample) -> Estimate:
    """Compute Cohen's kappa of two readings with quadratic weights: 1 - D / E.

    D is the mean of (a - b)² over the scans. E is its mean over all pairs of a score of a and a score of b, which is
    the value expected by chance. 1 is full agreement, 0 is chance. Undefined with fewer than 2 scans, and where both
    readings gave the same score to all scans. Source: Cohen 1968, Psychological Bulletin 70:213-220; value by
    scikit-learn.
    """
    reason = _lack(a) or _constant(np.stack([a, b]))
    return Estimate(undefined=reason) if reason else _kappa(a, b, sample)


def label_kappa(a: Numbers, b: Numbers, sample: Sample) -> Estimate:
    """Compute Cohen's kappa of the labels of two readings, 1 for diagnostic and 0 for not: (p - c) / (1 - c).

    p is the share of the scans with the same label, and c is the share expected by chance, given each reading's share
    of diagnostic scans. 1 is full agreement, 0 is chance. Undefined with fewer than 2 scans, and where both readings
    put all scans on one side of 3. Source: Cohen 1960, Educational and Psychological Measurement 20:37-46; value by
    scikit-learn.
    """
    one_side = len(np.unique([a, b])) == 1
    reason = _lack(a) or ("all scans are on one side of 3" if one_side else "")
    return Estimate(undefined=reason) if reason else _kappa(a, b, sample)


def alpha(scores: Numbers, sample: Sample) -> Estimate:
    """Compute Krippendorff's alpha of all readers for ordinal scores: 1 - D / E.

    D is the observed disagreement in all pairs of scores of one scan, and E is the disagreement in all pairs of scores
    of all scans. The difference of two scores is the number of scores between them in rank. Readers may have read
    different scans: a scan counts if two or more readers scored it. 1 is full agreement, 0 is chance. Undefined with
    fewer than 2 such scans, and where all scores are the same. Source: Krippendorff 2011, Computing Krippendorff's
    Alpha-Reliability; value and draws by the package krippendorff.
    """
    paired = (~np.isnan(scores)).sum(axis=0) >= 2
    if reason := _too_few(int(paired.sum()), "scored by two readers or more") or _constant(scores[:, paired]):
        return Estimate(undefined=reason)
    import krippendorff

    domain = np.unique(scores[:, paired][~np.isnan(scores[:, paired])])
    counts = (scores[:, paired].T[:, :, None] == domain).sum(axis=1)

    def draw(times: Numbers) -> Numbers:
        drawn = (np.repeat(counts, row.astype(int), axis=0) for row in times)
        with np.errstate(invalid="ignore"):
            return np.array(
                [
                    krippendorff.alpha(value_counts=sample_counts, value_domain=domain, level_of_measurement="ordinal")
                    for sample_counts in drawn
                ]
            )

    return with_interval(draw, sample.of(paired).patients, sample.bootstrap)


def icc(scores: Numbers, sample: Sample) -> Estimate:
    """Compute ICC(2,1), the share of the variance of single scores that is between scans, with readers random too.

    (B - E) / (B + (k - 1) E + k (J - E) / n), with the mean squares B between scans, J between readers and E of the
    residual, over the n scans that all k readers scored. It falls if one reader is more lenient than another (absolute
    agreement, ICC(A,1) of McGraw and Wong). 1 is full agreement. The interval is analytic and treats scans as
    independent. Undefined with fewer than 2 readers, 2 such scans or 5 scores, and where all scores are the same.
    Source: Shrout and Fleiss 1979, Psychological Bulletin 86:420-428; value and interval by the package pingouin.
    """
    complete = ~np.isnan(scores).any(axis=0)
    rated, k = scores[:, complete], len(scores)
    reason = "" if k >= 2 else "only one reader scored scans"
    reason = reason or _too_few(rated.shape[1], f"scored by all {k} readers") or _constant(rated)
    reason = reason or ("two scans of two readers are too few" if rated.size < _ICC_SCORES else "")
    if reason:
        return Estimate(undefined=reason)
    import pandas as pd
    import pingouin

    long = pd.DataFrame(rated).melt(ignore_index=False, var_name="scan", value_name="score").reset_index()
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # raised by pingouin's calls of pandas
        table = pingouin.intraclass_corr(long, "scan", "index", "score").set_index("Type")
    value, (low, high) = float(table.at["ICC(A,1)", "ICC"]), map(float, table.at["ICC(A,1)", "CI95"])
    if not np.isfinite([low, high]).all() or np.ptp(rated, axis=0).max() == 0:
        return Estimate(value=value, caution="no variance is left over: no interval")
    one_each = len(np.unique(sample.patients[complete])) == rated.shape[1]
    caution = "" if one_each else "the interval takes scans of one patient as independent"
    return Estimate(value=value, low=low, high=high, caution=caution)


def exact_agreement(a: Numbers, b: Numbers, sample: Sample) -> Estimate:
    """Compute the share of the scans to which two readings gave the same score.

    Undefined where no scan was scored in both.
    """
    return _mean(a == b, sample)


def same_side(a: Numbers, b: Numbers, sample: Sample) -> Estimate:
    """Compute the share of the scans with the same label in two readings: both diagnostic (3 or more) or both not.

    Undefined where no scan was scored in both.
    """
    return _mean(a == b, sample)


def difference(own: Numbers, others: Numbers, sample: Sample) -> Estimate:
    """Compute a reader's leniency: the mean over the scans of the reader's score minus the mean score of the others.

    Above 0 is more lenient than the others, below 0 is stricter. Undefined where no other reader scored these scans.
    """
    return _mean(own - others, sample)


def diagnostic_share(labels: Numbers, sample: Sample) -> Estimate:
    """Compute the mean label over the scans, the share that a reader, or the model by its verdict, calls diagnostic.

    For several readers, the label of a scan is the share of them who call it diagnostic. Undefined without scans.
    """
    return _mean(labels, sample)


def auroc(labels: Numbers, probabilities: Numbers, sample: Sample) -> Estimate:
    """Compute the area under the ROC curve of the model's probability against a reader's labels.

    This is the share of the pairs of a scan that the reader calls diagnostic and one that the reader does not, in which
    the former has the higher probability; a tie counts half. .5 is chance. Undefined where the reader put all scans on
    one side of 3.
    """
    if len(np.unique(labels)) < 2:
        return Estimate(undefined="all scans are on one side of 3" if len(labels) else _NO_SCAN)
    draw = partial(roc.auroc, labels == 1, probabilities)
    return with_interval(draw, sample.patients, sample.bootstrap)


def _mean(values: Numbers | Flags, sample: Sample) -> Estimate:
    if not len(values):
        return Estimate(undefined=_NO_SCAN)
    return with_interval(lambda times: times @ values / times.sum(axis=1), sample.patients, sample.bootstrap)


def _kappa(a: Numbers, b: Numbers, sample: Sample) -> Estimate:
    """Compute kappa with quadratic weights, which equals the unweighted kappa for two classes."""
    from sklearn.metrics import cohen_kappa_score

    whole = [np.rint(_PARTS * scores).astype(int) for scores in (a, b)]
    value = cohen_kappa_score(*whole, weights="quadratic", labels=np.arange(_PARTS * HIGHEST_SCORE + 1))

    # scikit-learn takes a thousand times as long for all draws.
    return bounded(float(value), partial(quadratic_kappa, a, b), sample.patients, sample.bootstrap)


def _lack(a: Numbers) -> str:
    return _too_few(len(a), "scored by both") if len(a) else _NO_SCAN


def _too_few(scans: int, how: str) -> str:
    return "" if scans >= 2 else f"{'only one scan was' if scans else 'no scan was'} {how}"


def _constant(scores: Numbers) -> str:
    values = np.unique(scores[~np.isnan(scores)])
    return "" if len(values) > 1 else f"all scores are {values[0]:g}"


@dataclass(frozen=True)
class Metric:
    """A measure of agreement.

    Attributes:
        name: Name in the record.
        takes: Readers whose readings are compared.
        measure: Function whose docstring is the definition.
    """

    name: str
    takes: Literal["two readings", "all readers", "one reader", "the model"]
    measure: Callable[..., Estimate]


#: Measures that the reference page lists.
METRICS: Final = (
    Metric("kappa", "two readings", kappa),
    Metric("label_kappa", "two readings", label_kappa),
    Metric("exact", "two readings", exact_agreement),
    Metric("same_side", "two readings", same_side),
    Metric("alpha", "all readers", alpha),
    Metric("icc", "all readers", icc),
    Metric("difference", "one reader", difference),
    Metric("diagnostic", "one reader", diagnostic_share),
    Metric("auroc", "the model", auroc),
)
