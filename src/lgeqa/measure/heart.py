"""The anatomy that measures refer to, found once for a scan: blood, wall, aorta, other pools, muscle, background."""

from collections.abc import Callable
from functools import cached_property
from typing import Final

import numpy as np
from scipy.ndimage import binary_opening, distance_transform_edt, gaussian_filter, label

from lgeqa.errors import NotAssessableError
from lgeqa.measure.aorta import find_aorta
from lgeqa.measure.distance import bounding_box, depth_mm
from lgeqa.measure.edges import Edges, find_edges
from lgeqa.prepare.padding import image_area
from lgeqa.prepare.reference import IntensityReference, intensity_reference
from lgeqa.prepare.resample import Weights, axis_weights, resample
from lgeqa.records import BoolArray, FloatArray

#: All slices that hold the atrium.
ALL: Final = slice(None)
#: In-plane margin around the atrium within which everything is measured: the aorta lies in it.
_MARGIN_MM = 60.0
#: How far outside of the atrium's mask its wall and its edges are looked for.
_REACH_MM = 9.0
#: The core of a blood pool begins this far inside of its border, out of reach of blur and partial volume.
_CORE_MM = 2.5
#: The same on the coarse grid, whose pixels are larger.
_COARSE_CORE_MM = 4.0
#: In-plane standard deviation of the smoothing below which variation counts as grain, in mm.
_GRAIN_SIGMA_MM = 3.0
#: Edges that a statistic needs.
LEAST_EDGES: Final = 20
#: Place of the outer edge of the wall where no edge was found, in mm outward from the mask: the median of real scans.
_USUAL_EDGE_MM = 2.0
#: The wall band reaches from this far inside of the outer edge of the wall to this far outside.
_WALL_MM: Final = (3.3, 0.6)
#: The atrial wall ends this far outside of the aorta, whose own wall lies there.
_AORTIC_WALL_MM = -2.0
#: Pixel of the grid on which aorta, pools and background are looked for.
COARSE_MM: Final = 2.0
#: Spacing of slices that keeps distances within a slice.
_OTHER_SLICE_MM = 1e6
#: Signal beyond this, in units of blood, is none of tissue.
_UTMOST = 10.0
#: Signal, in units of blood, of a blood pool; and of background such as lung and air.
_POOL_SIGNAL, _BACKGROUND_SIGNAL = (0.8, 1.4), 0.25
#: Share of the darkest pixels that sets how dark background is.
_DARKEST_SHARE = 0.05
#: A slice that differs from the one below by less than this share of its own mean deviation is a copy of it.
_COPY = 0.01
#: Brightest voxels that may be hot ones.
_HOT_VOXELS = 10
#: Volume of the least other blood pool.
_POOL_ML = 4.0


