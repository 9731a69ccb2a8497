"""A small chest in which everything is known: two pools of blood in muscle, with lung to one side."""

from dataclasses import dataclass

import numpy as np

from lgeqa.records import BoolArray, FloatArray

SPACING_MM = (2.5, 1.25, 1.25)
BLOOD_LEVEL = 80.0


@dataclass(frozen=True)
class Chest:
    """Grey levels and what lies where, all (slice, row, column)."""

    voxels: FloatArray
    atrium: BoolArray
    aorta: BoolArray
    muscle: BoolArray
    lung: BoolArray

    def inside(self, mask: BoolArray) -> BoolArray:
        """A mask without what is near its border, in-plane."""
        return disc_like(mask, -4)


def chest(noise: float = 0.02, seed: int = 0) -> Chest:
    """Blood at 1, muscle at .3, lung at .05, in grey levels of which blood has BLOOD_LEVEL; 8 slices."""
    shape = (8, 72, 80)
    atrium, aorta = disc(shape, (28, 32), 15), disc(shape, (56, 36), 9)
    lung = np.zeros(shape, bool)
    lung[:, :, 62:] = True
    signal = np.where(atrium | aorta, 1.0, np.where(lung, 0.05, 0.3))
    real, imaginary = np.random.default_rng(seed).normal(0, noise, (2, *shape))
    voxels = (BLOOD_LEVEL * np.hypot(signal + real, imaginary)).astype(np.float32)
    return Chest(voxels, atrium, aorta, ~(atrium | aorta | lung), lung)


def disc(shape: tuple[int, int, int], centre: tuple[int, int], radius: float) -> BoolArray:
    """The same disc on every slice."""
    rows, columns = np.ogrid[: shape[1], : shape[2]]
    flat = np.hypot(rows - centre[0], columns - centre[1]) <= radius
    return np.broadcast_to(flat, shape).copy()


def disc_like(mask: BoolArray, grow: int) -> BoolArray:
    """A mask grown (or shrunk, if negative) by some pixels in-plane."""
    from scipy import ndimage

    structure = np.ones((1, 3, 3), bool)
    change = ndimage.binary_dilation if grow > 0 else ndimage.binary_erosion
    changed: BoolArray = change(mask, structure, iterations=abs(grow))
    return changed


def rim(mask: BoolArray) -> BoolArray:
    """The band of some pixels along the border of a mask."""
    return disc_like(mask, 1) & ~disc_like(mask, -2)
