"""How far decisions can be trusted: what a calibrated bundle answered on labelled scans that were kept out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lgeqa.bootstrap import Bootstrap
from lgeqa.inference.bundle.kept_out import COVERAGES, KeptOut, nearest_to, outcome_text
from lgeqa.operating_point import OperatingPoint

#: Largest risks at which the axis may end.
_RISKS: Final = (0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True)
class Outcome:
    """Decisions on the scans that were kept out, by one operating point.

    Attributes:
        point: Operating point.
        text: Decisions on 100 such scans, as text.
        accepted: Share of the scans that are accepted.
        risk: Share of poor scans among the accepted ones. None if no scan is accepted.
    """

    point: OperatingPoint
    text: str
    accepted: float
    risk: float | None


@dataclass(frozen=True)
class DecisionTrust:
    """Both curves of a calibrated bundle, and the outcome of each operating point.

    Attributes:
        n: Number of scans that were kept out.
        outcomes: Outcome of each operating point of the report.
        reliability: Mean probability, share of diagnostic scans and number of scans, for bins of equally many scans.
        curve: Share of the scans that are accepted, and share of poor ones among them, for each limit.
    """

    n: int
    outcomes: tuple[Outcome, ...]
    reliability: tuple[tuple[float, float, int], ...]
    curve: tuple[tuple[float, float], ...]

    @property
    def selected(self) -> list[tuple[float, float]]:
        """Points of the curve near round shares of accepted scans, without repetition."""
        return nearest_to(self.curve, COVERAGES)

    @property
    def highest_risk(self) -> float:
        """Risk at which the axis ends."""
        risks = [risk for _, risk in self.curve] + [outcome.risk or 0 for outcome in self.outcomes]
        return next(end for end in _RISKS if max(risks) <= end)


def decision_trust(kept_out: KeptOut, points: Sequence[OperatingPoint]) -> DecisionTrust:
    """Return what kept-out scans say about decisions by some operating points."""
    return DecisionTrust(
        len(kept_out.probabilities),
        tuple(_outcome(kept_out, point) for point in points),
        tuple(kept_out.reliability()),
        tuple(kept_out.risk_coverage()),
    )


def _outcome(kept_out: KeptOut, point: OperatingPoint) -> Outcome:
    outcomes = kept_out.outcomes(point, Bootstrap())
    accepted, poor = outcomes["accepted"].value or 0, outcomes["poor_accepted"].value or 0
    return Outcome(point, outcome_text(outcomes), accepted, poor / accepted if accepted else None)
