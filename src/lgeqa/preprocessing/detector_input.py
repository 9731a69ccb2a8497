"""Preparation of a volume for the atrium detector: fixed pixel size, normalised grey levels, and the inverse mapping.

Section 3.1 of the paper, which does not specify the normalisation. Here the whole volume is brought to zero mean and
unit spread over the voxels that hold an image, so a scan keeps the contrast between its slices.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from lgeqa.config import Settings
from lgeqa.errors import NotAssessableError
from lgeqa.preprocessing.padding import image_area, image_window
from lgeqa.preprocessing.resampling import Weights, axis_weights, centred_points, resample, resample_image
from lgeqa.records import BoolArray, FloatArray, IntArray

#: Quantiles at which grey levels are clipped, so that a few outliers cannot determine the scale.
EXTREMES = (0.0002, 0.9998)
#: Largest relative difference between grey levels that can result from rounding in resampling.
_ROUNDING = 1e-6
#: Distances from the atrium, in-plane and above or below it, within which grey levels determine the scale.
MARGIN_MM, HEIGHT_MM = 10.0, 20.0


class DetectorPreparation(Settings):
    """Settings of the preparation of a volume for the detector.

    Attributes:
        context_mm: Heights in mm of the slices that the network sees at once, relative to the current slice and towards
            superior. (0,) is the paper's single slice.
        pixel_mm: In-plane pixel size that the network was trained on.
        multiple: Number to a multiple of which rows and columns are padded, since the U-Net halves them repeatedly.
        least: Smallest number of rows and columns, reached by padding. A network that was trained on windows does not
            know smaller images and fails at their edges.
        normalisation: Zero mean and unit standard deviation over the image, with its extremes clipped.
    """

    context_mm: tuple[float, ...] = Field((0.0,), min_length=1)
    pixel_mm: PositiveFloat = 2.0
    multiple: PositiveInt = 16
    least: PositiveInt = 16
    normalisation: Literal["volume-zscore"] = "volume-zscore"


@dataclass(frozen=True)
class DetectorGrid:
    """In-plane grid of a prepared volume.

    Attributes:
        shape: Shape (rows, columns) of the prepared slices.
        start_mm: Position (row, column) of the centre of the first pixel, relative to the scan's first pixel.
        pixel_mm: Pixel size of the prepared slices.
        scan_shape: Shape (rows, columns) of the scan.
        scan_pixel_mm: Spacing (row, column) of the scan.
    """

    shape: tuple[int, int]
    start_mm: tuple[float, float]
    pixel_mm: float
    scan_shape: tuple[int, int]
    scan_pixel_mm: tuple[float, float]

    def within(self, first: tuple[int, int], scan_shape: tuple[int, int]) -> "DetectorGrid":
        """Return the same grid relative to another array of the scan's pixels.

        Args:
            first: Index (row, column) in that array of the first pixel of the current array.
            scan_shape: Shape (rows, columns) of that array.
        """
        row, column = (start + n * mm for start, n, mm in zip(self.start_mm, first, self.scan_pixel_mm, strict=True))
        return replace(self, start_mm=(row, column), scan_shape=scan_shape)

    def forward(self) -> tuple[Weights, Weights]:
        """Return weights along rows and columns from the scan to this grid."""
        rows, columns = (
            axis_weights(old, old_mm, start + np.arange(new) * self.pixel_mm, self.pixel_mm)
            for old, old_mm, new, start in self._axes()
        )
        return rows, columns

    def backward(self) -> tuple[Weights, Weights]:
        """Return weights along rows and columns from this grid to the scan."""
        rows, columns = (
            axis_weights(new, self.pixel_mm, np.arange(old) * old_mm - start, old_mm)
            for old, old_mm, new, start in self._axes()
        )
        return rows, columns

    def _axes(self) -> Iterator[tuple[int, float, int, float]]:
        """Return, for rows and columns, number and spacing of the scan, and number and start of the grid."""
        return zip(self.scan_shape, self.scan_pixel_mm, self.shape, self.start_mm, strict=True)


def detector_grid(
    scan_shape: tuple[int, int], scan_pixel_mm: tuple[float, float], preparation: DetectorPreparation
) -> DetectorGrid:
    """Return the padded grid for slices of (rows, columns) with pixels of (row, column) mm."""
    pixel_mm = preparation.pixel_mm
    needed = [int(np.ceil(n * mm / pixel_mm)) for n, mm in zip(scan_shape, scan_pixel_mm, strict=True)]
    rows, columns = (_round_up(max(n, preparation.least), preparation.multiple) for n in needed)
    # Padding by whole pixels keeps the scan's first pixel at the centre of a pixel.
    above, left = (-((n - used) // 2) * pixel_mm for n, used in zip((rows, columns), needed, strict=True))
    return DetectorGrid((rows, columns), (above, left), pixel_mm, scan_shape, scan_pixel_mm)


def whole_grid(area: BoolArray, scan_pixel_mm: tuple[float, float], preparation: DetectorPreparation) -> DetectorGrid:
    """Return the padded grid for whole slices, aligned with the first pixel of the image and not of its padding.

    Args:
        area: Pixels that hold the image, bool (row, column).
        scan_pixel_mm: Spacing (row, column) of the scan.
        preparation: Settings that the network was trained with.
    """
    rows, columns = image_window(area)
    grid = detector_grid((rows.stop - rows.start, columns.stop - columns.start), scan_pixel_mm, preparation)
    return grid.within((rows.start, columns.start), (area.shape[0], area.shape[1]))


@dataclass(frozen=True)
class AtriumPlace:
    """Location of the atrium, in coordinates in which pixel i of the scan is at i times its spacing.

    Attributes:
        slices: First and last slice.
        centre_mm: Centre of gravity (row, column).
        ends_mm: First and last row, and first and last column.
    """

    slices: tuple[int, int]
    centre_mm: tuple[float, float]
    ends_mm: tuple[tuple[float, float], tuple[float, float]]

    @classmethod
    def of(cls, found: FloatArray, grid: DetectorGrid) -> "AtriumPlace":
        """Return the location of an atrium.

        Args:
            found: Probability of atrium (slice, rows, columns) on a detector's grid, 0 outside the atrium.
            grid: Grid of the detector.
        """
        slices = np.flatnonzero(found.any(axis=(1, 2)))
        centres, ends = [], []
        for axis, start in zip((1, 2), grid.start_mm, strict=True):
            weights = found.sum(axis=(0, 3 - axis), dtype=np.float64)
            places_mm = start + np.arange(len(weights)) * grid.pixel_mm
            centres.append(float(weights @ places_mm / weights.sum()))
            first, last = places_mm[weights > 0][[0, -1]]
            ends.append((float(first), float(last)))
        return cls((int(slices[0]), int(slices[-1])), (centres[0], centres[1]), (ends[0], ends[1]))


def window_grid(
    place: AtriumPlace,
    scan_shape: tuple[int, int],
    scan_pixel_mm: tuple[float, float],
    preparation: DetectorPreparation,
) -> DetectorGrid:
    """Return the grid of a window around the atrium, of the same size for all but the largest atria.

    Its pixels are aligned with the voxel at the atrium's centre of gravity, and not with the border of the scan.

    Args:
        place: Location of the atrium.
        scan_shape: Shape (rows, columns) of the scan.
        scan_pixel_mm: Spacing (row, column) of the scan.
        preparation: Settings that the network was trained with. `least` is the smallest number of rows and columns.
    """
    sides, starts = [], []
    for centre, ends, mm in zip(place.centre_mm, place.ends_mm, scan_pixel_mm, strict=True):
        reach_mm = max(abs(end - centre) for end in ends) + MARGIN_MM
        needed = max(int(np.ceil(2 * reach_mm / preparation.pixel_mm)), preparation.least)
        sides.append(_round_up(needed, preparation.multiple))
        starts.append(float(centred_points(sides[-1], preparation.pixel_mm, round(centre / mm) * mm)[0]))
    return DetectorGrid((sides[0], sides[1]), (starts[0], starts[1]), preparation.pixel_mm, scan_shape, scan_pixel_mm)


def prepare_for_detector(
    voxels: FloatArray,
    spacing_mm: tuple[float, float, float],
    preparation: DetectorPreparation,
    place: AtriumPlace | None = None,
) -> tuple[FloatArray, DetectorGrid]:
    """Resample and normalise a volume for the detector.

    Args:
        voxels: Volume (slice, row, column), axial LPS, any grey scale.
        spacing_mm: Voxel spacing (slice, row, column).
        preparation: Settings that the network was trained with.
        place: Location of the atrium. Only the window around it is prepared, and only the grey levels near it determine
            the scale. None for the whole volume.

    Returns:
        Prepared volume, float32 (slice, rows, columns) on the detector's grid, and that grid. Padding and pixels
        outside the scan are as dark as the darkest voxels.

    Raises:
        NotAssessableError: The volume holds a single grey level.
    """
    area, pixel_mm = image_area(voxels), (spacing_mm[1], spacing_mm[2])
    if place is None:
        grid, near = whole_grid(area, pixel_mm, preparation), (slice(None),) * 3
    else:
        grid = window_grid(place, (voxels.shape[1], voxels.shape[2]), pixel_mm, preparation)
        near = _near(place, spacing_mm[0], grid)
    small, on_image = _resampled(voxels, area, grid)
    usual = small[near][:, on_image[near[1:]]]
    small[:, ~on_image] = -np.inf  # clipped to the darkest grey level
    return _normalised(small, usual), grid


def _near(place: AtriumPlace, slice_mm: float, grid: DetectorGrid) -> tuple[slice, slice, slice]:
    """Return the neighbourhood of the atrium as slices and pixels of a grid."""
    above = round(HEIGHT_MM / slice_mm)
    spans = [slice(max(0, place.slices[0] - above), place.slices[1] + above + 1)]
    for (first, last), start in zip(place.ends_mm, grid.start_mm, strict=True):
        low, high = (round((mm - start) / grid.pixel_mm) for mm in (first - MARGIN_MM, last + MARGIN_MM))
        spans.append(slice(max(0, low), high + 1))
    return spans[0], spans[1], spans[2]


def _resampled(voxels: FloatArray, area: BoolArray, grid: DetectorGrid) -> tuple[FloatArray, BoolArray]:
    """Resample the rows and columns of the image by `resample_image`."""
    rows, columns = image_window(area)
    image = area[rows, columns]
    grid_in_image = grid.within((-rows.start, -columns.start), (image.shape[0], image.shape[1]))
    return resample_image(voxels[:, rows, columns], image, *grid_in_image.forward())


def _normalised(small: FloatArray, usual: FloatArray) -> FloatArray:
    """Normalise `small` by zero mean and unit spread of the `usual` grey levels, with extremes clipped in both."""
    flat = usual.ravel()
    if not flat.size:
        raise NotAssessableError("Hardly a voxel of the scan holds an image. Export the scan again.")
    first, last = (round(share * (flat.size - 1)) for share in EXTREMES)
    darkest, brightest = np.partition(flat, (first, last))[[first, last]]
    flat = np.clip(flat, darkest, brightest)
    spread = flat.std(dtype=np.float64)
    if spread <= _ROUNDING * max(abs(darkest), abs(brightest)):
        raise NotAssessableError("Every voxel has the same grey level, so there is no image. Export the scan again.")
    clipped = np.clip(small, darkest, brightest)
    normalised: FloatArray = (clipped - np.float32(flat.mean(dtype=np.float64))) / np.float32(spread)
    return normalised


def context_slices(n: int, slice_mm: float, preparation: DetectorPreparation) -> IntArray:
    """Return the slices that the network sees with each slice, which are the nearest to the heights of `context_mm`.

    Args:
        n: Number of slices of the volume, from inferior to superior.
        slice_mm: Spacing of the slices.
        preparation: Settings that the network was trained with.

    Returns:
        Indices (slice, context). Beyond an end of the volume the last slice there is repeated.
    """
    steps = np.rint(np.array(preparation.context_mm) / slice_mm).astype(np.int64)
    context: IntArray = np.clip(np.arange(n)[:, None] + steps, 0, n - 1)
    return context


def to_scan_grid(probabilities: FloatArray, grid: DetectorGrid) -> FloatArray:
    """Resample probabilities (slice, rows, columns) from the detector's grid to the pixels of the scan."""
    return resample(probabilities, *grid.backward())


def _round_up(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple
