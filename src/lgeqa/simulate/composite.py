"""A real scan, cropped around the atrium, set into the thorax of a phantom: a full field of view with a real heart.

There are no public full-field scans; a detector that must work on them is trained on these.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from pydantic import Field
from scipy import ndimage

from lgeqa.config import Settings
from lgeqa.errors import NotAssessableError
from lgeqa.records import BoolArray, FloatArray
from lgeqa.simulate.faults.nulling import REPETITION_MS, inversion_for
from lgeqa.simulate.faults.scene import read_scene
from lgeqa.simulate.phantom import Phantom, render
from lgeqa.simulate.signal import Array, Sequence

#: A crop's outermost pixels often hold the edge of an earlier interpolation.
TRIM_MM: Final = 1.0


class CompositeRecipe(Settings):
    """How a crop is set into a phantom.

    Attributes:
        scale: factor of the crop's in-plane size.
        shift_mm: in-plane (row, column) offset of the crop's atrium from the phantom's.
        feather_mm: width of the blend at the crop's edges.
        fat_signal: of the phantom, what the fat saturation leaves.
        seed: of the phantom's noise.
    """

    scale: float = Field(gt=0)
    shift_mm: tuple[float, float]
    feather_mm: float = Field(gt=0)
    fat_signal: float = Field(ge=0, le=1)
    seed: int = Field(ge=0)


@dataclass(frozen=True)
class Composite:
    """A full-field scan: voxels and atrium (slice, row, column), axial LPS, and the spacing in that order."""

    voxels: FloatArray
    atrium: BoolArray
    spacing_mm: tuple[float, float, float]


def draw_composite(rng: np.random.Generator) -> CompositeRecipe:
    """Draw a little scale and offset; the phantom's own draw varies the rest."""
    return CompositeRecipe(
        scale=float(rng.uniform(0.9, 1.1)),
        shift_mm=(float(rng.uniform(-6, 6)), float(rng.uniform(-6, 6))),
        feather_mm=float(rng.uniform(4, 10)),
        fat_signal=float(rng.uniform(0.05, 0.5)),
        seed=int(rng.integers(2**32)),
    )


def composite(
    voxels: FloatArray,
    atrium: BoolArray,
    spacing_mm: tuple[float, float, float],
    phantom: Phantom,
    recipe: CompositeRecipe,
) -> Composite:
    """Set a cropped real scan into a phantom, atrium on atrium.

    The result has the crop's slices and the phantom's pixels in-plane. The phantom is rendered at the inversion time
    that the crop's muscle speaks of, scaled to the crop's blood and given the crop's noise. The mask is the crop's
    alone: what shows of the phantom's veins beyond the crop is as distal as what a reader leaves out, so a slice
    without atrium stays one.

    Args:
        voxels: grey levels of the crop, (slice, row, column), axial LPS.
        atrium: its blood pool on the same grid.
        spacing_mm: (slice, row, column) of the crop.
        phantom: a thorax of the full field.
        recipe: the draw.

    Raises:
        NotAssessableError: the crop's mask, or the phantom's, is empty.
    """
    if not phantom.atrium.any():
        raise NotAssessableError("the phantom holds no atrium; draw it with slices that reach the heart.")
    scene = read_scene(voxels, atrium, spacing_mm)
    sequence = Sequence(
        inversion_time_ms=inversion_for(scene.muscle, early=False),
        repetition_ms=REPETITION_MS,
        fat_signal=recipe.fat_signal,
    )
    thorax = render(phantom, sequence)
    thorax *= np.float32(scene.blood_level / np.median(thorax[phantom.atrium]))
    thorax = _reslice(thorax, phantom, _centre(atrium)[0], voxels.shape[0], spacing_mm[0])
    thorax = _with_noise(thorax, _noise(voxels, atrium), recipe.seed)

    grid = _Grid.placed(phantom, atrium, spacing_mm, recipe)
    weight = grid.weight(voxels.shape[1:], recipe.feather_mm)
    return Composite(
        voxels=weight * grid.resample(voxels) + (1 - weight) * thorax,
        atrium=(grid.resample(atrium.astype(np.float32)) >= 0.5) & (weight >= 0.5),
        spacing_mm=(spacing_mm[0], *phantom.spacing_mm[1:]),
    )


