"""Settings of an experiment."""

from pathlib import Path
from typing import Final, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator

from lgeqa.cohort import LabelRule
from lgeqa.config import Settings
from lgeqa.errors import UsageError
from lgeqa.preprocessing import QualityPreparation
from lgeqa.strategies import SUMMARIES
from lgeqa.training.case_reading import AtriumFrom
from lgeqa.training.loop import LoopSettings
from lgeqa.training.networks import WIDTH, QualityFrom
from lgeqa.training.quality import QualityConfig, find_strategy, pretraining_settings


class ExperimentConfig(Settings):
    """Settings of `lgeqa experiment`, the same for every strategy as in section 4.3.

    Attributes:
        strategies: Strategies to compare, of this package or of other installed packages, in any number and order. All
            are compared with the first.
        iterations: Number of iterations of each strategy, each with its own splits and initial weights. This is the
            number of folds if `splits` is `folds`. With `sites` there is one for each site.
        splits: Kind of splits. `repeated` has one test part and splits the rest again in each iteration (section 4.2).
            With `folds` each iteration tests another part, so that every scan is tested once. With `sites` each
            iteration tests another site, from the column `site` of the cohort's table, on which it was not trained.
        test: Share of the scans in the test part of `repeated`.
        validation: Share of the remaining scans that selects the best epoch.
        scans: Number of scored scans outside the test part that each iteration uses, in whole patients drawn by the
            seed. A larger number contains the scans of a smaller one. 0 for all.
        seed: Random seed of the splits. Iteration i trains with seed + i.
        label: Rule that derives the label from the readers' scores.
        atrium: Origin of the atrium on the slices to learn from, as in `QualityConfig`.
        preparation: Preparation of the slices.
        quality_from: Input of the quality head: the `logits` of the attributes, as in the paper, or the last hidden
            `features` of the attribute heads.
        width: Channels of the encoder's first stage. 64 gives a ResNet34, as in the paper. A narrower encoder trains
            faster but cannot start from ImageNet weights.
        weights: Initial weights of the encoder: `random`, `hub` (ImageNet, downloaded), or a .safetensors file.
        loop: Settings of the training loop of every strategy, for the heads in the contrastive and the hybrid strategy.
        pretraining: Settings of the training loop of the encoder in the contrastive and the hybrid strategy.
        temperature: Temperature of equation 4.
        draws: Number of bootstrap resamples of the patients.
    """

    strategies: tuple[str, ...] = Field(tuple(SUMMARIES), min_length=1)
    iterations: PositiveInt = 5
    splits: Literal["repeated", "folds", "sites"] = "repeated"
    test: float = Field(0.1, gt=0, le=0.5)
    validation: float = Field(0.1, gt=0, le=0.5)
    scans: NonNegativeInt = 0
    seed: NonNegativeInt = 0
    label: LabelRule = Field(default_factory=LabelRule)
    atrium: AtriumFrom = "given"
    preparation: QualityPreparation = Field(default_factory=QualityPreparation)
    quality_from: QualityFrom = "logits"
    width: int = Field(WIDTH, ge=4, le=WIDTH, multiple_of=2)
    weights: Literal["random", "hub"] | Path = "hub"
    loop: LoopSettings = Field(default_factory=LoopSettings)
    pretraining: LoopSettings = Field(default_factory=pretraining_settings)
    temperature: PositiveFloat = 0.07
    draws: PositiveInt = 1000

    @field_validator("strategies")
    @classmethod
    def _exist(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError(f"{', '.join(names)}: a strategy is named twice")
        try:
            for name in names:
                find_strategy(name)
        except UsageError as error:
            raise ValueError(str(error)) from None
        return names

    def of_run(self, strategy: str, iteration: int) -> QualityConfig:
        """Return the settings of one training."""
        shared = {name: getattr(self, name) for name in _SHARED}
        pretrains = find_strategy(strategy).pretrains
        loops = {"loop": self.loop} | ({"pretraining": self.pretraining} if pretrains else {})
        seeded = {name: loop.model_copy(update={"seed": self.seed + iteration}) for name, loop in loops.items()}
        special = {"temperature": self.temperature} if pretrains else {}
        return find_strategy(strategy).config(**shared, **seeded, **special)


_SHARED: Final = ("label", "atrium", "preparation", "quality_from", "width", "weights", "test", "validation")
