"""A real scan, cropped around the atrium, set into the thorax of a phantom: a full field of view with a real heart.

No full-field scans are public, so models that must work on them are trained on composites.
"""

from dataclasses import dataclass
from typing import Final, Self, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import fft, ndimage

from lgeqa.config import Settings
from lgeqa.errors import NotAssessableError
from lgeqa.measures import Heart
from lgeqa.measures.nulling import nulling_ratio
from lgeqa.records import BoolArray, FloatArray
from lgeqa.simulation.phantom import Phantom, render
from lgeqa.simulation.signal import REPETITION_MS, Sequence, inversion_for
from lgeqa.simulation.tissue import PROPERTIES, Tissue

#: Width of a crop's border that is discarded, as it often shows an earlier interpolation.
TRIM_MM: Final = 1.0
#: Signal of myocardium over blood for a crop that shows too little myocardium: the median of real scans.
_USUAL_NULLING: Final = 0.23
#: Side in pixels of the patches of blood from which the noise spectrum is computed.
_PATCH: Final = 16

_Indices = npt.NDArray[np.int64]
_Array = npt.NDArray[np.float64]
_Scalar = TypeVar("_Scalar", bound=np.generic)


class CompositeRecipe(Settings):
    """Parameters of setting a crop into a phantom.

    Attributes:
        scale: Factor of the crop's in-plane size.
        shift_mm: In-plane (row, column) offset of the crop's atrium from the phantom's.
        feather_mm: Width of the blend at the crop's edges.
        fat_signal: Share of the phantom's fat signal that remains after fat saturation.
        seed: Random seed of the phantom's noise.
    """

    scale: float = Field(gt=0)
    shift_mm: tuple[float, float]
    feather_mm: float = Field(gt=0)
    fat_signal: float = Field(ge=0, le=1)
    seed: int = Field(ge=0)


@dataclass(frozen=True)
class Composite:
    """A full-field scan.

    Attributes:
        voxels: Grey levels (slice, row, column), axial LPS.
        atrium: Blood pool of the left atrium on the same grid.
        spacing_mm: Voxel spacing (slice, row, column).
    """

    voxels: FloatArray
    atrium: BoolArray
    spacing_mm: tuple[float, float, float]


def draw_composite(rng: np.random.Generator) -> CompositeRecipe:
    """Draw a small change of scale and offset, as all else varies with the phantom."""
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

    The result keeps the crop's voxels: the scale changes only their size in the plane, and none is interpolated. The
    phantom is rendered at the inversion time that matches the crop's myocardium, scaled to the crop's blood, and gets
    noise with the strength and grain of the crop's blood. The mask covers only the crop's atrium. The phantom's veins
    beyond the crop are distal parts that readers leave out, so a slice without atrium remains without it.

    Args:
        voxels: Grey levels of the crop (slice, row, column), axial LPS.
        atrium: Blood pool of the crop's left atrium on the same grid.
        spacing_mm: Voxel spacing of the crop (slice, row, column).
        phantom: Thorax with the full field of view.
        recipe: Drawn parameters of the composite.

    Raises:
        NotAssessableError: The crop's or the phantom's mask is empty, or the crop's blood is not brighter than air.
    """
    if not phantom.atrium.any():
        raise NotAssessableError("the phantom holds no atrium; draw it with slices that reach the heart.")
    heart = Heart(voxels, atrium, spacing_mm)
    thorax = _thorax(phantom, heart, recipe)
    frame = _Frame.placed(phantom, atrium, spacing_mm, recipe)
    resliced = _reslice(thorax, phantom, _centre(atrium)[0], voxels.shape[0], spacing_mm[0])
    background = frame.resample(resliced, phantom.spacing_mm)
    weight = frame.weight(recipe.feather_mm)
    noise = _noise(background.shape, _spectrum(voxels, atrium), recipe.seed)
    # The added noise compensates for the crop's noise that blending removes.
    blended = weight * frame.place(voxels) + (1 - weight) * background + np.sqrt(1 - weight**2) * noise
    return Composite(
        voxels=np.where(weight == 1, frame.place(voxels), np.abs(blended)).astype(np.float32),
        atrium=frame.place(atrium) & (weight >= 0.5),
        spacing_mm=(spacing_mm[0], *frame.pixel_mm),
    )


def _thorax(phantom: Phantom, heart: Heart, recipe: CompositeRecipe) -> FloatArray:
    """Render the phantom without noise, at the crop's blood level and nulling."""
    measured = nulling_ratio(heart).value
    nulling = _USUAL_NULLING if np.isnan(measured) else max(measured, 0.0)
    t1_ms = PROPERTIES[Tissue.MYOCARDIUM].t1_ms, PROPERTIES[Tissue.BLOOD].t1_ms
    inversion_ms = inversion_for(nulling, t1_ms, REPETITION_MS, early=False)
    thorax = render(phantom, Sequence(inversion_time_ms=inversion_ms, fat_signal=recipe.fat_signal))
    scaled: FloatArray = thorax * np.float32(heart.reference.blood / np.median(thorax[phantom.atrium]))
    return scaled


