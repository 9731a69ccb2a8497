"""Measures of all scans of a batch side by side, which reveals a scanner that drifts."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np

from lgeqa.measures import MEASURES, Measure, ReferenceScans
from lgeqa.records import FloatArray, IntArray, ScanResult
from lgeqa.reporting.measure_rows import Strip, reference_strip, value_text
from lgeqa.reporting.presenter import ScanLink

#: Smallest number of measured scans whose spread is shown.
LEAST_SCANS: Final = 6
#: Smallest number of values among which outliers are named, and robust z beyond which a value is an outlier.
_LEAST_VALUES: Final = 8
_OUTLYING: Final = 3.5
#: Ratio of the median absolute deviation to the standard deviation of normal values.
_OF_MAD: Final = 0.6745
#: Percentiles of the batch that the axis covers at least. Values farther out are marked at its edge.
_AXIS: Final = (5.0, 95.0)
#: Number of columns of a histogram, and width of one for a single value, in percent of the length of the strip.
_COLUMNS: Final = 44
_THINNEST: Final = 2.0


def robust_z(values: FloatArray) -> FloatArray:
    """Return how far each value is from the median: 0.6745 (x - median) / MAD.

    MAD is the median absolute deviation from the median. The array is empty for fewer than 8 values, and if MAD is 0
    because more than half of the values are equal.

    Source: Iglewicz and Hoaglin, How to Detect and Handle Outliers, ASQC Quality Press 1993.
    """
    if len(values) < _LEAST_VALUES:
        return np.empty(0, np.float32)
    from_median = values - np.median(values)
    spread = float(np.median(np.abs(from_median)))
    return _OF_MAD * from_median / spread if spread else np.empty(0, np.float32)


@dataclass(frozen=True)
class Outlier:
    """A scan whose value is far from the others of the batch.

    Attributes:
        scan: Scan and where its part is.
        text: Value with its unit.
        z: Robust z of the value.
        worse: Whether the value is worse than the others. None if no direction is better.
    """

    scan: ScanLink
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
class Column:
    """One column of a histogram.

    Attributes:
        left: Left edge on the strip, in percent of its length.
        width: Width, in percent of the length of the strip.
        height: Height, in percent of the highest column.
        title: Number of scans and their range of values, as text.
    """

    left: float
    width: float
    height: float
    title: str


@dataclass(frozen=True)
class BatchMeasure:
    """One measure over a batch.

    Attributes:
        measure: Definition of the measure.
        numbers: Place in the batch of each scan for which the measure is defined.
        values: Value of each of these scans.
        strip: Axis on which the values are drawn.
        link: Function that returns the link to a scan by its place in the batch.
    """

    measure: Measure
    numbers: IntArray
    values: FloatArray
    strip: Strip
    link: Callable[[int], ScanLink]

    @cached_property
    def median(self) -> float:
        """Median of the batch."""
        return float(np.median(self.values))

    @property
    def median_text(self) -> str:
        """Median of the batch with its unit."""
        return value_text(self.measure, self.median)

    @property
    def dots(self) -> list[tuple[ScanLink, float, str]]:
        """Each scan, its value, and the value with its unit."""
        return [(self._link_to(place), float(self.values[place]), self._text_of(place)) for place in range(self.n)]

    @property
    def columns(self) -> list[Column]:
        """Histogram of the values, without empty columns. FloatArray beyond the axis are in its outermost columns."""
        strip = self.strip
        n_columns = _COLUMNS if strip.high > strip.low else 1
        counts, _ = np.histogram(np.clip(self.values, strip.low, strip.high), n_columns, (strip.low, strip.high))
        edges = np.linspace(strip.low, strip.high, n_columns + 1).tolist()
        places = [strip.at(edge) for edge in edges]
        texts = [value_text(self.measure, edge) for edge in edges]
        return [
            Column(
                left,
                max(round(right - left, 2), _THINNEST),
                round(100 * count / int(counts.max()), 1),
                f"{count:,} scan{'' if count == 1 else 's'} from {low} to {high}",
            )
            for count, (left, right), (low, high) in zip(
                counts.tolist(), pairwise(places), pairwise(texts), strict=True
            )
            if count
        ]

    @property
    def n(self) -> int:
        """Number of scans for which the measure is defined."""
        return len(self.values)

    @property
    def shift(self) -> str:
        """Side of the reference band on which the median is outside of it: `above`, `below`, or empty."""
        low, high = self.strip.band
        return "above" if self.median > high else "below" if self.median < low else ""

    @property
    def n_outliers(self) -> int:
        """Number of scans far from the others."""
        return len(self._outlying)

    def outliers(self, most: int) -> list[Outlier]:
        """Return scans far from the others, the farthest first, and not more than `most`."""
        return [
            Outlier(self._link_to(place), self._text_of(place), z := float(self._z[place]), self._is_worse(z))
            for place in map(int, self._outlying[:most])
        ]

    @cached_property
    def _z(self) -> FloatArray:
        return robust_z(self.values)

    @cached_property
    def _outlying(self) -> IntArray:
        """Places of the outliers in `values`, the farthest first. Empty where no value can be called an outlier."""
        far = np.flatnonzero(np.abs(self._z) > _OUTLYING)
        return far[np.argsort(-np.abs(self._z[far]), kind="stable")]

    def _link_to(self, place: int) -> ScanLink:
        return self.link(int(self.numbers[place]))

    def _text_of(self, place: int) -> str:
        return value_text(self.measure, float(self.values[place]))

    def _is_worse(self, z: float) -> bool | None:
        return None if self.measure.better == "neither" else (z > 0) == (self.measure.better == "lower")


def measure_table(results: Iterable[ScanResult]) -> FloatArray:
    """Return the measures of results, (result, measure) in the order of `MEASURES`, NaN where they are undefined."""
    rows = [_row(result.measures.values if result.measures else {}) for result in results]
    return np.array(rows, np.float32).reshape(-1, len(MEASURES))


def _row(values: dict[str, float | None]) -> list[float]:
    return [np.nan if (value := values.get(measure.name)) is None else value for measure in MEASURES]


def batch_measures(table: FloatArray, link: Callable[[int], ScanLink], reference: ReferenceScans) -> list[BatchMeasure]:
    """Return each measure over the scans that have measures, or nothing for fewer than 6 such scans.

    Args:
        table: Measures of each scan of the batch, as by `measure_table`.
        link: Function that returns the link to a scan by its place in the batch.
        reference: Reference scans.
    """
    is_defined = np.isfinite(table)
    if is_defined.any(axis=1).sum() < LEAST_SCANS:
        return []
    rows = []
    for measure, column, defined in zip(MEASURES, table.T, is_defined.T, strict=True):
        numbers = np.flatnonzero(defined)
        if len(numbers):
            values = column[numbers]
            ends = tuple(np.percentile(values, _AXIS).tolist())
            strip = reference_strip(measure.name, reference, ends)
            rows.append(BatchMeasure(measure, numbers, values, strip, link))
    return rows
