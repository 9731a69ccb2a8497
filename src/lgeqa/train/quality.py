"""Training stage 2 by each strategy: baseline, multi-task and contrastive of section 3.2, and hybrid of section 5."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self, TypeVar

import numpy as np
from pydantic import Field, PositiveFloat, model_validator

from lgeqa.cohort import Case, LabelRule, content_of, targets_of
from lgeqa.config import Settings
from lgeqa.networks import (
    WIDTH,
    ContrastiveNetwork,
    HybridNetwork,
    MultiTaskNetwork,
    QualityFrom,
    QualityNetwork,
    load_first_weights,
    load_weights,
    save_weights,
)
from lgeqa.prepare import QualityPreparation, prepare_for_quality
from lgeqa.prepare.quality import quality_weights
from lgeqa.prepare.resample import resample
from lgeqa.train.cases import read_case
from lgeqa.train.files import FIRST_STEP
from lgeqa.train.loop import LoopSettings, first_weights, fit
from lgeqa.train.processes import is_main
from lgeqa.train.recipes import BaselineRecipe, ContrastiveRecipe, HeadsRecipe, HybridRecipe, MultiTaskRecipe
from lgeqa.train.store import Slices, Store, open_store


class QualityConfig(Settings):
    """Settings of `lgeqa train baseline` and `lgeqa train multitask`.

    Attributes:
        preparation: of slices; goes into the bundle.
        weights: first weights of the encoder: `random`, `hub` (ImageNet, downloaded), or a .safetensors file.
        quality_from: input of the quality head: `logits` of the attributes, the paper's, or the last hidden `features`
            of the attribute heads.
        width: channels of the encoder's first stage: 64 is a ResNet34, the paper's; fewer learn faster, from random
            weights alone.
        label: how the label comes from the readers' scores.
        test: share of the scans that training never sees.
        validation: share of the rest that picks the best epoch.
        loop: of the training.
    """

    preparation: QualityPreparation = Field(default_factory=QualityPreparation)
    weights: Literal["random", "hub"] | Path = "hub"
    quality_from: QualityFrom = "logits"
    width: int = Field(WIDTH, ge=4, le=WIDTH, multiple_of=2)
    label: LabelRule = Field(default_factory=LabelRule)
    test: float = Field(0.1, gt=0, lt=1)
    validation: float = Field(0.1, gt=0, lt=1)
    loop: LoopSettings = Field(default_factory=LoopSettings)

    @property
    def seen(self) -> QualityPreparation:
        """Return how slices are prepared for the trained network: where it learnt from windows, as the middle one."""
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
    """Settings of `lgeqa train contrastive` and `lgeqa train hybrid`; `loop` is of their second step, the heads.

    Attributes:
        preparation, weights, quality_from, width, label, test, validation: as for the other strategies.
        loop: of the training of the heads, on a frozen encoder.
        pretraining: of the training of the encoder, the first step.
        temperature: of equation 4.
        unlabelled: whether scans without a label take part in the first step, each slice alike to its own other view
            alone.
    """

    pretraining: LoopSettings = Field(default_factory=pretraining_settings)
    temperature: PositiveFloat = 0.07
    unlabelled: bool = False


AnyQualityNetwork = TypeVar("AnyQualityNetwork", bound=QualityNetwork)


@dataclass(frozen=True)
class Prepared:
    """Prepared slices.

    Attributes:
        training: to learn from.
        validation: of other patients; they pick the best epoch.
        pretraining: for the first step of strategies with two; the training slices, and perhaps unlabelled ones.
    """

    training: Store
    validation: Store
    pretraining: Store


def train_baseline(data: Prepared, config: QualityConfig, run: Path, quiet: bool) -> QualityNetwork:
    """Section 3.2.1.

    Args:
        data: prepared slices.
        config: the settings.
        run: the run's folder; a training that was cut short goes on.
        quiet: say nothing of the progress.

    Returns:
        The trained network.

    Raises:
        ConfigError: the first weights cannot be had.
        TrainingError, OutputError: as `fit` does.
    """
    network = _started(QualityNetwork, config)
    fit(BaselineRecipe(network, config.loop, config.preparation.pixels), data.training, data.validation, run, quiet)
    return network


def train_multitask(data: Prepared, config: QualityConfig, run: Path, quiet: bool) -> QualityNetwork:
    """Section 3.2.2; as `train_baseline`."""
    network = _started(MultiTaskNetwork, config)
    fit(MultiTaskRecipe(network, config.loop, config.preparation.pixels), data.training, data.validation, run, quiet)
    return network


def train_contrastive(data: Prepared, config: QualityConfig, run: Path, quiet: bool) -> QualityNetwork:
    """Section 3.2.3: first the encoder, then the heads on it; as `train_baseline`."""
    return _train_in_two_steps(ContrastiveNetwork, ContrastiveRecipe, data, config, run, quiet)


def train_hybrid(data: Prepared, config: QualityConfig, run: Path, quiet: bool) -> QualityNetwork:
    """Section 5: as `train_contrastive`, and the encoder learns to find the blood pool as well."""
    return _train_in_two_steps(HybridNetwork, HybridRecipe, data, config, run, quiet)


def _train_in_two_steps(
    kind: type[ContrastiveNetwork],
    recipe: type[ContrastiveRecipe],
    data: Prepared,
    config: QualityConfig,
    run: Path,
    quiet: bool,
) -> QualityNetwork:
    """Train the encoder in a network of a kind by a recipe, then the heads on the frozen encoder."""
    assert isinstance(config, ContrastiveConfig)
    network = _started(QualityNetwork, config)
    first_step = run / FIRST_STEP
    learnt = first_step / "encoder.safetensors"
    if learnt.is_file():
        load_weights(network.encoder, learnt)
    else:
        with first_weights(config.pretraining.seed):
            pretrained = kind(network.encoder)
        step = recipe(pretrained, config.pretraining, config.preparation.pixels, config.temperature)
        fit(step, data.pretraining, data.validation, first_step, quiet)
        if is_main():
            save_weights(network.encoder, learnt)
    fit(HeadsRecipe(network, config.loop, config.preparation.pixels), data.training, data.validation, run, quiet)
    return network


def _started(kind: type[AnyQualityNetwork], config: QualityConfig) -> AnyQualityNetwork:
    """A network with its first weights."""
    with first_weights(config.loop.seed):
        network = kind(config.quality_from, config.width)
    load_first_weights(network.encoder, config.weights)
    return network


@dataclass(frozen=True)
class Strategy:
    """How stage 2 can be trained.

    Attributes:
        section: of the paper.
        config: class of its settings.
        train: the training.
    """

    section: str
    config: type[QualityConfig]
    train: Callable[[Prepared, QualityConfig, Path, bool], QualityNetwork]

    @property
    def pretrains(self) -> bool:
        """Whether the encoder is trained in a first step, and the heads in a second one."""
        return issubclass(self.config, ContrastiveConfig)


#: The strategies, in the paper's order; the command line and the experiment read this.
STRATEGIES: Final = {
    "baseline": Strategy("3.2.1", QualityConfig, train_baseline),
    "multitask": Strategy("3.2.2", QualityConfig, train_multitask),
    "contrastive": Strategy("3.2.3", ContrastiveConfig, train_contrastive),
    "hybrid": Strategy("5", ContrastiveConfig, train_hybrid),
}


def quality_store(cases: Sequence[Case], preparation: QualityPreparation, rule: LabelRule, folder: Path) -> Store:
    """Prepared slices of scans with masks; a scan that the rule gives no label has NaN for it."""
    key = {
        "preparation": preparation.model_dump(),
        "scans": [[content_of(case), targets_of(case, rule).tolist()] for case in cases],
    }
    return open_store(folder, key, lambda: _slices(cases, preparation, rule))


def _slices(cases: Sequence[Case], preparation: QualityPreparation, rule: LabelRule) -> Iterator[Slices]:
    for case in cases:
        scan, atrium = read_case(case)
        held = atrium.any(axis=(1, 2))
        weights = quality_weights(atrium, scan.spacing_mm, preparation)
        yield Slices(
            prepare_for_quality(scan.voxels, atrium, scan.spacing_mm, preparation),
            (resample(atrium[held].astype(np.float32), *weights) > 0.5).astype(np.uint8),
            targets_of(case, rule),
        )
