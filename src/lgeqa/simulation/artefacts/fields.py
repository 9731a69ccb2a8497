"""Random smooth fields and soft shapes that define where an artefact acts."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage, special

from lgeqa.records import FloatArray
from lgeqa.simulation.artefacts.subject import Subject, stretched

#: Share of the field over which a patch's edge fades.
_FADE = 0.2


def random_ranks(subject: Subject, size_mm: float, rng: np.random.Generator) -> FloatArray:
    """Return a smooth random field with values distributed evenly over 0 to 1, varying over about `size_mm`."""
    half_mm = size_mm / 2
    coarse = [max(2, round(n * mm / half_mm)) for n, mm in zip(subject.signal.shape, subject.spacing_mm, strict=True)]
    field = ndimage.gaussian_filter(rng.standard_normal(coarse, np.float32), 1.0, mode="wrap")
    field = stretched(field, subject.signal.shape)
    ranks: FloatArray = special.ndtr((field - field.mean()) / max(float(field.std()), 1e-6)).astype(np.float32)
    return ranks


def patches(ranks: FloatArray, coverage: float) -> FloatArray:
    """Return 1 in the lowest `coverage` of the ranks and 0 elsewhere, with soft edges, and only 0 for no coverage."""
    inside: FloatArray = np.clip((np.float32(coverage * (1 + _FADE)) - ranks) / np.float32(_FADE), 0, 1)
    return inside


def ramp(values: FloatArray, start: float, stop: float) -> FloatArray:
    """Return a smooth rise from 0 at `start` to 1 at `stop`, which may be lower than `start`."""
    share = np.clip((values - np.float32(start)) / np.float32(stop - start), 0, 1)
    rise: FloatArray = share * share * (3 - 2 * share)
    return rise


def ellipsoid(
    subject: Subject,
    centre_mm: tuple[float, float, float],
    radii_mm: Sequence[float],
    fade: float,
    uneven: FloatArray | None = None,
) -> FloatArray:
    """Return 1 in an ellipsoid and 0 outside it.

    Args:
        subject: Scan.
        centre_mm: Centre, from the first voxel.
        radii_mm: Radii along slices, rows and columns.
        fade: Width of the edge as a share of the radii.
        uneven: Factor of the radii at each voxel, by default 1 everywhere.
    """
    z, row, column = (
        offset / np.float32(radius) for offset, radius in zip(subject.offsets_mm(centre_mm), radii_mm, strict=True)
    )
    distance: FloatArray = np.sqrt(z * z + row * row + column * column)
    return ramp(distance if uneven is None else distance / uneven, 1 + fade / 2, 1 - fade / 2)


def direction(rng: np.random.Generator, weights: Sequence[float]) -> FloatArray:
    """Draw a unit vector (slice, row, column), which tends to axes with larger weights."""
    drawn = rng.standard_normal(3) * np.asarray(weights)
    unit: FloatArray = (drawn / max(float(np.linalg.norm(drawn)), 1e-6)).astype(np.float32)
    return unit
