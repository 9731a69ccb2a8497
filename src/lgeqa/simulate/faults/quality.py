"""What hides fibrosis: little wall-to-blood contrast, an uneven coil and noise. Tied to the score of quality."""

import math
from typing import Final

import numpy as np
from pydantic import Field

from lgeqa.config import Settings
from lgeqa.records import BoolArray, FloatArray
from lgeqa.simulate.faults.scene import Scene
from lgeqa.simulate.faults.severity import at_grade, grade

#: At the scores 1 to 5: signal of the heart over the noise of one channel (on a log scale), ...
SIGNAL_TO_NOISE: Final = (2.5, 4.5, 10.0, 18.0, 32.0)
#: ... the span of the coil's sensitivity over the image, as its natural logarithm, ...
COIL_SPAN: Final = (1.6, 1.2, 0.6, 0.3, 0.1)
#: ... and what stays of the difference between the atrium's wall and its blood.
WALL_CONTRAST: Final = (0.1, 0.35, 0.75, 0.9, 1.0)


class QualityFault(Settings):
    """Contrast, coil and noise.

    Attributes:
        wall_contrast: what stays of the atrial wall's difference from blood.
        signal_to_noise: level of the heart over the standard deviation of the noise in one channel.
        coil: log sensitivity: slopes along slice, row and column, over the length of the image.
        seed: of the noise.
    """

    wall_contrast: float = Field(ge=0, le=1)
    signal_to_noise: float = Field(gt=0)
    coil: tuple[float, float, float]
    seed: int = Field(ge=0)


def draw_quality(rng: np.random.Generator, score: float) -> QualityFault:
    """Draw contrast, coil and signal-to-noise ratio."""
    at = grade(rng, score)
    direction = rng.standard_normal(3) * (0.5, 1, 1)
    slopes = at_grade(at, COIL_SPAN) * direction / np.linalg.norm(direction)
    return QualityFault(
        wall_contrast=at_grade(at, WALL_CONTRAST),
        signal_to_noise=float(np.exp(at_grade(at, [math.log(level) for level in SIGNAL_TO_NOISE]))),
        coil=(float(slopes[0]), float(slopes[1]), float(slopes[2])),
        seed=int(rng.integers(2**32)),
    )


def lower_wall_contrast(scene: Scene, signal: FloatArray, fault: QualityFault) -> FloatArray:
    """Draw the band along the atrium's border towards the level of blood: fibrosis there no longer stands out."""
    return signal + np.float32(1 - fault.wall_contrast) * scene.atrial_wall * np.minimum(1 - signal, 0)


def level_of_noise(signal: FloatArray, heart: BoolArray, fault: QualityFault) -> float:
    """Standard deviation of the noise in one channel: the upper quartile of the heart's signal over the fault's ratio.

    The quartile follows blood where muscle is nulled, and muscle where that is the brighter of the two.
    """
    return float(np.percentile(signal[heart], 75)) / fault.signal_to_noise


def apply_coil(signal: FloatArray, fault: QualityFault) -> FloatArray:
    """Weigh the signal by a receive sensitivity that is exp of a plane, 1 at the centre of the image.

    The lowest order of a surface coil's profile. It acts on signal only, so noise weighs more where it is low.
    """
    for axis, slope in enumerate(fault.coil):
        ramp = np.exp(slope * np.linspace(-0.5, 0.5, signal.shape[axis], dtype=np.float32))
        signal = signal * np.expand_dims(ramp, [other for other in range(3) if other != axis])
    return signal
