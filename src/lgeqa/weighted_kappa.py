"""Cohen's kappa with quadratic weights in bootstrap draws, for evaluations and agreements."""

import numpy as np

from lgeqa.bootstrap import Numbers

#: A chance disagreement below this counts as 0.
_ROUNDING = 1e-12


def quadratic_kappa(a: Numbers, b: Numbers, times: Numbers) -> Numbers:
    """Compute Cohen's kappa with quadratic weights in each draw: 1 - D / E.

    D is the mean of (a - b)² over the scans, and E its mean over all pairs of a score of a and a score of b, which is
    computed from moments. Source: Cohen 1968, Psychological Bulletin 70:213-220.

    Args:
        a: Scores of one reading, (n,).
        b: Scores of the other, (n,).
        times: How often each scan counts, (draws, n). At least one scan counts in each draw.

    Returns:
        Kappa in each draw, (draws,), NaN where both readings gave the same score to all scans.
    """
    weights = times / times.sum(axis=1, keepdims=True)
    chance = weights @ a**2 + weights @ b**2 - 2 * (weights @ a) * (weights @ b)
    return np.asarray(1 - weights @ (a - b) ** 2 / np.where(chance > _ROUNDING, chance, np.nan))
