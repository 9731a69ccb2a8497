"""What an experiment is to be."""

from pathlib import Path
from typing import Final, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from lgeqa.cohort import LabelRule
from lgeqa.config import Settings
from lgeqa.networks import WIDTH, QualityFrom
from lgeqa.prepare import QualityPreparation
from lgeqa.train.loop import LoopSettings
from lgeqa.train.quality import STRATEGIES, QualityConfig, pretraining_settings

Strategy = Literal["baseline", "multitask", "contrastive", "hybrid"]


class ExperimentConfig(Settings):
    """Settings of `lgeqa experiment`; every strategy gets the same ones, as section 4.3 says.

    Attributes:
        strategies: that are compared.
        iterations: of each strategy, each with splits and first weights of its own; the number of folds.
        splits: `repeated`: one test part, the rest dealt anew in each iteration (section 4.2); `folds`: each
            iteration tests another part, so that every scan is tested once.
        test: share of the scans for the test part of `repeated`.
        validation: share of the rest that picks the best epoch.
        scans: scored scans outside of the test part that each iteration uses, in whole patients drawn by the seed;
            more scans contain the fewer; 0 for all.
        seed: of the splits; iteration i trains with seed + i.
        label: how the label comes from the readers' scores.
        preparation: of slices.
        quality_from: input of the quality head: `logits` of the attributes, the paper's, or the last hidden `features`
            of the attribute heads.
        width: channels of the encoder's first stage: 64 is a ResNet34, the paper's; fewer learn faster, from random
            weights alone.
        weights: first weights of the encoder: `random`, `hub` (ImageNet, downloaded), or a .safetensors file.
        loop: of every strategy; of the heads in the contrastive and the hybrid one.
        pretraining: of the encoder in the contrastive and the hybrid strategy.
        temperature: of equation 4.
        draws: of the bootstrap over patients.
    """

    strategies: tuple[Strategy, ...] = Field(("baseline", "multitask", "contrastive", "hybrid"), min_length=1)
    iterations: PositiveInt = 5
    splits: Literal["repeated", "folds"] = "repeated"
    test: float = Field(0.1, gt=0, le=0.5)
    validation: float = Field(0.1, gt=0, le=0.5)
    scans: NonNegativeInt = 0
    seed: NonNegativeInt = 0
    label: LabelRule = Field(default_factory=LabelRule)
    preparation: QualityPreparation = Field(default_factory=QualityPreparation)
    quality_from: QualityFrom = "logits"
    width: int = Field(WIDTH, ge=4, le=WIDTH, multiple_of=2)
    weights: Literal["random", "hub"] | Path = "hub"
    loop: LoopSettings = Field(default_factory=LoopSettings)
    pretraining: LoopSettings = Field(default_factory=pretraining_settings)
    temperature: PositiveFloat = 0.07
    draws: PositiveInt = 1000

    def of_run(self, strategy: Strategy, iteration: int) -> QualityConfig:
        """The settings of one training."""
        shared = {name: getattr(self, name) for name in _SHARED}
        pretrains = STRATEGIES[strategy].pretrains
        loops = {"loop": self.loop} | ({"pretraining": self.pretraining} if pretrains else {})
        seeded = {name: loop.model_copy(update={"seed": self.seed + iteration}) for name, loop in loops.items()}
        special = {"temperature": self.temperature} if pretrains else {}
        return STRATEGIES[strategy].config(**shared, **seeded, **special)


_SHARED: Final = ("label", "preparation", "quality_from", "width", "weights", "test", "validation")
