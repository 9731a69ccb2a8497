"""The phantom: a thorax of labelled tissues, drawn from a seed, and its noise-free LGE image.

Drawing and building are separate: `draw_phantom` makes a recipe, and `build_phantom` makes the same phantom from it
any number of times. The axis order is (slice, row, column) = (superior, posterior, left), as in all modules.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from lgeqa.config import Settings
from lgeqa.errors import UsageError
from lgeqa.records import BoolArray, FloatArray
from lgeqa.simulation.anatomy import Anatomy
from lgeqa.simulation.heart import Heart, paint_heart, paint_mediastinum
from lgeqa.simulation.shapes import Canvas, random_field
from lgeqa.simulation.signal import Sequence, null_time, signed_inversion_recovery
from lgeqa.simulation.thorax import (
    Thorax,
    paint_abdomen,
    paint_body_wall,
    paint_lung_vessels,
    paint_spine,
    paint_vessels_and_airways,
)
from lgeqa.simulation.tissue import PROPERTIES, Tissue

__all__ = ["Phantom", "PhantomRecipe", "Tissue", "build_phantom", "draw_phantom", "render"]

#: Grey value of blood when the inversion time nulls the myocardium.
BLOOD_LEVEL = 100.0


_Size = Annotated[int, Field(ge=2)]
_Spacing = Annotated[float, Field(gt=0)]


class PhantomRecipe(Settings):
    """All parameters of one phantom.

    Attributes:
        seed: Random seed of the random fields and small vessels.
        anatomy: Anatomy of the person.
        shape: Number of voxels (slice, row, column).
        spacing_mm: Voxel spacing (slice, row, column).
        first: Lattice indices of the first voxel. Lattice index 0 is the centre of the left atrium.
    """

    seed: int = Field(ge=0)
    anatomy: Anatomy = Anatomy()
    shape: tuple[_Size, _Size, _Size] = (44, 320, 320)
    spacing_mm: tuple[_Spacing, _Spacing, _Spacing] = (2.5, 1.25, 1.25)
    first: tuple[int, int, int] = (-25, -160, -160)


@dataclass(frozen=True)
class Phantom:
    """A labelled thorax. All arrays are (slice, row, column), axial LPS.

    Attributes:
        labels: `Tissue` code of the tissue that fills most of each voxel, uint8.
        beneath: `Tissue` code of the other tissue of a voxel on an edge, uint8.
        share: Share of the voxel that `labels` fills, 0.5 to 1, float32.
        texture: Factor of the signal, about 1, float32.
        atrium: Left-atrial blood pool with appendage and proximal pulmonary veins.
        spacing_mm: Voxel spacing (slice, row, column).
    """

    labels: npt.NDArray[np.uint8]
    beneath: npt.NDArray[np.uint8]
    share: FloatArray
    texture: FloatArray
    atrium: BoolArray
    spacing_mm: tuple[float, float, float]


def draw_phantom(
    rng: np.random.Generator,
    field: Literal["full", "cropped"] = "full",
    *,
    slices: int = 44,
    spacing_mm: tuple[float, float, float] = (2.5, 1.25, 1.25),
) -> PhantomRecipe:
    """Draw one person and a field of view.

    Args:
        rng: Generator, the only source of randomness.
        field: Field of view. `full` is a square of 360 to 400 mm around the body, `cropped` a rectangle of about
            90 x 125 mm around the atrium, as in the public scans. The same generator state gives the same person in
            either field.
        slices: Number of slices. The atrium's centre is a little above the middle.
        spacing_mm: Voxel spacing (slice, row, column).

    Raises:
        UsageError: There are fewer than two slices, or a spacing is zero or less.
    """
    if slices < 2 or min(spacing_mm) <= 0:
        raise UsageError(f"{slices} slices of {spacing_mm} mm make no phantom: give 2 or more and spacings above 0.")
    seed = int(rng.integers(2**32))
    person = np.random.default_rng(seed)
    anatomy = Anatomy.draw(person)
    below = person.triangular(0.46, 0.57, 0.64) * slices * spacing_mm[0]
    if field == "full":
        size = np.full(2, person.uniform(360, 400))
        corner = Thorax(anatomy).middle.origin[1:] + person.normal(0, 5, 2) - size / 2
    else:
        size = person.triangular((83, 107), (89, 122), (97, 144))
        corner = -size * person.triangular((0.4, 0.5), (0.48, 0.57), (0.54, 0.63))
    first = np.round(np.array([-below, *corner]) / spacing_mm).astype(int).tolist()
    rows, columns = np.round(size / spacing_mm[1:]).astype(int).tolist()
    return PhantomRecipe(
        seed=seed, anatomy=anatomy, shape=(slices, rows, columns), spacing_mm=spacing_mm, first=tuple(first)
    )


def build_phantom(recipe: PhantomRecipe) -> Phantom:
    """Build the phantom of a recipe, with identical arrays for the same recipe."""
    a = recipe.anatomy
    streams = [np.random.default_rng([recipe.seed, k]) for k in range(9)]
    axes = [
        (first + np.arange(size, dtype=np.float64)) * spacing
        for first, size, spacing in zip(recipe.first, recipe.shape, recipe.spacing_mm, strict=True)
    ]
    canvas = Canvas(axes, a.warp, streams[0], a.warp_size)
    thorax, heart = Thorax(a), Heart(a)
    paint_body_wall(canvas, thorax, streams[1])
    paint_lung_vessels(canvas, thorax, streams[2])
    room = thorax.cage(canvas).grown(-2.0)
    paint_mediastinum(canvas, heart, room, streams[8])
    paint_abdomen(canvas, thorax, streams[3])
    paint_spine(canvas, thorax)
    paint_vessels_and_airways(canvas, thorax)
    atrium = paint_heart(canvas, heart, room, streams[4])
    canvas.paint(canvas.strands(streams[7], 14.0), Tissue.CONNECTIVE, onto=(Tissue.FAT,))
    texture = _texture(canvas, a, streams[5], streams[6])
    return Phantom(canvas.labels, canvas.beneath, canvas.share, texture, atrium, recipe.spacing_mm)


def _texture(canvas: Canvas, anatomy: Anatomy, wide: np.random.Generator, fine: np.random.Generator) -> FloatArray:
    """Return the factor of the signal: slow variation over centimetres plus each tissue's grain over millimetres."""
    grain = np.array([PROPERTIES[tissue].grain for tissue in Tissue], np.float32)
    slow = anatomy.unevenness * random_field(wide, canvas.axes, 45.0)
    quick = grain[canvas.labels] * random_field(fine, canvas.axes, 3.5, 5.0)
    return np.clip(1 + slow + quick, 0.2, 2.0).astype(np.float32)


