"""The descending aorta: a disc of blood behind the atrium, tracked from slice to slice."""

import numpy as np
from scipy import fft
from scipy.ndimage import binary_dilation, gaussian_filter, maximum_filter

from lgeqa.records import BoolArray, FloatArray

#: Candidate radii in mm.
_RADII_MM = (8.0, 9.5, 11.0, 12.5, 14.0, 16.0, 18.0)
#: Largest shift of the centre between neighbouring slices, in mm along each axis for each mm of slice spacing.
_DRIFT = 0.9
#: Search range of the centre, in mm from the centroid of the atrium: posterior, and towards the patient's left.
_POSTERIOR_MM, _LEFT_MM = (8.0, 75.0), (-25.0, 75.0)
#: Standard deviation in mm of the smoothing against noise: across slices, and in the plane.
_SMOOTHING_MM, _SPREAD_MM = 3.0, 1.5
#: Penalty on the score of a disc per unit of |ln(level)|, its signal relative to atrial blood.
_OFF_LEVEL = 0.35
#: Lowest score of a disc that counts as the aorta.
_LEAST_SCORE = 0.0


def find_aorta(signal: FloatArray, atrium: FloatArray, pixel_mm: float, slice_mm: float) -> FloatArray:
    """Find the descending aorta.

    On each slice, every position behind the atrium is scored for discs of 8 to 18 mm radius. The score is the mean
    signal of the disc minus the mean of a 4 mm ring around it and minus the spread within the disc, in units of the
    disc's own signal. A level that differs from atrial blood lowers the score a little. Dynamic programming finds the
    path with the highest sum over all slices on which the centre moves by less than the distance between two slices.

    Args:
        signal: Signal (slice, row, column), float32, on a coarse grid, in units of blood above air.
        atrium: Share of atrium in each voxel, float32 of the same shape.
        pixel_mm: Pixel size of the coarse grid.
        slice_mm: Spacing of the slices.

    Returns:
        Row and column of the centre in pixels of the coarse grid, and the radius in mm, float32 (slice, 3). NaN on a
        slice where no disc stands out.
    """
    smooth = gaussian_filter(
        np.clip(signal, 0, 2.5), (_SMOOTHING_MM / slice_mm, _SPREAD_MM / pixel_mm, _SPREAD_MM / pixel_mm)
    )
    scores, radii = _disc_scores(smooth, pixel_mm)
    scores[:, ~_search_area(atrium, pixel_mm)] = -np.inf
    scores[_around_atrium(atrium, pixel_mm)] = -np.inf
    path = _best_path(scores, max(1, round(_DRIFT * slice_mm / pixel_mm)))
    discs = [
        (row, column, radii[z, row, column]) if scores[z, row, column] >= _LEAST_SCORE else (np.nan,) * 3
        for z, (row, column) in enumerate(path)
    ]
    return np.array(discs, np.float32)


def _disc_scores(signal: FloatArray, pixel_mm: float) -> tuple[FloatArray, FloatArray]:
    """Return the score of the best disc around each position and its radius in mm, both of the shape of `signal`."""
    shape = [fft.next_fast_len(n + 2 * int(24 / pixel_mm), real=True) for n in signal.shape[1:]]
    spectra = [fft.rfft2(values, shape) for values in (signal, signal**2, np.ones_like(signal[:1]))]
    best = np.full(signal.shape, -np.inf, np.float32)
    radii = np.zeros(signal.shape, np.float32)
    for radius in _RADII_MM:
        disc = _mean_over(spectra, shape, signal.shape, (0, (radius - 1) / pixel_mm))
        ring = _mean_over(spectra, shape, signal.shape, ((radius + 1) / pixel_mm, (radius + 5) / pixel_mm))
        spread = np.sqrt(np.maximum(disc[1] - disc[0] ** 2, 0))
        level = np.maximum(disc[0], 0.1)
        score = (disc[0] - ring[0] - spread) / level - _OFF_LEVEL * np.abs(np.log(level))
        better = score > best
        best[better], radii[better] = score[better], radius
    return best, radii


def _mean_over(
    spectra: list[FloatArray], padded: list[int], shape: tuple[int, ...], ring: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    """Return the mean of the signal and of its square between two radii in pixels around each pixel of the image."""
    y, x = (np.minimum(np.arange(n), n - np.arange(n)) for n in padded)
    away = np.hypot(y[:, None], x[None])
    kernel = fft.rfft2(((away >= ring[0]) & (away <= ring[1])).astype(np.float32))
    sums = [fft.irfft2(spectrum * kernel, padded)[:, : shape[1], : shape[2]] for spectrum in spectra]
    count = np.maximum(sums[2], 1)
    return sums[0] / count, sums[1] / count


def _search_area(atrium: FloatArray, pixel_mm: float) -> BoolArray:
    """Return the positions (row, column) at which the centre of the aorta is searched for."""
    area = atrium.sum(axis=0) + np.float32(1e-6)  # centres the search if the atrium is too small for the grid
    rows, columns = (np.arange(n) * pixel_mm for n in area.shape)
    down = rows[:, None] - area.sum(axis=1) @ rows / area.sum()
    left = columns - area.sum(axis=0) @ columns / area.sum()
    allowed: BoolArray = (
        (down >= _POSTERIOR_MM[0]) & (down <= _POSTERIOR_MM[1]) & (left >= _LEFT_MM[0]) & (left <= _LEFT_MM[1])
    )
    return allowed


def _around_atrium(atrium: FloatArray, pixel_mm: float) -> BoolArray:
    """Return the positions at which a disc of the smallest radius would overlap the atrium."""
    steps = np.arange(-int(_RADII_MM[0] / pixel_mm), int(_RADII_MM[0] / pixel_mm) + 1) * pixel_mm
    disc = (np.hypot(steps[:, None], steps) <= _RADII_MM[0])[None]
    around: BoolArray = binary_dilation(atrium > 0.5, disc)
    return around


def _best_path(scores: FloatArray, step: int) -> list[tuple[int, int]]:
    """Return the position on each slice of the path with the highest sum of scores, `step` pixels apart at most."""
    floor = np.where(np.isfinite(scores), scores, -1e3)
    totals = [floor[0]]
    for score in floor[1:]:
        totals.append(score + maximum_filter(totals[-1], 2 * step + 1, mode="nearest"))
    path = [_highest(totals[-1])]
    for total in reversed(totals[:-1]):
        top, left = (max(place - step, 0) for place in path[-1])
        down, across = _highest(total[top : path[-1][0] + step + 1, left : path[-1][1] + step + 1])
        path.append((top + down, left + across))
    return path[::-1]


def _highest(scores: FloatArray) -> tuple[int, int]:
    """Return the row and column of the highest score."""
    row, column = divmod(int(scores.argmax()), scores.shape[1])
    return row, column
