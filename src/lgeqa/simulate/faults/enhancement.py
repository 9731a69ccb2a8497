"""Walls that take up too little contrast agent. Tied to the score of enhancement of aorta and valve."""

from typing import Final

import numpy as np
from pydantic import Field
from scipy import ndimage

from lgeqa.config import Settings
from lgeqa.records import FloatArray
from lgeqa.simulate.faults.scene import Scene
from lgeqa.simulate.faults.severity import at_grade, grade

#: Level of the walls over blood at the scores 1 to 5: dark as muscle at 1, even with blood between 2 and 3.
WALL_OVER_BLOOD: Final = (0.45, 0.75, 1.25, 1.45, 1.7)
#: Share kept of what the scan's own walls have over blood.
OWN_EXCESS: Final = (0.0, 0.1, 0.7, 0.9, 1.0)
#: Size of the patches in which a wall enhances more or less.
PATCH_MM: Final = 6.0


class EnhancementFault(Settings):
    """How bright the walls of aorta, chambers and valves are.

    Attributes:
        wall_over_blood: level of the walls, in units of the blood level.
        own_excess: what stays of the scan's own brightness over blood in the walls.
        seed: of the patches.
    """

    wall_over_blood: float = Field(ge=0)
    own_excess: float = Field(ge=0, le=1)
    seed: int = Field(ge=0)


def draw_enhancement(rng: np.random.Generator, score: float) -> EnhancementFault:
    """Draw the level of the walls."""
    at = grade(rng, score)
    return EnhancementFault(
        wall_over_blood=at_grade(at, WALL_OVER_BLOOD),
        own_excess=at_grade(at, OWN_EXCESS),
        seed=int(rng.integers(2**32)),
    )


def apply_enhancement(
    scene: Scene, signal: FloatArray, spacing_mm: tuple[float, float, float], fault: EnhancementFault
) -> FloatArray:
    """Bring the walls to the level of the fault, in soft patches.

    A wall is a band along the border of a blood pool, some 2 mm wide, found on the image; the mask plays no part, so
    that no outline gives the atrium away. Walls between two pools, and so valves, are left as they are. First the
    scan's own excess over blood is scaled in the band; then the band is drawn towards the wanted level. What is
    brighter already (when brightening) or darker already (when darkening) stays as it is.
    """
    signal = signal - np.float32(1 - fault.own_excess) * scene.wall * np.maximum(signal - 1, 0)
    share = scene.wall * _patches(signal.shape, spacing_mm, fault.seed)
    towards = share * (np.float32(fault.wall_over_blood) - signal)
    return signal + (np.maximum(towards, 0) if fault.wall_over_blood >= 1 else np.minimum(towards, 0))


def _patches(shape: tuple[int, ...], spacing_mm: tuple[float, float, float], seed: int) -> FloatArray:
    """A smooth random field over the grid, 0 to 1: good walls enhance here and there, not as an even ring."""
    coarse = [max(2, round(n * step / PATCH_MM)) for n, step in zip(shape, spacing_mm, strict=True)]
    field = np.random.default_rng(seed).uniform(size=coarse).astype(np.float32)
    zoom = [n / c for n, c in zip(shape, coarse, strict=True)]
    smooth: FloatArray = ndimage.zoom(field, zoom, order=1, mode="nearest", grid_mode=True)
    patches: FloatArray = np.clip(3 * smooth - 0.7, 0, 1)
    return patches
