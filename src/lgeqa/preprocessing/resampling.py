"""Linear resampling of axial slices onto another in-plane grid, as two small matrix products per volume.

The kernel is the triangle of linear interpolation. If the new pixel is larger than the old one, it widens to the new
pixel, so that a fine grid is averaged and not just subsampled. Points outside the old grid become 0.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from lgeqa.records import BoolArray, FloatArray

Weights = npt.NDArray[np.float32]
Points = npt.NDArray[np.floating[Any]]


def centred_points(n: int, pixel_mm: float, centre_mm: float) -> Points:
    """Return the positions in mm of `n` pixels of `pixel_mm`, evenly spaced around `centre_mm`."""
    return centre_mm + (np.arange(n) - (n - 1) / 2) * pixel_mm


def axis_weights(n_old: int, old_mm: float, points_mm: Points, new_mm: float) -> Weights:
    """Return weights that resample values along one axis to new positions.

    Args:
        n_old: Number of samples. Sample i is at `i * old_mm`.
        old_mm: Spacing of the samples.
        points_mm: Positions of the new samples in the same coordinates, (n_new,).
        new_mm: Spacing of the new samples, which sets the width of the kernel if it exceeds `old_mm`.

    Returns:
        Weights, float32 (n_new, n_old). A row sums to 1, or is all 0 for a point more than half a sample outside the
        grid.
    """
    width = max(old_mm, new_mm)
    place = points_mm[:, None]
    # Clamping keeps points within half a sample of the edge from fading out.
    inside = (place >= -old_mm / 2) & (place <= (n_old - 0.5) * old_mm)
    clamped = np.clip(place, 0, (n_old - 1) * old_mm)
    weights = np.maximum(0, 1 - np.abs(clamped - np.arange(n_old)[None] * old_mm) / width)
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    return np.where(inside, weights, 0).astype(np.float32)


def resample(volume: FloatArray, rows: Weights, columns: Weights) -> FloatArray:
    """Resample every slice from (slice, row, column) to (slice, new row, new column)."""
    resampled: FloatArray = rows @ (volume.astype(np.float32, copy=False) @ columns.T)
    return resampled


def resample_image(
    volume: FloatArray, area: BoolArray, rows: Weights, columns: Weights
) -> tuple[FloatArray, BoolArray]:
    """Resample every slice from the pixels of the image, without its padding.

    Args:
        volume: Volume (slice, row, column).
        area: Pixels that hold the image, bool (row, column).
        rows: Weights along the rows, as returned by `axis_weights`.
        columns: Weights along the columns, as returned by `axis_weights`.

    Returns:
        Volume (slice, new row, new column), and bool (new row, new column), which is true for new pixels of which at
        least half is image. Elsewhere the resampled values are 0.
    """
    covered = resample(area.astype(np.float32), rows, columns)
    on_image = covered >= 0.5
    image = volume if area.all() else np.where(area, volume, np.float32(0))
    resampled = resample(image, rows, columns)
    resampled *= np.where(on_image, 1 / np.maximum(covered, np.float32(0.5)), np.float32(0))
    return resampled, on_image
