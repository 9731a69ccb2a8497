"""Training stage 1: from scans with masks to a detector that works on cropped, full-field and poor scans."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, NonNegativeInt, PositiveInt

from lgeqa.attributes import HIGHEST_SCORE, LOWEST_SCORE, NAMES
from lgeqa.cohort import Case
from lgeqa.config import Settings
from lgeqa.detect import SliceRule
from lgeqa.networks import Detector, load_weights
from lgeqa.prepare import DetectorPreparation, context_slices, prepare_for_detector
from lgeqa.prepare.resample import resample
from lgeqa.records import BoolArray, FloatArray, Scan
from lgeqa.simulate.composite import composite, draw_composite
from lgeqa.simulate.faults import apply_faults, draw_faults
from lgeqa.simulate.phantom import Phantom, build_phantom, draw_phantom
from lgeqa.simulate.scores import Scores
from lgeqa.train.augment import Augmentation
from lgeqa.train.cases import read_case
from lgeqa.train.intensity import Intensity
from lgeqa.train.loop import LoopSettings, first_weights, fit
from lgeqa.train.recipes import DetectorRecipe
from lgeqa.train.store import Slices, Store, open_store

#: Spans of scores that faults are drawn for.
ANY = (LOWEST_SCORE, HIGHEST_SCORE)
HEAVY = (LOWEST_SCORE, 2)


class DetectorConfig(Settings):
    """Settings of `lgeqa train detector`.

    Attributes:
        preparation: of volumes; goes into the bundle.
        rule: on the network's probabilities; goes into the bundle.
        width: channels of the U-Net's first level.
        canvas: rows and columns on which prepared slices are kept, larger ones cut evenly.
        window: rows and columns of the windows that are drawn from them anew in each step.
        intensity: changes of the training slices' grey levels.
        weights: first weights: `random`, or the `network.safetensors` of an earlier run of the same width.
        faulted: copies of each training scan with simulated faults, every second one with heavy ones.
        composites: copies of each training scan set into a phantom's thorax: in turn without faults, with heavy
            ones, and with ones of any size.
        phantoms: thoraxes to set them into.
        test: share of the scans that training never sees.
        validation: share of the rest that picks the best epoch.
        loop: of the training.
    """

    preparation: DetectorPreparation = Field(default_factory=lambda: DetectorPreparation(least=96))
    rule: SliceRule = Field(default_factory=SliceRule)
    width: PositiveInt = 16
    weights: Literal["random"] | Path = "random"
    intensity: Intensity = Field(default_factory=lambda: Intensity(probability=0.5, tone=1.0, shading=1.0, noise=0.25))
    canvas: PositiveInt = 192
    window: PositiveInt = 96
    faulted: NonNegativeInt = 4
    composites: NonNegativeInt = 3
    phantoms: PositiveInt = 12
    test: float = Field(0.2, gt=0, lt=1)
    validation: float = Field(0.1, gt=0, lt=1)
    loop: LoopSettings = Field(
        default_factory=lambda: LoopSettings(
            augmentation=Augmentation(flip=False, perspective=0.05, shift=0.15, scale=0.25)
        )
    )


def train_detector(training: Store, validation: Store, config: DetectorConfig, run: Path, quiet: bool) -> Detector:
    """Train the U-Net.

    Args:
        training: prepared slices to learn from.
        validation: prepared slices of other patients, which pick the best epoch.
        config: the settings.
        run: the run's folder.
        quiet: say nothing of the progress.

    Returns:
        The trained network.

    Raises:
        TrainingError, OutputError: as `fit` does.
    """
    with first_weights(config.loop.seed):
        network = Detector(config.width, len(config.preparation.context_mm))
    if config.weights != "random":
        load_weights(network, config.weights)
    zoom = config.window / config.canvas
    recipe = DetectorRecipe(network, config.loop, config.window, zoom, config.intensity)
    fit(recipe, training, validation, run, quiet)
    return network


def validation_copies(config: DetectorConfig) -> DetectorConfig:
    """The same settings with two copies of each kind at the most, one of them with heavy faults."""
    return config.model_copy(update={"faulted": min(config.faulted, 2), "composites": min(config.composites, 2)})


def detector_store(cases: Sequence[Case], config: DetectorConfig, folder: Path) -> Store:
    """Prepared slices of scans with masks, and of their copies."""
    key = {
        "scans": [str(case.image) for case in cases],
        "copies": [config.faulted, config.composites, config.phantoms],
        "preparation": config.preparation.model_dump(),
        "canvas": config.canvas,
        "seed": config.loop.seed,
    }
    return open_store(folder, key, lambda: _slices(cases, config))


def _slices(cases: Sequence[Case], config: DetectorConfig) -> Iterator[Slices]:
    """Each scan as it is, its faulted copies, and its copies in a thorax."""
    rng = np.random.default_rng(config.loop.seed)
    thoraxes = [build_phantom(draw_phantom(rng)) for _ in range(config.phantoms if config.composites else 0)]
    for case in cases:
        scan, atrium = read_case(case)
        yield _on_canvas(scan.voxels, atrium, scan.spacing_mm, config)
        for number in range(config.faulted):
            voxels = _worsened(scan.voxels, atrium, scan.spacing_mm, (HEAVY, ANY)[number % 2], rng)
            yield _on_canvas(voxels, atrium, scan.spacing_mm, config)
        for number in range(config.composites):
            thorax = thoraxes[rng.integers(len(thoraxes))]
            yield _in_thorax(scan, atrium, thorax, (None, HEAVY, ANY)[number % 3], rng, config)


def _in_thorax(
    scan: Scan,
    atrium: BoolArray,
    thorax: Phantom,
    span: tuple[int, int] | None,
    rng: np.random.Generator,
    config: DetectorConfig,
) -> Slices:
    full = composite(scan.voxels, atrium, scan.spacing_mm, thorax, draw_composite(rng))
    voxels = _worsened(full.voxels, full.atrium, full.spacing_mm, span, rng) if span else full.voxels
    return _on_canvas(voxels, full.atrium, full.spacing_mm, config)


def _worsened(
    voxels: FloatArray,
    atrium: BoolArray,
    spacing_mm: tuple[float, float, float],
    span: tuple[int, int],
    rng: np.random.Generator,
) -> FloatArray:
    """All four faults, each of a score drawn from `span`."""
    scores = {name: float(rng.integers(span[0], span[1] + 1)) for name in NAMES}
    return apply_faults(voxels, atrium, spacing_mm, draw_faults(rng, Scores.of(scores)))


def _on_canvas(
    voxels: FloatArray, atrium: BoolArray, spacing_mm: tuple[float, float, float], config: DetectorConfig
) -> Slices:
    slices, grid = prepare_for_detector(voxels, spacing_mm, config.preparation)
    mask = resample(atrium.astype(np.float32), *grid.forward()) > 0.5
    side = config.canvas
    return Slices(
        # Half precision is finer than the noise, and halves the store.
        _centred(slices.astype(np.float16), side, float(slices.min())),
        _centred(mask.astype(np.uint8), side, 0),
        np.full(len(NAMES), np.nan, np.float32),
        context_slices(len(slices), spacing_mm[0], config.preparation),
    )


def _centred(slices: npt.NDArray[Any], side: int, fill: float) -> npt.NDArray[Any]:
    """Pad with `fill`, or cut, each slice evenly to side x side."""
    canvas = np.full((len(slices), side, side), fill, slices.dtype)
    rows, columns = (min(n, side) for n in slices.shape[1:])
    canvas[:, _middle(side, rows), _middle(side, columns)] = slices[
        :, _middle(slices.shape[1], rows), _middle(slices.shape[2], columns)
    ]
    return canvas


def _middle(n: int, length: int) -> slice:
    """The middle `length` of `n`."""
    start = (n - length) // 2
    return slice(start, start + length)
