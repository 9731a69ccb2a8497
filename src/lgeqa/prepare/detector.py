"""What the atrium detector sees: the whole volume on a fixed pixel size, normalised; and the way back.

Section 3.1 of the paper. Its normalisation is silent: the whole volume is brought to zero mean and unit spread
over the voxels that are not empty, so a scan keeps the contrast between its slices.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from lgeqa.config import Settings
from lgeqa.errors import NotAssessableError
from lgeqa.prepare.resample import Weights, axis_weights, resample
from lgeqa.records import FloatArray, IntArray


class DetectorPreparation(Settings):
    """How a volume is prepared for the detector.

    Attributes:
        context_mm: the slices that the network sees at once, as heights above the one in question in mm, towards
            superior; (0,) is the paper's single slice.
        pixel_mm: in-plane pixel size that the network was trained on.
        multiple: rows and columns are padded to a multiple of this, which the U-Net halves away.
        least: rows and columns are padded to this many at least. A network that was trained on windows does not know
            smaller images: what it takes for their edges fails it.
        normalisation: zero mean and unit standard deviation over non-empty voxels of the volume.
    """

    context_mm: tuple[float, ...] = Field((0.0,), min_length=1)
    pixel_mm: PositiveFloat = 2.0
    multiple: PositiveInt = 16
    least: PositiveInt = 16
    normalisation: Literal["volume-zscore"] = "volume-zscore"


@dataclass(frozen=True)
class DetectorGrid:
    """The in-plane grid of a prepared volume, with the scan in its middle.

    Attributes:
        shape: (rows, columns) of the prepared slices.
        start_mm: (row, column) position of its first pixel's centre, seen from that of the scan's.
        pixel_mm: pixel size of the prepared slices.
        scan_shape: (rows, columns) of the scan.
        scan_pixel_mm: (row, column) spacing of the scan.
    """

    shape: tuple[int, int]
    start_mm: tuple[float, float]
    pixel_mm: float
    scan_shape: tuple[int, int]
    scan_pixel_mm: tuple[float, float]

    def forward(self) -> tuple[Weights, Weights]:
        """Weights along rows and columns from the scan to this grid."""
        rows, columns = (
            axis_weights(old, old_mm, start + np.arange(new) * self.pixel_mm, self.pixel_mm)
            for old, old_mm, new, start in self._axes()
        )
        return rows, columns

    def backward(self) -> tuple[Weights, Weights]:
        """Weights along rows and columns from this grid to the scan."""
        rows, columns = (
            axis_weights(new, self.pixel_mm, np.arange(old) * old_mm - start, old_mm)
            for old, old_mm, new, start in self._axes()
        )
        return rows, columns

    def _axes(self) -> Iterator[tuple[int, float, int, float]]:
        """For rows and columns: the scan's number and spacing, the grid's number and start."""
        return zip(self.scan_shape, self.scan_pixel_mm, self.shape, self.start_mm, strict=True)


def detector_grid(
    scan_shape: tuple[int, int], scan_pixel_mm: tuple[float, float], preparation: DetectorPreparation
) -> DetectorGrid:
    """The padded grid for slices of (rows, columns) with pixels of (row, column) mm."""
    pixel_mm = preparation.pixel_mm
    needed = [int(np.ceil(n * mm / pixel_mm)) for n, mm in zip(scan_shape, scan_pixel_mm, strict=True)]
    rows, columns = (_round_up(max(n, preparation.least), preparation.multiple) for n in needed)
    # Whole pixels before the scan, so that its first pixel stays the centre of one.
    above, left = (-((n - used) // 2) * pixel_mm for n, used in zip((rows, columns), needed, strict=True))
    return DetectorGrid((rows, columns), (above, left), pixel_mm, scan_shape, scan_pixel_mm)


def prepare_for_detector(
    voxels: FloatArray, spacing_mm: tuple[float, float, float], preparation: DetectorPreparation
) -> tuple[FloatArray, DetectorGrid]:
    """Resample and normalise a volume for the detector.

    Args:
        voxels: (slice, row, column), axial LPS, any grey scale.
        spacing_mm: (slice, row, column).
        preparation: the settings the network was trained with.

    Returns:
        float32 (slice, rows, columns) on the detector's grid, and that grid.

    Raises:
        NotAssessableError: the volume holds a single grey level.
    """
    grid = detector_grid((voxels.shape[1], voxels.shape[2]), (spacing_mm[1], spacing_mm[2]), preparation)
    small = resample(voxels - voxels.min(), *grid.forward())
    filled = small[small > 0]
    spread = float(filled.std()) if filled.size else 0.0
    if spread == 0:
        raise NotAssessableError("Every voxel has the same grey level, so there is no image. Export the scan again.")
    return (small - filled.mean(dtype=np.float64).astype(np.float32)) / np.float32(spread), grid


def context_slices(n: int, slice_mm: float, preparation: DetectorPreparation) -> IntArray:
    """Which slices the network sees with each one: those nearest to the heights of `context_mm`.

    Args:
        n: slices of the volume, from inferior to superior.
        slice_mm: their spacing.
        preparation: the settings the network was trained with.

    Returns:
        (slice, context) indices; beyond an end of the volume its last slice repeats.
    """
    steps = np.rint(np.array(preparation.context_mm) / slice_mm).astype(np.int64)
    context: IntArray = np.clip(np.arange(n)[:, None] + steps, 0, n - 1)
    return context


def to_scan_grid(probabilities: FloatArray, grid: DetectorGrid) -> FloatArray:
    """Take probabilities (slice, rows, columns) from the detector's grid to the scan's own pixels."""
    return resample(probabilities, *grid.backward())


def _round_up(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple
