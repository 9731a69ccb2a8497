"""The faults on a real scan, whose tissues have to be guessed from the image."""

import numpy as np

from lgeqa.records import BoolArray, FloatArray
from lgeqa.simulate.faults.draw import Faults
from lgeqa.simulate.faults.enhancement import apply_enhancement
from lgeqa.simulate.faults.motion import acquire
from lgeqa.simulate.faults.nulling import apply_nulling
from lgeqa.simulate.faults.quality import apply_coil, level_of_noise, lower_wall_contrast
from lgeqa.simulate.faults.scene import read_scene


def apply_faults(
    voxels: FloatArray, atrium: BoolArray, spacing_mm: tuple[float, float, float], faults: Faults
) -> FloatArray:
    """Put faults on a real scan.

    First the scan is brought to a standard: its own noise lowered, its own shading taken out. Then in the order of
    nature: tissue (wall enhancement and contrast), signal (inversion time), reception (coil), and acquisition
    (motion, resolution, noise). Noise is measured against the signal of the heart as the inversion time leaves it,
    so that bad nulling alone does not cost signal-to-noise ratio.

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
    noise = level_of_noise(signal, scene.near, faults.quality)
    signal = apply_coil(signal, faults.quality)
    return acquire(signal, spacing_mm, faults.motion, noise, faults.quality.seed) * np.float32(scene.blood_level)