@dataclass(frozen=True)
class _Frame:
    """The result's pixels and the position of the crop among them, all (row, column).

    Attributes:
        shape: Number of pixels of the result.
        crop_shape: Number of pixels of the crop.
        first: Pixel of the result at the crop's first pixel.
        pixel_mm: Pixel size of the result.
    """

    shape: tuple[int, int]
    crop_shape: tuple[int, int]
    first: tuple[int, int]
    pixel_mm: tuple[float, float]

    @classmethod
    def placed(
        cls, phantom: Phantom, atrium: BoolArray, spacing_mm: tuple[float, float, float], recipe: CompositeRecipe
    ) -> Self:
        """Place the crop's atrium on the phantom's, moved by the recipe's shift and rounded to the nearest pixel."""
        pixel_mm = recipe.scale * np.array(spacing_mm[1:])
        fine_mm = np.array(phantom.spacing_mm[1:])
        aim = (_centre(phantom.atrium)[1:] * fine_mm + recipe.shift_mm) / pixel_mm
        rows, columns = np.rint(np.array(phantom.atrium.shape[1:]) * fine_mm / pixel_mm).astype(int).tolist()
        first_row, first_column = np.rint(aim - _centre(atrium)[1:]).astype(int).tolist()
        height, width = atrium.shape[1:]
        size_mm = float(pixel_mm[0]), float(pixel_mm[1])
        return cls((rows, columns), (height, width), (first_row, first_column), size_mm)

    def _indices(self) -> tuple[_Indices, _Indices]:
        """Return the crop's row and column at each row and column of the result, also outside the crop."""
        rows, columns = (np.arange(n) - first for n, first in zip(self.shape, self.first, strict=True))
        return rows, columns

    def place(self, crop: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
        """Put the crop's voxels in their places and repeat its edges beyond it."""
        rows, columns = (np.clip(at, 0, n - 1) for at, n in zip(self._indices(), self.crop_shape, strict=True))
        return crop[:, rows[:, None], columns]

    def resample(self, image: FloatArray, spacing_mm: tuple[float, float, float]) -> FloatArray:
        """Interpolate the slices of a phantom linearly to the result's pixels."""
        step = [pixel / fine for pixel, fine in zip(self.pixel_mm, spacing_mm[1:], strict=True)]
        resampled: FloatArray = ndimage.affine_transform(
            image, np.array((1, *step)), output_shape=(len(image), *self.shape), order=1, mode="nearest"
        )
        return resampled

    def weight(self, feather_mm: float) -> FloatArray:
        """Return a weight (row, column) of 1 inside the crop that falls smoothly to 0 over the feather at its edges."""
        ramps = []
        for at, size, pixel_mm in zip(self._indices(), self.crop_shape, self.pixel_mm, strict=True):
            inside_mm = np.minimum(at, size - 1 - at) * pixel_mm
            ramp = np.clip((inside_mm - TRIM_MM) / feather_mm, 0, 1)
            ramps.append(ramp**2 * (3 - 2 * ramp))
        weight: FloatArray = np.outer(*ramps).astype(np.float32)
        return weight


def _centre(mask: BoolArray) -> _Array:
    """Return the centre of the mask's bounding box, in voxels."""
    return np.array([np.mean(np.flatnonzero(mask.any(axis=others))[[0, -1]]) for others in ((1, 2), (0, 2), (0, 1))])


def _reslice(image: FloatArray, phantom: Phantom, centre: float, slices: int, step_mm: float) -> FloatArray:
    """Interpolate the phantom to the crop's slices, with atria centred on each other and its end slices repeated."""
    step = step_mm / phantom.spacing_mm[0]
    offset = _centre(phantom.atrium)[0] - centre * step
    at = np.clip(offset + step * np.arange(slices), 0, image.shape[0] - 1)
    below = np.minimum(at.astype(int), image.shape[0] - 2)
    share = (at - below).astype(np.float32)[:, None, None]
    resliced: FloatArray = (1 - share) * image[below] + share * image[below + 1]
    return resliced


def _spectrum(voxels: FloatArray, atrium: BoolArray) -> FloatArray:
    """Return the power spectrum of the blood's grain, on the frequencies of a patch (row, column).

    It is the mean periodogram, under a Hann window, of the patches with the largest share of atrium. The power at
    frequency 0, which is the level of blood, is replaced by the mean of its neighbours.
    """
    share = ndimage.uniform_filter(atrium.astype(np.float32), (1, _PATCH, _PATCH))
    corners = np.argwhere(share > share.max() - 1e-3) - (0, _PATCH // 2, _PATCH // 2)
    inside = (corners >= 0).all(axis=1) & (corners[:, 1:] + _PATCH <= voxels.shape[1:]).all(axis=1)
    corners = corners[inside][:: max(1, inside.sum() // 500)]
    taper = np.hanning(_PATCH + 2)[1:-1]
    window = np.outer(taper, taper)
    power = np.zeros((_PATCH, _PATCH))
    for slice_, row, column in corners:
        patch = voxels[slice_, row : row + _PATCH, column : column + _PATCH]
        power += np.abs(fft.fft2((patch - np.average(patch, weights=window)) * window)) ** 2
    power /= max(len(corners), 1) * np.sum(window**2)
    power[0, 0] = np.mean([power[0, 1], power[1, 0], power[0, -1], power[-1, 0]])
    return power.astype(np.float32)


def _noise(shape: tuple[int, ...], spectrum: FloatArray, seed: int) -> npt.NDArray[np.complex64]:
    """Return complex noise (slice, row, column) with this in-plane power spectrum in each channel."""
    rng = np.random.default_rng(seed)
    frequencies = np.meshgrid(*(fft.fftfreq(n) * _PATCH for n in shape[1:]), indexing="ij")
    amplitude = ndimage.map_coordinates(np.sqrt(spectrum), frequencies, order=1, mode="grid-wrap")
    noise = np.empty(shape, np.complex64)
    for image in noise:
        white = rng.standard_normal((*shape[1:], 2), np.float32).view(np.complex64)[..., 0]
        image[:] = fft.ifft2(fft.fft2(white) * amplitude)
    return noise
