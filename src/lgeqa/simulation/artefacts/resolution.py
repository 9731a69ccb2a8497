"""Coarse resolution: a small matrix, a wide point spread, thick slices. They lower sharpness."""

from typing import Final

import numpy as np
from scipy import ndimage, special

from lgeqa.records import FloatArray
from lgeqa.simulation.artefacts.kspace import ComplexArray, Frequencies, through_kspace
from lgeqa.simulation.artefacts.subject import Subject

#: Factor from the full width at half maximum of a Gaussian to its standard deviation.
SIGMA_OF_FWHM: Final = 1 / (2 * np.sqrt(2 * np.log(2)))
#: Shapes of the acquired part of k-space.
_WINDOWS: Final = ("disc", "rectangle", "hann", "sharp")
#: Largest ratio of the pixel sizes along the two in-plane directions.
_COARSEST_DIRECTION: Final = 1.4


def coarse_matrix(signal: FloatArray, subject: Subject, pixel_mm: float, rng: np.random.Generator) -> FloatArray:
    """Remove the k-space beyond the in-plane frequencies of a pixel of this size."""
    shape = rng.choice(_WINDOWS)
    stretch = rng.uniform(1, _COARSEST_DIRECTION) ** rng.choice((-0.5, 0.5))

    def cut(kspace: ComplexArray, k: Frequencies) -> ComplexArray:
        kspace *= window(str(shape), 2 * pixel_mm * stretch * np.abs(k[1]), 2 * pixel_mm / stretch * np.abs(k[2]))
        return kspace

    return through_kspace(signal, subject.spacing_mm, cut)


def window(shape: str, ky: FloatArray, kx: FloatArray) -> FloatArray:
    """Return a window over (ky, kx), which are multiples of the highest acquired frequency.

    `disc` and `rectangle` fall off softly (Fermi), `sharp` suddenly, which causes Gibbs ringing, and `hann` from the
    centre outward.
    """
    if shape == "hann":
        values = np.prod([np.cos(np.pi / 2 * np.minimum(k / 1.4, 1)) ** 2 for k in np.broadcast_arrays(ky, kx)], axis=0)
    else:
        k = np.hypot(ky, kx) if shape == "disc" else np.maximum(ky, kx)
        values = special.expit((1 - k) / (0.02 if shape == "sharp" else 0.08))
    windowed: FloatArray = values.astype(np.float32)
    return windowed


def point_spread(signal: FloatArray, subject: Subject, width_mm: float, rng: np.random.Generator) -> FloatArray:
    """Blur in the plane by a Gaussian with this full width at half maximum, a little wider in one direction."""
    stretch = rng.uniform(0.8, 1.25)
    sigma_mm = SIGMA_OF_FWHM * width_mm
    sigmas = (sigma_mm * stretch / subject.spacing_mm[1], sigma_mm / stretch / subject.spacing_mm[2])
    blurred: FloatArray = ndimage.gaussian_filter(signal, sigmas, axes=(1, 2), truncate=3.0)
    return blurred


def thick_slices(signal: FloatArray, subject: Subject, added_mm: float, rng: np.random.Generator) -> FloatArray:
    """Average over neighbouring slices with a profile between a Gaussian and a box of this width."""
    sigma = SIGMA_OF_FWHM * added_mm / subject.spacing_mm[0]
    gauss: FloatArray = ndimage.gaussian_filter1d(signal, sigma, axis=0, truncate=3.0)
    half = added_mm / subject.spacing_mm[0] / 2
    reach = int(np.ceil(half))
    at = np.arange(-reach, reach + 1)
    weights = np.clip(half + 0.5 - np.abs(at), 0, 1)
    box: FloatArray = ndimage.correlate1d(signal, weights / weights.sum(), axis=0)
    share = np.float32(rng.uniform())
    return share * gauss + (1 - share) * box
