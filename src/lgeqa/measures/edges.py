"""Edges of a blood pool: the fall of the signal across its border, and dark lines beyond it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d, map_coordinates
from scipy.special import ndtr

from lgeqa.records import FloatArray, IntArray

Floats = npt.NDArray[np.floating]

#: Distance between positions along a ray, and the positions, in mm outward from the border of the mask.
_STEP_MM = 0.5
_ALONG_MM = np.arange(-6, 8.01, _STEP_MM)
#: Offsets in mm along the border of the parallel rays that are averaged into one to reduce noise.
_ACROSS_MM = np.array((-2.4, -0.8, 0.8, 2.4))
#: Candidates of the fit: position of the edge and standard deviation of the blur, in mm.
_CENTRES_MM = np.arange(-3.5, 5.51, 0.25)
_SIGMAS_MM = np.geomspace(0.35, 4.5, 22)
#: Factor from the standard deviation of an error function's blur to its 10-90 % width.
_WIDTH_OF_SIGMA = 2.5631
#: Smallest fall of the signal, as a share of blood, and smallest R2 of the fit for a ray to count as an edge.
_LEAST_FALL, _LEAST_FIT = 0.3, 0.7
#: Smallest fall of the signal, as a share of blood, for a ray on which a dark line is searched for.
_LEAST_FALL_TO_LINE = 0.15
#: Standard deviation in mm of the smoothing along the ray before that. It hides lines due to noise.
_LINE_SIGMA_MM = 1.25
#: Half the distance over which the normal of the border is computed, in mm.
_SLOPE_MM = 2.0
#: Largest number of rays that are fitted.
_MOST_RAYS = 1500


@dataclass(frozen=True)
class Edges:
    """Edges along the border of a mask.

    Attributes:
        slices: Slice of each edge, (n,).
        centres_mm: Position of each edge in mm outward from the mask's border, (n,).
        widths_mm: 10-90 % width of each edge in mm, (n,).
        lines: Depth of the dark line on each ray with a fall of the signal, in units of blood, (m,): the signal rises
            by this much beyond its minimum. 0 where it does not rise.
    """

    slices: IntArray
    centres_mm: Floats
    widths_mm: Floats
    lines: Floats


def find_edges(signal: FloatArray, depth: FloatArray, pixel_mm: tuple[float, float]) -> Edges:
    """Fit an error function to the signal across the border of a mask.

    Each ray runs along the normal of the border, from 6 mm inside to 8 mm outside, and is the mean of four parallel
    rays within 5 mm along the border. The candidate (position and blur) with the highest correlation is chosen, and its
    blur refined by a parabola. Rays are excluded if they leave the image, if the signal on them rises or hardly falls,
    or if no error function describes them (R2 < .7). Dark lines are searched for on all rays on which the signal falls.

    Args:
        signal: Signal (slice, row, column) in units of blood above air.
        depth: Depth from `depth_mm`, with a reach of at least 8 mm.
        pixel_mm: Pixel spacing (row, column).
    """
    slices, profiles = _profiles(signal, depth, pixel_mm)
    centres, sigmas, falls, fits = _fitted(profiles)
    good = (falls > _LEAST_FALL) & (fits > _LEAST_FIT)
    lines = _line_depths(profiles[falls > _LEAST_FALL_TO_LINE])
    return Edges(slices[good], centres[good], _WIDTH_OF_SIGMA * sigmas[good], lines)


def _profiles(signal: FloatArray, depth: FloatArray, pixel_mm: tuple[float, float]) -> tuple[IntArray, Floats]:
    """Return the slice (n,) and the signal (n, along) of each ray that stays on the image."""
    places = np.argwhere((depth > 0) & (depth < max(pixel_mm)))
    places = places[:: max(1, -(-len(places) // _MOST_RAYS))]
    if not len(places):
        return places[:, 0], np.empty((0, len(_ALONG_MM)))
    z, rows, columns = places.T
    start = depth[z, rows, columns]
    normal = _normals(depth, places, pixel_mm)
    along = (_ALONG_MM + start[:, None])[:, :, None]
    y = rows[:, None, None] + (normal[0] * along - normal[1] * _ACROSS_MM) / pixel_mm[0]
    x = columns[:, None, None] + (normal[1] * along + normal[0] * _ACROSS_MM) / pixel_mm[1]
    on_image = ((y >= 0) & (y <= signal.shape[1] - 1) & (x >= 0) & (x <= signal.shape[2] - 1)).all(axis=(1, 2))
    at = np.broadcast_to(z[:, None, None], y.shape)
    sampled = map_coordinates(signal, [part[on_image] for part in (at, y, x)], order=1)
    return z[on_image], sampled.mean(axis=2)


def _normals(depth: FloatArray, places: IntArray, pixel_mm: tuple[float, float]) -> tuple[Floats, Floats]:
    """Return the row and column parts of the outward normals, each (n, 1, 1), from the slope of the depth over 4 mm."""
    z, rows, columns = places.T
    floor = np.float32(-_SLOPE_MM)
    slopes = []
    for axis, step_mm in enumerate(pixel_mm, start=1):
        step = max(1, round(_SLOPE_MM / step_mm))
        ends = []
        for offset in (-step, step):
            at = [z, rows, columns]
            at[axis] = np.clip(at[axis] + offset, 0, depth.shape[axis] - 1)
            ends.append(np.maximum(depth[tuple(at)], floor))
        slopes.append((ends[0] - ends[1]) / step_mm)
    length = np.maximum(np.hypot(*slopes), 1e-6)
    return (slopes[0] / length)[:, None, None], (slopes[1] / length)[:, None, None]


def _fitted(profiles: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return position, blur, fall of the signal and R2, each (n,), of the best error function for each profile."""
    centred = profiles - profiles.mean(axis=1, keepdims=True)
    likeness = (centred.astype(np.float32) @ _TEMPLATES.T).reshape(-1, len(_CENTRES_MM), len(_SIGMAS_MM))
    best = likeness.reshape(len(profiles), len(_TEMPLATES)).argmax(axis=1)
    at, blur = np.divmod(best, len(_SIGMAS_MM))
    ray = np.arange(len(profiles))
    peak = likeness[ray, at, blur]
    inner = np.clip(blur, 1, len(_SIGMAS_MM) - 2)
    low, middle, high = (likeness[ray, at, inner + step] for step in (-1, 0, 1))
    shift = np.clip((low - high) / np.minimum(2 * (low - 2 * middle + high), -1e-9), -1, 1)
    sigmas = _SIGMAS_MM[0] * (_SIGMAS_MM[1] / _SIGMAS_MM[0]) ** (inner + shift)
    energy = np.maximum((centred**2).sum(axis=1), 1e-12)
    return _CENTRES_MM[at], sigmas, peak / _NORMS[best], peak**2 / energy


def _line_depths(profiles: Floats) -> Floats:
    """Return the rise of the signal beyond the minimum of each smoothed profile, (n,)."""
    smooth = gaussian_filter1d(profiles, _LINE_SIGMA_MM / _STEP_MM, axis=1, mode="nearest")
    darkest = smooth.argmin(axis=1)[:, None]
    beyond = np.where(np.arange(smooth.shape[1]) >= darkest, smooth, -np.inf)
    depths: Floats = beyond.max(axis=1) - smooth.min(axis=1)
    return depths


def _templates() -> tuple[FloatArray, Floats]:
    """Return falling error functions (candidate, along) with mean 0 and norm 1, and their norms before scaling."""
    steps = ndtr((_CENTRES_MM[:, None, None] - _ALONG_MM) / _SIGMAS_MM[:, None]).reshape(-1, len(_ALONG_MM))
    steps -= steps.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(steps, axis=1)
    return (steps / norms[:, None]).astype(np.float32), norms


_TEMPLATES, _NORMS = _templates()
