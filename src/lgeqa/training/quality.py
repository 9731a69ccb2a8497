"""Training of stage 2 by each strategy: those of the paper (section 3.2), hybrid (section 5), and others beyond it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeVar

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveFloat, model_validator

from lgeqa.cohort import Case, LabelRule, content_of, levels_of, scan_hashes, targets_of
from lgeqa.config import Settings
from lgeqa.errors import UsageError
from lgeqa.inference.bundle import Bundle, default_bundle, open_bundle
from lgeqa.preprocessing import QualityPreparation, prepare_for_quality, quality_context
from lgeqa.preprocessing.quality_input import quality_weights
from lgeqa.preprocessing.resampling import resample
from lgeqa.strategies import added_strategies
from lgeqa.training.augmentation import Augmentation
from lgeqa.training.case_reading import AtriumFrom, needs_detector, read_atria
from lgeqa.training.loop import LoopSettings, fit, seeded_init
from lgeqa.training.networks import (
    WIDTH,
    ContrastiveNetwork,
    HybridNetwork,
    MultipleInstanceNetwork,
    MultiTaskNetwork,
    OrdinalNetwork,
    QualityFrom,
    QualityNetwork,
    load_first_weights,
    load_weights,
    save_weights,
)
from lgeqa.training.networks.exported import quality_network_of
from lgeqa.training.processes import is_main
from lgeqa.training.run_layout import FIRST_STEP
from lgeqa.training.slice_store import SliceDataset, Slices, open_store
from lgeqa.training.strategies import (
    AdaptRecipe,
    BaselineRecipe,
    ContrastiveRecipe,
    HeadsRecipe,
    HybridRecipe,
    MultipleInstanceRecipe,
    MultiTaskRecipe,
    OrdinalRecipe,
)


class QualityConfig(Settings):
    """Settings of `lgeqa train baseline`, `multitask` and `ordinal`.

    Attributes:
        preparation: Preparation of the slices, stored in the bundle.
        weights: Initial weights of the encoder: `random`, `hub` (ImageNet, downloaded), or a .safetensors file.
        quality_from: Input of the quality head: the `logits` of the attributes, as in the paper, or the last hidden
            `features` of the attribute heads.
        width: Channels of the encoder's first stage. 64 gives a ResNet34, as in the paper. A narrower encoder trains
            faster but cannot start from ImageNet weights.
        label: Rule that derives the label from the readers' scores.
        atrium: Origin of the atrium on the slices to learn from. `given`: the scan's mask, or the detector if it has
            none. `detected`: the detector, as when the trained network is used. `both`: the slices of the mask and
            those of the detector.
        test: Share of the scans that the training never uses.
        validation: Share of the remaining scans that selects the best epoch.
        loop: Settings of the training loop.
    """

    preparation: QualityPreparation = Field(default_factory=QualityPreparation)
    weights: Literal["random", "hub"] | Path = "hub"
    quality_from: QualityFrom = "logits"
    width: int = Field(WIDTH, ge=4, le=WIDTH, multiple_of=2)
    label: LabelRule = Field(default_factory=LabelRule)
    atrium: AtriumFrom = "given"
    test: float = Field(0.1, gt=0, lt=1)
    validation: float = Field(0.1, gt=0, lt=1)
    loop: LoopSettings = Field(default_factory=LoopSettings)

    @property
    def seen(self) -> QualityPreparation:
        """Preparation of slices for the trained network: the middle window if it was trained on windows."""
        return self.preparation.middle(self.loop.augmentation.window)

    @model_validator(mode="after")
    def _windows_fit(self) -> Self:
        window = self.loop.augmentation.window
        if window < 1 and self.preparation.field == "full":
            raise ValueError(f'loop.augmentation.window = {window:g} needs preparation.field = "atrium"')
        return self

    @model_validator(mode="after")
    def _weights_fit(self) -> Self:
        if self.weights == "hub" and self.width != WIDTH:
            raise ValueError(f'width = {self.width} needs weights = "random", or a file of this width')
        return self


def pretraining_settings() -> LoopSettings:
    """Return the settings of section 4.3 for contrastive pre-training, which the hybrid strategy shares."""
    return LoopSettings(
        epochs=100,
        batch=512,
        optimiser="lars",
        learning_rate=0.5,
        warmup=10,
        weight_decay=1e-4,
        patience=0,
        keep="last",
    )


class ContrastiveConfig(QualityConfig):
    """Settings of `lgeqa train contrastive` and `lgeqa train hybrid`: those of the other strategies, and more.

    Attributes:
        loop: Settings of the second step, which trains the heads on a frozen encoder.
        pretraining: Settings of the first step, which trains the encoder.
        temperature: Temperature of equation 4.
        unlabelled: Whether scans without a label take part in the first step, where the only positive of each of their
            slices is its other view.
    """

    pretraining: LoopSettings = Field(default_factory=pretraining_settings)
    temperature: PositiveFloat = 0.07
    unlabelled: bool = False


class AdaptConfig(QualityConfig):
    """Settings of `lgeqa train adapt`: those of the other strategies, where the bundle gives those of its network.

    Attributes:
        weights: Folder of the bundle whose network is trained on.
        encoder_rate: Learning rate of the encoder as a share of the heads'. 0 to keep the encoder as it is.
    """

    weights: Path = Field(default_factory=default_bundle)
    encoder_rate: float = Field(0.1, ge=0, le=1)
    test: float = Field(0.2, gt=0, lt=1)
    validation: float = Field(0.2, gt=0, lt=1)
    loop: LoopSettings = Field(
        default_factory=lambda: LoopSettings(
            epochs=12,
            batch=32,
            learning_rate=3e-4,
            patience=0,
            slices_per_scan=8,
            # A turn or a change of size would soften a slice, and sharpness is scored.
            augmentation=Augmentation(perspective=0, shift=0.03, scale=0, rotation_degrees=0, margin=0.1),
        )
    )

    @classmethod
    def network_settings(cls, bundle: Path) -> dict[str, Any]:
        """Return the settings that the network of a bundle decides.

        Raises:
            BundleError: The bundle cannot be used.
            ConfigError: Its network is not one that this package exported.
        """
        part = open_bundle(bundle).manifest.quality
        network = quality_network_of(bundle / part.file)
        return {
            "weights": bundle,
            "preparation": part.preparation.model_dump(),
            "quality_from": network.quality_from,
            "width": network.encoder.width,
        }


class SoftConfig(QualityConfig):
    """Settings of `lgeqa train soft`: those of the baseline.

    Attributes:
        label: Rule that derives the label from the readers' scores, by default the share of all readers.
    """

    label: LabelRule = Field(default_factory=lambda: LabelRule(rule="soft"))


class MultipleInstanceConfig(QualityConfig):
    """Settings of `lgeqa train mil`: those of the other strategies, and one more.

    Attributes:
        pseudo_bags: Number of random parts of a scan that also learn its label, the first of two tiers. 0 for one tier.
    """

    pseudo_bags: NonNegativeInt = 0


AnyQualityNetwork = TypeVar("AnyQualityNetwork", bound=QualityNetwork)


@dataclass(frozen=True)
class Prepared:
    """Prepared slices of a training.

    Attributes:
        training: Slices to train on.
        validation: Slices of other patients, which select the best epoch.
        pretraining: Slices for the first step of a strategy with two steps: the training slices, and unlabelled ones
            if wanted.
    """

    training: SliceDataset
    validation: SliceDataset
    pretraining: SliceDataset


def train_baseline(data: Prepared, config: QualityConfig, run: Path, quiet: bool) -> QualityNetwork:
    """Train the baseline of section 3.2.1.

    Args:
        data: Prepared slices.
        config: Settings of the training.
        run: Folder of the run. An interrupted training is resumed.
        quiet: Whether to hide the progress.

    Returns:
        The trained network.

    Raises:
        ConfigError: The initial weights cannot be loaded.
        TrainingError: The training failed as described in `fit`.
        OutputError: The run's folder cannot be written.
    """
    network = _started(QualityNetwork, config)
    fit(BaselineRecipe(network, config.loop, config.preparation.pixels), data.training, data.validation, run, quiet)
    return network


def train_multitask(data: Prepared, config: QualityConfig, run: Path, quiet: bool) -> QualityNetwork:
    """Train the multi-task strategy of section 3.2.2, with the arguments of `train_baseline`."""
    network = _started(MultiTaskNetwork, config)
    fit(MultiTaskRecipe(network, config.loop, config.preparation.pixels), data.training, data.validation, run, quiet)
    return network


def train_contrastive(data: Prepared, config: QualityConfig, run: Path, quiet: bool) -> QualityNetwork:
    """Train the contrastive strategy of section 3.2.3, first the encoder and then the heads on it.

    The arguments are as in `train_baseline`.
    """
    return _train_in_two_steps(ContrastiveNetwork, ContrastiveRecipe, data, config, run, quiet)


def train_hybrid(data: Prepared, config: QualityConfig, run: Path, quiet: bool) -> QualityNetwork:
    """Train the hybrid strategy of section 5: `train_contrastive` with an encoder that also finds the blood pool."""
    return _train_in_two_steps(HybridNetwork, HybridRecipe, data, config, run, quiet)


def train_ordinal(data: Prepared, config: QualityConfig, run: Path, quiet: bool) -> QualityNetwork:
    """Train the baseline on the scores of 1 to 5, with the arguments of `train_baseline`."""
    network = _started(OrdinalNetwork, config)
    fit(OrdinalRecipe(network, config.loop, config.preparation.pixels), data.training, data.validation, run, quiet)
    return network


def train_mil(data: Prepared, config: QualityConfig, run: Path, quiet: bool) -> QualityNetwork:
    """Train on scans whose slices are pooled by attention, with the arguments of `train_baseline`."""
    assert isinstance(config, MultipleInstanceConfig)
    network = _started(MultipleInstanceNetwork, config)
    recipe = MultipleInstanceRecipe(network, config.loop, config.preparation.pixels, config.pseudo_bags)
    fit(recipe, data.training, data.validation, run, quiet)
    return network


def _train_in_two_steps(
    kind: type[ContrastiveNetwork],
    recipe: type[ContrastiveRecipe],
    data: Prepared,
    config: QualityConfig,
    run: Path,
    quiet: bool,
) -> QualityNetwork:
    """Train the encoder inside a network of the given kind, then the heads on the frozen encoder."""
    assert isinstance(config, ContrastiveConfig)
    network = _started(QualityNetwork, config)
    first_step = run / FIRST_STEP
    encoder_file = first_step / "encoder.safetensors"
    if encoder_file.is_file():
        load_weights(network.encoder, encoder_file)
    else:
        with seeded_init(config.pretraining.seed):
            pretrained = kind(network.encoder)
        step = recipe(pretrained, config.pretraining, config.preparation.pixels, config.temperature)
        fit(step, data.pretraining, data.validation, first_step, quiet)
        if is_main():
            save_weights(network.encoder, encoder_file)
    fit(HeadsRecipe(network, config.loop, config.preparation.pixels), data.training, data.validation, run, quiet)
    return network


def train_adapt(data: Prepared, config: QualityConfig, run: Path, quiet: bool) -> QualityNetwork:
    """Train on from the network of a bundle, with the arguments of `train_baseline`.

    Raises:
        ConfigError: The network is not one that this package exported, or is unlike the settings.
    """
    assert isinstance(config, AdaptConfig)
    network = quality_network_of(config.weights / open_bundle(config.weights).manifest.quality.file)
    recipe = AdaptRecipe(network, config.loop, config.preparation.pixels, config.encoder_rate)
    fit(recipe, data.training, data.validation, run, quiet)
    return network


def _started(kind: type[AnyQualityNetwork], config: QualityConfig) -> AnyQualityNetwork:
    """Return a network with its initial weights."""
    with seeded_init(config.loop.seed):
        network = kind(config.quality_from, config.width, len(config.preparation.context_mm))
    load_first_weights(network.encoder, config.weights)
    return network


@dataclass(frozen=True)
class Strategy:
    """A strategy for training stage 2.

    Attributes:
        source: Section of the paper, or the publication that a strategy beyond the paper follows.
        config: Class of the settings.
        train: Function that trains the network.
        network: Class of the trained network.
    """

    source: str
    config: type[QualityConfig]
    train: Callable[[Prepared, QualityConfig, Path, bool], QualityNetwork]
    network: type[QualityNetwork] = QualityNetwork

    @property
    def pretrains(self) -> bool:
        """Whether the encoder is trained in a first step, and the heads in a second one."""
        return issubclass(self.config, ContrastiveConfig)


#: The strategies, in the paper's order, and then those beyond the paper.
STRATEGIES: Final = {
    "baseline": Strategy("section 3.2.1", QualityConfig, train_baseline),
    "multitask": Strategy("section 3.2.2", QualityConfig, train_multitask, MultiTaskNetwork),
    "contrastive": Strategy("section 3.2.3", ContrastiveConfig, train_contrastive),
    "hybrid": Strategy("section 5", ContrastiveConfig, train_hybrid),
    "soft": Strategy("beyond the paper: arXiv 1908.07086", SoftConfig, train_baseline),
    "ordinal": Strategy(
        "beyond the paper: doi 10.1016/j.patrec.2020.11.008", QualityConfig, train_ordinal, OrdinalNetwork
    ),
    "mil": Strategy(
        "beyond the paper: arXiv 1802.04712; the verdict follows the slices weighted by attention",
        MultipleInstanceConfig,
        train_mil,
        MultipleInstanceNetwork,
    ),
}


#: Training on from a bundle. It has a command of its own, and no part in an experiment.
ADAPT: Final = "adapt"


def find_strategy(name: str) -> Strategy:
    """Return a strategy, `ADAPT`, or a strategy that an installed package adds, by its name.

    Raises:
        UsageError: There is no such strategy, or what a package adds is not one.
    """
    if name in STRATEGIES:
        return STRATEGIES[name]
    if name == ADAPT:
        return Strategy("training on from a bundle", AdaptConfig, train_adapt)
    added = added_strategies()
    if name not in added:
        raise UsageError(f"{name!r} is not a strategy of stage 2. Choose one of {', '.join((*STRATEGIES, *added))}.")
    strategy = added[name].load()
    if not isinstance(strategy, Strategy):
        raise UsageError(
            f"{name!r}: {added[name].value} is not a lgeqa.training.quality.Strategy. Report it to its makers."
        )
    return strategy


def quality_store(
    cases: Sequence[Case],
    preparation: QualityPreparation,
    rule: LabelRule,
    folder: Path,
    atrium: AtriumFrom = "given",
    detector: Bundle | None = None,
) -> SliceDataset:
    """Return the prepared slices of scans, with NaN as the label of scans without one by the rule.

    Args:
        cases: Scans, with or without masks.
        preparation: Preparation of the slices.
        rule: Rule that derives the labels.
        folder: Folder of the store, which is written unless it holds these slices already.
        atrium: Origin of the atrium, as in `QualityConfig`.
        detector: Bundle whose detector finds the atrium where it is needed. A scan on which it finds none has no slice.
    """
    key: dict[str, Any] = {
        "preparation": preparation.model_dump(),
        "scans": [[content_of(case), targets_of(case, rule).tolist()] for case in cases],
    }
    if needs_detector(cases, atrium):
        assert detector is not None
        part = detector.manifest.detector
        key |= {"atrium": atrium, "detector": [part.model_dump(), detector.manifest.sha256[part.file]]}
    store = open_store(folder, key, lambda: (_slices(case, preparation, rule, atrium, detector) for case in cases))
    return with_targets_of(store, cases, rule)


def with_targets_of(store: SliceDataset, cases: Sequence[Case], rule: LabelRule) -> SliceDataset:
    """Return the slices of a store with the targets that a rule gives to its scans, the cases in their order."""
    labels, levels = ([target(case, rule) for case in cases] for target in (targets_of, levels_of))
    return store.with_targets(np.stack(labels), np.stack(levels))


def _slices(
    case: Case, preparation: QualityPreparation, rule: LabelRule, atrium: AtriumFrom, detector: Bundle | None
) -> Slices:
    scan, masks = read_atria(case, atrium, detector)
    slices = [np.zeros((0, preparation.pixels, preparation.pixels), np.float32)]
    pools = [np.zeros(slices[0].shape, np.uint8)]
    context = [np.zeros((0, len(preparation.context_mm)), np.int64)]
    for mask in masks:
        weights = quality_weights(mask, scan.spacing_mm, preparation)
        context.append(sum(map(len, slices)) + quality_context(mask, scan.spacing_mm[0], preparation))
        slices.append(prepare_for_quality(scan.voxels, mask, scan.spacing_mm, preparation))
        pools.append((resample(mask[mask.any(axis=(1, 2))].astype(np.float32), *weights) > 0.5).astype(np.uint8))
    return Slices(
        np.concatenate(slices),
        np.concatenate(pools),
        targets_of(case, rule),
        np.concatenate(context),
        scan_hashes(case, scan),
    )
