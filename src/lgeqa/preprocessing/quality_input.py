"""Preparation of atrium slices for the quality network: 128 x 128 pixels, in units of the blood pool's signal.

Sections 3.2 and 4.2 of the paper, which does not specify the normalisation. Signal is measured from the level of air to
the level of the atrial blood pool, so blood is 1 and air 0 on every scanner and in every field of view. The scales
themselves are defined relative to the blood pool.
"""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from lgeqa.config import Settings
from lgeqa.errors import NotAssessableError
from lgeqa.preprocessing.intensity_reference import intensity_reference
from lgeqa.preprocessing.padding import image_area, image_window
from lgeqa.preprocessing.resampling import Points, Weights, axis_weights, centred_points, resample_image
from lgeqa.records import BoolArray, FloatArray, IntArray

#: Signal, in units of the blood pool's, above which there is fat or an artefact, and which is clipped.
BRIGHTEST = 4.0
#: Share of the atrium's voxels outside each side of the box around it, so that a few stray voxels do not move the box.
_STRAY = 0.001

#: Range of rows and range of columns of the scan.
Window = tuple[slice, slice]


class QualityPreparation(Settings):
    """Settings of the preparation of atrium slices for the quality network.

    Attributes:
        field: Part of the slice that is prepared. `full` is the paper's whole slice, `atrium` a square around the
            atrium, which keeps the acquired resolution on which sharpness is judged.
        pixels: Number of rows and columns of a prepared slice.
        field_mm: Side of the square of `atrium`.
        margin_mm: In-plane distance from the box around the atrium beyond which the scan is left out, so that a crop
            and a full field of view give the same slices. None, as in the paper, keeps the whole field.
        normalisation: Signal from the level of air to the level of the atrial blood pool.
        context_mm: Heights in mm of the slices that the network sees at once as channels, relative to the current slice
            and towards superior. Each is the nearest slice that holds the atrium. The paper's network sees the current
            slice alone.
    """

    field: Literal["atrium", "full"] = "atrium"
    pixels: PositiveInt = 128
    field_mm: PositiveFloat = 160.0
    margin_mm: NonNegativeFloat | None = None
    normalisation: Literal["blood-level"] = "blood-level"
    context_mm: tuple[float, ...] = Field((0.0,), min_length=1)

    def middle(self, share: float) -> Self:
        """Return the preparation of the middle of these slices, a share of their side on the same pixels."""
        pixels = side_of_middle(self.pixels, share)
        return self.model_copy(update={"pixels": pixels, "field_mm": self.field_mm * pixels / self.pixels})


def side_of_middle(side: int, share: float) -> int:
    """Return the side of the middle of a slice, about a share of the whole side and cropped equally all round."""
    return side - 2 * round(side * (1 - share) / 2)


def prepare_for_quality(
    voxels: FloatArray,
    atrium: BoolArray,
    spacing_mm: tuple[float, float, float],
    preparation: QualityPreparation,
) -> FloatArray:
    """Prepare every slice that holds the atrium.

    Args:
        voxels: Volume (slice, row, column), axial LPS, any grey scale.
        atrium: Blood pool, bool (slice, row, column).
        spacing_mm: Voxel spacing (slice, row, column).
        preparation: Settings that the network was trained with.

    Returns:
        Prepared slices, float32 (atrium slices, pixels, pixels), at most 4. Blood is about 1. Air, padding and pixels
        outside the scan or beyond the margin are 0.

    Raises:
        NotAssessableError: There is no atrium, or the blood pool is not brighter than the darkest voxels.
    """
    slices = atrium.any(axis=(1, 2))
    if not slices.any():
        raise NotAssessableError("No slice holds the left atrium, so there is nothing to score.")
    spans = _spans(atrium, spacing_mm, preparation)
    near = (slice(None), *(span.pixels for span in spans))
    # From here on a full field of view gives the same as a crop that keeps the margin.
    reference = intensity_reference(voxels[near], atrium[near], spacing_mm)
    area = np.zeros(voxels.shape[1:], bool)
    area[near[1:]] = image_area(voxels[near])
    window = image_window(area)
    field, weights = (
        quality_field(atrium, spacing_mm, preparation),
        quality_weights(atrium, spacing_mm, preparation, window),
    )
    resampled, _ = resample_image(reference.signal(voxels[:, *window][slices]), area[window], *weights)
    resampled *= np.outer(
        *(
            span.fade(points, field.pixel_mm)
            for span, points in zip(spans, (field.rows_mm, field.columns_mm), strict=True)
        )
    )
    prepared: FloatArray = np.clip(resampled, 0, BRIGHTEST, dtype=np.float32)
    return prepared


def quality_context(atrium: BoolArray, slice_mm: float, preparation: QualityPreparation) -> IntArray:
    """Return the prepared slices that the network sees with each prepared slice.

    They are the nearest slices with the atrium to the heights of `context_mm`, the lower of two equally near ones.

    Args:
        atrium: Blood pool, bool (slice, row, column), that the slices were prepared with.
        slice_mm: Distance between slices.
        preparation: Settings that the network was trained with.

    Returns:
        Indices among the prepared slices, (atrium slice, context).
    """
    places = np.flatnonzero(atrium.any(axis=(1, 2)))
    steps = np.rint(np.array(preparation.context_mm) / slice_mm).astype(np.int64)
    distances = np.abs(places - (places[:, None] + steps)[:, :, None])
    context: IntArray = distances.argmin(axis=2)
    return context


def seen_window(
    atrium: BoolArray, spacing_mm: tuple[float, float, float], preparation: QualityPreparation
) -> tuple[slice, slice]:
    """Return the rows and columns of a scan that a network sees, up to the margin around the atrium.

    Args:
        atrium: Mask of the atrium, bool (slice, row, column), with at least one voxel set.
        spacing_mm: Voxel spacing (slice, row, column).
        preparation: Settings of the network.
    """
    rows, columns = _spans(atrium, spacing_mm, preparation)
    return rows.pixels, columns.pixels


