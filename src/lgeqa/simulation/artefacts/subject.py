"""The tissue of a scan for artefacts: its blood, muscle and air, its pools and its walls.

The tissues of a real scan are not labelled. Everything here is estimated from the image and the mask of the left
atrium, and only determines where and how much an artefact changes the scan. The scan itself is never filtered here.
"""

from functools import cached_property
from typing import Final

import numpy as np
from scipy import ndimage

from lgeqa.errors import NotAssessableError
from lgeqa.measures.heart import Heart
from lgeqa.records import BoolArray, FloatArray

#: Lowest share of the local blood level at which a smoothed voxel counts as blood.
_POOL_FROM: Final = 0.65
#: Standard deviations in mm of the in-plane smoothing that finds pools and of the smoothing that drops small ones.
_SMOOTHING_MM, _POOL_MM = 1.5, 4.0
#: Distance in mm over which the blood level varies.
_SHADING_MM: Final = 20.0
#: Approximate distance in mm from the blood pools within which muscle is searched for.
_NEAR_MM: Final = 7.5
#: Bounds of the level of muscle: lowest above air, and highest.
_MUSCLE_ABOVE_AIR, _BRIGHTEST_MUSCLE = 0.06, 0.5
#: Window in voxels over which `estimate` averages, and multiple of the noise variance that counts as texture.
_WINDOW, _NOISE_VARIANCES = (1, 5, 5), 3.0


class Subject:
    """A scan with its atrium and estimates of its tissue.

    Signals are in units of the grey level of atrial blood. Arrays are (slice, row, column) on the whole scan.

    Args:
        voxels: Magnitude grey levels.
        atrium: Blood pool of the left atrium on the same grid.
        spacing_mm: Voxel spacing (slice, row, column).

    Raises:
        NotAssessableError: The mask is empty, or there is no signal inside it.
    """

    def __init__(self, voxels: FloatArray, atrium: BoolArray, spacing_mm: tuple[float, float, float]) -> None:
        self.heart = Heart(voxels, atrium, spacing_mm)
        if not self.heart.is_there:
            raise NotAssessableError(
                f"The mask of the left atrium holds {int(atrium.sum())} voxels, and no signal above that of air. "
                "Artefacts need a mask with signal inside."
            )
        self.atrium = atrium
        self.spacing_mm = spacing_mm
        self.blood_level = self.heart.reference.blood
        self.air = self.heart.reference.air / self.blood_level
        self.signal: FloatArray = voxels / np.float32(self.blood_level)

    @cached_property
    def noise(self) -> float:
        """Standard deviation of the fine variation in atrial blood."""
        return float(self.heart.grain[self.heart.core].std()) if self.heart.core.any() else 0.0

    @cached_property
    def centre_mm(self) -> tuple[float, float, float]:
        """Centroid of the atrium, from the first voxel."""
        means = [at.mean() for at in np.nonzero(self.atrium)]
        z, row, column = (float(mean * mm) for mean, mm in zip(means, self.spacing_mm, strict=True))
        return z, row, column

    @cached_property
    def level(self) -> FloatArray:
        """Local level of blood: the mean of voxels about as bright as blood, weighted by a Gaussian of 20 mm."""
        coarse = self.signal[::2, ::4, ::4]
        sigmas = [_SHADING_MM / (step * stride) for step, stride in zip(self.spacing_mm, (2, 4, 4), strict=True)]
        blood = ((coarse > _POOL_FROM) & (coarse < 1 / _POOL_FROM)).astype(np.float32)
        weight = ndimage.gaussian_filter(blood, sigmas, truncate=2.5) + np.float32(1e-2)
        level = (ndimage.gaussian_filter(blood * coarse, sigmas, truncate=2.5) + np.float32(1e-2)) / weight
        return stretched(level, self.signal.shape)

    @cached_property
    def smooth(self) -> FloatArray:
        """Signal over the local level of blood, smoothed by a Gaussian of 1.5 mm in the plane."""
        return self.blurred(self.signal / self.level, _SMOOTHING_MM)

    @cached_property
    def pools(self) -> BoolArray:
        """All regions as bright as blood and not small: atrium, other chambers, vessels."""
        bright = self.smooth > _POOL_FROM
        large: BoolArray = bright & (self.blurred(bright.astype(np.float32), _POOL_MM) > 0.5)
        return large

    @cached_property
    def border(self) -> FloatArray:
        """Weight of 1 along the borders of all pools that falls to 0 within about 2 mm on either side."""
        soft = self.blurred(self.pools.astype(np.float32), 1.0)
        return 4 * soft * (1 - soft)

    @cached_property
    def muscle(self) -> float:
        """Level of the dark soft tissue near the pools, assumed to be myocardium."""
        near = self.blurred(self.pools.astype(np.float32), _NEAR_MM) > 0.1
        dark = self.smooth[near & ~self.pools & (self.border < 0.2)]
        lowest = self.air + _MUSCLE_ABOVE_AIR
        return float(np.clip(np.percentile(dark, 30), lowest, _BRIGHTEST_MUSCLE)) if dark.size else lowest

    @cached_property
    def density(self) -> FloatArray:
        """Share of tissue and not air in each voxel, 0 to 1, with 1 from the level of muscle upward."""
        density: FloatArray = np.clip((self.smooth - self.air) / (self.muscle - self.air), 0, 1)
        return density

    def estimate(self, signal: FloatArray) -> FloatArray:
        """Return a denoised copy with preserved edges, on which a change of tissue signal can be computed.

        This is the self-guided filter of He, Sun and Tang (IEEE TPAMI 2013): the local mean where the local variance is
        as low as the noise, the voxel itself where it is as high as at an edge.
        """
        mean = ndimage.uniform_filter(signal, _WINDOW)
        variance = np.maximum(ndimage.uniform_filter(signal * signal, _WINDOW) - mean * mean, 0)
        gain = variance / (variance + np.float32(_NOISE_VARIANCES * self.noise**2 + 1e-6))
        offset = ndimage.uniform_filter(mean - gain * mean, _WINDOW)
        estimate: FloatArray = ndimage.uniform_filter(gain, _WINDOW) * signal + offset
        return estimate

    def blurred(self, values: FloatArray, sigma_mm: float) -> FloatArray:
        """Smooth values in the plane by a Gaussian."""
        sigmas = [sigma_mm / mm for mm in self.spacing_mm[1:]]
        blurred: FloatArray = ndimage.gaussian_filter(values, sigmas, axes=(1, 2), truncate=3.0)
        return blurred

    def offsets_mm(self, place_mm: tuple[float, float, float]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return signed distances from a position along each axis, with shapes that broadcast to the scan's."""
        z, rows, columns = (
            (np.arange(n) * mm - at).astype(np.float32)
            for n, mm, at in zip(self.signal.shape, self.spacing_mm, place_mm, strict=True)
        )
        return z[:, None, None], rows[:, None], columns

    def on_scan(self, values: FloatArray, outside: float) -> FloatArray:
        """Put an array of the heart's window on the whole scan, with the value `outside` elsewhere."""
        whole = np.full(self.signal.shape, outside, np.float32)
        whole[self.heart.window] = values
        return whole


def stretched(coarse: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Interpolate a coarse array linearly to a finer grid over the same field of view."""
    zoom = [n / c for n, c in zip(shape, coarse.shape, strict=True)]
    fine: FloatArray = ndimage.zoom(coarse, zoom, order=1, mode="nearest", grid_mode=True)
    return fine
