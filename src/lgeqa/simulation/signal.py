"""Signal of an inversion-recovery gradient echo, the sequence of late-gadolinium-enhancement imaging."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import optimize

from lgeqa.config import Settings
from lgeqa.errors import UsageError

Array = npt.NDArray[np.floating[Any]]

#: Usual time between two inversions in ms.
REPETITION_MS: Final = 1000.0


class Sequence(Settings):
    """An inversion-recovery gradient echo acquisition.

    Attributes:
        inversion_time_ms: Time from the inversion to the centre of k-space (TI).
        repetition_ms: Time from one inversion to the next, one or two heartbeats (TR).
        fat_signal: Share of the fat signal that remains after fat saturation: 0 if perfect, 1 without saturation.
        efficiency: Share of the inversion that the pulse achieves.
    """

    inversion_time_ms: float = Field(gt=0)
    repetition_ms: float = Field(default=REPETITION_MS, gt=0)
    fat_signal: float = Field(default=0.12, ge=0, le=1)
    efficiency: float = Field(default=1.0, ge=0, le=1)


def signed_inversion_recovery(t1_ms: npt.ArrayLike, density: npt.ArrayLike, sequence: Sequence) -> Array:
    """Return the magnetisation at TI, `density * (1 - (1 + f) exp(-TI / T1) + f exp(-TR / T1))`.

    It is negative where it is still inverted. This is the steady state of inversions of efficiency f every TR. It
    neglects the effect of the readout pulses, which are few and of low flip angle: Kellman and Arai, J Magn Reson
    Imaging 2012 (36:529), and any text on MRI physics.

    Args:
        t1_ms: T1, of any shape.
        density: Signal of the fully relaxed tissue, of any shape that broadcasts with `t1_ms`.
        sequence: Pulse sequence with TI, TR and f.

    Returns:
        Magnetisation of the common shape, in the units of `density`.

    Raises:
        UsageError: A T1 is zero or less.
    """
    t1 = np.asarray(t1_ms, dtype=np.float64)
    _require_positive("T1", t1)
    f = sequence.efficiency
    recovery = 1 - (1 + f) * np.exp(-sequence.inversion_time_ms / t1) + f * np.exp(-sequence.repetition_ms / t1)
    signed: Array = np.asarray(density) * recovery
    return signed


def inversion_recovery(t1_ms: npt.ArrayLike, density: npt.ArrayLike, sequence: Sequence) -> Array:
    """Return the magnitude of `signed_inversion_recovery`, as in a magnitude image.

    Args:
        t1_ms: T1, of any shape.
        density: Signal of the fully relaxed tissue, of any shape that broadcasts with `t1_ms`.
        sequence: Pulse sequence with TI, TR and f.

    Raises:
        UsageError: A T1 is zero or less.
    """
    magnitude: Array = np.abs(signed_inversion_recovery(t1_ms, density, sequence))
    return magnitude


def null_time(t1_ms: float, repetition_ms: float) -> float:
    """Return the inversion time in ms at which a tissue has no signal, `T1 * (ln 2 - ln(1 + exp(-TR / T1)))`.

    Raises:
        UsageError: The T1 or the repetition time is zero or less.
    """
    _require_positive("T1", np.float64(t1_ms))
    _require_positive("the repetition time", np.float64(repetition_ms))
    return float(t1_ms * (np.log(2) - np.log1p(np.exp(-repetition_ms / t1_ms))))


def inversion_for(ratio: float, t1_ms: tuple[float, float], repetition_ms: float, *, early: bool) -> float:
    """Return the inversion time in ms at which myocardium and blood have this signal ratio.

    Args:
        ratio: Ratio of the magnitudes of myocardium and blood, at least 0. A late ratio above the one at three times
            the null time gives three times the null time.
        t1_ms: T1 of myocardium and of blood. The T1 of blood is the shorter one.
        repetition_ms: Time between two inversions.
        early: Whether the time is before the null of myocardium, which is then inverted, or after it.
    """
    null_ms, blood_null_ms = (null_time(t1, repetition_ms) for t1 in t1_ms)
    # The bounds extend a little beyond the null, so that they enclose a ratio of 0.
    first, last = (blood_null_ms, 1.05 * null_ms) if early else (0.95 * null_ms, 3 * null_ms)

    def excess(inversion_ms: float) -> float:
        sequence = Sequence(inversion_time_ms=inversion_ms, repetition_ms=repetition_ms)
        myocardium, blood = signed_inversion_recovery(t1_ms, 1.0, sequence)
        return float((-myocardium if early else myocardium) - ratio * blood)

    if not early and excess(last) < 0:
        return last
    return float(optimize.brentq(excess, first, last))


def _require_positive(name: str, value: npt.ArrayLike) -> None:
    lowest = float(np.min(value))
    if not lowest > 0:
        raise UsageError(f"{name} of {lowest:g} ms makes no signal: give times above zero.")