class Heart:
    """The parts of a scan that measures refer to. Each is found when first asked for, within a window.

    The window holds the slices of the atrium and 60 mm around it in their plane, so that neither a crop nor a full
    field nor padding changes a measure. All arrays are (slice, row, column) on the window, but for those that
    `on_scan` puts back on the scan.

    Args:
        voxels: float32 (slice, row, column), axial LPS, any grey scale.
        atrium: bool of the same shape; may be empty.
        spacing_mm: (slice, row, column).
    """

    def __init__(self, voxels: FloatArray, atrium: BoolArray, spacing_mm: tuple[float, float, float]) -> None:
        self.voxels = voxels
        self.whole_atrium = atrium
        self.spacing_mm = spacing_mm
        self.pixel_mm = spacing_mm[1], spacing_mm[2]

    @cached_property
    def is_there(self) -> bool:
        """Whether there is an atrium, with blood brighter than the darkest voxels near it."""
        try:
            return bool(self.whole_atrium.any()) and self.reference.blood > self.reference.air
        except NotAssessableError:
            return False

    @cached_property
    def image_box(self) -> tuple[slice, slice]:
        """Rows and columns of the scan without those at the borders that are padding throughout."""
        return bounding_box(image_area(self.voxels), self.pixel_mm, 0)

    @cached_property
    def image(self) -> FloatArray:
        """All slices of the scan within `image_box`."""
        return self.voxels[:, *self.image_box]

    @cached_property
    def window(self) -> tuple[slice, slice, slice]:
        """The part of the scan on which the anatomy is found, within `image_box`; needs an atrium."""
        held = np.flatnonzero(self.whole_atrium.any(axis=(1, 2)))
        around = bounding_box(np.asarray(self.whole_atrium.any(axis=0)), self.pixel_mm, _MARGIN_MM)
        rows, columns = (
            slice(max(wide.start, image.start), min(wide.stop, image.stop))
            for wide, image in zip(around, self.image_box, strict=True)
        )
        return slice(int(held[0]), int(held[-1]) + 1), rows, columns

    @cached_property
    def reference(self) -> IntensityReference:
        """Grey levels of air and blood."""
        return intensity_reference(self.voxels, self.whole_atrium, self.spacing_mm)

    @cached_property
    def signal(self) -> FloatArray:
        """Signal in units of blood: 0 is air and 1 is atrial blood; what lies beyond 10 is cut off."""
        with np.errstate(over="ignore"):
            return np.clip(self.reference.signal(self.voxels[self.window]), -_UTMOST, _UTMOST)

    @cached_property
    def atrium(self) -> BoolArray:
        """The atrium's mask."""
        return self.whole_atrium[self.window]

    @cached_property
    def depth(self) -> FloatArray:
        """Depth in the atrium's mask in mm; see `depth_mm`."""
        return depth_mm(self.atrium, self.pixel_mm, _REACH_MM)

    @cached_property
    def core(self) -> BoolArray:
        """Atrial blood out of reach of the wall."""
        return self.depth > _CORE_MM

    @cached_property
    def grain(self) -> FloatArray:
        """Signal less its smoothed self (Gaussian of 3 mm in the plane, within the core), 0 outside of the core."""
        grain = np.zeros_like(self.signal)
        rows, columns = bounding_box(np.asarray(self.atrium.any(axis=0)), self.pixel_mm, 0)
        box = slice(None), rows, columns
        sigma = (0, *(_GRAIN_SIGMA_MM / mm for mm in self.pixel_mm))
        smooth = smoothed_within(self.signal[box], self.core[box], sigma)
        grain[box] = (self.signal[box] - smooth) * self.core[box]
        return grain

    @cached_property
    def coarse_core(self) -> BoolArray:
        """Atrial blood 4 mm and more inside of the border, on the coarse grid."""
        return self._to_coarse(self.depth > _COARSE_CORE_MM)

    @cached_property
    def edges(self) -> Edges:
        """Edges along the border of the atrium."""
        return find_edges(self.signal, self.depth, self.pixel_mm)

    @cached_property
    def edge_mm(self) -> float:
        """Outer edge of the atrial wall, in mm outward from the mask's border.

        It is where the signal falls, so what is placed by it stays where it is when the mask grows or shrinks.
        """
        centres = np.sort(self.edges.centres_mm)
        quarter = len(centres) // 4
        return float(centres[quarter:-quarter].mean()) if len(centres) >= LEAST_EDGES else _USUAL_EDGE_MM

    @cached_property
    def fine_smooth(self) -> FloatArray:
        """Signal smoothed with a standard deviation of 0.8 mm in the plane."""
        smooth: FloatArray = gaussian_filter(self.signal, (0, *(0.8 / mm for mm in self.pixel_mm)), truncate=3)
        return smooth

    @cached_property
    def wall(self) -> BoolArray:
        """The band of the atrial wall, from 3.3 mm inside to 0.6 mm outside of its outer edge.

        With the edge 2 mm outside of the blood pool, where it is as a rule, that is from 1.3 mm inside to 2.6 mm
        outside of the pool.
        """
        outward = -self.depth - np.float32(self.edge_mm)
        band: BoolArray = (outward > -_WALL_MM[0]) & (outward < _WALL_MM[1])
        return band & (self.aorta_depth < _AORTIC_WALL_MM)

    @cached_property
    def coarse(self) -> FloatArray:
        """Signal on pixels of 2 mm, each the mean around it."""
        return resample(self.signal, *self._coarse_weights)

    @cached_property
    def coarse_smooth(self) -> FloatArray:
        """The coarse signal smoothed with a standard deviation of 1.5 mm in the plane."""
        smooth: FloatArray = gaussian_filter(self.coarse, (0, 1.5 / COARSE_MM, 1.5 / COARSE_MM))
        return smooth

    @cached_property
    def coarse_atrium(self) -> FloatArray:
        """Share of atrium in each pixel of `coarse`."""
        return resample(self.atrium.astype(np.float32), *self._coarse_weights)

    @cached_property
    def aorta_discs(self) -> FloatArray:
        """Centre and radius of the descending aorta on each slice; see `find_aorta`."""
        return find_aorta(self.coarse, self.coarse_atrium, COARSE_MM, self.spacing_mm[0])

    @cached_property
    def aorta_depth(self) -> FloatArray:
        """Depth in the aorta in mm, above 0 inside its disc; minus infinity beyond 9 mm outside, and without it."""
        rows, columns = (np.arange(n) * mm for n, mm in zip(self.signal.shape[1:], self.pixel_mm, strict=True))
        depth = np.full(self.signal.shape, -np.inf, np.float32)
        for z, (row, column, radius) in enumerate(self.aorta_discs):
            down, across = rows - row * COARSE_MM, columns - column * COARSE_MM
            near = np.ix_(*(np.flatnonzero(np.abs(offset) < radius + _REACH_MM) for offset in (down, across)))
            inside = radius - np.hypot(down[near[0]], across[near[1]])
            depth[z][near] = np.where(inside < -_REACH_MM, -np.inf, inside)
        return depth

    @cached_property
    def coarse_pools(self) -> BoolArray:
        """Blood pools other than the atrium and the descending aorta: coherent regions about as bright as blood."""
        smooth = self.coarse_smooth
        aorta = self._to_coarse(self.aorta_depth > -3)
        bright = (smooth > _POOL_SIGNAL[0]) & (smooth < _POOL_SIGNAL[1]) & (self.coarse_atrium < 0.1) & ~aorta
        pieces, count = label(binary_opening(bright, _disc(4.0)))
        volumes = np.bincount(pieces.ravel(), minlength=count + 1) * (COARSE_MM**2 * self.spacing_mm[0] / 1000)
        volumes[0] = 0
        large: BoolArray = (volumes >= _POOL_ML)[pieces]
        return large

    @cached_property
    def coarse_aorta(self) -> BoolArray:
        """The descending aorta on the coarse grid."""
        return self._to_coarse(self.aorta_depth > 0)

    @cached_property
    def coarse_background(self) -> BoolArray:
        """Lung and air on the coarse grid: dark regions of 12 mm and more across.

        Dark is what lies nearer to the darkest twentieth than to blood by far, so that noise, which lifts the
        background of magnitude images, does not hide it.
        """
        darkest = float(np.quantile(self.coarse_smooth, _DARKEST_SHARE))
        dark = self.coarse_smooth < darkest + _BACKGROUND_SIGNAL * (1 - darkest)
        background: BoolArray = binary_opening(dark, _disc(6.0))
        return background

    @cached_property
    def empty_slices(self) -> BoolArray:
        """(slice,) Whether a slice of the scan holds a single grey level."""
        flat = self.image.reshape(len(self.image), -1)
        empty: BoolArray = flat.max(axis=1) == flat.min(axis=1)
        return empty

    @cached_property
    def repeated_slices(self) -> BoolArray:
        """(slice,) Whether a slice of the scan, unless empty, is a copy of the slice below."""
        flat = self.image.reshape(len(self.image), -1)
        with np.errstate(over="ignore", invalid="ignore"):  # beyond the range of float32 nothing counts as a copy
            change = np.abs(flat[1:] - flat[:-1]).mean(axis=1)
            spread = np.abs(flat[1:] - flat[1:].mean(axis=1, keepdims=True)).mean(axis=1)
        repeated: BoolArray = np.concatenate([[False], change < _COPY * spread]) & ~self.empty_slices
        return repeated

    @cached_property
    def highest_level(self) -> float:
        """Grey level at which a scan would be clipped: that of the eleventh-brightest voxel, beyond hot ones."""
        place = max(self.image.size - _HOT_VOXELS - 1, 0)
        return float(np.partition(self.image, place, axis=None)[place])

    @property
    def aorta(self) -> BoolArray:
        """Descending aorta on the scan's voxels; all False where none was found."""
        return self._on_scan(lambda: self.aorta_depth > 0)

    @property
    def pools(self) -> BoolArray:
        """Other blood pools on the scan's voxels; all False where none was found."""
        return self._on_scan(lambda: resample(self.coarse_pools.astype(np.float32), *self._fine_weights) > 0.5)

    def _on_scan(self, find: Callable[[], BoolArray]) -> BoolArray:
        """Put a mask of the window on the voxels of the scan; all False without an atrium."""
        whole = np.zeros(self.voxels.shape, bool)
        if self.is_there:
            whole[self.window] = find()
        return whole

    def _to_coarse(self, mask: BoolArray) -> BoolArray:
        """Take a mask of the window to the coarse grid."""
        coarse: BoolArray = resample(mask.astype(np.float32), *self._coarse_weights) > 0.5
        return coarse

    @cached_property
    def _coarse_weights(self) -> tuple[Weights, Weights]:
        """Weights along rows and columns from the window to the coarse grid."""
        rows, columns = (
            axis_weights(n, mm, np.arange(_coarse_size(n, mm)) * COARSE_MM, COARSE_MM)
            for n, mm in zip(self.signal.shape[1:], self.pixel_mm, strict=True)
        )
        return rows, columns

    @cached_property
    def _fine_weights(self) -> tuple[Weights, Weights]:
        """Weights along rows and columns from the coarse grid to the window."""
        rows, columns = (
            axis_weights(_coarse_size(n, mm), COARSE_MM, np.arange(n) * mm, mm)
            for n, mm in zip(self.signal.shape[1:], self.pixel_mm, strict=True)
        )
        return rows, columns


