"""Calibration of a bundle's probabilities on scans of a site: a monotone map for each scale."""

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, PositiveFloat, model_validator

from lgeqa.bootstrap import Numbers
from lgeqa.config import Settings
from lgeqa.inference.bundle.kept_out import KeptOut
from lgeqa.records import FloatArray
from lgeqa.scales import SCALE_NAMES

#: Smallest distance of a probability from 0 and 1, so that its logit is finite.
_CLOSEST = 1e-6


class LogisticMap(Settings):
    """Map of a logit to `slope` times the logit plus `offset`.

    With an offset of 0 this is temperature scaling (Guo et al. 2017, arXiv 1706.04599), with an offset Platt scaling.

    Attributes:
        kind: Kind of the map.
        slope: Factor of the logit. Below 1 the probabilities move towards one half.
        offset: Logit that is added.
    """

    kind: Literal["logistic"] = "logistic"
    slope: PositiveFloat
    offset: float

    def apply(self, probabilities: Numbers) -> Numbers:
        """Return calibrated probabilities of the same shape."""
        logits = self.slope * logit(probabilities) + self.offset
        calibrated: Numbers = 1 / (1 + np.exp(-logits))
        return calibrated


class IsotonicMap(Settings):
    """Map along straight lines between points, and level beyond the outermost.

    Attributes:
        kind: Kind of the map.
        probabilities: Probabilities of the network at the points, increasing.
        calibrated: Calibrated probabilities at the points, not decreasing.
    """

    kind: Literal["isotonic"] = "isotonic"
    probabilities: tuple[float, ...] = Field(min_length=1)
    calibrated: tuple[float, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_monotone(self) -> Self:
        if len(self.probabilities) != len(self.calibrated):
            raise ValueError(f"{len(self.probabilities)} probabilities have {len(self.calibrated)} calibrated ones")
        if np.any(np.diff(self.probabilities) <= 0) or np.any(np.diff(self.calibrated) < 0):
            raise ValueError("the points of an isotonic map must rise")
        return self

    def apply(self, probabilities: Numbers) -> Numbers:
        """Return calibrated probabilities of the same shape."""
        return np.interp(probabilities, self.probabilities, self.calibrated)


#: Map from the network's probabilities to calibrated ones.
ProbabilityMap = Annotated[LogisticMap | IsotonicMap, Field(discriminator="kind")]


class Calibration(Settings):
    """Calibration of the quality network's probabilities.

    Attributes:
        maps: Map of each calibrated scale. Scales that are missing stay as they are.
        data: Description of the scans that the maps were fitted on.
        kept_out: Answers on these scans by calibrations without them. None in bundles of earlier versions.
    """

    maps: dict[str, ProbabilityMap]
    data: str
    kept_out: KeptOut | None = None

    @model_validator(mode="after")
    def _scales_are_known(self) -> Self:
        if unknown := sorted(self.maps.keys() - set(SCALE_NAMES)):
            raise ValueError(f"{unknown[0]} is not a scale. There are {', '.join(SCALE_NAMES)}")
        return self

    def apply(self, probabilities: FloatArray) -> FloatArray:
        """Return calibrated probabilities of slices, (slice, 4) in the order of `scales.SCALE_NAMES`."""
        calibrated = probabilities.copy()
        for name, scale_map in self.maps.items():
            column = SCALE_NAMES.index(name)
            calibrated[:, column] = scale_map.apply(probabilities[:, column].astype(np.float64))
        return calibrated


def logit(probabilities: Numbers) -> Numbers:
    """Return the logits of probabilities, which are kept a millionth away from 0 and 1."""
    inside = np.clip(probabilities, _CLOSEST, 1 - _CLOSEST)
    logits: Numbers = np.log(inside / (1 - inside))
    return logits
