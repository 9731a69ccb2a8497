"""Verdict and decision of a scan that was scored. Both follow from its record and from limits, without networks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from lgeqa.formatting import probability_text
from lgeqa.inference.advice import advise
from lgeqa.inference.gate import CONSISTENCY, check_consistency, in_order
from lgeqa.inference.vote import scan_call, slice_probabilities, vote, weighs_slices
from lgeqa.operating_point import DEFAULT, OperatingPoint
from lgeqa.outcomes import Decision, Status
from lgeqa.records import Finding, ScanResult
from lgeqa.scales import ATTRIBUTES

#: Settings of an assessment that only the decision depends on.
DECIDING: Final = frozenset({"threshold", "operating_point"})
#: Smallest share of the slices that must vote as the verdict says, for a decision without a person.
AGREEMENT: Final = 2 / 3


@dataclass(frozen=True)
class DecisionRule:
    """Limits by which a scan gets its verdict and its decision.

    Attributes:
        threshold: Slice probability of quality from which a slice counts as diagnostic.
        operating_point: Limits of the scan's probability for the decision.
    """

    threshold: float
    operating_point: OperatingPoint = DEFAULT

    def apply(self, result: ScanResult) -> ScanResult:
        """Return the record with verdict, decision and advice by these limits. It may have others already."""
        if result.status == "failed":
            return result
        if result.status == "assessed":
            result = result.model_copy(update=self._verdict(result))
            others = [finding for finding in result.findings if finding.check != CONSISTENCY]
            findings = in_order((*others, *check_consistency(result)))
            message = message_of(result.status, result.warnings, findings)
            result = result.model_copy(update={"findings": findings, "review": bool(findings), "message": message})
        decision, reasons = self._decide(result)
        advice = () if decision == "accept" else advise(result)
        return result.model_copy(update={"decision": decision, "reasons": reasons, "advice": advice})

    def _verdict(self, result: ScanResult) -> dict[str, object]:
        votes = vote(slice_probabilities(result, "quality"), self.threshold)
        passes = result.p_quality is not None and result.p_quality >= self.threshold
        return {
            "verdict": ("diagnostic" if passes else "non-diagnostic") if weighs_slices(result) else votes.verdict,
            "probability": result.p_quality,
            "votes_diagnostic": votes.diagnostic,
            "votes_total": votes.total,
            "tie": votes.tie,
            "threshold": self.threshold,
            "operating_point": self.operating_point,
        }

    def _decide(self, result: ScanResult) -> tuple[Decision | None, tuple[str, ...]]:
        if result.status == "measured":
            return None, ()
        if result.probability is None:
            return "review", tuple(finding.seen for finding in result.findings) or (result.message,)
        side, reason = self._side(result.probability)
        if doubts := tuple(doubts_of(result, side)):
            return "review", doubts if side != "review" else (reason, *doubts)
        return side, (reason,)

    def _side(self, probability: float) -> tuple[Decision, str]:
        """Return the decision by the probability alone, with the reason."""
        point, words = self.operating_point, f"The probability of being diagnostic is {probability_text(probability)}"
        if probability >= point.accept_from:
            return "accept", f"{words}, and scans from {probability_text(point.accept_from)} are accepted."
        if probability < point.repeat_below:
            return "repeat", f"{words}, and scans below {probability_text(point.repeat_below)} are to be repeated."
        limits = f"{probability_text(point.repeat_below)} and {probability_text(min(point.accept_from, 1))}"
        return "review", f"{words}, which is too close to call: between {limits}."


def doubts_of(result: ScanResult, side: Decision) -> Iterator[str]:
    """Yield the reasons why a person should look, other than the probability itself."""
    yield from (finding.seen for finding in result.findings)
    passes = result.verdict == "diagnostic"
    if side != "review" and passes != (side == "accept"):
        yield f"The vote of the slices says {result.verdict}, and the probability says otherwise."
    total = result.votes_total or 1
    votes = result.votes_diagnostic or 0
    if not weighs_slices(result) and max(votes, total - votes) < AGREEMENT * total:
        yield f"The slices disagree: {votes} of {total} vote diagnostic."
    if side != "repeat":
        failed = [scale.title.lower() for scale in ATTRIBUTES if not scan_call(result, scale.name)]
        if failed:
            yield f"The scan fails {' and '.join(failed)}."
    if sensitive(result):
        yield "A blood level 5 % lower or higher would turn the verdict."


def sensitive(result: ScanResult) -> bool:
    """Return whether a blood level 5 % lower or higher would move the probability across the threshold."""
    levels = result.reference
    if levels is None or result.probability is None or result.threshold is None:
        return False
    shares = (result.probability, levels.p_quality_if_lower, levels.p_quality_if_higher)
    return len({share >= result.threshold for share in shares if share is not None}) > 1


def message_of(status: Status, warnings: Iterable[str], findings: Iterable[Finding]) -> str:
    """Return the reason why there is no verdict, or else what to know about the scan."""
    refusal = status == "not_assessable"
    shown = [finding for finding in findings if not refusal or finding.severity == "refused"]
    return " ".join([*(() if refusal else warnings), *(f"{finding.seen} {finding.remedy}" for finding in shown)])