@dataclass(frozen=True)
class _Grid:
    """The result's pixels (row, column) as seen from the crop: pixel p lies at `p * step + offset` of the crop.

    Attributes:
        shape: of the result.
        step, offset: in pixels of the crop.
        pixel_mm: size in the result of a pixel of the crop.
    """

    shape: tuple[int, int]
    step: Array
    offset: Array
    pixel_mm: Array

    @classmethod
    def placed(
        cls, phantom: Phantom, atrium: BoolArray, spacing_mm: tuple[float, float, float], recipe: CompositeRecipe
    ) -> Self:
        """The grid on which the crop's atrium lies where the phantom's does, but for the recipe's shift."""
        pixel_mm = recipe.scale * np.array(spacing_mm[1:])
        fine_mm = np.array(phantom.spacing_mm[1:])
        aim = _centre(phantom.atrium)[1:] + np.array(recipe.shift_mm) / fine_mm
        step = fine_mm / pixel_mm
        return cls(phantom.atrium.shape[1:], step, _centre(atrium)[1:] - aim * step, pixel_mm)

    def resample(self, crop: FloatArray) -> FloatArray:
        """Linear interpolation of each slice of the crop; beyond it, its edges repeat."""
        resampled: FloatArray = ndimage.affine_transform(
            crop,
            np.array((1, *self.step)),
            (0, *self.offset),
            output_shape=(len(crop), *self.shape),
            order=1,
            mode="nearest",
        )
        return resampled

    def weight(self, size: tuple[int, ...], feather_mm: float) -> FloatArray:
        """1 inside a crop of `size` pixels, falling smoothly to 0 over the feather at its edges, (row, column)."""
        ramps = []
        for axis in (0, 1):
            at = np.arange(self.shape[axis]) * self.step[axis] + self.offset[axis]
            inside_mm = np.minimum(at, size[axis] - 1 - at) * self.pixel_mm[axis]
            ramp = np.clip((inside_mm - TRIM_MM) / feather_mm, 0, 1)
            ramps.append(ramp**2 * (3 - 2 * ramp))
        weight: FloatArray = np.outer(*ramps).astype(np.float32)
        return weight


def _centre(mask: BoolArray) -> Array:
    """Middle of the mask's bounding box, in voxels."""
    return np.array([np.mean(np.flatnonzero(mask.any(axis=others))[[0, -1]]) for others in ((1, 2), (0, 2), (0, 1))])


def _reslice(image: FloatArray, phantom: Phantom, centre: float, slices: int, step_mm: float) -> FloatArray:
    """The phantom on the crop's slices, the middles of the atria at one height; end slices repeat beyond its range."""
    step = step_mm / phantom.spacing_mm[0]
    offset = _centre(phantom.atrium)[0] - centre * step
    at = np.clip(offset + step * np.arange(slices), 0, image.shape[0] - 1)
    below = np.minimum(at.astype(int), image.shape[0] - 2)
    share = (at - below).astype(np.float32)[:, None, None]
    resliced: FloatArray = (1 - share) * image[below] + share * image[below + 1]
    return resliced


def _noise(voxels: FloatArray, atrium: BoolArray) -> float:
    """Standard deviation in the atrium's blood of what differs from the mean of the neighbourhood.

    By the median, 1.4826 times the median absolute deviation, which the atrium's border does not sway.
    """
    rough = voxels - ndimage.uniform_filter(voxels, (1, 7, 7))
    return float(1.4826 * np.median(np.abs(rough[atrium])))


def _with_noise(image: FloatArray, deviation: float, seed: int) -> FloatArray:
    """The magnitude of the image with complex Gaussian noise."""
    rng = np.random.default_rng(seed)
    real, imaginary = (rng.standard_normal(image.shape, np.float32) * np.float32(deviation) for _ in range(2))
    magnitude: FloatArray = np.hypot(image + real, imaginary)
    return magnitude
