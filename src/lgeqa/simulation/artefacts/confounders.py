"""Artefacts that hide or mimic fibrosis: fat, marrow, inflow, ghosts, wrap-around and metal."""

from typing import Final

import numpy as np

from lgeqa.measures.heart import COARSE_MM
from lgeqa.records import FloatArray
from lgeqa.simulation.artefacts.fields import ellipsoid, patches, ramp, random_ranks
from lgeqa.simulation.artefacts.subject import Subject

#: Position of the vertebra relative to the centre of the descending aorta, or of the atrium if no aorta was found, and
#: its radii, in mm along rows and columns.
_VERTEBRA_OF_AORTA_MM, _VERTEBRA_OF_ATRIUM_MM = (9.0, -27.0), (42.0, -8.0)
_VERTEBRA_RADII_MM: Final = (15.0, 17.0)
#: Fat is searched for within about twice this distance of the pools, in mm.
_FAT_MM: Final = 6.0
#: Share of the atrium's voxels below the right pulmonary veins, and rightmost share of the others that are veins.
_VEIN_SLICES, _VEIN_VOXELS = 0.35, 0.06
#: Start and full weight of the chest wall that causes ghosts, in mm from the atrium's centre, negative in front.
_CHEST_WALL_MM: Final = (-5.0, -35.0)
#: Distance between the ghosts in mm, and factor from the strength of each to the next.
_GHOST_MM, _GHOST_DECAY = (16.0, 45.0), 0.6
_GHOSTS: Final = 4


def bright_fat(signal: FloatArray, subject: Subject, percent: float, rng: np.random.Generator) -> FloatArray:
    """Raise fat to this level, in % of blood, in regions with failed fat saturation.

    Tissue around the pools that is neither blood nor air is assumed to be fat.
    """
    regions = patches(random_ranks(subject, 45.0, rng), rng.uniform(0.4, 0.8))
    lobes = 0.6 + 0.4 * random_ranks(subject, 5.0, rng)
    pools = subject.pools.astype(np.float32)
    beside = ramp(subject.blurred(pools, _FAT_MM), 0.02, 0.2) * ramp(subject.blurred(pools, 1.0), 0.6, 0.1)
    tissue = ramp(subject.density, 0.4, 0.9)
    return _raised(signal, subject, tissue * beside * regions * lobes, percent / 100)


def bright_vertebra(signal: FloatArray, subject: Subject, percent: float, rng: np.random.Generator) -> FloatArray:
    """Raise the marrow of the spine to this level, in % of blood."""
    discs = subject.heart.aorta_discs
    if np.isfinite(discs).any():
        corner = (subject.heart.window[1].start, subject.heart.window[2].start)
        aorta = np.nanmedian(discs[:, :2], axis=0) * COARSE_MM + np.array(corner) * subject.spacing_mm[1:]
        row, column = aorta + _VERTEBRA_OF_AORTA_MM
    else:
        row, column = np.add(subject.centre_mm[1:], _VERTEBRA_OF_ATRIUM_MM)
    body = ellipsoid(subject, (0.0, float(row), float(column)), (np.inf, *_VERTEBRA_RADII_MM), fade=0.25)
    texture = 0.7 + 0.3 * random_ranks(subject, 4.0, rng)
    return _raised(signal, subject, body * texture, percent / 100)


def vein_inflow(signal: FloatArray, subject: Subject, percent: float, rng: np.random.Generator) -> FloatArray:
    """Raise the blood that flows in from the right pulmonary veins by up to this share, in %.

    The restoring pulse of the navigator makes it brighter (Peters et al., J Magn Reson Imaging 2013,
    doi:10.1002/jmri.23954).
    """
    z, rows, columns = np.nonzero(subject.atrium)
    upper = z >= np.quantile(z, _VEIN_SLICES)
    right = upper & (columns <= np.quantile(columns[upper], _VEIN_VOXELS))
    place = [float(np.median(at[right]) * mm) for at, mm in zip((z, rows, columns), subject.spacing_mm, strict=True)]
    radii = (rng.uniform(12, 25), rng.uniform(10, 18), rng.uniform(16, 32))
    plume = ellipsoid(subject, (place[0], place[1], place[2]), radii, fade=1.2)
    streaks = 0.5 + 0.5 * random_ranks(subject, 7.0, rng)
    blood = ramp(subject.estimate(signal) / subject.level, 0.4, 0.8)
    inflow: FloatArray = np.float32(percent / 100) * subject.level * plume * streaks * blood
    return signal + inflow