def _spans(atrium: BoolArray, spacing_mm: tuple[float, float, float], preparation: QualityPreparation) -> "list[_Span]":
    """Return the visible ranges along rows and columns."""
    return [_span(atrium, axis, step, preparation.margin_mm) for axis, step in zip((1, 2), spacing_mm[1:], strict=True)]


@dataclass(frozen=True)
class _Span:
    """Visible range of a scan along one axis.

    Attributes:
        first_mm: Start of the range, in coordinates in which voxel i is at i times the spacing.
        last_mm: End of the range, in the same coordinates.
        pixels: Voxels that overlap the range.
    """

    first_mm: float
    last_mm: float
    pixels: slice

    def fade(self, points_mm: Points, pixel_mm: float) -> FloatArray:
        """Return a weight for each pixel at `points_mm`, which falls from 1 to 0 within a pixel of either end."""
        depth_mm = np.minimum(points_mm - self.first_mm, self.last_mm - points_mm)
        weights: FloatArray = np.clip(depth_mm / pixel_mm, 0, 1).astype(np.float32)
        return weights


def _span(atrium: BoolArray, axis: int, step: float, margin_mm: float | None) -> _Span:
    """Return the range from the atrium's first to its last voxel with a margin, or the whole axis without a margin.

    Both ends are interpolated, so that they move continuously as the mask grows.
    """
    n = atrium.shape[axis]
    if margin_mm is None:
        return _Span(-np.inf, np.inf, slice(0, n))
    counts = np.count_nonzero(atrium, axis=tuple({0, 1, 2} - {axis}))
    shares = np.cumsum([0, *counts]) / counts.sum()
    first, last = np.interp((_STRAY, 1 - _STRAY), shares, np.arange(n + 1))
    first_mm, last_mm = float(first) * step - margin_mm, float(last - 1) * step + margin_mm
    # A crop that keeps the margin contains all these voxels.
    start, stop = int(np.ceil(first_mm / step - 0.5)), int(np.floor(last_mm / step + 0.5)) + 1
    return _Span(first_mm, last_mm, slice(max(0, start), min(n, stop)))


def quality_weights(
    atrium: BoolArray,
    spacing_mm: tuple[float, float, float],
    preparation: QualityPreparation,
    window: Window | None = None,
) -> tuple[Weights, Weights]:
    """Return weights along rows and columns that resample the scan's pixels to a prepared slice.

    Args:
        atrium: Mask of the atrium, bool (slice, row, column), with at least one voxel set.
        spacing_mm: Voxel spacing (slice, row, column).
        preparation: Settings of the square and its pixels.
        window: Rows and columns of the scan that are used. None for all.
    """
    parts = window or (slice(0, atrium.shape[1]), slice(0, atrium.shape[2]))
    field = quality_field(atrium, spacing_mm, preparation, (parts[0].start, parts[1].start))
    rows, columns = (
        axis_weights(part.stop - part.start, step, points, field.pixel_mm)
        for part, step, points in zip(parts, spacing_mm[1:], (field.rows_mm, field.columns_mm), strict=True)
    )
    return rows, columns


@dataclass(frozen=True)
class QualityField:
    """Location of the pixels of prepared slices, in coordinates in which pixel i of the scan is at i times its spacing.

    Attributes:
        rows_mm: Centres of the rows, (pixels,).
        columns_mm: Centres of the columns, (pixels,).
        pixel_mm: Distance from one pixel to the next.
    """

    rows_mm: Points
    columns_mm: Points
    pixel_mm: float


def quality_field(
    atrium: BoolArray,
    spacing_mm: tuple[float, float, float],
    preparation: QualityPreparation,
    first: tuple[int, int] = (0, 0),
) -> QualityField:
    """Return the square that the quality network sees.

    Args:
        atrium: Mask of the atrium, bool (slice, row, column), with at least one voxel set.
        spacing_mm: Voxel spacing (slice, row, column).
        preparation: Settings of the square and its pixels.
        first: Pixel (row, column) of the scan from which positions are measured.
    """
    shape, mm = atrium.shape[1:], spacing_mm[1:]
    if preparation.field == "full":
        side = max(n * step for n, step in zip(shape, mm, strict=True))
        middles = [(n - 1) / 2 for n in shape]
    else:
        side = preparation.field_mm
        middles = [_middle(atrium, axis) for axis in (1, 2)]
    pixel = side / preparation.pixels
    rows, columns = (
        centred_points(preparation.pixels, pixel, (middle - start) * step)
        for middle, start, step in zip(middles, first, mm, strict=True)
    )
    return QualityField(rows, columns, pixel)


def _middle(atrium: BoolArray, axis: int) -> float:
    """Return the index of the atrium's centre of gravity along an axis, moved to the midpoint between two voxels.

    All fields then sample the voxels of a scan in the same way. The position of voxels within pixels changes how sharp
    the slice looks, and a shift of a tenth of a millimetre would change the scores.
    """
    counts = np.count_nonzero(atrium, axis=tuple({0, 1, 2} - {axis}))
    return float(np.floor(counts @ np.arange(len(counts)) / counts.sum())) + 0.5


def at_other_blood_level(prepared: FloatArray, factor: float) -> FloatArray:
    """Return the result of `prepare_for_quality` for blood `factor` times as far above air.

    Args:
        prepared: Slices from `prepare_for_quality`, whose clipped signal stays clipped.
        factor: Level of blood above air, relative to the measured level.
    """
    other: FloatArray = np.clip(prepared / np.float32(factor), 0, BRIGHTEST)
    return other
