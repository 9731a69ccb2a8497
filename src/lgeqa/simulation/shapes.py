"""Soft-edged shapes painted one over another on a voxel grid, and smooth random fields.

Points and distances are in millimetres, axes are (z, y, x) = (superior, posterior, left).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from lgeqa.records import FloatArray
from lgeqa.simulation.curves import monotone_cubic, rotation
from lgeqa.simulation.tissue import Tissue

Array = npt.NDArray[np.float64]
Point = tuple[float, float, float]
Window = tuple[slice, slice, slice]

#: Distance outside a shape's surface up to which its distances are accurate. Beyond, they are only large.
REACH_MM = 10.0
FAR_MM = 1000.0
#: Half the extent of the control points of a random field. A grid beyond it takes the value at the border.
_FIELD_HALF_MM = (150.0, 260.0, 260.0)


@dataclass(frozen=True)
class Frame:
    """A rotated and shifted coordinate system.

    Attributes:
        origin: Origin in world coordinates, (3,).
        axes: Directions of the axes, with the direction of axis k in `axes[:, k]`.
    """

    origin: Array
    axes: Array

    @classmethod
    def at(cls, origin: Point, turn_deg: Point = (0.0, 0.0, 0.0)) -> Self:
        """Return a frame at `origin`, rotated about the axes z, y and x by angles in degrees."""
        return cls(np.asarray(origin), rotation(np.deg2rad(turn_deg)))

    def points(self, points: npt.ArrayLike) -> Array:
        """Convert points of this frame, (..., 3), to world coordinates."""
        world: Array = self.origin + np.asarray(points, dtype=np.float64) @ self.axes.T
        return world


@dataclass(frozen=True)
class Shape:
    """Signed distance to a surface, on a window of the grid.

    Attributes:
        window: Window of the grid.
        distance: Distance in mm, negative inside.
    """

    window: Window
    distance: FloatArray

    def grown(self, by_mm: float) -> "Shape":
        """Return the same shape with its surface moved outward."""
        return Shape(self.window, self.distance - np.float32(by_mm))


def random_field(
    rng: np.random.Generator, axes: Sequence[Array], pitch_mm: float, pitch_z_mm: float | None = None
) -> FloatArray:
    """Return a smooth Gaussian field with mean 0 and standard deviation 1: white noise under cubic B-splines.

    The field is fixed in world coordinates, so overlapping grids get the same values.

    Args:
        rng: Generator of the noise at the control points.
        axes: Coordinates of the grid along z, y and x.
        pitch_mm: Spacing of the control points, about the size of the blobs.
        pitch_z_mm: Spacing of the control points along z, if it differs.

    Returns:
        Field (slice, row, column), float32.
    """
    weights = []
    for axis, half, pitch in zip(axes, _FIELD_HALF_MM, (pitch_z_mm or pitch_mm, pitch_mm, pitch_mm), strict=True):
        knots = np.arange(-half - 2 * pitch, half + 2.5 * pitch, pitch)
        away = np.abs(np.clip(axis, -half, half)[:, None] - knots) / pitch
        spline = np.where(away < 1, 2 / 3 - away**2 + away**3 / 2, np.clip(2 - away, 0, None) ** 3 / 6)
        weights.append((spline / np.sqrt((spline**2).sum(1, keepdims=True))).astype(np.float32))
    noise = rng.standard_normal([w.shape[1] for w in weights], dtype=np.float32)
    z, y, x = weights
    rows = np.tensordot(z, noise, 1)
    return np.asarray((y @ rows) @ x.T, dtype=np.float32)


class Canvas:
    """A voxel grid in a gently warped space, on which shapes are painted with soft edges.

    Each voxel holds two tissues and the share of the first, so that the grey value on an edge is the mean over the
    voxel (partial volume) and outlines have no steps.

    Attributes:
        axes: Coordinates of the voxel centres along z, y and x.
        labels: Tissue that fills most of a voxel, uint8 (slice, row, column).
        beneath: Other tissue of a voxel, uint8 of the same shape.
        share: Share of a voxel that the first tissue fills, 0.5 to 1, float32 of the same shape.
    """

    def __init__(self, axes: Sequence[Array], warp_mm: float, rng: np.random.Generator, warp_pitch_mm: float) -> None:
        """Create an empty canvas of air in a space warped by about `warp_mm`."""
        self.axes = tuple(axes)
        shape = tuple(len(axis) for axis in axes)
        self._warp_mm = warp_mm
        self._edge_mm = float(axes[2][1] - axes[2][0])
        self._coordinates = [
            (
                axis.reshape([-1 if k == i else 1 for i in range(3)])
                + warp_mm * _bounded(random_field(rng, axes, warp_pitch_mm))
            ).astype(np.float32)
            for k, axis in enumerate(axes)
        ]
        self.labels = np.zeros(shape, np.uint8)
        self.beneath = np.zeros(shape, np.uint8)
        self.share = np.ones(shape, np.float32)

    def window(self, low: npt.ArrayLike, high: npt.ArrayLike) -> Window:
        """Return the part of the grid that can hold a shape between two corners."""
        margin = REACH_MM + 2 * self._warp_mm
        cuts = [
            slice(int(np.searchsorted(axis, lo - margin)), int(np.searchsorted(axis, hi + margin)))
            for axis, lo, hi in zip(self.axes, np.asarray(low), np.asarray(high), strict=True)
        ]
        return cuts[0], cuts[1], cuts[2]

    def local(self, frame: Frame, window: Window, axes: tuple[int, ...] = (0, 1, 2)) -> list[FloatArray]:
        """Return the coordinates of a window's voxels along the axes of a frame."""
        away = [c[window] - np.float32(o) for c, o in zip(self._coordinates, frame.origin, strict=True)]
        turn = frame.axes.astype(np.float32)
        return [_weighted(away, turn[:, axis]) for axis in axes]

    def ellipsoid(self, frame: Frame, radii: Point) -> Shape:
        """Return an ellipsoid at the origin of a frame, with distances accurate to first order."""
        half = np.sqrt((frame.axes**2 * np.square(radii)).sum(1))
        window = self.window(frame.origin - half, frame.origin + half)
        parts = [c / np.float32(r) for c, r in zip(self.local(frame, window), radii, strict=True)]
        return Shape(window, _level(parts, radii))

    def column(self, frame: Frame, radii: tuple[float, float], exponent: float = 2.0) -> Shape:
        """Return an endless elliptic column along the z axis of an upright frame, squarer for a larger exponent."""
        half = np.array([np.inf, max(radii), max(radii)])
        window = self.window(frame.origin - half, frame.origin + half)
        y, x = self.local(frame, window, (1, 2))
        y, x = np.abs(y / np.float32(radii[0])), np.abs(x / np.float32(radii[1]))
        level = np.sqrt(y * y + x * x) if exponent == 2.0 else (y**exponent + x**exponent) ** np.float32(1 / exponent)
        return Shape(window, (level - 1) * np.float32(min(radii)))

    def tube(self, points: npt.ArrayLike, radii: npt.ArrayLike, step_mm: float = 6.0) -> Shape:
        """Return a tube of varying radius along a smooth curve through world points, (n, 3), with round ends."""
        points, radii = _resample(np.asarray(points, np.float64), np.asarray(radii, np.float64), step_mm)
        reach = radii.max()
        window = self.window((points - reach).min(0), (points + reach).max(0))
        distance = np.full([c.stop - c.start for c in window], FAR_MM, np.float32)
        for a, b, ra, rb in zip(points[:-1], points[1:], radii[:-1], radii[1:], strict=True):
            r = max(ra, rb)
            part = self.window(np.minimum(a, b) - r, np.maximum(a, b) + r)
            inner = _inside(part, window)
            np.minimum(distance[inner], self._segment(part, a, b, ra, rb), out=distance[inner])
        return Shape(window, distance)

    def _segment(self, window: Window, a: FloatArray, b: FloatArray, ra: float, rb: float) -> FloatArray:
        p = [c[window] - np.float32(o) for c, o in zip(self._coordinates, a, strict=True)]
        d = (b - a).astype(np.float32)
        along = np.clip((p[0] * d[0] + p[1] * d[1] + p[2] * d[2]) / max(float(d @ d), 1e-6), 0, 1)
        square = sum(((q - along * e) ** 2 for q, e in zip(p, d, strict=True)), np.float32(0))
        distance: FloatArray = np.sqrt(square) - (np.float32(ra) + along * np.float32(rb - ra))
        return distance

    def strands(self, rng: np.random.Generator, pitch_mm: float) -> Shape:
        """Return thin curved sheets through the whole grid, like the septa of fat, about `pitch_mm` apart."""
        field = np.abs(random_field(rng, self.axes, pitch_mm))
        whole = self.window(np.full(3, -np.inf), np.full(3, np.inf))
        return Shape(whole, field * np.float32(0.5 * pitch_mm) - np.float32(0.2))

    def half_space(self, like: Shape, point: npt.ArrayLike, normal: npt.ArrayLike) -> Shape:
        """Return the half space behind a plane (against its normal), on the window of another shape."""
        n = np.asarray(normal, np.float32) / np.float32(np.linalg.norm(normal))
        frame = Frame(np.asarray(point, np.float64), np.eye(3))
        z, y, x = self.local(frame, like.window)
        return Shape(like.window, n[0] * z + n[1] * y + n[2] * x)

    def paint(self, shape: Shape, tissue: Tissue, onto: Sequence[Tissue] = ()) -> None:
        """Paint a shape over all tissues, or only over the tissues of `onto`."""
        labels, beneath, share = (a[shape.window] for a in (self.labels, self.beneath, self.share))
        touched = shape.distance < self._edge_mm / 2
        if onto:
            touched &= np.isin(labels, onto)
        cover = np.minimum(np.float32(0.5) - shape.distance[touched] / np.float32(self._edge_mm), np.float32(1))
        first, second, part = labels[touched], beneath[touched], share[touched]
        same = first == tissue
        wins = (cover >= 0.5) & ~same
        edge = (cover < 0.5) & ~same
        again = edge & (second == tissue)
        part = np.select(
            [wins, again, edge],
            [cover, np.minimum(part, 1 - cover), 1 - cover],
            np.where(same, np.maximum(part, cover), part),
        )
        labels[touched] = np.where(wins, tissue, first)
        beneath[touched] = np.where(wins, first, np.where(edge, tissue, second))
        share[touched] = part


