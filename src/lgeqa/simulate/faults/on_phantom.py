"""The same faults on a phantom, where every tissue is known."""

from typing import Final

import numpy as np

from lgeqa.records import FloatArray
from lgeqa.simulate.faults.draw import Faults
from lgeqa.simulate.faults.motion import acquire
from lgeqa.simulate.faults.nulling import MUSCLE_NULL_MS, MUSCLE_T1_MS, REPETITION_MS, SHORTEST_T1_MS
from lgeqa.simulate.faults.quality import apply_coil, level_of_noise
from lgeqa.simulate.phantom import Phantom, render
from lgeqa.simulate.signal import Sequence, signed_inversion_recovery
from lgeqa.simulate.tissue import PROPERTIES, Tissue

#: What enhances with the aorta and the valves, and what the reader looks for in the atrium's wall.
ENHANCING: Final = (Tissue.AORTIC_WALL, Tissue.VALVE)
ATRIAL: Final = (Tissue.FIBROSIS,)


def apply_faults_to_phantom(phantom: Phantom, faults: Faults) -> FloatArray:
    """Render a phantom with faults: inversion time and T1 in the signal equation, the rest in image and k-space.

    Walls get the T1 that gives them the drawn level over blood where muscle is nulled. Noise is measured against the
    upper quartile of heart and vessels, as it is on a real scan.

    Returns:
        Grey levels of the phantom's shape, float32; blood of a scan without faults is about 100.
    """
    inversion = faults.nulling.inversion_over_null * MUSCLE_NULL_MS
    sequence = Sequence(inversion_time_ms=inversion, repetition_ms=REPETITION_MS)
    signal = render(phantom, sequence, wall_t1_ms(faults))
    noise = level_of_noise(signal, phantom.labels >= Tissue.BLOOD, faults.quality)
    return acquire(apply_coil(signal, faults.quality), phantom.spacing_mm, faults.motion, noise, faults.quality.seed)


def wall_t1_ms(faults: Faults) -> dict[Tissue, float]:
    """T1 of walls, valves and fibrosis in ms: the weaker a wall's uptake of contrast agent, the longer."""
    level = faults.enhancement.wall_over_blood
    fibrosis = 1 + faults.quality.wall_contrast * (level - 1) if level > 1 else level
    levels = dict.fromkeys(ENHANCING, level) | dict.fromkeys(ATRIAL, fibrosis)
    return {tissue: _t1_for(level, PROPERTIES[tissue].density) for tissue, level in levels.items()}


def _t1_for(level: float, density: float) -> float:
    """The T1 at which a tissue has this level over blood when muscle is nulled; from the shortest to that of muscle."""
    nulled = Sequence(inversion_time_ms=MUSCLE_NULL_MS, repetition_ms=REPETITION_MS)
    t1 = np.linspace(MUSCLE_T1_MS, SHORTEST_T1_MS, 512)
    blood = PROPERTIES[Tissue.BLOOD]
    levels = signed_inversion_recovery(t1, density, nulled)
    return float(np.interp(level, levels / signed_inversion_recovery(blood.t1_ms, blood.density, nulled), t1))
