"""The anatomy on which measures are computed, found once per scan: blood, wall, aorta, other pools, background."""

from collections.abc import Callable
from functools import cached_property
from typing import Final

import numpy as np
from scipy.ndimage import binary_opening, distance_transform_edt, gaussian_filter, label

from lgeqa.errors import NotAssessableError
from lgeqa.measures.aorta import find_aorta
from lgeqa.measures.distance import bounding_box, depth_mm, tight_box
from lgeqa.measures.edges import Edges, find_edges
from lgeqa.preprocessing.intensity_reference import IntensityReference, intensity_reference
from lgeqa.preprocessing.padding import image_area
from lgeqa.preprocessing.resampling import Weights, axis_weights, resample
from lgeqa.records import BoolArray, FloatArray

#: All slices that hold the atrium.
ALL: Final = slice(None)
#: In-plane margin around the atrium within which everything is measured. It includes the aorta.
_MARGIN_MM = 60.0
#: Distance outside the atrium's mask within which its wall and its edges are searched for.
_REACH_MM = 9.0
#: The core of a blood pool begins this far inside its border, beyond blur and partial volume.
_CORE_MM = 2.5
#: The same on the coarse grid, whose pixels are larger.
_COARSE_CORE_MM = 4.0
#: In-plane standard deviation in mm of the smoothing that separates grain from coarser variation.
_GRAIN_SIGMA_MM = 3.0
#: Smallest number of edges for a statistic.
LEAST_EDGES: Final = 20
#: Outer edge of the wall where no edge was found, in mm outward from the mask: the median of real scans.
_USUAL_EDGE_MM = 2.0
#: Extent of the wall band inside and outside the outer edge of the wall, in mm.
_WALL_MM: Final = (3.3, 0.6)
#: Depth in the aorta up to which voxels can be atrial wall. Beyond it is the aortic wall.
_AORTIC_WALL_MM = -2.0
#: Pixel size of the coarse grid on which aorta, pools and background are searched for.
COARSE_MM: Final = 2.0
#: Slice spacing that keeps distances within a slice.
_OTHER_SLICE_MM = 1e6
#: Highest signal in units of blood. No tissue is brighter.
_UTMOST = 10.0
#: Signal, in units of blood, of a blood pool, and of background such as lung and air.
_POOL_SIGNAL, _BACKGROUND_SIGNAL = (0.8, 1.4), 0.25
#: Share of the darkest pixels that defines the background level.
_DARKEST_SHARE = 0.05
#: Difference from the slice below, as a share of a slice's own mean deviation, under which it is a copy.
_COPY = 0.01
#: Number of brightest voxels that may be hot.
_HOT_VOXELS = 10
#: Smallest volume of another blood pool.
_POOL_ML = 4.0