def union(shapes: Sequence[Shape], blend_mm: float) -> Shape:
    """Return the union of shapes, with creases filled over `blend_mm` (polynomial smooth minimum)."""
    starts, stops = ([[getattr(cut, end) for cut in s.window] for s in shapes] for end in ("start", "stop"))
    z, y, x = (slice(int(a), int(b)) for a, b in zip(np.min(starts, 0), np.max(stops, 0), strict=True))
    cover = (z, y, x)
    total = np.full([c.stop - c.start for c in cover], FAR_MM, np.float32)
    for shape in shapes:
        inner = _inside(shape.window, cover)
        a, b = total[inner], shape.distance
        fill = np.clip(1 - np.abs(a - b) / np.float32(blend_mm), 0, None)
        total[inner] = np.minimum(a, b) - fill**2 * np.float32(blend_mm / 4)
    return Shape(cover, total)


def meet(a: Shape, b: Shape) -> Shape:
    """Return the intersection of two shapes, on their common window."""
    window, da, db = _common(a, b)
    return Shape(window, np.maximum(da, db))


def without(a: Shape, b: Shape) -> Shape:
    """Return the first of two shapes without the second."""
    window, da, db = _common(a, b)
    rest = a.distance.copy()
    rest[_inside(window, a.window)] = np.maximum(da, -db)
    return Shape(a.window, rest)