def smoothed_within(signal: FloatArray, mask: BoolArray, sigma: tuple[float, ...]) -> FloatArray:
    """Smooth a signal within a mask, as if nothing were outside; `sigma` counts in voxels along each axis."""
    weights = mask.astype(np.float32)
    total = gaussian_filter(signal * weights, sigma, mode="constant", truncate=2.5)
    smooth: FloatArray = total / np.maximum(gaussian_filter(weights, sigma, mode="constant", truncate=2.5), 1e-6)
    return smooth


def coarse_distance_mm(mask: BoolArray) -> FloatArray:
    """Return how far each pixel of the coarse grid lies from a mask (slice, row, column) within its slice, in mm."""
    distance: FloatArray = distance_transform_edt(~mask, sampling=(_OTHER_SLICE_MM, COARSE_MM, COARSE_MM))
    return distance


def _coarse_size(n: int, spacing_mm: float) -> int:
    """Return how many pixels of the coarse grid `n` pixels make."""
    return max(1, int(n * spacing_mm / COARSE_MM))


def _disc(radius_mm: float) -> BoolArray:
    """Return a disc (1, row, column) on the coarse grid for morphology in the plane of the slices."""
    steps = np.arange(-int(radius_mm / COARSE_MM), int(radius_mm / COARSE_MM) + 1) * COARSE_MM
    disc: BoolArray = (np.hypot(steps[:, None], steps) <= radius_mm)[None]
    return disc
