"""Measures of the atrial blood pool: its signal, noise and shading."""

import numpy as np

from lgeqa.measures.heart import ALL, COARSE_MM, Heart, smoothed_within
from lgeqa.measures.value import Measured, undefined
from lgeqa.records import FloatArray

#: Smallest number of blood voxels for a statistic.
LEAST_VOXELS = 50
#: Standard deviations in mm of the smoothing that separates shading from noise, in the plane and across slices.
_SHADING_SIGMA_MM = (4.0, 4.0)
#: Distance from the mean in standard deviations beyond which values are excluded as hot voxels.
_OUTLIER_SDS = 4.0

NO_BLOOD = "The blood pool is too small to measure in."


def blood_sd(heart: Heart, slices: slice = ALL) -> float:
    """Return the standard deviation of the signal in the core of the atrium, in units of blood.

    Voxels farther than 4 standard deviations from the mean are excluded. NaN if the core has fewer than 50 voxels.
    """
    core = heart.signal[slices][heart.core[slices]]
    return spread_of(core) if core.size >= LEAST_VOXELS else float("nan")


def blood_signal(heart: Heart, slices: slice = ALL) -> Measured:
    """Measure the signal of atrial blood above the signal of air.

    Formula: interquartile mean of the grey levels in the core of the atrium, which begins 2.5 mm inside its border,
    minus the grey level of air (mean of the darkest voxels around the heart). On one slice: mean over the core.
    Unit: grey levels of the scan. Direction: neither, since it depends on the scanner's scaling.
    Undefined: the core has fewer than 50 voxels.
    Source: this package.
    """
    core = heart.signal[slices][heart.core[slices]]
    if core.size < LEAST_VOXELS:
        return undefined(NO_BLOOD)
    level = 1.0 if slices == ALL else float(core.mean())
    return Measured(level * (heart.reference.blood - heart.reference.air))


def asnr(heart: Heart, slices: slice = ALL) -> Measured:
    """Measure the apparent signal-to-noise ratio of atrial blood.

    Formula: mean over standard deviation of the signal above air in the core of the atrium, excluding voxels beyond
    4 standard deviations. Shading counts as spread.
    Unit: none. Direction: higher is better.
    Undefined: the core has fewer than 50 voxels, or no spread.
    Source: Chubb et al., J Cardiovasc Magn Reson 2018, 20:30, doi:10.1186/s12968-018-0449-8.
    """
    spread = blood_sd(heart, slices)
    if not spread > 0:
        return undefined(NO_BLOOD if np.isnan(spread) else "All voxels of the blood pool hold one grey level.")
    return Measured(float(heart.signal[slices][heart.core[slices]].mean()) / spread)


def noise_percent(heart: Heart, slices: slice = ALL) -> Measured:
    """Measure the noise in atrial blood, without shading.

    Formula: standard deviation of the signal minus the smoothed signal (Gaussian of 3 mm in the plane, normalised over
    the core so that voxels outside have no weight), in the core of the atrium excluding voxels beyond 4 standard
    deviations, over the signal of blood, times 100. Interpolation that makes noise smoother than about 3 mm hides it.
    Unit: % of blood. Direction: lower is better.
    Undefined: the core has fewer than 50 voxels.
    Source: this package; the ratio is the inverse of a signal-to-noise ratio.
    """
    grain = heart.grain[slices][heart.core[slices]]
    return Measured(100 * spread_of(grain)) if grain.size >= LEAST_VOXELS else undefined(NO_BLOOD)


def shading_percent(heart: Heart) -> Measured:
    """Measure how uneven the signal of atrial blood is.

    Formula: 95th minus 5th percentile of the signal of the atrium at least 4 mm inside its border, smoothed there by a
    Gaussian of 4 mm, over the signal of blood, times 100.
    Unit: % of blood. Direction: lower is better.
    Undefined: the core has fewer than 50 voxels.
    Source: this package; percent integral uniformity (NEMA MS 3) with percentiles in place of the extremes.
    """
    core = heart.coarse_core
    if core.sum() < LEAST_VOXELS:
        return undefined(NO_BLOOD)
    in_plane, across = _SHADING_SIGMA_MM
    sigma = (across / heart.spacing_mm[0], in_plane / COARSE_MM, in_plane / COARSE_MM)
    low, high = np.percentile(smoothed_within(heart.coarse, core, sigma)[core], (5, 95))
    return Measured(100 * float(high - low))


def spread_of(values: FloatArray) -> float:
    """Return the standard deviation, excluding values beyond 4 standard deviations."""
    centred = values - values.mean(dtype=float)
    near = centred[np.abs(centred) <= _OUTLIER_SDS * centred.std()]
    return float(near.std()) if near.size else 0.0
