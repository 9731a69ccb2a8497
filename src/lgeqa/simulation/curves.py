"""Rotations and smooth curves of the phantom."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def rotation(vector: Array) -> Array:
    """Return the 3 x 3 matrix of a rotation about `vector` by its length in radians (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    if angle == 0:
        return np.eye(3)
    z, y, x = vector / angle
    cross = np.array([[0, -x, y], [x, 0, -z], [-y, z, 0]])
    turned: Array = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return turned


def monotone_cubic(knots: Array, values: Array, at: Array) -> Array:
    """Return a piecewise cubic through `values` that does not overshoot them (Fritsch and Butland 1984).

    Args:
        knots: Positions of the values, (n,), rising, at least two.
        values: Values at the knots, (n, columns).
        at: Positions of interpolation, (m,), within the knots.

    Returns:
        Interpolated values, (m, columns).
    """
    steps = np.diff(knots)[:, None]
    rises = np.diff(values, axis=0) / steps
    slopes = _slopes(steps, rises)
    k = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(steps) - 1)
    t = (at - knots[k])[:, None] / steps[k]
    curve: Array = (
        (1 + 2 * t) * (1 - t) ** 2 * values[k]
        + t * (1 - t) ** 2 * steps[k] * slopes[k]
        + t**2 * (3 - 2 * t) * values[k + 1]
        + t**2 * (t - 1) * steps[k] * slopes[k + 1]
    )
    return curve


def _slopes(steps: Array, rises: Array) -> Array:
    """Return weighted harmonic means of the neighbouring rises, 0 at a turn, with parabolas at the ends."""
    if len(steps) == 1:
        return np.repeat(rises, 2, axis=0)
    left, right = 2 * steps[1:] + steps[:-1], steps[1:] + 2 * steps[:-1]
    same = rises[:-1] * rises[1:] > 0
    safe = [np.where(same, side, 1.0) for side in (rises[:-1], rises[1:])]
    inner = np.where(same, (left + right) / (left / safe[0] + right / safe[1]), 0)
    first = _end(steps[0], steps[1], rises[0], rises[1])
    last = _end(steps[-1], steps[-2], rises[-1], rises[-2])
    return np.concatenate([[first], inner, [last]])


def _end(step: Array, next_step: Array, rise: Array, next_rise: Array) -> Array:
    slope = ((2 * step + next_step) * rise - step * next_rise) / (step + next_step)
    slope = np.where(slope * rise <= 0, 0, slope)
    steep = (rise * next_rise < 0) & (np.abs(slope) > 3 * np.abs(rise))
    return np.where(steep, 3 * rise, slope)