def render(phantom: Phantom, sequence: Sequence, t1_ms: Mapping[Tissue, float] | None = None) -> FloatArray:
    """Return the noise-free magnitude image of a phantom.

    On an edge the signed signals of both tissues add before the magnitude, as in the scanner, so a dark line separates
    an inverted tissue from a recovered one.

    Args:
        phantom: Phantom to image.
        sequence: Pulse sequence.
        t1_ms: T1 of tissues that differ from `tissue.PROPERTIES`.

    Returns:
        Grey levels of the phantom's shape, float32. With the T1 of `tissue.PROPERTIES`, blood is about 100 at the
        inversion time that nulls myocardium.

    Raises:
        UsageError: A T1 is zero or less.
    """
    t1 = np.array([(t1_ms or {}).get(tissue, PROPERTIES[tissue].t1_ms) for tissue in Tissue])
    density = np.array([PROPERTIES[tissue].density for tissue in Tissue])
    density[[Tissue.FAT, Tissue.BONE]] *= sequence.fat_signal
    signal = (signed_inversion_recovery(t1, density, sequence) / _blood(sequence)).astype(np.float32) * BLOOD_LEVEL
    mixed = phantom.share * signal[phantom.labels] + (1 - phantom.share) * signal[phantom.beneath]
    return np.abs(mixed * phantom.texture)


def _blood(sequence: Sequence) -> float:
    """Return the signal of blood at the inversion time that nulls myocardium, by the T1 of `tissue.PROPERTIES`."""
    null = null_time(PROPERTIES[Tissue.MYOCARDIUM].t1_ms, sequence.repetition_ms)
    ideal = Sequence(inversion_time_ms=null, repetition_ms=sequence.repetition_ms)
    return float(signed_inversion_recovery(PROPERTIES[Tissue.BLOOD].t1_ms, 1.0, ideal))
