"""What `bundle.json` says of a trained model."""

import hashlib
import json
from typing import Any, Final, Literal

from pydantic import Field, PositiveFloat, model_validator

from lgeqa.attributes import NAMES
from lgeqa.config import Settings
from lgeqa.detect import SliceRule
from lgeqa.prepare import DetectorPreparation, QualityPreparation

#: Name of the manifest in a bundle's folder.
MANIFEST = "bundle.json"
#: Parts of a manifest that a verdict rests on.
_DECISIVE: Final = ("detector", "quality", "threshold", "sha256")
#: Name of the generated model card in a bundle's folder.
CARD = "MODEL_CARD.md"


class DetectorPart(Settings):
    """Stage 1, the detector.

    Attributes:
        file: Name of the network's file.
        preparation: Preparation of its input.
        rule: Rule that makes a mask of its probabilities.
    """

    file: str
    preparation: DetectorPreparation
    rule: SliceRule


class NoveltyLimits(Settings):
    """How unlike the training scans a scan may be; a scan's novelty is the median over its slices.

    Attributes:
        review: Novelty from which a person should look before the verdict is used.
        refuse: Novelty from which no verdict is given.
        set_from: How the limits were chosen.
    """

    review: PositiveFloat
    refuse: PositiveFloat
    set_from: str

    @model_validator(mode="after")
    def _in_order(self) -> "NoveltyLimits":
        if self.refuse < self.review:
            raise ValueError(f"refuse = {self.refuse:g} is below review = {self.review:g}")
        return self


class QualityPart(Settings):
    """Stage 2, the quality network.

    Attributes:
        file: Name of the network's file.
        preparation: Preparation of its input.
        outputs: Order of its probabilities.
        novelty: Limits of its output `novelty`. None if it has no such output.
    """

    file: str
    preparation: QualityPreparation
    outputs: tuple[str, ...] = NAMES
    novelty: NoveltyLimits | None = None


class Metric(Settings):
    """One measured figure, with what it was measured on.

    Attributes:
        name: what was measured.
        value: the figure.
        measured_on: cohort, part, seed and date, in words.
    """

    name: str
    value: float
    measured_on: str


class Manifest(Settings):
    """The content of `bundle.json`.

    Attributes:
        format: of the bundle; this lgeqa reads 1.
        name, version: of the model.
        created: date, ISO 8601.
        strategy: how stage 2 was trained.
        detector, quality: the two networks; see their own tables.
        threshold: slice probability of quality from which a slice counts as diagnostic.
        labels: whether the scores it learnt from were simulated, measured on the images, or given by experts.
        training_data: in words.
        intended_use: in words.
        license: SPDX name.
        caution: What a user should know before trusting a verdict, shown beside every verdict.
        metrics: measured figures.
        sha256: of each other file in the folder that the bundle needs.
        decisive_sha256: SHA-256 of what a verdict rests on: `detector`, `quality`, `threshold` and `sha256`. Empty in
            bundles of earlier versions, which are opened without this check.
    """

    format: Literal[1] = 1
    name: str
    version: str
    created: str
    strategy: str
    detector: DetectorPart
    quality: QualityPart
    threshold: float = Field(0.5, gt=0, lt=1)
    labels: Literal["simulated", "measured", "expert"]
    training_data: str
    intended_use: str
    license: str
    caution: str = ""
    metrics: tuple[Metric, ...] = ()
    sha256: dict[str, str]
    decisive_sha256: str = ""


def decisive_sha256(manifest: dict[str, Any]) -> str:
    """Return the SHA-256 of what a verdict rests on in a manifest, as read from JSON."""
    decisive = {name: manifest.get(name) for name in _DECISIVE}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
