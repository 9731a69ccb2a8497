"""Breathing during the acquisition and too coarse a resolution, made in k-space. Tied to the score of sharpness."""

from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import fft, special

from lgeqa.config import Settings
from lgeqa.records import FloatArray
from lgeqa.simulate.faults.severity import at_grade, grade

#: At the scores 1 to 5: range of the heart's breathing motion that the navigator lets pass, in mm, ...
AMPLITUDE_MM: Final = (13.0, 8.0, 3.5, 1.5, 0.4)
#: ... drift of the navigator over the scan, in mm, ...
DRIFT_MM: Final = (6.0, 4.0, 1.5, 0.7, 0.0)
#: ... and the acquired voxel in-plane, in mm.
RESOLUTION_MM: Final = (4.3, 3.0, 1.8, 1.45, 1.25)
#: Share of the motion along superior-inferior that goes to anterior as well.
ANTERIOR_SHARE: Final = 0.35
#: Breaths last this many heartbeats; one segment of ky lines is taken in each beat.
BEATS_PER_BREATH: Final = (3.5, 6.0)
LINES_PER_BEAT: Final = 24
#: Reflected margin, in voxels, so that what leaves one side of the image does not enter at the other.
MARGIN: Final = (4, 6, 6)


class MotionFault(Settings):
    """Breathing, drift and resolution of one acquisition.

    Attributes:
        amplitude_mm: range of the superior-inferior motion in the accepted data.
        drift_mm: superior-inferior drift from the first to the last heartbeat.
        resolution_mm: acquired voxel in-plane; k-space is empty beyond 1 / (2 resolution_mm).
        beats_per_breath: length of a breath in heartbeats.
        phase: of the first breath, 0 to 1.
    """

    amplitude_mm: float = Field(ge=0)
    drift_mm: float
    resolution_mm: float = Field(gt=0)
    beats_per_breath: float = Field(gt=0)
    phase: float = Field(ge=0, le=1)


def draw_motion(rng: np.random.Generator, score: float) -> MotionFault:
    """Draw breathing, drift and resolution."""
    at = grade(rng, score)
    return MotionFault(
        amplitude_mm=at_grade(at, AMPLITUDE_MM),
        drift_mm=float(rng.choice((-1, 1))) * at_grade(at, DRIFT_MM),
        resolution_mm=at_grade(at, RESOLUTION_MM),
        beats_per_breath=float(rng.uniform(*BEATS_PER_BREATH)),
        phase=float(rng.uniform()),
    )


def acquire(
    signal: FloatArray, spacing_mm: tuple[float, float, float], fault: MotionFault, noise: float = 0.0, seed: int = 0
) -> FloatArray:
    r"""Take an image through an acquisition in k-space: motion, resolution, noise, magnitude.

    The heart is taken to shift as a whole. By the Fourier shift theorem, data taken at displacement :math:`d` are
    :math:`K(k)\,e^{-2\pi i k \cdot d}`; each (ky, kz) has the displacement of the heartbeat in which it was taken, so
    inconsistent data give ghosts along row and slice, and blur. Complex white noise is added to the same k-space,
    inside the acquired part, so that the magnitude of the result is Rician (Gudbjartsson and Patz, 1995).

    Args:
        signal: (slice, row, column); ky runs along rows, kz along slices, the readout along columns.
        spacing_mm: (slice, row, column).
        fault: the motion and resolution.
        noise: standard deviation in each of the two channels of the result; 0 for none.
        seed: of the noise.
    """
    pad = [(m, m) for m in MARGIN]
    padded = np.pad(signal, pad, mode="reflect" if min(signal.shape) > max(MARGIN) else "edge")
    kspace = fft.fftn(padded.astype(np.complex64))
    kz, ky, kx = (fft.fftfreq(n, step).astype(np.float32) for n, step in zip(padded.shape, spacing_mm, strict=True))
    superior = displacements(padded.shape[:2], fault)
    cycles = superior * (kz[:, None] - ANTERIOR_SHARE * ky[None, :])
    window = _window(ky[:, None], kx[None, :], fault.resolution_mm)
    kspace *= np.exp(-2j * np.pi * cycles).astype(np.complex64)[:, :, None]
    if noise > 0:
        kspace += _white_noise(padded.shape, noise / np.sqrt(np.mean(window**2)), seed)
    kspace *= window
    inner = tuple(slice(m, -m) for m in MARGIN)
    magnitude: FloatArray = np.abs(fft.ifftn(kspace)[inner])
    return magnitude


def displacements(shape: tuple[int, int], fault: MotionFault) -> FloatArray:
    """Superior shift in mm at which each (kz, ky) was taken, in the order of `fftfreq`, of mean 0.

    Partitions are taken one after the other from the lowest kz, and in each the ky lines from the lowest, a segment
    in each heartbeat. Breathing is Lujan's cos^4 (Med. Phys. 1999), long at end-expiration.
    """
    n_kz, n_ky = shape
    segments = -(-n_ky // LINES_PER_BEAT)
    beat = np.arange(n_kz)[:, None] * segments + np.arange(n_ky)[None, :] // LINES_PER_BEAT
    breath = np.cos(np.pi * (beat / fault.beats_per_breath + fault.phase)) ** 4
    shift = -fault.amplitude_mm * breath + fault.drift_mm * beat / beat.max()
    ordered: FloatArray = fft.ifftshift(shift - shift.mean()).astype(np.float32)
    return ordered


def _window(ky: FloatArray, kx: FloatArray, resolution_mm: float) -> FloatArray:
    """A Fermi window over (ky, kx) in cycles per mm, half at the edge of the acquired disc."""
    edge = 1 / (2 * resolution_mm)
    window: FloatArray = special.expit((edge - np.hypot(ky, kx)) / (0.08 * edge))
    return window


def _white_noise(shape: tuple[int, ...], deviation: float, seed: int) -> npt.NDArray[np.complex64]:
    """Complex noise in k-space, whose inverse transform has this deviation in each channel."""
    rng = np.random.default_rng(seed)
    draws = rng.standard_normal((*shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
    return draws * np.complex64(deviation * np.sqrt(np.prod(shape)))
