"""What a measure gives: a value, or the reason why it is undefined."""

from typing import NamedTuple

import numpy as np


class Measured(NamedTuple):
    """A measured value.

    Attributes:
        value: The value; NaN where it is undefined.
        reason: Why it is undefined, in one sentence; empty where it is defined.
    """

    value: float
    reason: str = ""


def undefined(reason: str) -> Measured:
    """Return an undefined value with its reason."""
    return Measured(float(np.nan), reason)
