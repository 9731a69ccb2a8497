"""Page with the control charts of all quantities, as one self-contained HTML file."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np

from lgeqa.control_chart import WIDTH, Numbers
from lgeqa.frontend.shared_files import shared_text
from lgeqa.reporting.drift import QUANTITIES, Group, Series
from lgeqa.reporting.template_files import environment, hash_of, template_text

#: Size of a chart in pixels, and the margin inside it.
_WIDE: Final = 720
_HIGH: Final = 130
_MARGIN: Final = 6.0


@dataclass(frozen=True)
class DrawnSeries:
    """One control chart, as paths in pixels from the upper left.

    Attributes:
        series: Series that is drawn.
        title: Name of the quantity.
        points: Centre of each value's mark.
        average: Points of the moving average, for a polyline.
        band: Points of the limits, for a polygon.
        centre: Height of the centre line.
        start: Place from which values are judged.
    """

    series: Series
    title: str
    points: list[tuple[float, float]]
    average: str
    band: str
    centre: float
    start: float

    @classmethod
    def of(cls, series: Series) -> "DrawnSeries | None":
        """Return the drawing of a series, or None if it has no chart."""
        chart = series.chart
        if chart is None:
            return None
        n = len(chart.values)
        behind = np.arange(chart.baseline, n, dtype=float)
        low, high = chart.centre - chart.half_widths, chart.centre + chart.half_widths
        ends = np.concatenate([chart.values, low, high])
        bottom, top = float(ends.min()), float(ends.max())
        scale = (_HIGH - 2 * _MARGIN) / ((top - bottom) or 1.0)

        def place(steps: Numbers, values: Numbers) -> list[tuple[float, float]]:
            x = _MARGIN + (_WIDE - 2 * _MARGIN) * steps / max(n - 1, 1)
            y = _HIGH - _MARGIN - scale * (values - bottom)
            return [(round(float(a), 1), round(float(b), 1)) for a, b in zip(x, y, strict=True)]

        band = [*place(behind, low), *place(behind, high)[::-1]]
        (start, centre), *_ = place(np.array([float(chart.baseline)]), np.array([chart.centre]))
        return cls(
            series,
            QUANTITIES[series.quantity],
            place(np.arange(n, dtype=float), chart.values),
            _path(place(behind, chart.averages)),
            _path(band),
            centre,
            start,
        )


def drift_page(groups: Sequence[Group]) -> str:
    """Return the page of some groups, quantities that are outside their limits first. It loads nothing."""
    drawn = [(group, _drawn(group)) for group in groups]
    style = "\n" + shared_text("base.css") + template_text("drift.css")
    return (
        environment()
        .get_template("drift.html")
        .render(
            groups=drawn,
            wide=_WIDE,
            high=_HIGH,
            margin=_MARGIN,
            limits=WIDTH,
            style=style,
            policy=f"default-src 'none'; style-src '{hash_of(style)}'; base-uri 'none'; form-action 'none'",
            written=datetime.now(UTC),
        )
    )


def _drawn(group: Group) -> list[DrawnSeries]:
    drawn = [drawing for series in group.series if (drawing := DrawnSeries.of(series))]
    return sorted(drawn, key=lambda drawing: not drawing.series.alarm)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)
