"""Faults on scans: each is a draw, tied to one score, and a pure application; the draw is kept and can be replayed.

faults = draw_faults(rng, scores)
worse = apply_faults(voxels, atrium, spacing_mm, faults)
"""

import numpy as np

from lgeqa.config import Settings
from lgeqa.records import BoolArray, FloatArray
from lgeqa.simulate.faults.enhancement import EnhancementFault, apply_enhancement, draw_enhancement
from lgeqa.simulate.faults.motion import MotionFault, acquire, draw_motion
from lgeqa.simulate.faults.nulling import NullingFault, apply_nulling, draw_nulling
from lgeqa.simulate.faults.quality import QualityFault, apply_coil, draw_quality, lower_wall_contrast
from lgeqa.simulate.faults.scene import read_scene
from lgeqa.simulate.scores import Scores

__all__ = ["Faults", "apply_faults", "draw_faults"]


class Faults(Settings):
    """All faults of one scan, in full: with the scan they give the same result again, bit for bit."""

    nulling: NullingFault
    motion: MotionFault
    enhancement: EnhancementFault
    quality: QualityFault


def draw_faults(rng: np.random.Generator, scores: Scores) -> Faults:
    """Draw the faults of a scan with these scores; each fault follows one score only."""
    return Faults(
        nulling=draw_nulling(rng, scores.myocardium_nulling),
        motion=draw_motion(rng, scores.sharpness),
        enhancement=draw_enhancement(rng, scores.enhancement),
        quality=draw_quality(rng, scores.quality),
    )


def apply_faults(
    voxels: FloatArray, atrium: BoolArray, spacing_mm: tuple[float, float, float], faults: Faults
) -> FloatArray:
    """Put faults on a real scan.

    In the order of nature: tissue (wall enhancement and contrast), signal (inversion time), reception (coil), and
    acquisition (motion, resolution, noise). Noise is measured against the signal of the heart as it comes out of the
    first three, so that bad nulling alone does not cost signal-to-noise ratio.

    Args:
        voxels: grey levels, (slice, row, column), axial LPS; not changed.
        atrium: blood pool of the left atrium on the same grid.
        spacing_mm: (slice, row, column).
        faults: the draw.

    Returns:
        Grey levels on the scale of `voxels`, float32.

    Raises:
        NotAssessableError: the mask holds no voxel, or no signal.
    """
    scene = read_scene(voxels, atrium, spacing_mm)
    signal = apply_enhancement(scene, scene.signal, spacing_mm, faults.enhancement)
    signal = lower_wall_contrast(scene, signal, faults.quality)
    signal = apply_nulling(scene, signal, faults.nulling)
    heart = float(np.percentile(signal[scene.near], 75))
    signal = apply_coil(signal, faults.quality)
    noise = heart / faults.quality.signal_to_noise
    return acquire(signal, spacing_mm, faults.motion, noise, faults.quality.seed) * np.float32(scene.blood_level)