class Heart:
    """The anatomy of a scan on which measures are computed.

    Each part is found on first access, within a window: the slices of the atrium and 60 mm around it in the plane, so
    that a crop, a full field of view or padding does not change a measure. Arrays are (slice, row, column) on the
    window unless their description refers to the scan.

    Args:
        voxels: Grey levels (slice, row, column), float32, axial LPS, on any grey scale.
        atrium: Boolean mask of the same shape, which may be empty.
        spacing_mm: Voxel spacing (slice, row, column).
    """

    def __init__(self, voxels: FloatArray, atrium: BoolArray, spacing_mm: tuple[float, float, float]) -> None:
        self.voxels = voxels
        self.whole_atrium = atrium
        self.spacing_mm = spacing_mm
        self.pixel_mm = spacing_mm[1], spacing_mm[2]

    @cached_property
    def is_there(self) -> bool:
        """Whether the atrium's mask is not empty and its blood is brighter than the darkest voxels near it."""
        try:
            return bool(self.whole_atrium.any()) and self.reference.blood > self.reference.air
        except NotAssessableError:
            return False

    @cached_property
    def image_box(self) -> tuple[slice, slice]:
        """Rows and columns of the scan, without those at the borders that hold only padding."""
        return bounding_box(image_area(self.voxels), self.pixel_mm, 0)

    @cached_property
    def image(self) -> FloatArray:
        """All slices of the scan within `image_box`."""
        return self.voxels[:, *self.image_box]

    @cached_property
    def window(self) -> tuple[slice, slice, slice]:
        """Part of the scan in which the anatomy is searched for, within `image_box`. It needs an atrium."""
        indices = np.flatnonzero(self.whole_atrium.any(axis=(1, 2)))
        around = bounding_box(np.asarray(self.whole_atrium.any(axis=0)), self.pixel_mm, _MARGIN_MM)
        rows, columns = (
            slice(max(wide.start, image.start), min(wide.stop, image.stop))
            for wide, image in zip(around, self.image_box, strict=True)
        )
        return slice(int(indices[0]), int(indices[-1]) + 1), rows, columns

    @cached_property
    def reference(self) -> IntensityReference:
        """Grey levels of air and blood."""
        return intensity_reference(self.voxels, self.whole_atrium, self.spacing_mm)

    @cached_property
    def signal(self) -> FloatArray:
        """Signal in units of blood, clipped to -10 to 10: 0 is air and 1 is atrial blood."""
        with np.errstate(over="ignore"):
            return np.clip(self.reference.signal(self.voxels[self.window]), -_UTMOST, _UTMOST)

    @cached_property
    def atrium(self) -> BoolArray:
        """The atrium's mask."""
        return self.whole_atrium[self.window]

    @cached_property
    def depth(self) -> FloatArray:
        """Depth in the atrium's mask in mm, see `depth_mm`."""
        return depth_mm(self.atrium, self.pixel_mm, _REACH_MM)

    @cached_property
    def core(self) -> BoolArray:
        """Atrial blood unaffected by the wall."""
        return self.depth > _CORE_MM

    @cached_property
    def grain(self) -> FloatArray:
        """Signal minus the smoothed signal (Gaussian of 3 mm in the plane, within the core), 0 outside the core."""
        grain = np.zeros_like(self.signal)
        rows, columns = bounding_box(np.asarray(self.atrium.any(axis=0)), self.pixel_mm, 0)
        box = slice(None), rows, columns
        sigma = (0, *(_GRAIN_SIGMA_MM / mm for mm in self.pixel_mm))
        smooth = smoothed_within(self.signal[box], self.core[box], sigma)
        grain[box] = (self.signal[box] - smooth) * self.core[box]
        return grain

    @cached_property
    def coarse_core(self) -> BoolArray:
        """Atrial blood at least 4 mm inside the border, on the coarse grid."""
        return self._to_coarse(self.depth > _COARSE_CORE_MM)

    @cached_property
    def edges(self) -> Edges:
        """Edges along the border of the atrium."""
        return find_edges(self.signal, self.depth, self.pixel_mm)

    @cached_property
    def edge_mm(self) -> float:
        """Outer edge of the atrial wall, in mm outward from the mask's border.

        It is defined by the fall of the signal, so regions placed relative to it do not move when the mask grows or
        shrinks.
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
        """The band of the atrial wall, from 3.3 mm inside to 0.6 mm outside its outer edge.

        The edge is usually 2 mm outside the blood pool, so the band usually reaches from 1.3 mm inside to 2.6 mm
        outside the pool.
        """
        outward = -self.depth - np.float32(self.edge_mm)
        band: BoolArray = (outward > -_WALL_MM[0]) & (outward < _WALL_MM[1])
        return band & (self.aorta_depth < _AORTIC_WALL_MM)

    @cached_property
    def coarse(self) -> FloatArray:
        """Signal on pixels of 2 mm, each the local mean."""
        return resample(self.signal, *self._coarse_weights)

    @cached_property
    def coarse_smooth(self) -> FloatArray:
        """The coarse signal smoothed with a standard deviation of 1.5 mm in the plane."""
        smooth: FloatArray = gaussian_filter(self.coarse, (0, 1.5 / COARSE_MM, 1.5 / COARSE_MM))
        return smooth

    @cached_property
    def coarse_atrium(self) -> FloatArray:
        """Share of atrium in each pixel of `coarse`."""
        return self._coarse_share(self.atrium)

    @cached_property
    def aorta_discs(self) -> FloatArray:
        """Centre and radius of the descending aorta on each slice, see `find_aorta`."""
        return find_aorta(self.coarse, self.coarse_atrium, COARSE_MM, self.spacing_mm[0])

    @cached_property
    def aorta_depth(self) -> FloatArray:
        """Depth in the aorta in mm, above 0 inside its disc, minus infinity beyond 9 mm outside it and without it."""
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
        """Lung and air on the coarse grid: dark regions at least 12 mm across.

        The threshold is relative to the darkest twentieth of the pixels, because noise raises the background of
        magnitude images.
        """
        darkest = float(np.quantile(self.coarse_smooth, _DARKEST_SHARE))
        dark = self.coarse_smooth < darkest + _BACKGROUND_SIGNAL * (1 - darkest)
        background: BoolArray = binary_opening(dark, _disc(6.0))
        return background

    @cached_property
    def empty_slices(self) -> BoolArray:
        """Whether each slice of the scan holds a single grey level, (slice,)."""
        flat = self.image.reshape(len(self.image), -1)
        empty: BoolArray = flat.max(axis=1) == flat.min(axis=1)
        return empty

    @cached_property
    def repeated_slices(self) -> BoolArray:
        """Whether each slice of the scan is a copy of the slice below and not empty, (slice,)."""
        flat = self.image.reshape(len(self.image), -1)
        with np.errstate(over="ignore", invalid="ignore"):  # where float32 overflows, nothing counts as a copy
            change = np.abs(flat[1:] - flat[:-1]).mean(axis=1)
            spread = np.abs(flat[1:] - flat[1:].mean(axis=1, keepdims=True)).mean(axis=1)
        repeated: BoolArray = np.concatenate([[False], change < _COPY * spread]) & ~self.empty_slices
        return repeated

    @cached_property
    def highest_level(self) -> float:
        """Grey level at which a scan would be clipped: the level of the eleventh-brightest voxel, to skip hot ones."""
        place = max(self.image.size - _HOT_VOXELS - 1, 0)
        return float(np.partition(self.image, place, axis=None)[place])

    @property
    def aorta(self) -> BoolArray:
        """Descending aorta on the scan's voxels, all False if none was found."""
        return self._on_scan(lambda: self.aorta_depth > 0)

    @property
    def pools(self) -> BoolArray:
        """Other blood pools on the scan's voxels, all False if none was found."""
        return self._on_scan(lambda: resample(self.coarse_pools.astype(np.float32), *self._fine_weights) > 0.5)

    def _on_scan(self, find: Callable[[], BoolArray]) -> BoolArray:
        """Put a mask of the window on the voxels of the scan, all False without an atrium."""
        whole = np.zeros(self.voxels.shape, bool)
        if self.is_there:
            whole[self.window] = find()
        return whole

    def _to_coarse(self, mask: BoolArray) -> BoolArray:
        """Resample a mask of the window to the coarse grid."""
        coarse: BoolArray = self._coarse_share(mask) > 0.5
        return coarse

    def _coarse_share(self, mask: BoolArray) -> FloatArray:
        """Return the share of a mask of the window in each pixel of the coarse grid."""
        rows, columns = self._coarse_weights
        share = np.zeros((len(mask), len(rows), len(columns)), np.float32)
        # Most of the window is empty, where nothing needs to be resampled.
        slices, down, across = tight_box(mask)
        new_down, new_across = (tight_box(weights != 0)[0] for weights in (rows[:, down], columns[:, across]))
        inside = mask[slices, down, across].astype(np.float32)
        share[slices, new_down, new_across] = resample(inside, rows[new_down, down], columns[new_across, across])
        return share

    @cached_property
    def _coarse_weights(self) -> tuple[Weights, Weights]:
        """Resampling weights along rows and columns from the window to the coarse grid."""
        rows, columns = (
            axis_weights(n, mm, np.arange(_coarse_size(n, mm)) * COARSE_MM, COARSE_MM)
            for n, mm in zip(self.signal.shape[1:], self.pixel_mm, strict=True)
        )
        return rows, columns

    @cached_property
    def _fine_weights(self) -> tuple[Weights, Weights]:
        """Resampling weights along rows and columns from the coarse grid to the window."""
        rows, columns = (
            axis_weights(_coarse_size(n, mm), COARSE_MM, np.arange(n) * mm, mm)
            for n, mm in zip(self.signal.shape[1:], self.pixel_mm, strict=True)
        )
        return rows, columns


