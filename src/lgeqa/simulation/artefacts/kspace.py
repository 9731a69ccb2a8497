"""Transforms of an image to k-space and back, and noise generated in k-space."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import fft

from lgeqa.records import FloatArray

ComplexArray = npt.NDArray[np.complex64]
Frequencies = tuple[FloatArray, FloatArray, FloatArray]
#: Reflected margin in voxels, so that signal does not wrap from one side of the image to the other.
_MARGIN = (4, 6, 6)


def through_kspace(
    signal: FloatArray,
    spacing_mm: tuple[float, float, float],
    change: Callable[[ComplexArray, Frequencies], ComplexArray],
) -> FloatArray:
    """Return the magnitude of an image after a change to its k-space.

    Args:
        signal: Signal (slice, row, column).
        spacing_mm: Voxel spacing (slice, row, column).
        change: Function of the k-space and its frequencies (kz, ky, kx), which are in cycles per mm, in the order of
            `fftfreq` and of shapes that broadcast. It may change its input in place.
    """
    sizes = [fft.next_fast_len(n + 2 * margin) for n, margin in zip(signal.shape, _MARGIN, strict=True)]
    pad = [(margin, size - n - margin) for n, margin, size in zip(signal.shape, _MARGIN, sizes, strict=True)]
    padded = np.pad(signal, pad, mode="symmetric")
    kspace = change(fft.fftn(padded.astype(np.complex64)), frequencies(padded.shape, spacing_mm))
    inner = tuple(slice(margin, margin + n) for n, margin in zip(signal.shape, _MARGIN, strict=True))
    magnitude: FloatArray = np.abs(fft.ifftn(kspace, overwrite_x=True)[inner])
    return magnitude


def frequencies(shape: tuple[int, ...], spacing_mm: tuple[float, float, float]) -> Frequencies:
    """Return (kz, ky, kx) in cycles per mm, with shapes that broadcast to `shape`."""
    kz, ky, kx = (fft.fftfreq(n, mm).astype(np.float32) for n, mm in zip(shape, spacing_mm, strict=True))
    return kz[:, None, None], ky[:, None], kx


def complex_noise(shape: tuple[int, ...], window: FloatArray, rng: np.random.Generator) -> ComplexArray:
    """Return complex noise with standard deviation 1 in each channel and the spectrum `window`, which broadcasts."""
    white = rng.standard_normal((*shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
    power = float(np.mean(np.broadcast_to(window, shape) ** 2))
    noise: ComplexArray = fft.ifftn(white * window, norm="ortho", overwrite_x=True)
    return noise / np.float32(np.sqrt(max(power, 1e-12)))
