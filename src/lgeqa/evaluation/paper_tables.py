"""Figures of Tables 1 and 2 of the paper."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import numpy as np
from pydantic import FiniteFloat

from lgeqa.bootstrap import Bootstrap, Estimate, Numbers, numbered, with_interval
from lgeqa.config import Frozen
from lgeqa.evaluation.metrics import METRICS
from lgeqa.evaluation.record import Association, Figures
from lgeqa.records import IntArray
from lgeqa.scales import ATTRIBUTE_NAMES, DIAGNOSTIC_FROM, SCALE_NAMES

#: Variances below this share of the squared mean are rounding errors.
_ROUNDING: Final = 1e-12


def table_1(scores: Numbers, patients: IntArray, bootstrap: Bootstrap) -> dict[str, Association]:
    """Compute the association of the scores of each attribute with the scores of quality, over the scans with both.

    Args:
        scores: Scores of 1 to 5, (n, 4) in the order of `scales.SCALE_NAMES`. NaN without a score.
        patients: Number of each scan's patient, from 0 without gaps, (n,).
        bootstrap: Bootstrap that draws the intervals.
    """
    quality = scores[:, SCALE_NAMES.index("quality")]
    return {
        name: _association(scores[:, SCALE_NAMES.index(name)], quality, name, patients, bootstrap)
        for name in ATTRIBUTE_NAMES
    }


def pearson(x: Numbers, y: Numbers, times: Numbers) -> Numbers:
    """Compute Pearson's r in each draw: sum (x - mx)(y - my) / sqrt(sum (x - mx)^2 sum (y - my)^2).

    It is undefined (NaN) where x or y is constant.

    Args:
        x: Values of the first variable, (n,) or (draws, n).
        y: Values of the second variable, (n,) or (draws, n).
        times: How often each item counts, (draws, n). At least one item counts in each draw.

    Returns:
        Correlation in each draw, (draws,), from -1 to 1.
    """
    total = times.sum(axis=1)
    mean_x, mean_y = (times * x).sum(axis=1) / total, (times * y).sum(axis=1) / total
    off_x, off_y = x - mean_x[:, None], y - mean_y[:, None]
    squares_x, squares_y = (times * off_x**2).sum(axis=1), (times * off_y**2).sum(axis=1)
    varies = (squares_x > _ROUNDING * total * mean_x**2) & (squares_y > _ROUNDING * total * mean_y**2)
    together = (times * off_x * off_y).sum(axis=1)
    correlations = np.full(len(total), np.nan)
    np.divide(together, np.sqrt(squares_x * squares_y), out=correlations, where=varies)
    return correlations


def spearman(x: Numbers, y: Numbers, times: Numbers) -> Numbers:
    """Compute Pearson's r of the ranks within each draw, where equal values share their mean rank.

    Arguments, result and undefined cases are the same as for `pearson`, but x and y are (n,).
    """
    return pearson(_ranks(x, times), _ranks(y, times), times)


class Spread(Frozen):
    """Mean and standard deviation of a measure over iterations of training (Table 2 of the paper).

    Attributes:
        mean: Mean over the iterations in which the measure is defined. None if there are none.
        sd: Standard deviation over these iterations, with n - 1. None if there are fewer than two.
        n: Number of iterations in which the measure is defined.
        of: Number of all iterations.
    """

    mean: FiniteFloat | None
    sd: FiniteFloat | None
    n: int
    of: int


def table_2(iterations: Sequence[Figures]) -> dict[str, Spread]:
    """Compute mean and standard deviation of each measure over iterations, for instance of one strategy."""
    return {metric.name: _spread([figures[metric.name].value for figures in iterations]) for metric in METRICS}


def _association(x: Numbers, quality: Numbers, name: str, patients: IntArray, bootstrap: Bootstrap) -> Association:
    both = ~np.isnan(x) & ~np.isnan(quality)
    if not both.any():
        return Association(**dict.fromkeys(Association.model_fields, Estimate(undefined="no scan has both scores")))
    x, quality, patients = x[both], quality[both], numbered(patients[both])
    labels = [np.asarray(scores >= DIAGNOSTIC_FROM, float) for scores in (x, quality)]
    figures = {}
    for title, measure, kind, (first, second) in (
        ("pearson", pearson, "scores", (x, quality)),
        ("spearman", spearman, "scores", (x, quality)),
        ("phi", pearson, "labels", labels),
    ):
        alike = [what for what, values in ((name, first), ("quality", second)) if len(np.unique(values)) < 2]
        figures[title] = (
            Estimate(undefined=f"all {kind} of {alike[0]} are the same")
            if alike
            else with_interval(partial(measure, first, second), patients, bootstrap)
        )
    return Association(**figures)


def _ranks(values: Numbers, times: Numbers) -> Numbers:
    """Return the mean rank of each item in each draw, (draws, n), up to a constant."""
    distinct, which = np.unique(values, return_inverse=True)
    counts = times @ (which[:, None] == np.arange(len(distinct)))
    return np.asarray((counts.cumsum(axis=1) - counts / 2)[:, which])


def _spread(values: Sequence[float | None]) -> Spread:
    defined = [value for value in values if value is not None]
    mean = sum(defined) / len(defined) if defined else None
    sd = float(np.std(defined, ddof=1)) if len(defined) > 1 else None
    return Spread(mean=mean, sd=sd, n=len(defined), of=len(values))
