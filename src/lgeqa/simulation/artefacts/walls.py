"""Enhancement of atrium, aorta, other chambers and valves: absent, weak, patchy or better, and bright blood.

Weak and patchy enhancement lose only the part of a wall that is brighter than blood, so blood, muscle and lung keep
their noise and texture.
"""

from typing import Final

import numpy as np

from lgeqa.records import FloatArray
from lgeqa.simulation.artefacts.fields import patches, ramp, random_ranks
from lgeqa.simulation.artefacts.subject import Subject

#: Ranges of depth in mm, in the mask of the atrium and in the disc of the aorta, in which walls are searched for.
_ATRIAL_WALL_MM: Final = (-6.5, 2.0)
_AORTIC_WALL_MM: Final = (-4.0, 4.5)
#: A wall fades over this distance at its ends, in mm.
_FADE_MM: Final = 1.5
#: Standard deviation in mm of the smoothing before the excess over blood is measured.
_SMOOTHING_MM: Final = 0.7
#: Number of passes that remove the excess over blood.
_PASSES: Final = 5
#: Excess over blood that does not count as wall, in units of blood and of its noise.
_EXCESS: Final = 0.05
_EXCESS_NOISE: Final = 0.6
#: Further excess at which a voxel is all wall.
_CLEAR_EXCESS: Final = 0.25
#: Size in mm of patches, and of the finer variation of a wall.
_PATCH_MM: Final = 14.0
_BEADS_MM: Final = 5.0
#: Level on the smoothed mask of all pools at which an added wall is brightest, and the width of the wall there.
_ADDED_WALL: Final = (0.7, 0.22)


def weak_walls(signal: FloatArray, subject: Subject, percent: float, _: np.random.Generator) -> FloatArray:
    """Remove this share, in %, of the excess of the walls over blood, equally everywhere."""
    return signal + np.float32(percent / 100) * (_without_excess(signal, subject) - signal)


def patchy_walls(signal: FloatArray, subject: Subject, percent: float, rng: np.random.Generator) -> FloatArray:
    """Remove the excess of the walls over blood in patches that cover this share of the walls, in %."""
    lost = patches(random_ranks(subject, _PATCH_MM, rng), percent / 100)
    return signal + lost * (_without_excess(signal, subject) - signal)


def absent_walls(signal: FloatArray, subject: Subject, percent: float, _: np.random.Generator) -> FloatArray:
    """Lower bright walls by this share, in %, of the way to the level of nulled muscle."""
    smooth, excess = _smooth_and_excess(signal, subject)
    bright = wall_weight(subject) * ramp(excess / subject.level, 0, _CLEAR_EXCESS)
    dark = np.float32(subject.muscle) * subject.level
    darker: FloatArray = signal - np.float32(percent / 100) * bright * np.maximum(smooth - dark, 0)
    return darker


def bright_blood(signal: FloatArray, subject: Subject, percent: float, _: np.random.Generator) -> FloatArray:
    """Raise the level of blood by this share, in %, at most to the level of the walls.

    The noise of blood is unchanged, and tissue brighter than the raised blood keeps its level.
    """
    blood = ramp(subject.estimate(signal) / subject.level, 0.45, 0.85)
    excess = _smooth_and_excess(signal, subject)[1]
    raised: FloatArray = signal + blood * np.maximum(np.float32(percent / 100) * subject.level - excess, 0)
    return raised


def bright_walls(signal: FloatArray, subject: Subject, percent: float, rng: np.random.Generator) -> FloatArray:
    """Raise the walls by up to this share of blood, in %, in large patches, for a scan with better enhancement.

    Walls are added along the borders of pools in the image, most of all around atrium and aorta.
    """
    middle, width = _ADDED_WALL
    soft = subject.blurred(subject.pools.astype(np.float32), 1.0)
    wall = np.exp(-(((soft - np.float32(middle)) / np.float32(width)) ** 2)) * (soft < 0.995)
    near = np.maximum(0.4, np.maximum(*_near_walls(subject)))
    large = patches(random_ranks(subject, 2 * _PATCH_MM, rng), rng.uniform(0.5, 1))
    beads = 0.5 + 0.5 * random_ranks(subject, _BEADS_MM, rng)
    excess = _smooth_and_excess(signal, subject)[1]
    room = np.maximum(np.float32(percent / 100) * subject.level - excess, 0)
    raised: FloatArray = signal + wall * near * large * beads * room
    return raised


def wall_weight(subject: Subject) -> FloatArray:
    """Return the weight of walls, 0 to 1, around the atrium and the aorta and along the borders of all other pools."""
    weight: FloatArray = np.maximum(np.maximum(*_near_walls(subject)), subject.border)
    return weight


def _near_walls(subject: Subject) -> tuple[FloatArray, FloatArray]:
    """Return the weights of the walls of atrium and aorta, 0 to 1."""
    atrial, aortic = (subject.on_scan(depth, -np.inf) for depth in (subject.heart.depth, subject.heart.aorta_depth))
    return _between(atrial, *_ATRIAL_WALL_MM), _between(aortic, *_AORTIC_WALL_MM)


def _between(depth: FloatArray, outer: float, inner: float) -> FloatArray:
    """Return 1 between two depths, fading at both ends."""
    return ramp(depth, outer, outer + _FADE_MM) * ramp(depth, inner, inner - _FADE_MM)


def _without_excess(signal: FloatArray, subject: Subject) -> FloatArray:
    """Remove the excess of the walls over blood, in passes that each remove the remaining excess."""
    walls = wall_weight(subject)
    for _ in range(_PASSES):
        signal = signal - walls * _smooth_and_excess(signal, subject)[1]
    return signal


def _smooth_and_excess(signal: FloatArray, subject: Subject) -> tuple[FloatArray, FloatArray]:
    """Return the signal smoothed by less than the width of a wall, so that walls keep their noise, and its excess."""
    smooth = subject.blurred(signal, _SMOOTHING_MM)
    blood = np.float32(1 + _EXCESS + _EXCESS_NOISE * subject.noise) * subject.level
    return smooth, np.maximum(smooth - blood, 0)
