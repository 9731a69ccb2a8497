"""What the quality network sees: the atrium's slices as 128 x 128 pixels, in units of the blood pool's signal.

Sections 3.2 and 4.2 of the paper, which is silent on the normalisation. Signal is measured from the level of air to the
level of the atrial blood pool, so blood is 1 and air 0 on every scanner and in every field of view. The scales
themselves are defined against the blood pool.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import PositiveFloat, PositiveInt

from lgeqa.config import Settings
from lgeqa.errors import NotAssessableError
from lgeqa.prepare.padding import image_area, image_window
from lgeqa.prepare.reference import intensity_reference
from lgeqa.prepare.resample import Points, Weights, axis_weights, centred_points, resample_image
from lgeqa.records import BoolArray, FloatArray

#: Signal above this many times the blood pool's is fat or an artefact, and is cut off.
BRIGHTEST = 4.0


class QualityPreparation(Settings):
    """How atrium slices are prepared for the quality network.

    Attributes:
        field: `full` is the paper's whole slice; `atrium` a square around the atrium, which keeps the acquired
            resolution that sharpness is judged on.
        pixels: rows and columns of a prepared slice.
        field_mm: side of the square of `atrium`.
        normalisation: signal from the level of air to that of the atrial blood pool.
    """

    field: Literal["atrium", "full"] = "atrium"
    pixels: PositiveInt = 128
    field_mm: PositiveFloat = 160.0
    normalisation: Literal["blood-level"] = "blood-level"


def prepare_for_quality(
    voxels: FloatArray,
    atrium: BoolArray,
    spacing_mm: tuple[float, float, float],
    preparation: QualityPreparation,
) -> FloatArray:
    """Prepare every slice that holds the atrium.

    Args:
        voxels: (slice, row, column), axial LPS, any grey scale.
        atrium: bool (slice, row, column), the blood pool.
        spacing_mm: (slice, row, column).
        preparation: the settings the network was trained with.

    Returns:
        float32 (atrium slices, pixels, pixels), at most 4. Blood is about 1, and air, padding and what lies off the
        scan are 0.

    Raises:
        NotAssessableError: no atrium, or a blood pool no brighter than the darkest voxels.
    """
    slices = atrium.any(axis=(1, 2))
    if not slices.any():
        raise NotAssessableError("No slice holds the left atrium, so there is nothing to score.")
    reference = intensity_reference(voxels, atrium, spacing_mm)
    area = image_area(voxels)
    window = (slice(None), *(image_window(area) if preparation.field == "atrium" else (slice(None), slice(None))))
    weights = quality_weights(atrium[window], spacing_mm, preparation)
    resampled, _ = resample_image(reference.signal(voxels[window][slices]), area[window[1:]], *weights)
    prepared: FloatArray = np.clip(resampled, 0, BRIGHTEST, dtype=np.float32)
    return prepared


def quality_weights(
    atrium: BoolArray, spacing_mm: tuple[float, float, float], preparation: QualityPreparation
) -> tuple[Weights, Weights]:
    """Weights along rows and columns that take the scan's pixels to a prepared slice.

    Args:
        atrium: bool (slice, row, column) with at least one voxel set.
        spacing_mm: (slice, row, column).
        preparation: which square is cut out, and its pixels.
    """
    field = quality_field(atrium, spacing_mm, preparation)
    rows, columns = (
        axis_weights(n, step, points, field.pixel_mm)
        for n, step, points in zip(atrium.shape[1:], spacing_mm[1:], (field.rows_mm, field.columns_mm), strict=True)
    )
    return rows, columns


@dataclass(frozen=True)
class QualityField:
    """Where the pixels of prepared slices lie, on rulers on which the scan's pixel i lies at i times its spacing.

    Attributes:
        rows_mm, columns_mm: (pixels,) centres of the rows and of the columns.
        pixel_mm: from one to the next.
    """

    rows_mm: Points
    columns_mm: Points
    pixel_mm: float


def quality_field(
    atrium: BoolArray, spacing_mm: tuple[float, float, float], preparation: QualityPreparation
) -> QualityField:
    """The square that the quality network sees; arguments as in `quality_weights`."""
    shape, mm = atrium.shape[1:], spacing_mm[1:]
    if preparation.field == "full":
        side = max(n * step for n, step in zip(shape, mm, strict=True))
        centres = [(n - 1) / 2 * step for n, step in zip(shape, mm, strict=True)]
    else:
        side = preparation.field_mm
        centres = [_middle(atrium, axis) * step for axis, step in zip((1, 2), mm, strict=True)]
    pixel = side / preparation.pixels
    rows, columns = (centred_points(preparation.pixels, pixel, centre) for centre in centres)
    return QualityField(rows, columns, pixel)


def _middle(atrium: BoolArray, axis: int) -> float:
    """Index of the atrium's centre of gravity along an axis, to the nearest place halfway between two voxels.

    All fields then cut the voxels of a scan in the same way. Where a voxel falls in a pixel changes how sharp the slice
    looks, and a shift of a tenth of a millimetre would move the scores.
    """
    counts = np.count_nonzero(atrium, axis=tuple({0, 1, 2} - {axis}))
    return float(np.floor(counts @ np.arange(len(counts)) / counts.sum())) + 0.5


def at_other_blood_level(prepared: FloatArray, factor: float) -> FloatArray:
    """Return what `prepare_for_quality` would give if blood were `factor` times as far above air.

    Args:
        prepared: as `prepare_for_quality` gives it; what it cut off stays cut off.
        factor: level of blood above air, as a share of the one that was measured.
    """
    other: FloatArray = np.clip(prepared / np.float32(factor), 0, BRIGHTEST)
    return other
