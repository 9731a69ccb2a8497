"""Myocardium off null: an inversion time too late or too early, T1 too much alike, an incomplete inversion.

Each changes the scan by what the signal equation changes for the T1 of each voxel. The T1 come from a copy without
noise, and the change is added to the scan, so that its noise and texture stay as they are.
"""

from typing import Final

import numpy as np

from lgeqa.records import FloatArray
from lgeqa.simulate.artefacts.fields import random_ranks
from lgeqa.simulate.artefacts.subject import Subject
from lgeqa.simulate.signal import REPETITION_MS, Array, Sequence, inversion_for, signed_inversion_recovery
from lgeqa.simulate.tissue import PROPERTIES, Tissue

#: T1 after contrast, in ms.
_MUSCLE_T1_MS, _BLOOD_T1_MS = PROPERTIES[Tissue.MYOCARDIUM].t1_ms, PROPERTIES[Tissue.BLOOD].t1_ms
#: The T1 that voxels can have: the brightest the shortest.
_T1_MS: Final = np.linspace(_MUSCLE_T1_MS, 150.0, 256)
#: Size in mm of the regions in which an inversion is incomplete.
_REGION_MM: Final = 120.0


def late_inversion(signal: FloatArray, subject: Subject, late_ms: float, _: np.random.Generator) -> FloatArray:
    """Take the image this much later after the inversion: muscle recovers, and all tissues become alike."""
    own = _own_inversion_ms(subject)
    return _changed(signal, subject, _signal(_T1_MS, own + late_ms) - _signal(_T1_MS, own))


def early_inversion(signal: FloatArray, subject: Subject, early_ms: float, _: np.random.Generator) -> FloatArray:
    """Take the image this much earlier: muscle is still inverted, and bright in magnitude, while blood is near null.

    A magnitude image does not show on which side of its null muscle is. The change is that from the early time that
    gives muscle its level, so that muscle gets brighter from the first millisecond on.
    """
    own = _own_inversion_ms(subject, early=True)
    change = np.abs(_signal(_T1_MS, own - early_ms)) - np.abs(_signal(_T1_MS, own))
    return _changed(signal, subject, change * _own_blood(subject) / _signal(_BLOOD_T1_MS, own))


def alike_t1(signal: FloatArray, subject: Subject, percent: float, rng: np.random.Generator) -> FloatArray:
    """Close this share, in %, of the gap between the T1 of muscle and of blood, from both sides by random shares."""
    gap, share = (_MUSCLE_T1_MS - _BLOOD_T1_MS) * percent / 100, rng.uniform()
    t1 = _T1_MS + gap * np.interp(_T1_MS, (_BLOOD_T1_MS, _MUSCLE_T1_MS), (share, share - 1))
    own = _own_inversion_ms(subject)
    return _changed(signal, subject, np.abs(_signal(t1, own)) - _signal(_T1_MS, own))


def incomplete_inversion(signal: FloatArray, subject: Subject, percent: float, rng: np.random.Generator) -> FloatArray:
    """Lose up to this share of the inversion, in %, in some regions, as where the pulse is too weak."""
    own = _own_inversion_ms(subject)
    complete = _signal(_T1_MS, own)
    lost = _signal(_T1_MS, own, 1 - percent / 100) - complete
    regions = 0.4 + 0.6 * random_ranks(subject, _REGION_MM, rng)
    return _changed(signal, subject, lost, regions)


def _own_inversion_ms(subject: Subject, *, early: bool = False) -> float:
    """Return the inversion time that gives muscle its level, by default the late one, which is taken for the scan's."""
    return inversion_for(subject.muscle, (_MUSCLE_T1_MS, _BLOOD_T1_MS), REPETITION_MS, early=early)


def _signal(t1_ms: float | Array, inversion_ms: float, efficiency: float = 1.0) -> Array:
    """Return the signed signal of unit density after an inversion of some efficiency."""
    return signed_inversion_recovery(t1_ms, 1.0, Sequence(inversion_time_ms=inversion_ms, efficiency=efficiency))


def _own_blood(subject: Subject) -> float:
    """Return the signal of blood at the scan's own inversion time."""
    return float(_signal(_BLOOD_T1_MS, _own_inversion_ms(subject)))


def _changed(signal: FloatArray, subject: Subject, change: Array, regions: FloatArray | float = 1.0) -> FloatArray:
    """Add to each voxel the change of its T1.

    At the scan's own inversion time the signal falls with T1, so each level over that of muscle has one T1. A voxel
    darker than muscle is muscle mixed with air, which keeps lung and airways dark.

    Args:
        signal: The scan, blood about 1.
        subject: Its tissue.
        change: Change of the signal for each of `_T1_MS`.
        regions: Where it acts, 0 to 1.
    """
    own = _own_inversion_ms(subject)
    blood = _own_blood(subject)
    tissue = subject.estimate(signal) / subject.level
    added = np.interp(tissue, _signal(_T1_MS, own) / blood, change / blood).astype(np.float32)
    changed: FloatArray = signal + subject.density * subject.level * regions * added
    return changed
