"""A geometric heart whose every signal is known: an atrium with its wall, an aorta, another pool, muscle and lung."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from lgeqa.records import BoolArray, FloatArray, Grid, Scan

SPACING_MM = (2.5, 0.625, 0.625)
SHAPE = (40, 176, 208)
#: Centre of the atrium, and of the aorta and the other pool from there, in mm: (row, column).
CENTRE_MM = (58.0, 65.0)
AORTA_MM, POOL_MM = (37.0, 16.0), (-49.0, -6.0)


@dataclass(frozen=True)
class GeometricHeart:
    """What the heart is made of. Signals are grey levels; lengths are in mm.

    Attributes:
        blood: Signal of all blood.
        lung: Signal of the background.
        muscle: Signal of the tissue within 14 mm of the pools.
        wall: Signal of the atrial wall.
        aortic_wall: Signal of the aortic wall, 2 mm thick.
        septum: Signal of the tissue between the atrium and the other pool.
        wall_mm: Thickness of the atrial wall, which lies outside of the mask.
        blur_mm: Standard deviation of an in-plane blur.
        noise: Standard deviation of Rician noise.
        seed: Seed of the noise.
    """

    blood: float = 100
    lung: float = 5
    muscle: float = 30
    wall: float = 30
    aortic_wall: float = 30
    septum: float = 30
    wall_mm: float = 2
    blur_mm: float = 0
    noise: float = 0
    seed: int = 0

    def voxels(self) -> FloatArray:
        """Return the volume, float32 (slice, row, column)."""
        atrium, aorta, pool = (distance_mm(name) for name in ("atrium", "aorta", "pool"))
        nearest = np.minimum(np.minimum(atrium, aorta), pool)
        volume = np.where(nearest < 14, self.muscle, self.lung)
        volume = np.where((atrium + pool < 9) & (atrium > 0) & (pool > 0), self.septum, volume)
        volume = np.where(aorta < 2, self.aortic_wall, volume)
        volume = np.where(atrium < self.wall_mm, self.wall, volume)
        volume = np.where(nearest < 0, self.blood, volume)
        if self.blur_mm:
            volume = gaussian_filter(volume, (0, *(self.blur_mm / mm for mm in SPACING_MM[1:])))
        real, imaginary = np.random.default_rng(self.seed).normal(0, self.noise, (2, *SHAPE))
        return np.asarray(np.hypot(volume + real, imaginary), np.float32)


def atrium() -> BoolArray:
    """Return the mask of the blood pool, bool (slice, row, column)."""
    return np.asarray(distance_mm("atrium") < 0)


@cache
def distance_mm(part: str) -> FloatArray:
    """Return the in-plane distance from the border of a part, negative inside: `atrium`, `aorta` or `pool`."""
    z, row, column = (np.arange(n) * mm for n, mm in zip(SHAPE, SPACING_MM, strict=True))
    z = (z - z.mean())[:, None, None]
    row, column = row[:, None] - CENTRE_MM[0], column[None] - CENTRE_MM[1]
    if part == "aorta":
        return np.asarray(np.hypot(row - AORTA_MM[0], column - AORTA_MM[1]) - 11 + 0 * z, np.float32)
    if part == "pool":
        return np.asarray(np.hypot(row - POOL_MM[0], column - POOL_MM[1]) - 23 + 0 * z, np.float32)
    radius = 22 * np.sqrt(np.maximum(1 - (z / 34) ** 2, 0))
    return np.asarray(np.where(radius > 6, np.hypot(row, column) - radius, 99), np.float32)


def scan_of(voxels: FloatArray, spacing_mm: tuple[float, float, float] = SPACING_MM) -> Scan:
    """Return a volume (slice, row, column) as a scan that was read from a file."""
    n, rows, columns = voxels.shape
    grid = Grid((columns, rows, n), spacing_mm[::-1], (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    positions = tuple(float(z) for z in np.arange(n) * spacing_mm[0])
    return Scan("heart", voxels, spacing_mm, positions, tuple(range(n)), grid, Path("heart.nrrd"), "00")
