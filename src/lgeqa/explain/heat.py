"""From the quality network's maps back to the scan's own pixels."""

import numpy as np

from lgeqa.prepare import QualityPreparation, quality_field
from lgeqa.prepare.quality import seen_window
from lgeqa.prepare.resample import Points, Weights, axis_weights, resample
from lgeqa.records import BoolArray, FloatArray


def heat_volume(
    maps: FloatArray, atrium: BoolArray, spacing_mm: tuple[float, float, float], preparation: QualityPreparation
) -> FloatArray:
    """Lay the maps of one scale over the scan.

    Each halving of the encoder keeps the first sample where it was, so cell i of n is centred on pixel i * pixels / n
    of the prepared slice, not in the middle of the n-th part of its side. Between the centres the heat is bilinear;
    beyond the outermost ones their value goes on to the edge of the field.

    Args:
        maps: (atrium slice, map row, map column) of one scale, for instance `assessment.maps[:, 3]` for quality.
        atrium: bool (slice, row, column) that the slices were prepared with.
        spacing_mm: (slice, row, column) of the scan.
        preparation: the quality network's, from the bundle's manifest.

    Returns:
        float32 (slice, row, column) in the maps' unit; 0 on slices without the atrium, and outside of the square and
        of the margin around the atrium that the network sees.

    Raises:
        ValueError: there is not one map for each slice with the atrium.
    """
    held = atrium.any(axis=(1, 2))
    if len(maps) != held.sum():
        raise ValueError(f"{len(maps)} maps for {held.sum()} slices with the atrium")
    heat = np.zeros(atrium.shape, np.float32)
    if held.any():
        field = quality_field(atrium, spacing_mm, preparation)
        sides = (field.rows_mm, field.columns_mm)
        rows, columns = (
            _spread(cells, side, field.pixel_mm, np.arange(n) * step)
            for cells, side, n, step in zip(maps.shape[1:], sides, atrium.shape[1:], spacing_mm[1:], strict=True)
        )
        window = seen_window(atrium, spacing_mm, preparation)
        heat[held, *window] = resample(maps, rows, columns)[:, *window]
    return heat


def _spread(cells: int, side: Points, pixel_mm: float, places: Points) -> Weights:
    """Weights, (place, cell), that spread cells along one side of the field over places in mm."""
    cell_mm = len(side) / cells * pixel_mm
    from_first = places - side[0]
    weights = axis_weights(cells, cell_mm, np.clip(from_first, 0, (cells - 1) * cell_mm), 0)
    inside = (from_first >= -pixel_mm / 2) & (from_first <= (len(side) - 0.5) * pixel_mm)
    return np.where(inside[:, None], weights, np.float32(0))
