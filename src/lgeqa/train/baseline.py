"""Training stage 2, the baseline: ResNet34, three attribute heads and the QA head (section 3.2.1)."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import lightning
import numpy as np
from pydantic import Field
from torch import nn

from lgeqa.attributes import is_diagnostic
from lgeqa.cohort import TRUTH, Case
from lgeqa.cohort.table import Scores
from lgeqa.config import Settings
from lgeqa.errors import CohortError
from lgeqa.networks import QualityNetwork, load_imagenet
from lgeqa.prepare import QualityPreparation, prepare_for_quality
from lgeqa.prepare.quality import quality_weights
from lgeqa.prepare.resample import resample
from lgeqa.train.cases import read_case
from lgeqa.train.loop import LoopSettings, fit
from lgeqa.train.recipes import BaselineRecipe
from lgeqa.train.store import Slices, Store, open_store


class BaselineConfig(Settings):
    """Settings of `lgeqa train baseline`.

    Attributes:
        preparation: of slices; goes into the bundle.
        weights: first weights of the encoder: `random`, `hub` (ImageNet, downloaded), or a .safetensors file.
        reader: whose scores are the labels.
        test: share of the scans that training never sees.
        validation: share of the rest that picks the best epoch.
        loop: of the training.
    """

    preparation: QualityPreparation = Field(default_factory=QualityPreparation)
    weights: Literal["random", "hub"] | Path = "hub"
    reader: str = TRUTH
    test: float = Field(0.1, gt=0, lt=1)
    validation: float = Field(0.1, gt=0, lt=1)
    loop: LoopSettings = Field(default_factory=LoopSettings)


def train_baseline(
    training: Sequence[Case], validation: Sequence[Case], config: BaselineConfig, run: Path, quiet: bool
) -> nn.Module:
    """Train the baseline.

    Args:
        training: scans with masks and scores.
        validation: the same, of other patients.
        config: the settings.
        run: the run's folder.
        quiet: no progress bar.

    Returns:
        The trained network.

    Raises:
        ConfigError: the first weights cannot be had.
    """
    lightning.seed_everything(config.loop.seed, verbose=False)
    network = QualityNetwork()
    load_imagenet(network.encoder, config.weights)
    stores = [
        quality_store(cases, config.preparation, config.reader, run / "prepared" / name)
        for name, cases in (("training", training), ("validation", validation))
    ]
    recipe = BaselineRecipe(network, config.loop, config.preparation.pixels)
    return fit(recipe, stores[0], stores[1], run, quiet)


def quality_store(cases: Sequence[Case], preparation: QualityPreparation, reader: str, folder: Path) -> Store:
    """Prepared slices of scored scans."""
    key = {
        "preparation": preparation.model_dump(),
        "scans": [[str(case.image), label_scores(case, reader)] for case in cases],
    }
    return open_store(folder, key, lambda: _slices(cases, preparation, reader))


def label_scores(case: Case, reader: str) -> Scores:
    """The scores that a case is labelled by.

    Raises:
        CohortError: that reader did not score the scan.
    """
    if reader not in case.scores:
        known = ", ".join(sorted(case.scores)) or "nobody"
        raise CohortError(f"scan {case.scan_id}: has no scores of the reader {reader!r}; it was scored by {known}.")
    return case.scores[reader]


def _slices(cases: Sequence[Case], preparation: QualityPreparation, reader: str) -> Iterator[Slices]:
    for case in cases:
        scan, atrium = read_case(case)
        held = atrium.any(axis=(1, 2))
        weights = quality_weights(atrium, scan.spacing_mm, preparation)
        yield Slices(
            prepare_for_quality(scan.voxels, atrium, scan.spacing_mm, preparation),
            (resample(atrium[held].astype(np.float32), *weights) > 0.5).astype(np.uint8),
            np.array([is_diagnostic(score) for score in label_scores(case, reader)], np.float32),
        )
