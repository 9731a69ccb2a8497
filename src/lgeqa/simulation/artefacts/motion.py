"""Motion during the acquisition of k-space: breathing, drift, sudden shifts, irregular breaths. It lowers sharpness."""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from lgeqa.records import FloatArray
from lgeqa.simulation.artefacts.fields import direction
from lgeqa.simulation.artefacts.kspace import ComplexArray, Frequencies, through_kspace
from lgeqa.simulation.artefacts.subject import Subject

Beats = npt.NDArray[np.floating]
#: Relative motion of the heart along slice, row and column: mostly inferior, less anterior, least sideways.
_DIRECTION: Final = (1.0, 0.5, 0.25)
#: Range of the number of k-space lines acquired in one heartbeat.
_LINES_PER_BEAT: Final = (16, 40)
#: Orders of acquisition of k-space.
_ORDERS: Final = ("partitions", "lines", "centric", "spiral")


def breathing(signal: FloatArray, subject: Subject, range_mm: float, rng: np.random.Generator) -> FloatArray:
    """Move the heart over this range with every breath.

    A breath is an even power of a cosine, long at end-expiration (cos^4 in Lujan et al., Med Phys 1999),
    and lasts 3.5 to 6 heartbeats.
    """
    period, phase, power = rng.uniform(3.5, 6.0), rng.uniform(), int(rng.choice((2, 4, 6)))

    def breaths(beat: Beats) -> Beats:
        depth: Beats = np.cos(np.pi * (beat / period + phase)) ** power
        return range_mm * depth

    return _moved(signal, subject, breaths, rng)


def drift(signal: FloatArray, subject: Subject, range_mm: float, rng: np.random.Generator) -> FloatArray:
    """Move the heart steadily by this distance from the first to the last heartbeat, faster at the start or end."""
    bend = np.exp(rng.uniform(-0.9, 0.9))
    return _moved(signal, subject, lambda beat: range_mm * (beat / beat.max()) ** bend, rng)


def sudden_shift(signal: FloatArray, subject: Subject, range_mm: float, rng: np.random.Generator) -> FloatArray:
    """Move the patient once or twice, by this total distance."""
    first, second = np.sort(rng.uniform(0.3, 0.7, 2))
    share = rng.choice((1.0, 0.5))

    def steps(beat: Beats) -> Beats:
        time = beat / beat.max()
        moved: Beats = share * (time > first) + (1 - share) * (time > second)
        return range_mm * moved

    return _moved(signal, subject, steps, rng)


def irregular_breathing(signal: FloatArray, subject: Subject, range_mm: float, rng: np.random.Generator) -> FloatArray:
    """Move the heart along a smooth random walk that spans this range."""
    memory, seed = rng.uniform(1.5, 8.0), int(rng.integers(2**32))

    def walk(beat: Beats) -> Beats:
        steps = np.random.default_rng(seed).standard_normal(int(beat.max()) + 1)
        path = ndimage.gaussian_filter1d(steps, memory, mode="wrap")
        spanned: Beats = (path - path.min()) / max(float(np.ptp(path)), 1e-6)
        shifts: Beats = range_mm * spanned[beat.astype(int)]
        return shifts

    return _moved(signal, subject, walk, rng)


def _moved(
    signal: FloatArray, subject: Subject, shift_mm: Callable[[Beats], Beats], rng: np.random.Generator
) -> FloatArray:
    r"""Return the image from an acquisition during which it shifts as a whole.

    By the Fourier shift theorem, data acquired at displacement :math:`d` are :math:`K(k)\,e^{-2\pi i k \cdot d}`. Each
    line (kz, ky) has the displacement of its heartbeat, so inconsistent data cause blur and ghosts along row and slice.
    The mean displacement, weighted by the contribution of a line to the edges, is removed, so that the mask still fits.
    """
    along = direction(rng, _DIRECTION)
    order, lines = str(rng.choice(_ORDERS)), int(rng.integers(*_LINES_PER_BEAT))

    def shift(kspace: ComplexArray, k: Frequencies) -> ComplexArray:
        displacement = shift_mm(beats(kspace.shape[:2], order, lines))
        edges = (k[0] ** 2 + k[1] ** 2)[:, :, 0] * np.sum(np.abs(kspace) ** 2, axis=2)
        displacement = (displacement - np.average(displacement, weights=edges)).astype(np.float32)
        for frequency, part in zip(k[:2], along[:2], strict=True):
            kspace *= np.exp(-2j * np.pi * part * frequency[..., 0] * displacement).astype(np.complex64)[:, :, None]
        kspace *= np.exp(-2j * np.pi * along[2] * k[2] * displacement[:, :, None]).astype(np.complex64)
        return kspace

    return through_kspace(signal, subject.spacing_mm, shift)


def beats(shape: tuple[int, int], order: str, lines: int) -> Beats:
    """Return the heartbeat in which each line (kz, ky) is acquired, in the order of `fftfreq`.

    `partitions`: one kz after another, each with ky in rising order. `lines`: one ky after another, each with all kz.
    `centric`: one kz after another, each with ky from the centre outward. `spiral`: from the centre of (kz, ky)
    outward.
    """
    kz, ky = (np.arange(n) - n // 2 for n in shape)
    if order == "spiral":
        away = np.hypot(kz[:, None] / shape[0], ky / shape[1])
        place = np.argsort(np.argsort(away, axis=None)).reshape(shape)
    elif order == "lines":
        place = (ky + shape[1] // 2) * shape[0] + np.arange(shape[0])[:, None]
    else:
        line = np.argsort(np.argsort(np.abs(ky))) if order == "centric" else ky + shape[1] // 2
        place = np.arange(shape[0])[:, None] * shape[1] + line
    taken: Beats = np.fft.ifftshift(place // lines).astype(np.float64)
    return taken
