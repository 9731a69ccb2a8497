"""Inversion time off null: the myocardium is no longer dark. Tied to the score of myocardium nulling."""

from typing import Final

import numpy as np
from pydantic import Field
from scipy import optimize

from lgeqa.config import Settings
from lgeqa.records import FloatArray
from lgeqa.simulate.faults.scene import Scene
from lgeqa.simulate.faults.severity import at_grade, grade
from lgeqa.simulate.signal import Array, Sequence, null_time, signed_inversion_recovery
from lgeqa.simulate.tissue import PROPERTIES, Tissue

#: T1 after contrast of the two tissues that nulling is about, and the time between two inversions, in ms.
BLOOD_T1_MS: Final = PROPERTIES[Tissue.BLOOD].t1_ms
MUSCLE_T1_MS: Final = PROPERTIES[Tissue.MYOCARDIUM].t1_ms
REPETITION_MS: Final = 1000.0
#: Inversion times that null them, in ms.
BLOOD_NULL_MS: Final = null_time(BLOOD_T1_MS, REPETITION_MS)
MUSCLE_NULL_MS: Final = null_time(MUSCLE_T1_MS, REPETITION_MS)
#: The shortest T1 that the brightest voxels are given.
SHORTEST_T1_MS: Final = 150.0
#: Muscle over blood at the scores 1 to 5. Above some .8 only an inversion time that is too short gets there.
MUSCLE_OVER_BLOOD: Final = (1.8, 0.9, 0.4, 0.18, 0.02)
LATE_UP_TO: Final = 0.8


class NullingFault(Settings):
    """An inversion time, as a multiple of the one that nulls muscle; 1 is no fault, below 1 is too early."""

    inversion_over_null: float = Field(gt=0, lt=5)


def draw_nulling(rng: np.random.Generator, score: float) -> NullingFault:
    """Draw how far muscle is from null and on which side, and find the inversion time that gives it."""
    ratio = at_grade(grade(rng, score), MUSCLE_OVER_BLOOD)
    early = bool(rng.random() < 0.5) or ratio > LATE_UP_TO
    return NullingFault(inversion_over_null=inversion_for(ratio, early) / MUSCLE_NULL_MS)


def apply_nulling(scene: Scene, signal: FloatArray, fault: NullingFault) -> FloatArray:
    r"""Evaluate the scan again at another inversion time.

    The signal of a voxel is :math:`\rho\,|1 - 2 e^{-TI/T_1} + e^{-TR/T_1}|` (inversion recovery, steady state, an
    ideal inversion). Two things are unknown. The scan's own TI is taken to be late by as much as its muscle is
    bright: the TI at which muscle over blood is `scene.muscle`. Then the signal falls with T1, so each level over
    that of muscle has one T1. A voxel darker than muscle is muscle mixed with air, of the density in `scene`, which
    keeps lung and airways dark. Proton density is otherwise taken to be equal, and fat to be like any short T1.

    Returns:
        The signal at the fault's inversion time, in units of the blood level that the scan had.
    """
    own = inversion_for(scene.muscle, early=False)
    drawn = fault.inversion_over_null * MUSCLE_NULL_MS
    t1 = np.linspace(MUSCLE_T1_MS, SHORTEST_T1_MS, 256)
    blood = _recovered(BLOOD_T1_MS, own)
    tissue = np.interp(signal, _recovered(t1, own) / blood, np.abs(_recovered(t1, drawn)) / blood)
    mixed: FloatArray = scene.density * tissue + (1 - scene.density) * signal
    return mixed.astype(np.float32)


def inversion_for(ratio: float, early: bool) -> float:
    """The inversion time in ms, before or after muscle's null, at which muscle over blood is `ratio`."""

    def excess(inversion_ms: float) -> float:
        muscle, blood = np.abs(_recovered(np.array((MUSCLE_T1_MS, BLOOD_T1_MS)), inversion_ms))
        return float(muscle - ratio * blood)

    bounds = (BLOOD_NULL_MS, MUSCLE_NULL_MS) if early else (MUSCLE_NULL_MS, 3 * MUSCLE_NULL_MS)
    return float(optimize.brentq(excess, *bounds))


def _recovered(t1_ms: float | Array, inversion_ms: float) -> Array:
    sequence = Sequence(inversion_time_ms=inversion_ms, repetition_ms=REPETITION_MS)
    return signed_inversion_recovery(t1_ms, 1.0, sequence)
