"""Measures of artefacts in the image: ghosts in the background and clipped grey levels."""

import numpy as np
from scipy import fft

from lgeqa.measures.heart import ALL, COARSE_MM, Heart
from lgeqa.measures.value import Measured, undefined
from lgeqa.records import BoolArray, FloatArray

#: Shifts at which copies are searched for, in mm: smaller ones are blur, larger ones leave the field of view.
_SHIFT_MM = (14.0, 60.0)
#: Smallest number of background pixels of 2 mm.
_LEAST_PIXELS = 200


def ghosting_percent(heart: Heart, slices: slice = ALL) -> Measured:
    """Measure the strongest copy of the image in its own background.

    Formula: largest slope, over shifts s of 14 to 60 mm in both directions along rows or columns, of the regression of
    the background signal b(x) on the image signal i(x - s), times 100: cov(b, i) / var(i) over the background pixels
    x of the 2 mm grid (lung and air) for which x - s is on the image, at least a quarter of them. A copy with 10 % of
    the signal gives 10 or more: chance and anatomy add a few percent, on geometric hearts up to 1.7 times the copy.
    Unit: % of the signal. Direction: lower is better.
    Undefined: fewer than 200 background pixels.
    Source: this package, after the ghost-to-signal ratio of MRI quality control. A cropped scan lacks the outer
    background on which that ratio is usually measured, and the full field of view that determines the ghosts' shift.
    """
    signal, background = heart.coarse[slices], heart.coarse_background[slices]
    if background.sum() < _LEAST_PIXELS:
        return undefined("Too little lung or air is in the field of view.")
    return Measured(100 * max(_strongest_copy(signal, background, axis) for axis in (1, 2)))


def _strongest_copy(signal: FloatArray, background: BoolArray, axis: int) -> float:
    """Return the largest slope of the background on the image along an axis, or 0 if none is positive."""
    size = signal.shape[axis]
    length = fft.next_fast_len(2 * size, real=True)
    mask = background.astype(np.float32)
    dark = [fft.rfft(values, length, axis=axis) for values in (mask, mask * signal)]
    image = [fft.rfft(values, length, axis=axis).conj() for values in (np.ones_like(signal), signal, signal**2)]
    pairs = ((0, 0), (1, 0), (0, 1), (1, 1), (0, 2))  # sums of 1, b, i, b i and i i over the background
    others = tuple({0, 1, 2} - {axis})
    count, of_b, of_i, of_bi, of_ii = (fft.irfft((dark[b] * image[i]).sum(axis=others), length) for b, i in pairs)
    near, far = (round(mm / COARSE_MM) for mm in _SHIFT_MM)
    shifts = np.arange(near, min(far, size - 1) + 1)
    shifts = np.concatenate([shifts, -shifts])
    shifts = shifts[count[shifts] >= mask.sum() / 4]
    n = count[shifts]
    slopes = (of_bi[shifts] - of_b[shifts] * of_i[shifts] / n) / np.maximum(of_ii[shifts] - of_i[shifts] ** 2 / n, 1e-6)
    return float(max(slopes.max(initial=0.0), 0.0))


def clipping_percent(heart: Heart, slices: slice = ALL) -> Measured:
    """Measure the share of voxels that are clipped at the highest grey level.

    Formula: share of the voxels around the heart at or above the grey level of the scan's eleventh-brightest voxel,
    times 100. A few hot voxels thus do not hide the level at which a scan was clipped.
    Unit: %. Direction: lower is better.
    Undefined: never.
    Source: this package.
    """
    around = heart.voxels[heart.window][slices]
    return Measured(100 * float((around >= heart.highest_level).mean()))
