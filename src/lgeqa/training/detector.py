"""Training of stage 1: a detector for cropped, full-field and poor scans, trained on scans with masks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, NonNegativeInt, PositiveInt

from lgeqa.cohort import Case, content_of, scan_hashes
from lgeqa.config import Settings
from lgeqa.inference.detection import SliceRule
from lgeqa.preprocessing import DetectorPreparation, context_slices, prepare_for_detector
from lgeqa.preprocessing.resampling import resample
from lgeqa.records import BoolArray, FloatArray, Scan
from lgeqa.scales import SCALE_NAMES
from lgeqa.simulation.artefacts import MECHANISMS, Artefact, apply_artefacts, draw_artefacts
from lgeqa.simulation.composite import composite, draw_composite
from lgeqa.simulation.phantom import Phantom, build_phantom, draw_phantom
from lgeqa.training.augmentation import Augmentation
from lgeqa.training.case_reading import read_case
from lgeqa.training.intensity_augmentation import Intensity
from lgeqa.training.loop import LoopSettings, fit, seeded_init
from lgeqa.training.networks import Detector, load_weights
from lgeqa.training.slice_store import SliceDataset, Slices, open_store
from lgeqa.training.strategies import DetectorRecipe

#: Function that draws the artefacts of one copy.
DrawArtefacts = Callable[[np.random.Generator], Sequence[Artefact]]
#: Lowest severity of heavy artefacts, as a share of the highest.
HEAVY_FROM: Final = 0.5


class DetectorConfig(Settings):
    """Settings of `lgeqa train detector`.

    Attributes:
        preparation: Preparation of the volumes, stored in the bundle.
        rule: Rule that turns the network's probabilities into a mask, stored in the bundle.
        width: Channels of the U-Net's first level.
        canvas: Rows and columns of the stored slices. Larger slices are cropped evenly.
        window: Rows and columns of the windows drawn from the stored slices, again in each step.
        intensity: Changes of the training slices' grey levels.
        weights: Initial weights: `random`, or the `network.safetensors` of an earlier run with the same width.
        degraded: Number of copies of each training scan with artefacts, every second one with heavy artefacts.
        composites: Number of copies of each training scan placed in a phantom's thorax, in turn without artefacts, with
            heavy artefacts, and with artefacts of any severity.
        phantoms: Number of phantoms whose thoraxes are used for these copies.
        test: Share of the scans that the training never uses.
        validation: Share of the remaining scans that selects the best epoch.
        loop: Settings of the training loop.
    """

    preparation: DetectorPreparation = Field(default_factory=lambda: DetectorPreparation(least=96))
    rule: SliceRule = Field(default_factory=SliceRule)
    width: PositiveInt = 16
    weights: Literal["random"] | Path = "random"
    intensity: Intensity = Field(default_factory=lambda: Intensity(probability=0.5, tone=1.0, shading=1.0, noise=0.25))
    canvas: PositiveInt = 192
    window: PositiveInt = 96
    degraded: NonNegativeInt = 4
    composites: NonNegativeInt = 3
    phantoms: PositiveInt = 12
    test: float = Field(0.2, gt=0, lt=1)
    validation: float = Field(0.1, gt=0, lt=1)
    loop: LoopSettings = Field(
        default_factory=lambda: LoopSettings(
            augmentation=Augmentation(flip=False, perspective=0.05, shift=0.15, scale=0.25)
        )
    )


def train_detector(
    training: SliceDataset, validation: SliceDataset, config: DetectorConfig, run: Path, quiet: bool
) -> Detector:
    """Train the U-Net.

    Args:
        training: Prepared slices to train on.
        validation: Prepared slices of other patients, which select the best epoch.
        config: Settings of the training.
        run: Folder of the run.
        quiet: Whether to hide the progress.

    Returns:
        The trained network.

    Raises:
        TrainingError: The training failed as described in `fit`.
        OutputError: The run's folder cannot be written.
    """
    with seeded_init(config.loop.seed):
        network = Detector(config.width, len(config.preparation.context_mm))
    if config.weights != "random":
        load_weights(network, config.weights)
    zoom = config.window / config.canvas
    recipe = DetectorRecipe(network, config.loop, config.window, zoom, config.intensity)
    fit(recipe, training, validation, run, quiet)
    return network


def validation_copies(config: DetectorConfig) -> DetectorConfig:
    """Return the same settings with at most two copies of each kind, one of them with heavy artefacts."""
    return config.model_copy(update={"degraded": min(config.degraded, 2), "composites": min(config.composites, 2)})


def draw_heavy_artefacts(rng: np.random.Generator) -> tuple[Artefact, ...]:
    """Draw one heavy artefact for each scale."""
    artefacts = []
    for scale in SCALE_NAMES:
        choices = [mechanism for mechanism in MECHANISMS if mechanism.scale == scale and not mechanism.improves]
        mechanism = choices[rng.integers(len(choices))]
        severity = mechanism.at(float(rng.uniform(HEAVY_FROM, 1)))
        artefacts.append(Artefact(mechanism=mechanism.name, severity=severity, seed=int(rng.integers(2**32))))
    return tuple(artefacts)


def detector_store(cases: Sequence[Case], config: DetectorConfig, folder: Path) -> SliceDataset:
    """Return the prepared slices of scans with masks and of their copies."""
    key = {
        "scans": [content_of(case) for case in cases],
        "degraded": config.degraded,
        "composites": [config.composites, config.phantoms],
        "preparation": config.preparation.model_dump(),
        "canvas": config.canvas,
        "seed": config.loop.seed,
    }
    return open_store(folder, key, lambda: _slices(cases, config))


def _slices(cases: Sequence[Case], config: DetectorConfig) -> Iterator[Slices]:
    """Yield each scan unchanged, its copies with artefacts, and its copies in a thorax."""
    rng = np.random.default_rng(config.loop.seed)
    thoraxes = [build_phantom(draw_phantom(rng)) for _ in range(config.phantoms if config.composites else 0)]
    for case in cases:
        scan, atrium = read_case(case)
        hashes = scan_hashes(case, scan)
        for slices in _scan_and_copies(scan, atrium, thoraxes, rng, config):
            yield replace(slices, hashes=hashes)


def _scan_and_copies(
    scan: Scan, atrium: BoolArray, thoraxes: list[Phantom], rng: np.random.Generator, config: DetectorConfig
) -> Iterator[Slices]:
    yield _on_canvas(scan.voxels, atrium, scan.spacing_mm, config)
    for number in range(config.degraded):
        draw = (draw_heavy_artefacts, draw_artefacts)[number % 2]
        voxels = apply_artefacts(scan.voxels, atrium, scan.spacing_mm, draw(rng))
        yield _on_canvas(voxels, atrium, scan.spacing_mm, config)
    for number in range(config.composites):
        thorax = thoraxes[rng.integers(len(thoraxes))]
        yield _in_thorax(scan, atrium, thorax, (None, draw_heavy_artefacts, draw_artefacts)[number % 3], rng, config)


def _in_thorax(
    scan: Scan,
    atrium: BoolArray,
    thorax: Phantom,
    draw: DrawArtefacts | None,
    rng: np.random.Generator,
    config: DetectorConfig,
) -> Slices:
    full = composite(scan.voxels, atrium, scan.spacing_mm, thorax, draw_composite(rng))
    voxels = apply_artefacts(full.voxels, full.atrium, full.spacing_mm, draw(rng)) if draw else full.voxels
    return _on_canvas(voxels, full.atrium, full.spacing_mm, config)


def _on_canvas(
    voxels: FloatArray, atrium: BoolArray, spacing_mm: tuple[float, float, float], config: DetectorConfig
) -> Slices:
    slices, grid = prepare_for_detector(voxels, spacing_mm, config.preparation)
    mask = resample(atrium.astype(np.float32), *grid.forward()) > 0.5
    side = config.canvas
    return Slices(
        # Half precision is finer than the noise and halves the size on disk.
        _centred(slices.astype(np.float16), side, float(slices.min())),
        _centred(mask.astype(np.uint8), side, 0),
        np.full(len(SCALE_NAMES), np.nan, np.float32),
        context_slices(len(slices), spacing_mm[0], config.preparation),
    )


def _centred(slices: npt.NDArray[Any], side: int, fill: float) -> npt.NDArray[Any]:
    """Pad each slice with `fill`, or crop it, evenly to side x side."""
    canvas = np.full((len(slices), side, side), fill, slices.dtype)
    rows, columns = (min(n, side) for n in slices.shape[1:])
    canvas[:, _middle(side, rows), _middle(side, columns)] = slices[
        :, _middle(slices.shape[1], rows), _middle(slices.shape[2], columns)
    ]
    return canvas


def _middle(n: int, length: int) -> slice:
    """Return the middle `length` of `n` indices."""
    start = (n - length) // 2
    return slice(start, start + length)
