"""Signal of an inversion-recovery gradient echo, the sequence of late-gadolinium-enhancement imaging."""

from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from lgeqa.config import Settings
from lgeqa.errors import UsageError

Array = npt.NDArray[np.floating[Any]]


class Sequence(Settings):
    """An inversion-recovery gradient echo acquisition.

    Attributes:
        inversion_time_ms: from the inversion to the centre of k-space (TI).
        repetition_ms: from one inversion to the next, one or two heart beats (TR).
        fat_signal: share of the fat's signal that the fat saturation leaves: 0 is perfect, 1 is none.
    """

    inversion_time_ms: float = Field(gt=0)
    repetition_ms: float = Field(default=1000.0, gt=0)
    fat_signal: float = Field(default=0.12, ge=0, le=1)


def signed_inversion_recovery(t1_ms: npt.ArrayLike, density: npt.ArrayLike, sequence: Sequence) -> Array:
    """Longitudinal magnetisation at TI, `density * (1 - 2 exp(-TI / T1) + exp(-TR / T1))`, inverted tissue negative.

    The steady state of perfect inversions every TR, with no regard to what the readout pulses take away (they are
    few and of low angle): Kellman and Arai, J Magn Reson Imaging 2012 (36:529), and any text on MRI physics.

    Args:
        t1_ms: T1, any shape.
        density: signal of the fully relaxed tissue, any shape that broadcasts with `t1_ms`.
        sequence: gives TI and TR.

    Returns:
        An array of the common shape, in the units of `density`.

    Raises:
        UsageError: a T1 is zero or less.
    """
    t1 = np.asarray(t1_ms, dtype=np.float64)
    _require_positive("T1", t1)
    recovery = 1 - 2 * np.exp(-sequence.inversion_time_ms / t1) + np.exp(-sequence.repetition_ms / t1)
    signed: Array = np.asarray(density) * recovery
    return signed


def inversion_recovery(t1_ms: npt.ArrayLike, density: npt.ArrayLike, sequence: Sequence) -> Array:
    """Magnitude of `signed_inversion_recovery`, which is what a magnitude image shows; same arguments and errors."""
    magnitude: Array = np.abs(signed_inversion_recovery(t1_ms, density, sequence))
    return magnitude


def null_time(t1_ms: float, repetition_ms: float) -> float:
    """Inversion time at which a tissue gives no signal, `T1 * (ln 2 - ln(1 + exp(-TR / T1)))`, in ms.

    Raises:
        UsageError: the T1 or the repetition time is zero or less.
    """
    _require_positive("T1", np.float64(t1_ms))
    _require_positive("the repetition time", np.float64(repetition_ms))
    return float(t1_ms * (np.log(2) - np.log1p(np.exp(-repetition_ms / t1_ms))))


def _require_positive(name: str, value: npt.ArrayLike) -> None:
    lowest = float(np.min(value))
    if not lowest > 0:
        raise UsageError(f"{name} of {lowest:g} ms makes no signal: give times above zero.")
