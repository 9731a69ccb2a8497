"""Measures of the stack of slices: coverage, missing slices and voxel size."""

import numpy as np

from lgeqa.measures.heart import Heart
from lgeqa.measures.value import Measured, undefined

NO_ATRIUM = "No left atrium was found."


def margin_below_mm(heart: Heart) -> Measured:
    """Measure how far the stack extends below the atrium.

    Formula: number of slices below the lowest one with the atrium, times the slice spacing.
    Unit: mm; 0 where the atrium reaches the end of the stack. Direction: higher is better.
    Undefined: there is no atrium.
    Source: this package.
    """
    slices = _atrium_slices(heart)
    return Measured(float(slices[0] * heart.spacing_mm[0])) if slices.size else undefined(NO_ATRIUM)


def margin_above_mm(heart: Heart) -> Measured:
    """Measure how far the stack extends above the atrium.

    Formula: number of slices above the highest one with the atrium, times the slice spacing.
    Unit: mm; 0 where the atrium reaches the end of the stack. Direction: higher is better.
    Undefined: there is no atrium.
    Source: this package.
    """
    slices = _atrium_slices(heart)
    if not slices.size:
        return undefined(NO_ATRIUM)
    return Measured(float((len(heart.voxels) - 1 - slices[-1]) * heart.spacing_mm[0]))


def empty_slices(heart: Heart) -> Measured:
    """Count the slices without an image.

    Formula: number of slices whose voxels all have the same grey level.
    Unit: slices. Direction: lower is better.
    Undefined: never.
    Source: this package.
    """
    return Measured(float(heart.empty_slices.sum()))


def repeated_slices(heart: Heart) -> Measured:
    """Count the slices that are a copy of the slice below.

    Formula: number of slices, not empty, whose mean absolute difference from the slice below is less than 1 % of their
    own mean absolute deviation.
    Unit: slices. Direction: lower is better.
    Undefined: never.
    Source: this package.
    """
    return Measured(float(heart.repeated_slices.sum()))


def atrium_volume_ml(heart: Heart) -> Measured:
    """Measure the volume of the atrial blood pool.

    Formula: number of voxels in the mask, times the volume of a voxel.
    Unit: ml. Direction: neither, since it depends on the patient.
    Undefined: there is no atrium.
    Source: standard volumetry.
    """
    voxels = int(heart.whole_atrium.sum())
    return Measured(voxels * float(np.prod(heart.spacing_mm)) / 1000) if voxels else undefined(NO_ATRIUM)


def atrium_height_mm(heart: Heart) -> Measured:
    """Measure the height of the atrium.

    Formula: number of slices from the lowest to the highest one with the atrium, times the slice spacing.
    Unit: mm. Direction: neither, since it depends on the patient.
    Undefined: there is no atrium.
    Source: this package.
    """
    slices = _atrium_slices(heart)
    return Measured(float((slices[-1] - slices[0] + 1) * heart.spacing_mm[0])) if slices.size else undefined(NO_ATRIUM)


def pixel_mm(heart: Heart) -> Measured:
    """Return the in-plane pixel size.

    Formula: the larger of row and column spacing.
    Unit: mm. Direction: neither, since scanners interpolate: the acquired pixels may be larger.
    Undefined: never.
    Source: the file's header.
    """
    return Measured(float(max(heart.pixel_mm)))


def slice_mm(heart: Heart) -> Measured:
    """Return the spacing of the slices.

    Formula: distance between the centres of two neighbouring slices.
    Unit: mm. Direction: neither, since scanners interpolate: the acquired slices may be thicker.
    Undefined: never.
    Source: the file's header.
    """
    return Measured(float(heart.spacing_mm[0]))


def _atrium_slices(heart: Heart) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the indices of the slices with the atrium, rising."""
    slices: np.ndarray[tuple[int], np.dtype[np.int64]] = np.flatnonzero(heart.whole_atrium.any(axis=(1, 2)))
    return slices