def chest_wall_ghosts(signal: FloatArray, subject: Subject, percent: float, rng: np.random.Generator) -> FloatArray:
    """Add copies of tissue in front of the heart, shifted along rows, the first with this share of its signal in %."""
    wall = signal * ramp(subject.offsets_mm(subject.centre_mm)[1], *_CHEST_WALL_MM)
    rows = wall.shape[1]
    step = max(1, round(rng.uniform(*_GHOST_MM) / subject.spacing_mm[1]))
    beyond = np.pad(wall, ((0, 0), (_GHOSTS * step, 0), (0, 0)), mode="symmetric")
    combined = signal.astype(np.complex64)
    for n in range(1, _GHOSTS + 1):
        strength = percent / 100 * _GHOST_DECAY ** (n - 1) * np.exp(2j * np.pi * rng.uniform())
        first = (_GHOSTS - n) * step
        combined += np.complex64(strength) * beyond[:, first : first + rows]
    magnitude: FloatArray = np.abs(combined)
    return magnitude


def wrap_around(signal: FloatArray, subject: Subject, overlap_mm: float, rng: np.random.Generator) -> FloatArray:
    """Fold one side of the image over the other by this width, as when the field of view is too small."""
    axis, forward = int(rng.integers(1, 3)), bool(rng.random() < 0.5)
    size = signal.shape[axis]
    width = overlap_mm / subject.spacing_mm[axis]
    at = np.arange(size, dtype=np.float32)
    depth = at if forward else size - 1 - at
    fade = ramp(depth, width, 0.4 * width) * np.float32(rng.uniform(0.6, 1.0))
    strip = np.roll(signal, (1 if forward else -1) * min(int(np.ceil(width)), size), axis)
    folded = strip * np.expand_dims(fade, 1) if axis == 1 else strip * fade
    phase = rng.uniform(0, np.pi / 2)
    magnitude: FloatArray = np.hypot(signal + np.float32(np.cos(phase)) * folded, np.float32(np.sin(phase)) * folded)
    return magnitude


def metal(signal: FloatArray, subject: Subject, width_mm: float, rng: np.random.Generator) -> FloatArray:
    """Remove the signal over this width around a wire or lead, and pile it up beside the void.

    The inversion also fails around the void, so tissue there is bright (Rashid et al., Radiology 2014).
    """
    angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(22, 38)
    z, row, column = subject.centre_mm
    place = (z + rng.uniform(-15, 15), row + away * np.sin(angle), column + away * np.cos(angle))
    radii = [width_mm / 2 * stretch for stretch in rng.uniform(0.8, 1.25, 3)]
    beside = (place[0], place[1], place[2] + rng.choice((-1, 1)) * 0.45 * radii[2])
    uneven = 0.75 + 0.5 * random_ranks(subject, 15.0, rng)
    void = ellipsoid(subject, place, radii, 0.35, uneven)
    pile = ellipsoid(subject, beside, radii, 0.5, uneven) * (1 - void)
    halo = ellipsoid(subject, place, [1.9 * radius for radius in radii], 1.0, uneven) * (1 - void)
    tissue = subject.estimate(signal)
    failed = halo * subject.density * np.maximum(np.float32(1.1) * subject.level - tissue, 0)
    distorted: FloatArray = signal + failed + (np.float32(1.2) * pile - void) * (tissue + failed)
    return distorted


def _raised(signal: FloatArray, subject: Subject, share: FloatArray, level: float) -> FloatArray:
    """Raise a tissue that fills `share` of each voxel to a level relative to local blood, unless it is brighter."""
    target = np.float32(level) * subject.level
    raised: FloatArray = signal + share * np.maximum(target - subject.estimate(signal), 0)
    return raised
