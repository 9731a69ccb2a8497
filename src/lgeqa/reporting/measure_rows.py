"""Image quality measures of a scan beside the reference scans, as the report and the web application show them."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from lgeqa.measures import MEASURES, Measure, ReferenceScans
from lgeqa.records import Measures

#: Shares of the reference scans: about the middle, the middle half, and the part between the outer tenths.
_MIDDLE: Final = (0.4, 0.6)
_HALF: Final = (0.25, 0.75)
_TENTH: Final = (0.1, 0.9)
#: Margin of a strip beside the reference scans, and place of marks beyond its edge, in percent of its length.
_MARGIN: Final = 6.0
_EDGE: Final = 2.0


@dataclass(frozen=True)
class Strip:
    """Axis of a strip plot, with the reference scans on it. Places are in percent of its length.

    Attributes:
        low: Value at the left end of the range that the plot must show.
        high: Value at the right end of this range.
        quantiles: Values of the reference scans at increasing shares.
        band: Values that enclose the middle 80 % of the reference scans.
        median: Median of the reference scans.
    """

    low: float
    high: float
    quantiles: tuple[float, ...]
    band: tuple[float, float]
    median: float

    def at(self, value: float) -> float:
        """Return the place of a value, which is at an edge for a value beyond the strip."""
        return round(min(max(self._place(value), _EDGE), 100 - _EDGE), 2)

    def beyond(self, value: float) -> int:
        """Return -1 or 1 for a value beyond the left or the right edge, else 0."""
        place = self._place(value)
        return int(place > 100 - _EDGE) - int(place < _EDGE)

    def _place(self, value: float) -> float:
        if self.high == self.low:
            return 50 + 100 * float(np.sign(value - self.low))
        return _MARGIN + (100 - 2 * _MARGIN) * (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class MeasureRow:
    """One measure of one scan, as it is shown.

    Attributes:
        measure: Definition of the measure.
        value: Value of the scan. None if it is undefined.
        reason: Reason why the value is undefined.
        place: Place of the value among the reference scans, as text. Empty if the value is undefined.
        poor: Whether the value is among the worst tenth of the reference scans, or worse than all of them.
        strip: Axis on which the value is drawn.
    """

    measure: Measure
    value: float | None
    reason: str
    place: str
    poor: bool
    strip: Strip

    @property
    def text(self) -> str:
        """Value with its unit."""
        return "–" if self.value is None else value_text(self.measure, self.value)


def value_text(measure: Measure, value: float) -> str:
    """Return a value of a measure with its decimals and its unit."""
    number = f"{value:.{measure.decimals}f}".replace("-", "−")
    return f"{number} {measure.unit}".rstrip()


def reference_note(reference: ReferenceScans) -> str:
    """Return a note about the reference scans and about what a place among them means."""
    return f"Reference scans: {reference.source} A place among them is not a clinical score."


def reference_strip(name: str, reference: ReferenceScans, others: tuple[float, ...] = ()) -> Strip:
    """Return the axis for a measure.

    Args:
        name: Name of the measure.
        reference: Reference scans.
        others: Further values that the axis must cover.
    """
    quantiles = reference.quantiles[name]
    ends = (quantiles[0], quantiles[-1], *others)
    return Strip(min(ends), max(ends), quantiles, _between(name, reference, _TENTH), _at_share(name, reference, 0.5))


def measure_rows(measures: Measures, reference: ReferenceScans) -> list[MeasureRow]:
    """Return a row for each measure: poor ones first, undefined ones last, else in the order of `MEASURES`."""
    rows = [
        MeasureRow(
            measure,
            value := measures.values[measure.name],
            measures.reasons.get(measure.name, ""),
            "" if value is None else _place_words(measure, value, measures.places[measure.name], reference),
            value is not None and _is_poor(measure, value, reference),
            reference_strip(measure.name, reference),
        )
        for measure in MEASURES
        if measure.name in measures.values
    ]
    return sorted(rows, key=lambda row: (row.value is None, not row.poor))


def _is_poor(measure: Measure, value: float, reference: ReferenceScans) -> bool:
    low, high = _between(measure.name, reference, _TENTH)
    return value < low if measure.better == "higher" else measure.better == "lower" and value > high


def _place_words(measure: Measure, value: float, place: float, reference: ReferenceScans) -> str:
    """Return the place of a value among the reference scans, as text."""
    poor, scans = _is_poor(measure, value, reference), f"{reference.n} reference scans"
    if place in (0, 1):
        return f"{'worse' if poor else 'higher' if place else 'lower'} than {_beyond_words(reference, scans)}"
    low, high = _between(measure.name, reference, _MIDDLE)
    if low <= value <= high:
        first, third = _between(measure.name, reference, _HALF)
        return f"as in most of the {scans}" if first == third else f"about the middle of the {scans}"
    lower, higher = _counts_beside(value, place, reference.quantiles[measure.name], reference)
    words = f"higher than {lower} of the {scans}" if place > 0.5 else f"lower than {higher} of the {scans}"
    return f"among the worst tenth: {words}" if poor else words


def _beyond_words(reference: ReferenceScans, scans: str) -> str:
    """Return how many scans are certainly on one side of a value beyond all quantiles, as text."""
    certain = int(reference.shares[-1] * (reference.n - 1)) + 1
    return f"all {scans}" if certain == reference.n else f"at least {certain} of the {scans}"


def _counts_beside(
    value: float, place: float, quantiles: tuple[float, ...], reference: ReferenceScans
) -> tuple[int, int]:
    """Return about how many reference scans are lower and how many higher than a value, without equal ones."""
    equal = [share for share, quantile in zip(reference.shares, quantiles, strict=True) if quantile == value] or [place]
    return round(reference.n * equal[0]), reference.n - round(reference.n * equal[-1])


def _between(name: str, reference: ReferenceScans, shares: tuple[float, float]) -> tuple[float, float]:
    return _at_share(name, reference, shares[0]), _at_share(name, reference, shares[1])


def _at_share(name: str, reference: ReferenceScans, share: float) -> float:
    return float(np.interp(share, reference.shares, reference.quantiles[name]))
