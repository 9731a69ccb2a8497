"""What the quality network's further outputs say about a whole scan: its pooled probabilities and its scores.

`attention` (with `logits`) and `levels` are outputs of strategies beyond the paper. A network without them is read as
before.
"""

import numpy as np

from lgeqa.records import FloatArray, ScoreEstimate
from lgeqa.scales import HIGHEST_SCORE, LOWEST_SCORE, SCALE_NAMES

#: Share of the distribution of a scan's score on each side of its interval.
_OUTSIDE = 0.1
#: Shares that differ by less are equal, so that rounding does not move an end of the interval.
_ROUNDING = 1e-6


def attention_weights(attention: FloatArray) -> FloatArray:
    """Return the weight of each slice of a scan, the softmax of its attention, (slice,)."""
    shares = np.exp(attention.astype(float) - attention.max())
    weights: FloatArray = (shares / shares.sum()).astype(np.float32)
    return weights


def pooled_probabilities(logits: FloatArray, attention: FloatArray) -> FloatArray:
    """Return the probabilities of a scan whose logits are the means of its slices' logits by weight, (4,).

    Args:
        logits: Logits of all slices of the scan, (slice, 4).
        attention: Attention of these slices, (slice,).
    """
    pooled = attention_weights(attention).astype(float) @ logits.astype(float)
    probabilities: FloatArray = (1 / (1 + np.exp(-pooled))).astype(np.float32)
    return probabilities


def estimate_scores(levels: FloatArray) -> dict[str, ScoreEstimate]:
    """Return the score of a scan on each scale, by its name.

    The distribution of a scan's score is the mean of the distributions of its slices. Its mean, 1 plus the sum of
    P(score > k) over k, is the expected score. The interval runs from its 10 % to its 90 % quantile, so it holds the
    score with a probability of at least 80 % by the network's own account.

    Args:
        levels: P(score > k) for k = 1 to 4, falling with k, (slice, 4 scales, 4 thresholds).
    """
    above = levels.mean(axis=0, dtype=float)
    return {name: _estimate(row) for name, row in zip(SCALE_NAMES, above, strict=True)}


def _estimate(above: FloatArray) -> ScoreEstimate:
    """Return the estimate for P(score > k), (4,)."""
    up_to = 1 - np.array([*above, 0.0])
    low, high = (LOWEST_SCORE + int(np.argmax(up_to >= share - _ROUNDING)) for share in (_OUTSIDE, 1 - _OUTSIDE))
    expected = min(LOWEST_SCORE + float(above.sum()), float(HIGHEST_SCORE))
    return ScoreEstimate(expected=expected, low=low, high=high)
