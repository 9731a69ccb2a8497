"""Resampling of the attribution maps of the quality network to the pixels of the scan."""

import numpy as np

from lgeqa.preprocessing import QualityPreparation, quality_field
from lgeqa.preprocessing.quality_input import seen_window
from lgeqa.preprocessing.resampling import Points, Weights, axis_weights, resample
from lgeqa.records import BoolArray, FloatArray


def heat_volume(
    maps: FloatArray, atrium: BoolArray, spacing_mm: tuple[float, float, float], preparation: QualityPreparation
) -> FloatArray:
    """Resample the attribution maps of one scale to the pixels of the scan.

    Each halving of the encoder leaves the first sample in place, so cell i of n is centred on pixel i * pixels / n of
    the prepared slice, not in the middle of the n-th part of its side. The heat is bilinear between the centres, and
    constant from the outermost centres to the edge of the field.

    Args:
        maps: Maps of one scale (atrium slice, map row, map column), for example `assessment.maps[:, 3]` for quality.
        atrium: Mask that the slices were prepared with, bool (slice, row, column).
        spacing_mm: Voxel spacing (slice, row, column) of the scan.
        preparation: Preparation of the quality network, from the bundle's manifest.

    Returns:
        Heat, float32 (slice, row, column), in the unit of the maps. It is 0 on slices without the atrium, outside the
        square, and beyond the margin around the atrium up to which the network sees.

    Raises:
        ValueError: The number of maps differs from the number of slices with the atrium.
    """
    slices = atrium.any(axis=(1, 2))
    if len(maps) != slices.sum():
        raise ValueError(f"{len(maps)} maps for {slices.sum()} slices with the atrium")
    heat = np.zeros(atrium.shape, np.float32)
    if slices.any():
        field = quality_field(atrium, spacing_mm, preparation)
        sides = (field.rows_mm, field.columns_mm)
        rows, columns = (
            _spread(cells, side, field.pixel_mm, np.arange(n) * step)
            for cells, side, n, step in zip(maps.shape[1:], sides, atrium.shape[1:], spacing_mm[1:], strict=True)
        )
        window = seen_window(atrium, spacing_mm, preparation)
        heat[slices, *window] = resample(maps, rows, columns)[:, *window]
    return heat


def _spread(cells: int, side: Points, pixel_mm: float, places: Points) -> Weights:
    """Return weights (place, cell) that spread cells along one side of the field over places in mm."""
    cell_mm = len(side) / cells * pixel_mm
    from_first = places - side[0]
    weights = axis_weights(cells, cell_mm, np.clip(from_first, 0, (cells - 1) * cell_mm), 0)
    inside = (from_first >= -pixel_mm / 2) & (from_first <= (len(side) - 0.5) * pixel_mm)
    return np.where(inside[:, None], weights, np.float32(0))
