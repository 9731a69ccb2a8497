"""The manifest of a trained model, `bundle.json`."""

import hashlib
import json
from typing import Any, Final, Literal

from pydantic import Field, PositiveFloat, model_validator

from lgeqa.config import Settings
from lgeqa.inference.bundle.calibration import Calibration
from lgeqa.inference.bundle.kept_out import KeptOut
from lgeqa.inference.detection import SliceRule
from lgeqa.operating_point import OperatingPoint
from lgeqa.preprocessing import DetectorPreparation, QualityPreparation
from lgeqa.scales import SCALE_NAMES

#: Name of the manifest in a bundle's folder.
MANIFEST = "bundle.json"
#: Parts of a manifest that a verdict depends on.
_DECISIVE: Final = (
    "detector",
    "quality",
    "threshold",
    "operating_point",
    "measured_share",
    "measured_reader",
    "sha256",
)
#: Those of them that bundles of earlier versions lack. Their hash covers the other parts.
_LATER: Final = ("operating_point", "measured_share", "measured_reader")
#: Name of the generated model card in a bundle's folder.
CARD = "MODEL_CARD.md"


#: The stages of a bundle.
StageName = Literal["detector", "quality"]


class DetectorPart(Settings):
    """Stage 1, the detector.

    Attributes:
        file: Name of the network's file.
        preparation: Preparation of its input.
        rule: Rule that turns its probabilities into a mask.
    """

    file: str
    preparation: DetectorPreparation
    rule: SliceRule


class NoveltyLimits(Settings):
    """Limits of the novelty of a scan, which is the median over its slices.

    Attributes:
        review: Novelty from which a person should review the scan before the verdict is used.
        refuse: Novelty from which no verdict is given.
        set_from: Description of how the limits were chosen.
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
        calibration: Calibration of its probabilities. None if they are taken as they are.
    """

    file: str
    preparation: QualityPreparation
    outputs: tuple[str, ...] = SCALE_NAMES
    novelty: NoveltyLimits | None = None
    calibration: Calibration | None = None


class Metric(Settings):
    """One measured figure and the data that it was measured on.

    Attributes:
        name: Name of the figure.
        value: Value of the figure.
        measured_on: Description of the data: cohort, part, seed and date.
    """

    name: str
    value: float
    measured_on: str


class Manifest(Settings):
    """The content of `bundle.json`.

    Attributes:
        format: Number of the bundle format. This version of lgeqa reads 1.
        name: Name of the model.
        version: Version of the model.
        created: Date of creation, ISO 8601.
        strategy: Strategy that stage 2 was trained with.
        detector: Stage 1, the detector.
        quality: Stage 2, the quality network.
        threshold: Slice probability of quality from which a slice counts as diagnostic.
        operating_point: Limits of the scan's probability for the decision. None for those of `operating_point.DEFAULT`.
        measured_share: Share of the measured reader in every probability. The rest is the share of the quality network.
        measured_reader: Version of the measured reader that has this share. Empty without a share.
        labels: Origin of the scores used for training: simulated, measured on the images, or given by experts.
        training_data: Description of the training data.
        intended_use: Description of the intended use.
        license: SPDX name of the licence.
        caution: Caution that a user should know before trusting a verdict, shown beside every verdict.
        metrics: Measured figures.
        training_scans: Scans that each stage, `detector` or `quality`, was trained on or that selected its weights: 16
            hexadecimal digits of the hash of their size and voxels, that of the real scan for a simulated one. A stage
            is missing if its scans are unknown.
        training_versions: Versions of lgeqa, Python and the packages that trained or joined the stages. Empty in
            bundles of earlier versions.
        sha256: SHA-256 of each other file in the folder that the bundle needs, by file name.
        decisive_sha256: SHA-256 of the parts that a verdict or a decision depends on: `detector`, `quality`,
            `threshold`, `operating_point`, `measured_share` and `measured_reader` where there is one, and `sha256`.
            Empty in bundles of earlier versions, which are opened without this check.
    """

    format: Literal[1] = 1
    name: str
    version: str
    created: str
    strategy: str
    detector: DetectorPart
    quality: QualityPart
    threshold: float = Field(0.5, gt=0, lt=1)
    operating_point: OperatingPoint | None = None
    measured_share: float = Field(0.0, ge=0, lt=1)
    measured_reader: str = ""
    labels: Literal["simulated", "measured", "expert"]
    training_data: str
    intended_use: str
    license: str
    caution: str = ""
    metrics: tuple[Metric, ...] = ()
    training_scans: dict[StageName, tuple[str, ...]] = Field(default_factory=dict)
    training_versions: dict[str, str] = Field(default_factory=dict)
    sha256: dict[str, str]
    decisive_sha256: str = ""

    @property
    def kept_out(self) -> KeptOut | None:
        """Answers on labelled scans that were kept out of a calibration. None if the bundle has none."""
        return self.quality.calibration.kept_out if self.quality.calibration else None


def decisive_sha256(manifest: dict[str, Any]) -> str:
    """Return the SHA-256 of the parts that a verdict depends on in a manifest, as read from JSON."""
    decisive = {name: manifest.get(name) for name in _DECISIVE if name not in _LATER or manifest.get(name)}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