def smoothed_within(signal: FloatArray, mask: BoolArray, sigma: tuple[float, ...]) -> FloatArray:
    """Smooth a signal within a mask, ignoring voxels outside, with `sigma` in voxels along each axis."""
    weights = mask.astype(np.float32)
    total = gaussian_filter(signal * weights, sigma, mode="constant", truncate=2.5)
    smooth: FloatArray = total / np.maximum(gaussian_filter(weights, sigma, mode="constant", truncate=2.5), 1e-6)
    return smooth


def coarse_distance_mm(mask: BoolArray) -> FloatArray:
    """Return the distance in mm of each pixel of the coarse grid from a mask (slice, row, column) within its slice."""
    distance: FloatArray = distance_transform_edt(~mask, sampling=(_OTHER_SLICE_MM, COARSE_MM, COARSE_MM))
    return distance


def _coarse_size(n: int, spacing_mm: float) -> int:
    """Return the number of pixels of the coarse grid that cover `n` pixels."""
    return max(1, int(n * spacing_mm / COARSE_MM))


def _disc(radius_mm: float) -> BoolArray:
    """Return a disc (1, row, column) on the coarse grid for morphology in the plane of the slices."""
    steps = np.arange(-int(radius_mm / COARSE_MM), int(radius_mm / COARSE_MM) + 1) * COARSE_MM
    disc: BoolArray = (np.hypot(steps[:, None], steps) <= radius_mm)[None]
    return disc
