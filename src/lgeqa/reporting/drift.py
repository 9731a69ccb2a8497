"""Drift of decisions, probabilities and measures of scans over time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from lgeqa.control_chart import BASELINE, ControlChart, control_chart
from lgeqa.measures import BY_NAME
from lgeqa.records import ScanResult
from lgeqa.scales import QUALITY_FIRST

#: Measures that are followed.
_MEASURES: Final = ("wall_cnr", "asnr", "edge_width_mm", "nulling_ratio", "noise_percent", "shading_percent")
#: Quantities that are followed, with their titles.
QUANTITIES: Final = {
    "accepted": "Share of scans accepted",
    **{f"p_{scale.name}": f"Probability of {scale.title.lower()}" for scale in QUALITY_FIRST},
    **{name: BY_NAME[name].title for name in _MEASURES},
}


#: Facts to group by that records hold themselves.
OwnFact = Literal["scanner", "software", "bundle"]


@dataclass(frozen=True)
class Moment:
    """One scan in time.

    Attributes:
        result: Record of the scan.
        when: Date or time by which the scan is sorted.
    """

    result: ScanResult
    when: str


@dataclass(frozen=True)
class Series:
    """The values of one quantity in a group, and their chart.

    Attributes:
        quantity: Name as in `QUANTITIES`.
        moments: Scans with a value, in order.
        chart: Control chart. None if there are too few scans.
    """

    quantity: str
    moments: Sequence[Moment]
    chart: ControlChart | None

    @property
    def alarm(self) -> str:
        """Sentence about a quantity that is outside its limits now. Empty if it is inside."""
        if self.chart is None or (since := self.chart.since) is None:
            return ""
        first = self.moments[since]
        change = f"{self.chart.centre:.2f} before, {self.chart.averages[-1]:.2f} now"
        return (
            f"Outside its limits since {first.result.scan_id} ({first.when}), scan "
            f"{since + 1} of {len(self.moments)}; {change}."
        )


@dataclass(frozen=True)
class Group:
    """The scans of one site, scanner, protocol or whatever the user groups by.

    Attributes:
        name: Name of the group.
        n_scans: Number of scans in the group.
        series: Values of each quantity, with their charts.
    """

    name: str
    n_scans: int
    series: Sequence[Series]

    @property
    def alarms(self) -> list[str]:
        """Sentences about the quantities that are outside their limits now."""
        return [f"{QUANTITIES[series.quantity]}: {series.alarm}" for series in self.series if series.alarm]


def own_fact(result: ScanResult, name: str) -> str:
    """Return one of `OwnFact` of a scan, or that it is unknown."""
    if name == "bundle" and result.bundle:
        return f"{result.bundle.name} {result.bundle.version}"
    return getattr(result.acquisition, name, "") or f"{name} unknown"


def follow_groups(named: Iterable[tuple[str, Moment]], baseline: int = BASELINE) -> list[Group]:
    """Return the drift of the scans of each group, sorted by the name of the group. An empty name means all scans."""
    groups: dict[str, list[Moment]] = {}
    for name, moment in named:
        groups.setdefault(name or "all scans", []).append(moment)
    return [follow(name, groups[name], baseline) for name in sorted(groups)]


def follow(name: str, moments: Sequence[Moment], baseline: int) -> Group:
    """Return the drift of scans, in the order of their dates."""
    ordered = sorted(moments, key=lambda moment: (moment.when, moment.result.scan_id))
    series = []
    for quantity in QUANTITIES:
        values = np.array([value_of(moment.result, quantity) for moment in ordered], float)
        defined = [moment for moment, value in zip(ordered, values, strict=True) if not np.isnan(value)]
        series.append(Series(quantity, defined, control_chart(values, baseline)))
    return Group(name, len(ordered), series)


def value_of(result: ScanResult, quantity: str) -> float:
    """Return a quantity of a scan, NaN if it has none."""
    if quantity == "accepted":
        return float("nan") if result.decision is None else float(result.decision == "accept")
    if quantity.startswith("p_"):
        value = getattr(result, quantity)
    else:
        value = result.measures.values.get(quantity) if result.measures else None
    return float("nan") if value is None else float(value)
