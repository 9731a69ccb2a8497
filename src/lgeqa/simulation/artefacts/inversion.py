"""Poor nulling of myocardium: inversion time too late or too early, T1 too similar, incomplete inversion.

Each mechanism adds the change of the signal equation for the T1 of each voxel. The T1 are estimated on a denoised copy
and the change is added to the scan itself, so that its noise and texture remain unchanged.
"""

from typing import Final

import numpy as np

from lgeqa.records import FloatArray
from lgeqa.simulation.artefacts.fields import random_ranks
from lgeqa.simulation.artefacts.subject import Subject
from lgeqa.simulation.signal import REPETITION_MS, Array, Sequence, inversion_for, signed_inversion_recovery
from lgeqa.simulation.tissue import PROPERTIES, Tissue

#: T1 after contrast, in ms.
_MUSCLE_T1_MS, _BLOOD_T1_MS = PROPERTIES[Tissue.MYOCARDIUM].t1_ms, PROPERTIES[Tissue.BLOOD].t1_ms
#: Possible T1 of voxels, the shortest for the brightest.
_T1_MS: Final = np.linspace(_MUSCLE_T1_MS, 150.0, 256)
#: Size in mm of the regions in which an inversion is incomplete.
_REGION_MM: Final = 120.0


def late_inversion(signal: FloatArray, subject: Subject, late_ms: float, _: np.random.Generator) -> FloatArray:
    """Delay the image by this time after the inversion, so that muscle recovers and tissues become similar."""
    inversion_ms = _estimated_inversion_ms(subject)
    return _changed(signal, subject, _signal(_T1_MS, inversion_ms + late_ms) - _signal(_T1_MS, inversion_ms))


def early_inversion(signal: FloatArray, subject: Subject, early_ms: float, _: np.random.Generator) -> FloatArray:
    """Advance the image by this time, so that muscle is still inverted and bright, while blood is near null.

    A magnitude image does not show on which side of the null muscle is. The change is computed from the early time at
    which muscle has its level, so that muscle becomes brighter from the first millisecond on.
    """
    inversion_ms = _estimated_inversion_ms(subject, early=True)
    change = np.abs(_signal(_T1_MS, inversion_ms - early_ms)) - np.abs(_signal(_T1_MS, inversion_ms))
    return _changed(signal, subject, change * _estimated_blood(subject) / _signal(_BLOOD_T1_MS, inversion_ms))


def alike_t1(signal: FloatArray, subject: Subject, percent: float, rng: np.random.Generator) -> FloatArray:
    """Close the gap between the T1 of muscle and blood by this share, in %, divided at random between both."""
    gap, share = (_MUSCLE_T1_MS - _BLOOD_T1_MS) * percent / 100, rng.uniform()
    t1 = _T1_MS + gap * np.interp(_T1_MS, (_BLOOD_T1_MS, _MUSCLE_T1_MS), (share, share - 1))
    inversion_ms = _estimated_inversion_ms(subject)
    return _changed(signal, subject, np.abs(_signal(t1, inversion_ms)) - _signal(_T1_MS, inversion_ms))


def incomplete_inversion(signal: FloatArray, subject: Subject, percent: float, rng: np.random.Generator) -> FloatArray:
    """Reduce the inversion by up to this share, in %, in some regions, as if the pulse were too weak there."""
    inversion_ms = _estimated_inversion_ms(subject)
    complete = _signal(_T1_MS, inversion_ms)
    lost = _signal(_T1_MS, inversion_ms, 1 - percent / 100) - complete
    regions = 0.4 + 0.6 * random_ranks(subject, _REGION_MM, rng)
    return _changed(signal, subject, lost, regions)


def _estimated_inversion_ms(subject: Subject, *, early: bool = False) -> float:
    """Return the inversion time at which muscle has its level, by default the late one, assumed to be the scan's."""
    return inversion_for(subject.muscle, (_MUSCLE_T1_MS, _BLOOD_T1_MS), REPETITION_MS, early=early)


def _signal(t1_ms: float | Array, inversion_ms: float, efficiency: float = 1.0) -> Array:
    """Return the signed signal of unit density after an inversion with this efficiency."""
    return signed_inversion_recovery(t1_ms, 1.0, Sequence(inversion_time_ms=inversion_ms, efficiency=efficiency))


def _estimated_blood(subject: Subject) -> float:
    """Return the signal of blood at the scan's estimated inversion time."""
    return float(_signal(_BLOOD_T1_MS, _estimated_inversion_ms(subject)))


def _changed(signal: FloatArray, subject: Subject, change: Array, regions: FloatArray | float = 1.0) -> FloatArray:
    """Add to each voxel the change of its T1.

    At the scan's inversion time the signal falls with T1, so each level above muscle has one T1. A voxel darker than
    muscle counts as muscle mixed with air, which keeps lung and airways dark.

    Args:
        signal: Signal of the scan, with blood about 1.
        subject: Tissue of the scan.
        change: Change of the signal for each of `_T1_MS`.
        regions: Weight of the change at each voxel, 0 to 1.
    """
    inversion_ms = _estimated_inversion_ms(subject)
    blood = _estimated_blood(subject)
    tissue = subject.estimate(signal) / subject.level
    added = np.interp(tissue, _signal(_T1_MS, inversion_ms) / blood, change / blood).astype(np.float32)
    changed: FloatArray = signal + subject.density * subject.level * regions * added
    return changed
