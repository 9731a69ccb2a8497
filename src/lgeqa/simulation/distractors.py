"""Distractors: changes of an image that leave its quality alone, e.g. grey scale, field of view and interpolation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from pydantic import Field, model_validator
from scipy import fft, ndimage, special

from lgeqa.config import Settings
from lgeqa.measures.distance import bounding_box
from lgeqa.records import BoolArray, FloatArray
from lgeqa.simulation.artefacts.mechanism import between

#: Probabilities of 0, 1, 2, 3 and 4 distractors.
_NUMBERS: Final = (0.2, 0.35, 0.25, 0.15, 0.05)
#: Largest pixel size in mm after a distractor, which interpolated scans tolerate without loss.
_COARSEST_MM: Final = 0.8


@dataclass(frozen=True)
class Volume:
    """A scan with its atrium.

    Attributes:
        voxels: Grey levels (slice, row, column), float32.
        atrium: Mask of the left atrium on the same grid.
        spacing_mm: Voxel spacing (slice, row, column).
        first_mm: Offset of the first voxel from the first voxel of the original scan, in mm (slice, row, column).
    """

    voxels: FloatArray
    atrium: BoolArray
    spacing_mm: tuple[float, float, float]
    first_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class DistractorKind:
    """One kind of change to an image that leaves its quality alone.

    Attributes:
        effect: Function that applies the distractor and has the name of the kind.
        title: Display name.
        unit: Unit of the amount.
        lowest: Lowest amount.
        highest: Highest amount.
        logarithmic: Whether amounts are drawn evenly on a logarithmic scale.
    """

    effect: Callable[[Volume, float, np.random.Generator], Volume]
    title: str
    unit: str
    lowest: float
    highest: float
    logarithmic: bool = False

    @property
    def name(self) -> str:
        """Identifier in recipes."""
        return self.effect.__name__

    def at(self, share: float) -> float:
        """Return the amount at a share from 0 (lowest) to 1 (highest)."""
        return between(self.lowest, self.highest, share, logarithmic=self.logarithmic)


def pixel_size(volume: Volume, factor: float, rng: np.random.Generator) -> Volume:
    """Interpolate to pixels that are larger by a factor, linearly or by cubic splines."""
    return _interpolated(volume, _bearable(volume, factor), (0.0, 0.0), int(rng.choice((1, 3))))


def there_and_back(volume: Volume, factor: float, _: np.random.Generator) -> Volume:
    """Interpolate to pixels that are larger by a factor, and back, by cubic splines."""
    other = _interpolated(volume, _bearable(volume, factor), (0.0, 0.0), 3)
    steps = [fine / coarse for fine, coarse in zip(volume.spacing_mm[1:], other.spacing_mm[1:], strict=True)]
    voxels = _sampled(other.voxels, (0.0, 0.0), steps, volume.voxels.shape, 3)
    return replace(volume, voxels=np.maximum(voxels, 0))


def part_of_a_pixel(volume: Volume, pixels: float, rng: np.random.Generator) -> Volume:
    """Move the grid by part of a pixel along rows and columns."""
    return _interpolated(volume, 1.0, (pixels, float(rng.uniform(-0.5, 0.5))), 3)


def reconstruction_filter(volume: Volume, cycles_per_mm: float, rng: np.random.Generator) -> Volume:
    """Weight in-plane k-space by a Hann window that is half at this frequency, or a Fermi window half at half of it."""
    ky, kx = (fft.fftfreq(n, mm) for n, mm in zip(volume.voxels.shape[1:], volume.spacing_mm[1:], strict=True))
    k = np.hypot(ky[:, None], kx)
    if rng.random() < 0.5:
        window = np.cos(np.pi / 4 * np.minimum(k / cycles_per_mm, 2)) ** 2
    else:
        window = special.expit((cycles_per_mm / 2 - k) / (0.04 * cycles_per_mm))
    spectrum = fft.fft2(volume.voxels, axes=(1, 2)) * window.astype(np.float32)
    return replace(volume, voxels=np.maximum(fft.ifft2(spectrum, axes=(1, 2)).real, 0).astype(np.float32))


def crop(volume: Volume, margin_mm: float, rng: np.random.Generator) -> Volume:
    """Crop in the plane to the box of the atrium and at least this margin, up to a third more on each side."""
    if not volume.atrium.any():
        return volume
    box = []
    plane = np.asarray(volume.atrium.any(axis=0))
    for axis, span in enumerate(bounding_box(plane, volume.spacing_mm[1:], 0)):
        before, after = (int(margin_mm * more / volume.spacing_mm[axis + 1]) for more in rng.uniform(1, 4 / 3, 2))
        box.append(slice(max(span.start - before, 0), span.stop + after))
    first = (0.0, *(span.start * mm for span, mm in zip(box, volume.spacing_mm[1:], strict=True)))
    return replace(
        volume,
        voxels=volume.voxels[:, box[0], box[1]].copy(),
        atrium=volume.atrium[:, box[0], box[1]].copy(),
        first_mm=_moved(volume.first_mm, first),
    )


def padding(volume: Volume, most_mm: float, rng: np.random.Generator) -> Volume:
    """Pad the image with zeros in the plane, up to this width on each side."""
    sides = [tuple(int(most_mm * share / mm) for share in rng.uniform(0, 1, 2)) for mm in volume.spacing_mm[1:]]
    margins = ((0, 0), *sides)
    first = (0.0, *(-before * mm for (before, _), mm in zip(sides, volume.spacing_mm[1:], strict=True)))
    return replace(
        volume,
        voxels=np.pad(volume.voxels, margins),
        atrium=np.pad(volume.atrium, margins),
        first_mm=_moved(volume.first_mm, first),
    )


def gain(volume: Volume, factor: float, _: np.random.Generator) -> Volume:
    """Multiply all grey levels by a factor."""
    return replace(volume, voxels=volume.voxels * np.float32(factor))


def gamma(volume: Volume, exponent: float, _: np.random.Generator) -> Volume:
    """Apply the gamma curve of a display, which leaves black and the brightest voxel unchanged."""
    top = np.float32(max(float(volume.voxels.max()), 1e-6))
    return replace(volume, voxels=top * (volume.voxels / top) ** np.float32(exponent))


def eight_bits(volume: Volume, clipped: float, _: np.random.Generator) -> Volume:
    """Round to 256 levels from black to white, where this share of the voxels, in %, is brighter than white."""
    count = int(volume.voxels.size * clipped / 100)
    white = float(np.partition(volume.voxels, volume.voxels.size - 1 - count, axis=None)[-1 - count])
    step = np.float32(max(white, 1e-6) / 255)
    return replace(volume, voxels=np.minimum(np.rint(volume.voxels / step), 255) * step)


def whole_levels(volume: Volume, highest: float, _: np.random.Generator) -> Volume:
    """Round to this number of equally spaced grey levels from black to the brightest voxel."""
    step = np.float32(max(float(volume.voxels.max()), 1e-6) / highest)
    return replace(volume, voxels=np.rint(volume.voxels / step) * step)


#: All kinds, in the order of application.
DISTRACTORS: Final[tuple[DistractorKind, ...]] = (
    DistractorKind(pixel_size, "Other pixel size", "times", 0.88, 1.28, logarithmic=True),
    DistractorKind(there_and_back, "Interpolated there and back", "times", 1.05, 1.28),
    DistractorKind(part_of_a_pixel, "Moved by part of a pixel", "pixels", -0.5, 0.5),
    DistractorKind(reconstruction_filter, "Mild reconstruction filter", "cycles/mm", 1.1, 1.6),
    DistractorKind(crop, "Smaller field of view", "mm", 4.0, 20.0),
    DistractorKind(padding, "Padding", "mm", 2.0, 40.0),
    DistractorKind(gain, "Gain", "times", 0.25, 4.0, logarithmic=True),
    DistractorKind(gamma, "Gamma of the display", "", 0.92, 1.08),
    DistractorKind(eight_bits, "Rounded to eight bits", "% clipped", 0.0, 0.05),
    DistractorKind(whole_levels, "Whole grey levels", "levels", 120.0, 4000.0, logarithmic=True),
)
_BY_NAME: Final = {kind.name: kind for kind in DISTRACTORS}
_ORDER: Final = {kind.name: place for place, kind in enumerate(DISTRACTORS)}


class Distractor(Settings):
    """A distractor with all its parameters, so that it always changes the same volume in the same way.

    Attributes:
        kind: Name of the kind.
        amount: Amount in the kind's unit.
        seed: Random seed of all other parameters.
    """

    kind: str
    amount: float
    seed: int = Field(ge=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        kind = _BY_NAME.get(self.kind)
        if kind is None:
            raise ValueError(f"{self.kind} is not a distractor. There are {', '.join(_BY_NAME)}.")
        if not kind.lowest <= self.amount <= kind.highest:
            raise ValueError(
                f"an amount of {self.amount:g} {kind.unit} is out of the range of {self.kind}. Give {kind.lowest:g} to "
                f"{kind.highest:g}."
            )
        return self


def draw_distractors(rng: np.random.Generator) -> tuple[Distractor, ...]:
    """Draw none to four distractors of different kinds for a scan."""
    number = int(rng.choice(len(_NUMBERS), p=_NUMBERS))
    places = sorted(rng.choice(len(DISTRACTORS), number, replace=False).tolist())
    return tuple(
        Distractor(
            kind=DISTRACTORS[place].name,
            amount=DISTRACTORS[place].at(float(rng.uniform())),
            seed=int(rng.integers(2**32)),
        )
        for place in places
    )


def apply_distractors(volume: Volume, distractors: Sequence[Distractor]) -> Volume:
    """Return a volume with distractors, always applied in the order of `DISTRACTORS`.

    Args:
        volume: Scan, which is not changed.
        distractors: Distractors in any order.
    """
    for distractor in sorted(distractors, key=lambda distractor: _ORDER[distractor.kind]):
        volume = _BY_NAME[distractor.kind].effect(volume, distractor.amount, np.random.default_rng(distractor.seed))
    return volume


def _bearable(volume: Volume, factor: float) -> float:
    """Limit a factor of the pixel size so that pixels do not become too coarse."""
    return min(factor, max(1.0, _COARSEST_MM / max(volume.spacing_mm[1:])))


def _interpolated(volume: Volume, factor: float, start: tuple[float, float], order: int) -> Volume:
    """Interpolate in the plane to pixels that are larger by a factor.

    Args:
        volume: Scan.
        factor: Ratio of the new to the old pixel size.
        start: Row and column of the new first pixel.
        order: Order of the spline.
    """
    slices, *plane = volume.voxels.shape
    shape = (slices, *(max(1, int((n - 1) / factor) + 1) for n in plane))
    voxels = _sampled(volume.voxels, start, (factor, factor), shape, order)
    atrium = _sampled(volume.atrium.astype(np.float32), start, (factor, factor), shape, 1)
    z_mm, *pixel_mm = volume.spacing_mm
    first = (0.0, *(at * mm for at, mm in zip(start, pixel_mm, strict=True)))
    return Volume(
        voxels=np.maximum(voxels, 0),
        atrium=atrium >= 0.5,
        spacing_mm=(z_mm, pixel_mm[0] * factor, pixel_mm[1] * factor),
        first_mm=_moved(volume.first_mm, first),
    )


def _sampled(
    image: FloatArray, start: Sequence[float], step: Sequence[float], shape: tuple[int, ...], order: int
) -> FloatArray:
    """Sample each slice of an image at rows and columns `start + step * n`, repeating its edges beyond it."""
    rows, columns = (
        ndimage.affine_transform(
            np.eye(size, dtype=np.float32), (by, 1.0), (at, 0.0), (new, size), order=order, mode="nearest"
        )
        for size, at, by, new in zip(image.shape[1:], start, step, shape[1:], strict=True)
    )
    sampled: FloatArray = rows @ image @ columns.T
    return sampled


def _moved(first_mm: tuple[float, ...], by_mm: Sequence[float]) -> tuple[float, float, float]:
    """Return the position of a first voxel after a shift."""
    z, row, column = (at + by for at, by in zip(first_mm, by_mm, strict=True))
    return z, row, column
