"""What the faults need to know of a real scan: its blood, muscle and air levels, its pools of blood and its walls.

The tissue of a real scan is not labelled. Everything here is read from the image and the blood-pool mask of the left
atrium, with a rule simple enough to check by eye; each rule is an approximation and says so.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from lgeqa.errors import NotAssessableError
from lgeqa.records import BoolArray, FloatArray

#: A smoothed voxel of this share of the atrium's level or more counts as blood (or as bright as blood).
POOL_FROM = 0.65
#: Blood pools are found, and levels measured, on the image smoothed by this much in-plane.
SMOOTHING_MM = 1.5
#: Shading by the coil varies over about this distance.
SHADING_MM = 20.0
#: Bright spots much smaller than this are no pools: small vessels, fat and noise.
POOL_MM = 4.0
#: A wall is a band of about this standard deviation to both sides of a pool's border.
WALL_MM = 1.0
#: Muscle is looked for within about this distance of the blood pools.
NEAR_MM = 7.5


@dataclass(frozen=True)
class Scene:
    """A scan and what was read from it; all arrays (slice, row, column), signal in units of the blood level.

    Attributes:
        signal: noise lowered to a common standard and shading taken out, blood at 1.
        blood_level: grey level of the atrium's blood in the scan.
        muscle: level of dark soft tissue near the heart, for which nulled myocardium is taken.
        air: level of the darkest regions, the noise floor.
        density: 0 to 1, how far a voxel holds tissue and not air.
        wall: 0 to 1, the band along the borders of all blood pools.
        atrial_wall: 0 to 1, the part of it at the left atrium.
        near: within reach of the heart; levels of the result are measured there.
    """

    signal: FloatArray
    blood_level: float
    muscle: float
    air: float
    density: FloatArray
    wall: FloatArray
    atrial_wall: FloatArray
    near: BoolArray


def read_scene(voxels: FloatArray, atrium: BoolArray, spacing_mm: tuple[float, float, float]) -> Scene:
    """Bring a real scan to blood = 1 and a common noise level, and find its levels, pools and walls.

    Args:
        voxels: grey levels of magnitude, (slice, row, column), axial LPS.
        atrium: the left atrium's blood pool on the same grid.
        spacing_mm: (slice, row, column).

    Raises:
        NotAssessableError: the mask is empty, or there is no signal inside it.
    """
    blood = float(np.median(voxels[atrium])) if atrium.any() else 0.0
    if not blood > 0:
        raise NotAssessableError(
            f"the blood pool of the left atrium holds {int(atrium.sum())} voxels of median {blood:g}; "
            "faults need a mask with signal inside."
        )
    signal = even(calm(voxels / np.float32(blood), atrium), spacing_mm)
    smooth = _blur(signal, SMOOTHING_MM, spacing_mm)
    pools = (smooth > POOL_FROM).astype(np.float32)
    pools *= _blur(pools, POOL_MM, spacing_mm) > 0.5
    wall = _border(pools, spacing_mm)
    near = _blur(pools, NEAR_MM, spacing_mm) > 0.1
    air = float(np.percentile(smooth[::2, ::2, ::2], 1))
    dark = smooth[near & (pools == 0) & (wall < 0.2)]
    muscle = float(np.clip(np.percentile(dark, 30), air + 0.06, 0.5)) if dark.size else air + 0.1
    return Scene(
        signal=signal,
        blood_level=blood,
        muscle=muscle,
        air=air,
        density=np.clip((smooth - air) / (muscle - air), 0, 1) ** 2,
        wall=wall,
        atrial_wall=wall * (_blur(atrium.astype(np.float32), 2 * WALL_MM, spacing_mm) > 0.05),
        near=near,
    )


def calm(signal: FloatArray, atrium: BoolArray) -> FloatArray:
    """Lower the scan's own noise, so that what is added later decides the signal-to-noise ratio.

    A self-guided filter (He, Sun and Tang, IEEE TPAMI 2013) over 3 x 5 x 5 voxels: where the local variance is that
    of noise, the local mean; where it is that of an edge, the voxel itself. The noise is measured in the atrium,
    whose blood is taken to be uniform over a window.
    """
    size = (3, 5, 5)
    mean = ndimage.uniform_filter(signal, size)
    variance = np.maximum(ndimage.uniform_filter(signal * signal, size) - mean * mean, 0)
    noise = np.median(variance[atrium])
    gain = variance / (variance + 2 * noise + np.float32(1e-6))
    offset = mean - gain * mean
    calmed: FloatArray = ndimage.uniform_filter(gain, size) * signal + ndimage.uniform_filter(offset, size)
    return np.maximum(calmed, 0)


def even(signal: FloatArray, spacing_mm: tuple[float, float, float]) -> FloatArray:
    """Take out the coil's shading, which else would pass for a difference in T1.

    Divides by the local level of blood: the mean over voxels as bright as blood, weighted by a Gaussian of SHADING_MM
    (normalised convolution, Knutsson and Westin 1993), on a grid of every second slice and fourth pixel.
    """
    coarse = signal[::2, ::4, ::4]
    sigmas = [SHADING_MM / (step * stride) for step, stride in zip(spacing_mm, (2, 4, 4), strict=True)]
    blood = ((coarse > POOL_FROM) & (coarse < 1 / POOL_FROM)).astype(np.float32)
    weight = ndimage.gaussian_filter(blood, sigmas, truncate=2.5) + np.float32(1e-2)
    level = (ndimage.gaussian_filter(blood * coarse, sigmas, truncate=2.5) + np.float32(1e-2)) / weight
    zoom = [n / c for n, c in zip(signal.shape, coarse.shape, strict=True)]
    evened: FloatArray = signal / ndimage.zoom(level, zoom, order=1, mode="nearest", grid_mode=True)
    return evened


def _border(mask: FloatArray, spacing_mm: tuple[float, float, float]) -> FloatArray:
    """1 on the border of a 0/1 mask, falling to 0 some WALL_MM to either side, in-plane."""
    soft = _blur(mask, WALL_MM, spacing_mm)
    return 4 * soft * (1 - soft)


def _blur(values: FloatArray, sigma_mm: float, spacing_mm: tuple[float, float, float]) -> FloatArray:
    sigmas = (sigma_mm / spacing_mm[1], sigma_mm / spacing_mm[2])
    blurred: FloatArray = ndimage.gaussian_filter(values, sigmas, axes=(1, 2), truncate=3.0)
    return blurred
