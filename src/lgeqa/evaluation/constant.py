"""Whether probabilities say more than a constant, and whether there are enough scans to tell."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from lgeqa.bootstrap import Numbers
from lgeqa.evaluation.metrics import brier
from lgeqa.formatting import probability_text

#: Spread of the middle nine tenths of the slices' probabilities below which a network says the same of every slice.
LEAST_SPREAD: Final = 0.05
#: Number of scans of a class below which a figure is uncertain by about a tenth or more.
FEW: Final = 10
#: Number of scans below which a comparison with a constant says nothing.
_LEAST_SCANS: Final = 5


def is_constant(probabilities: Numbers) -> bool:
    """Return whether a network says the same of every slice, given the probabilities of all slices, (slices,)."""
    low, high = np.quantile(probabilities, [0.05, 0.95])
    return bool(high - low < LEAST_SPREAD)


def constant_caution(title: str, slices: Numbers) -> str:
    """Return what to say about a network that says the same of every slice on a scale, or else an empty string."""
    if not is_constant(slices):
        return ""
    low, high = map(probability_text, np.quantile(slices, [0.05, 0.95]))
    return f"{title}: the network says the same of every slice, a probability of {low} to {high}."


def prevalence_caution(title: str, labels: npt.NDArray[np.bool_], probabilities: Numbers, share: float) -> str:
    """Return what to say about probabilities that are no better than always the same one, or else an empty string.

    They are compared by the Brier score.

    Args:
        title: Title of the scale.
        labels: Whether each scan is diagnostic, (scans,).
        probabilities: Probability that each scan is diagnostic, (scans,).
        share: The constant probability, a share of diagnostic scans.
    """
    if len(labels) < _LEAST_SCANS:
        return ""
    once = np.ones((1, len(labels)))
    own, constant = (float(brier(labels, p, once)[0]) for p in (probabilities, np.full(len(labels), share)))
    if own < constant:
        return ""
    return (
        f"{title}: on {len(labels)} scans the Brier score is {own:.2f}, which is no better than the {constant:.2f} of "
        f"always saying {share:.2f}, the share of diagnostic scans."
    )


def few_caution(counts: Mapping[str, tuple[int, int]]) -> str:
    """Return what to say about figures on few scans of a class, or else an empty string.

    Args:
        counts: Numbers of diagnostic and of all scans, by the title of the scale. A scale without scans has no figures.
    """
    few = [
        f"{title} ({diagnostic} of {n} scans diagnostic)"
        for title, (diagnostic, n) in counts.items()
        if n and min(diagnostic, n - diagnostic) < FEW
    ]
    return f"Fewer than {FEW} scans of a class, so the figures are rough: {', '.join(few)}." if few else ""
