"""Control chart of a series of values: when it has left what its first values were like."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

#: Weight of the newest value in the moving average. Small weights find small, lasting changes.
WEIGHT: Final = 0.1
#: Half width of the limits in standard deviations of the moving average. With a baseline of 30 values, 4 % of the
#: series without a change leave them within 100 values, and a change by one standard deviation is found after 16.
WIDTH: Final = 3.5
#: Relative difference that counts as none.
_ROUNDING: Final = 1e-9
#: Number of first values that set centre and limits.
BASELINE: Final = 30


@dataclass(frozen=True)
class ControlChart:
    """Exponentially weighted moving average of a series, with its limits.

    Attributes:
        values: Values of the series in order, (n,), without NaN.
        centre: Mean of the baseline.
        averages: Moving average after each value behind the baseline, (n - baseline,).
        half_widths: Distance of the limits from the centre at the same places, (n - baseline,).
    """

    values: Numbers
    centre: float
    averages: Numbers
    half_widths: Numbers

    @property
    def baseline(self) -> int:
        """Number of values that set centre and limits."""
        return len(self.values) - len(self.averages)

    @property
    def outside(self) -> npt.NDArray[np.bool_]:
        """Whether each moving average is outside the limits, (n - baseline,)."""
        return np.abs(self.averages - self.centre) > self.half_widths + _ROUNDING * max(abs(self.centre), 1.0)

    @property
    def since(self) -> int | None:
        """Place in `values` from which the series has been outside without a break, or None if it is inside now."""
        inside = np.flatnonzero(~self.outside)
        first = self.baseline + (int(inside[-1]) + 1 if len(inside) else 0)
        return first if first < len(self.values) else None


def control_chart(values: Numbers, baseline: int = BASELINE) -> ControlChart | None:
    """Return the chart of a series, or None if it has no value behind the baseline.

    The limits include how uncertain the mean of the baseline is. A baseline without any spread gives limits of width 0,
    so that the first other value is outside. Source: Roberts 1959, Technometrics 1:239-250.

    Args:
        values: Values in order, (n,). NaN is left out.
        baseline: Number of values that set centre and limits.
    """
    values = values[~np.isnan(values)]
    if len(values) <= baseline:
        return None
    centre = float(values[:baseline].mean())
    steps = np.arange(1, len(values) - baseline + 1)
    averages = np.empty(len(steps))
    average = centre
    for place, value in enumerate(values[baseline:]):
        average = WEIGHT * value + (1 - WEIGHT) * average
        averages[place] = average
    rest = (1 - WEIGHT) ** steps
    variance = WEIGHT / (2 - WEIGHT) * (1 - rest**2) + (1 - rest) ** 2 / baseline
    return ControlChart(values, centre, averages, WIDTH * values[:baseline].std(ddof=1) * np.sqrt(variance))
