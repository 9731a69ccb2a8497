"""Smoothing by the reconstruction: denoising and compressed sensing. They lower sharpness and fine texture."""

import math
from typing import Final

import numpy as np
from scipy import fft, ndimage

from lgeqa.records import FloatArray
from lgeqa.simulation.artefacts.subject import Subject

#: Side of the blocks of the cosine transform in pixels, and number of random offsets of their grid.
_BLOCK, _OFFSETS = 8, 5
#: Half the side of the largest square, in pixels, whose median is computed in one step.
_WHOLE_SQUARE: Final = 2
#: Levels of the wavelet transform.
_LEVELS: Final = 3


def local_mean_denoising(signal: FloatArray, subject: Subject, contrast: float, rng: np.random.Generator) -> FloatArray:
    """Replace details of less than this contrast, in % of blood, by the local mean.

    This is the self-guided filter (He, Sun and Tang, IEEE TPAMI 2013, doi:10.1109/TPAMI.2012.213) over 2.5 to 4.5 mm.
    """
    size_mm = rng.uniform(2.5, 4.5)
    size = (1, *(2 * max(1, round(size_mm / mm / 2)) + 1 for mm in subject.spacing_mm[1:]))
    mean = ndimage.uniform_filter(signal, size)
    variance = np.maximum(ndimage.uniform_filter(signal * signal, size) - mean * mean, 0)
    gain = (variance + np.float32(1e-8)) / (variance + np.float32((contrast / 100) ** 2 + 1e-8))
    offset = ndimage.uniform_filter(mean - gain * mean, size)
    denoised: FloatArray = ndimage.uniform_filter(gain, size) * signal + offset
    return denoised


def median_denoising(signal: FloatArray, subject: Subject, width_mm: float, rng: np.random.Generator) -> FloatArray:
    """Replace each voxel by the median over a square of this width, interpolated between odd numbers of pixels."""
    mm = math.sqrt(subject.spacing_mm[1] * subject.spacing_mm[2])
    half, share = divmod(width_mm / mm / 2, 1)
    lower, upper = (_median(signal, int(half) + more) for more in (0, 1))
    filtered = lower + np.float32(share) * (upper - lower)
    denoised: FloatArray = signal + np.float32(rng.uniform(0.85, 1)) * (filtered - signal)
    return denoised


def _median(signal: FloatArray, half: int) -> FloatArray:
    """Return the median over an in-plane square, or for a large one the medians along rows and then along columns."""
    side = 2 * half + 1
    filtered = signal
    for window in [(1, side, side)] if half <= _WHOLE_SQUARE else [(1, side, 1), (1, 1, side)]:
        filtered = ndimage.median_filter(filtered, window)
    return filtered


def block_thresholding(signal: FloatArray, _: Subject, threshold: float, rng: np.random.Generator) -> FloatArray:
    """Shrink the cosine coefficients of blocks of 8 x 8 pixels by this threshold, in % of blood.

    Compressed sensing shrinks its sparse coefficients in this way (Lustig et al., Magn Reson Med 2007,
    doi:10.1002/mrm.21391). The result is averaged over five random offsets of the blocks.
    """
    total = np.zeros_like(signal)
    for top, left in rng.integers(0, _BLOCK, (_OFFSETS, 2)):
        margins = [_padding(size, before) for size, before in zip(signal.shape[1:], (top, left), strict=True)]
        padded = np.pad(signal, ((0, 0), *margins), mode="symmetric")
        n, rows, columns = padded.shape
        blocks = padded.reshape(n, rows // _BLOCK, _BLOCK, columns // _BLOCK, _BLOCK)
        coefficients = fft.dctn(blocks, axes=(2, 4), norm="ortho", overwrite_x=True)
        means = coefficients[:, :, 0, :, 0].copy()
        coefficients = _shrunk(coefficients, threshold / 100)
        coefficients[:, :, 0, :, 0] = means
        image = fft.idctn(coefficients, axes=(2, 4), norm="ortho", overwrite_x=True).reshape(padded.shape)
        total += image[:, top : top + signal.shape[1], left : left + signal.shape[2]]
    return total / np.float32(_OFFSETS)


def _padding(size: int, before: int) -> tuple[int, int]:
    """Return the margins before and after `size` pixels that make whole blocks, for a fixed margin before."""
    return before, -(size + before) % _BLOCK


def wavelet_thresholding(signal: FloatArray, _: Subject, threshold: float, rng: np.random.Generator) -> FloatArray:
    """Shrink the coefficients of an undecimated spline wavelet by this threshold, in % of blood.

    This is the starlet transform (Starck et al., IEEE Trans Image Process 2007, doi:10.1109/TIP.2006.887733). Each
    level has twice the scale and half the threshold of the level before, with a random variation of 20 %.
    """
    remaining, details = signal, np.zeros_like(signal)
    for level in range(_LEVELS):
        taps = np.zeros(4 * 2**level + 1)
        taps[:: 2**level] = np.array((1, 4, 6, 4, 1)) / 16
        smooth = ndimage.correlate1d(ndimage.correlate1d(remaining, taps, axis=1), taps, axis=2)
        details += _shrunk(remaining - smooth, rng.uniform(0.8, 1.2) * threshold / 100 / 2**level)
        remaining = smooth
    return remaining + details


def _shrunk(values: FloatArray, threshold: float) -> FloatArray:
    """Move values towards 0 by a threshold, at most to 0."""
    return values - np.clip(values, -np.float32(threshold), np.float32(threshold))
