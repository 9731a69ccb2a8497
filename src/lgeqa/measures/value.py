"""The result of a measure: a value, or the reason why it is undefined."""

from typing import NamedTuple

import numpy as np


class Measured(NamedTuple):
    """A measured value.

    Attributes:
        value: Measured value, NaN if undefined.
        reason: Reason why the value is undefined, in one sentence. Empty if it is defined.
    """

    value: float
    reason: str = ""


def undefined(reason: str) -> Measured:
    """Return an undefined value with its reason."""
    return Measured(float(np.nan), reason)