def _common(a: Shape, b: Shape) -> tuple[Window, FloatArray, FloatArray]:
    w = [slice(max(p.start, q.start), min(p.stop, q.stop)) for p, q in zip(a.window, b.window, strict=True)]
    w = [slice(c.start, max(c.start, c.stop)) for c in w]
    window = (w[0], w[1], w[2])
    return window, a.distance[_inside(window, a.window)], b.distance[_inside(window, b.window)]


def _inside(part: Window, whole: Window) -> Window:
    """Return a window of the grid relative to the corner of a window that contains it."""
    z, y, x = (slice(p.start - w.start, p.stop - w.start) for p, w in zip(part, whole, strict=True))
    return z, y, x


def _level(parts: list[FloatArray], radii: Point) -> FloatArray:
    k0 = np.sqrt(sum((p * p for p in parts), np.float32(0)))
    k1 = np.sqrt(sum(((p / np.float32(r)) ** 2 for p, r in zip(parts, radii, strict=True)), np.float32(0)))
    distance: FloatArray = k0 * (k0 - 1) / np.maximum(k1, np.float32(1e-6))
    return distance


def _weighted(parts: list[FloatArray], weights: FloatArray) -> FloatArray:
    """Return a weighted sum that skips zero weights, which are most of an upright frame's."""
    terms = [w * p for w, p in zip(weights, parts, strict=True) if abs(w) > 1e-7]
    return np.asarray(sum(terms[1:], terms[0]))


def _bounded(field: FloatArray) -> FloatArray:
    return np.clip(field, -2, 2)


def _resample(points: Array, radii: Array, step_mm: float) -> tuple[Array, Array]:
    """Return points and radii about every `step_mm` along a smooth curve through the original points and radii."""
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    at = np.linspace(0, lengths[-1], max(2, int(np.ceil(lengths[-1] / step_mm)) + 1))
    course = monotone_cubic(lengths, np.column_stack([points, radii]), at)
    return course[:, :3], course[:, 3]
