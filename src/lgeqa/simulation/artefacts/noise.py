"""Noise, uneven sensitivity and spikes, which lower the signal-to-noise ratio and the quality for fibrosis."""

from typing import Final

import numpy as np

from lgeqa.records import FloatArray
from lgeqa.simulation.artefacts.fields import direction, random_ranks
from lgeqa.simulation.artefacts.kspace import complex_noise, frequencies
from lgeqa.simulation.artefacts.resolution import window
from lgeqa.simulation.artefacts.subject import Subject

#: Range of the size in mm of acquired pixels, which sets the grain of the noise.
_ACQUIRED_MM: Final = (1.0, 1.6)
#: Distance in mm over which a coil's sensitivity falls by the severity of its artefact.
_COIL_MM: Final = 70.0
#: Range of the period in mm of the stripes that a spike causes.
_STRIPES_MM: Final = (3.5, 25.0)


def white_noise(signal: FloatArray, subject: Subject, percent: float, rng: np.random.Generator) -> FloatArray:
    """Add complex white noise with this standard deviation, in % of blood, in each channel.

    The magnitude is then Rician (Gudbjartsson and Patz, Magn Reson Med 1995, doi:10.1002/mrm.1910340618). The noise is
    white within the k-space of an acquired pixel of 1.0 to 1.6 mm, as in interpolated scans.
    """
    return _noisy(signal, percent / 100, _acquired(subject, rng), rng)


def g_factor_noise(signal: FloatArray, subject: Subject, percent: float, rng: np.random.Generator) -> FloatArray:
    """Add noise that varies over the field as in parallel imaging, with this standard deviation at its strongest.

    The map is a smooth random field times bands along the phase encoding. Such noise occurs in SENSE (Pruessmann et
    al., Magn Reson Med 1999, 42:952).
    """
    _, rows, columns = subject.offsets_mm(subject.centre_mm)
    phase = rows if rng.random() < 0.5 else columns
    bands = np.cos(np.pi * (phase - np.float32(rng.uniform(-15, 15))) / np.float32(rng.uniform(60, 140))) ** 2
    strength = bands * (0.4 + 0.6 * random_ranks(subject, 60.0, rng)) + np.float32(0.1)
    near = strength[subject.atrium]
    strength = np.minimum(strength / np.percentile(near, 95), 1.5)
    return _noisy(signal, np.float32(percent / 100) * strength, _acquired(subject, rng), rng)


def coloured_noise(signal: FloatArray, subject: Subject, percent: float, rng: np.random.Generator) -> FloatArray:
    """Add noise with this standard deviation, in % of blood, from a part of k-space: blotches, streaks or stripes."""
    _, ky, kx = frequencies(signal.shape, subject.spacing_mm)
    kind = rng.choice(("ring", "streaks", "stripes"))
    if kind == "ring":
        centre, width = rng.uniform(0.05, 0.2), rng.uniform(0.06, 0.15)
        spectrum = np.exp(-(((np.hypot(ky, kx) - centre) / width) ** 2))
    elif kind == "streaks":
        away = np.angle(np.exp(2j * (np.arctan2(ky, kx) - rng.uniform(0, np.pi)))) / 2
        spectrum = np.exp(-((away / rng.uniform(0.1, 0.35)) ** 2)) * np.clip(np.hypot(ky, kx) / 0.08, 0, 1)
    else:
        lines = rng.uniform(0.05, 0.3, 3)
        across = np.abs(ky if rng.random() < 0.5 else kx)
        spectrum = sum(np.exp(-(((across - line) / 0.02) ** 2)) for line in lines)
    return _noisy(signal, percent / 100, spectrum.astype(np.float32) * _acquired(subject, rng), rng)


def coil_falloff(signal: FloatArray, subject: Subject, percent: float, rng: np.random.Generator) -> FloatArray:
    """Reduce the signal by this share, in %, over 70 mm across the heart, with unchanged noise.

    The signal falls exponentially with the distance from the coil, and added noise replaces the noise that the fall
    removes from the scan. A random share of the fall, from none to all, is then corrected as by a scanner's
    normalisation, which raises the noise with the signal.
    """
    along = direction(rng, (0.4, 1.0, 0.7))
    offsets = subject.offsets_mm(subject.centre_mm)
    place = sum((offset * part for offset, part in zip(offsets, along, strict=True)), np.float32(0)) / _COIL_MM + 0.5
    sensitivity = np.exp(np.log(1 - percent / 100) * np.clip(place, 0, 1.3)).astype(np.float32)
    noise = subject.noise * np.sqrt(1 - sensitivity**2)
    received = _noisy(signal * sensitivity, noise, _acquired(subject, rng), rng)
    corrected: FloatArray = received / sensitivity ** np.float32(rng.uniform())
    return corrected


def spikes(signal: FloatArray, subject: Subject, percent: float, rng: np.random.Generator) -> FloatArray:
    """Add one to three spikes in k-space: waves over the whole scan, the strongest of this amplitude in % of blood."""
    offsets = subject.offsets_mm(subject.centre_mm)
    real, imaginary = signal.copy(), np.zeros_like(signal)
    for strength in (1.0, *rng.uniform(0.2, 0.7, rng.integers(0, 3))):
        angle, period = rng.uniform(0, np.pi), np.exp(rng.uniform(*np.log(_STRIPES_MM)))
        k = (rng.uniform(-0.1, 0.1), np.sin(angle) / period, np.cos(angle) / period)
        phases = [np.exp(2j * np.pi * f * offset).astype(np.complex64) for f, offset in zip(k, offsets, strict=True)]
        wave = (
            np.complex64(strength * percent / 100 * np.exp(2j * np.pi * rng.uniform()))
            * phases[0]
            * phases[1]
            * phases[2]
        )
        real += wave.real
        imaginary += wave.imag
    magnitude: FloatArray = np.hypot(real, imaginary)
    return magnitude


def _acquired(subject: Subject, rng: np.random.Generator) -> FloatArray:
    """Return the spectrum of white noise within the k-space of an acquired pixel of random size."""
    _, ky, kx = frequencies(subject.signal.shape, subject.spacing_mm)
    twice_mm = np.float32(2 * rng.uniform(*_ACQUIRED_MM))
    return window(str(rng.choice(("disc", "rectangle"))), twice_mm * np.abs(ky), twice_mm * np.abs(kx))


def _noisy(
    signal: FloatArray, deviation: float | FloatArray, spectrum: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Return the magnitude of a signal with added complex noise."""
    noise = complex_noise(signal.shape, spectrum, rng) * np.asarray(deviation, np.float32)
    magnitude: FloatArray = np.hypot(signal + noise.real, noise.imag)
    return magnitude
