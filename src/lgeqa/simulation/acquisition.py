"""Acquisition of a phantom: contrast agent in blood and walls, inversion time, resolution and noise.

The parameters are drawn so that the measures of phantoms cover the range of real scans as acquired. The anatomy and
these parameters are the known truth of a phantom. Its scores are measured, as on any other scan.
"""

from typing import Final

import numpy as np
from pydantic import Field
from scipy import fft, special

from lgeqa.config import Settings
from lgeqa.records import FloatArray
from lgeqa.simulation.phantom import Phantom, render
from lgeqa.simulation.signal import REPETITION_MS, Sequence, null_time
from lgeqa.simulation.tissue import PROPERTIES, Tissue

#: Inversion time that nulls myocardium with the T1 of `tissue.PROPERTIES`.
NULL_MS: Final = null_time(PROPERTIES[Tissue.MYOCARDIUM].t1_ms, REPETITION_MS)
#: Reflected margin in voxels along rows and columns, so that signal does not wrap from one side to the other.
_MARGIN: Final = 8
#: Width of the border of the acquired disc in k-space, as a share of its radius.
_BORDER: Final = 0.08


class Acquisition(Settings):
    """Acquisition parameters of a phantom.

    Attributes:
        inversion_over_null: Inversion time as a multiple of the time that nulls myocardium.
        fat_signal: Share of the fat signal that remains after fat saturation.
        wall_t1_ms: T1 of the healthy atrial wall.
        fibrosis_t1_ms: T1 of the fibrotic atrial wall.
        aortic_wall_t1_ms: T1 of the walls of the aorta and pulmonary arteries.
        valve_t1_ms: T1 of the valves.
        coil: Slopes of the logarithm of the coil's sensitivity along slice, row and column, over the whole image.
        resolution_mm: Acquired in-plane voxel size.
        noise: Standard deviation of the noise in each of the two channels, as a share of the blood signal.
        blood_level: Grey level of atrial blood.
        seed: Random seed of the noise.
    """

    inversion_over_null: float = Field(default=1.0, gt=0, lt=5)
    fat_signal: float = Field(default=0.12, ge=0, le=1)
    wall_t1_ms: float = Field(default=PROPERTIES[Tissue.WALL].t1_ms, gt=0)
    fibrosis_t1_ms: float = Field(default=PROPERTIES[Tissue.FIBROSIS].t1_ms, gt=0)
    aortic_wall_t1_ms: float = Field(default=PROPERTIES[Tissue.AORTIC_WALL].t1_ms, gt=0)
    valve_t1_ms: float = Field(default=PROPERTIES[Tissue.VALVE].t1_ms, gt=0)
    coil: tuple[float, float, float] = (0, 0, 0)
    resolution_mm: float = Field(default=1.25, gt=0)
    noise: float = Field(default=0.05, ge=0)
    blood_level: float = Field(default=100, gt=0)
    seed: int = Field(default=0, ge=0)

    @property
    def sequence(self) -> Sequence:
        """The pulse sequence."""
        return Sequence(
            inversion_time_ms=self.inversion_over_null * NULL_MS,
            fat_signal=self.fat_signal,
        )

    @property
    def t1_ms(self) -> dict[Tissue, float]:
        """T1 of the enhancing tissues in ms."""
        return {
            Tissue.WALL: self.wall_t1_ms,
            Tissue.FIBROSIS: self.fibrosis_t1_ms,
            Tissue.AORTIC_WALL: self.aortic_wall_t1_ms,
            Tissue.VALVE: self.valve_t1_ms,
        }


def draw_acquisition(rng: np.random.Generator) -> Acquisition:
    """Draw the acquisition parameters of a phantom, within the range of real scans."""
    direction = rng.standard_normal(3) * (0.5, 1, 1)
    slopes = rng.uniform(0, 0.6) * direction / np.linalg.norm(direction)
    return Acquisition(
        inversion_over_null=float(rng.triangular(1.06, 1.13, 1.28)),
        fat_signal=float(rng.uniform(0.05, 0.6)),
        wall_t1_ms=float(rng.uniform(280, 420)),
        fibrosis_t1_ms=float(rng.uniform(190, 320)),
        aortic_wall_t1_ms=float(rng.triangular(200, 240, 350)),
        valve_t1_ms=float(rng.uniform(170, 330)),
        coil=(float(slopes[0]), float(slopes[1]), float(slopes[2])),
        resolution_mm=float(rng.triangular(1.2, 1.5, 2.4)),
        noise=float(np.exp(rng.uniform(np.log(0.04), np.log(0.25)))),
        blood_level=float(np.exp(rng.uniform(np.log(16), np.log(120)))),
        seed=int(rng.integers(2**32)),
    )


def acquire(phantom: Phantom, acquisition: Acquisition) -> FloatArray:
    """Image a phantom.

    Each slice is transformed to k-space, where a disc set by the resolution is acquired and complex white noise is
    added within it. The magnitude is therefore Rician, and the grain of the noise matches the resolution.

    Returns:
        Grey levels of the phantom's shape, float32, with atrial blood at about `acquisition.blood_level`.
    """
    signal = render(phantom, acquisition.sequence, acquisition.t1_ms)
    signal *= np.float32(acquisition.blood_level / np.median(signal[phantom.atrium]))
    for axis, slope in enumerate(acquisition.coil):
        ramp = np.exp(slope * np.linspace(-0.5, 0.5, signal.shape[axis], dtype=np.float32))
        signal *= np.expand_dims(ramp, [other for other in range(3) if other != axis])
    rng = np.random.default_rng(acquisition.seed)
    deviation = acquisition.noise * acquisition.blood_level
    return np.stack([_acquired(image, phantom.spacing_mm[1:], acquisition, deviation, rng) for image in signal])


def _acquired(
    image: FloatArray,
    pixel_mm: tuple[float, float],
    acquisition: Acquisition,
    deviation: float,
    rng: np.random.Generator,
) -> FloatArray:
    """Acquire one slice (row, column) in k-space."""
    padded = np.pad(image, _MARGIN, mode="reflect")
    ky, kx = (fft.fftfreq(n, mm) for n, mm in zip(padded.shape, pixel_mm, strict=True))
    edge = 1 / (2 * acquisition.resolution_mm)
    window = special.expit((edge - np.hypot(ky[:, None], kx)) / (_BORDER * edge)).astype(np.float32)
    real, imaginary = rng.standard_normal((2, *padded.shape), np.float32)
    scale = np.float32(deviation / np.sqrt(np.mean(window**2)))
    acquired = fft.ifft2(fft.fft2(padded + scale * (real + 1j * imaginary)) * window)
    magnitude: FloatArray = np.abs(acquired[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]).astype(np.float32)
    return magnitude
