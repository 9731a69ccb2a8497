"""Measures of all scans of a batch side by side, which reveals a scanner that drifts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from lgeqa.measures import MEASURES, Measure, ReferenceScans
from lgeqa.reporting.measure_rows import Strip, reference_strip, value_text
from lgeqa.reporting.presenter import ScanView

#: Smallest number of measured scans whose spread is shown.
LEAST_SCANS: Final = 6
#: Smallest number of values among which outliers are named, and robust z beyond which a value is an outlier.
_LEAST_VALUES: Final = 8
_OUTLYING: Final = 3.5
#: Ratio of the median absolute deviation to the standard deviation of normal values.
_OF_MAD: Final = 0.6745
#: Percentiles of the batch that the axis covers at least. Values farther out are marked at its edge.
_AXIS: Final = (5.0, 95.0)


def robust_z(values: Sequence[float]) -> list[float]:
    """Return how far each value is from the median: 0.6745 (x - median) / MAD.

    MAD is the median absolute deviation from the median. The list is empty for fewer than 8 values, and if MAD is 0
    because more than half of the values are equal.

    Source: Iglewicz and Hoaglin, How to Detect and Handle Outliers, ASQC Quality Press 1993.
    """
    array = np.asarray(values, float)
    if len(array) < _LEAST_VALUES:
        return []
    from_median = array - np.median(array)
    spread = float(np.median(np.abs(from_median)))
    return (_OF_MAD * from_median / spread).tolist() if spread else []


@dataclass(frozen=True)
class Outlier:
    """A scan whose value is far from the others of the batch.

    Attributes:
        view: Scan as the page shows it.
        text: Value with its unit.
        z: Robust z of the value.
        worse: Whether the value is worse than the others. None if no direction is better.
    """

    view: ScanView
    text: str
    z: float
    worse: bool | None

    @property
    def words(self) -> str:
        """Direction of the outlier, whether it is worse, and its robust z, as text."""
        side = "far above" if self.z > 0 else "far below"
        verdict = {True: ", worse", False: ", better", None: ""}[self.worse]
        return f"{side} the others{verdict} (robust z {self.z:+.1f})".replace("-", "−")


@dataclass(frozen=True)
class BatchMeasure:
    """One measure over a batch.

    Attributes:
        measure: Definition of the measure.
        views: Scans for which it is defined.
        values: Value of each of these scans.
        strip: Axis on which the values are drawn.
    """

    measure: Measure
    views: tuple[ScanView, ...]
    values: tuple[float, ...]
    strip: Strip

    @property
    def median(self) -> float:
        """Median of the batch."""
        return float(np.median(self.values))

    @property
    def median_text(self) -> str:
        """Median of the batch with its unit."""
        return value_text(self.measure, self.median)

    @property
    def dots(self) -> list[tuple[ScanView, float, str]]:
        """Each scan, its value, and the value with its unit."""
        texts = [value_text(self.measure, value) for value in self.values]
        return list(zip(self.views, self.values, texts, strict=True))

    @property
    def shift(self) -> str:
        """Side of the reference band on which the median is outside of it: `above`, `below`, or empty."""
        low, high = self.strip.band
        return "above" if self.median > high else "below" if self.median < low else ""

    @cached_property
    def outliers(self) -> list[Outlier]:
        """Scans far from the others, the farthest first."""
        # robust_z is empty where no value can be called an outlier.
        outliers = [
            Outlier(view, text, z, self._is_worse(z))
            for (view, _, text), z in zip(self.dots, robust_z(self.values), strict=False)
            if abs(z) > _OUTLYING
        ]
        return sorted(outliers, key=lambda outlier: -abs(outlier.z))

    def _is_worse(self, z: float) -> bool | None:
        return None if self.measure.better == "neither" else (z > 0) == (self.measure.better == "lower")


def batch_measures(views: Sequence[ScanView], reference: ReferenceScans) -> list[BatchMeasure]:
    """Return each measure over the scans that have measures, or nothing for fewer than 6 such scans."""
    measured = [(view, view.result.measures.values) for view in views if view.result.measures]
    if len(measured) < LEAST_SCANS:
        return []
    rows = []
    for measure in MEASURES:
        defined = [(view, value) for view, values in measured if (value := values.get(measure.name)) is not None]
        if defined:
            defined_views, values = zip(*defined, strict=True)
            ends = tuple(np.percentile(values, _AXIS).tolist())
            rows.append(BatchMeasure(measure, defined_views, values, reference_strip(measure.name, reference, ends)))
    return rows
