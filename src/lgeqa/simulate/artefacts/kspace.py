"""From an image to its k-space and back, and noise that is made there."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import fft

from lgeqa.records import FloatArray

ComplexArray = npt.NDArray[np.complex64]
Frequencies = tuple[FloatArray, FloatArray, FloatArray]
#: Reflected margin in voxels, so that what leaves one side of the image does not enter at the other.
_MARGIN = (4, 6, 6)


def through_kspace(
    signal: FloatArray,
    spacing_mm: tuple[float, float, float],
    change: Callable[[ComplexArray, Frequencies], ComplexArray],
) -> FloatArray:
    """Return the magnitude of an image whose k-space was changed.

    Args:
        signal: (slice, row, column).
        spacing_mm: (slice, row, column).
        change: Function of the k-space and of its frequencies (kz, ky, kx) in cycles per mm, in the order of `fftfreq`
            and of shapes that broadcast; it may change the k-space that it is given.
    """
    sizes = [fft.next_fast_len(n + 2 * margin) for n, margin in zip(signal.shape, _MARGIN, strict=True)]
    pad = [(margin, size - n - margin) for n, margin, size in zip(signal.shape, _MARGIN, sizes, strict=True)]
    padded = np.pad(signal, pad, mode="symmetric")
    kspace = change(fft.fftn(padded.astype(np.complex64)), frequencies(padded.shape, spacing_mm))
    inner = tuple(slice(margin, margin + n) for n, margin in zip(signal.shape, _MARGIN, strict=True))
    magnitude: FloatArray = np.abs(fft.ifftn(kspace, overwrite_x=True)[inner])
    return magnitude


def frequencies(shape: tuple[int, ...], spacing_mm: tuple[float, float, float]) -> Frequencies:
    """Return (kz, ky, kx) in cycles per mm, of shapes that broadcast to `shape`."""
    kz, ky, kx = (fft.fftfreq(n, mm).astype(np.float32) for n, mm in zip(shape, spacing_mm, strict=True))
    return kz[:, None, None], ky[:, None], kx


def complex_noise(shape: tuple[int, ...], window: FloatArray, rng: np.random.Generator) -> ComplexArray:
    """Return complex noise, of standard deviation 1 in each channel, whose spectrum is `window` (broadcasts)."""
    white = rng.standard_normal((*shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
    power = float(np.mean(np.broadcast_to(window, shape) ** 2))
    noise: ComplexArray = fft.ifftn(white * window, norm="ortho", overwrite_x=True)
    return noise / np.float32(np.sqrt(max(power, 1e-12)))
