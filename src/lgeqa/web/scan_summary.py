"""The part of a result that the list shows, filters and sorts by, so that a list of thousands reads no whole result."""

from typing import Final

from lgeqa.config import Frozen
from lgeqa.inference.gate import NOVELTY
from lgeqa.records import ScanResult
from lgeqa.reporting.presenter import ScanView
from lgeqa.scales import SCALE_NAMES

#: Weight of a finding of novelty in `teaching_value`, beside an uncertainty of 0 to 1.
_NOVEL: Final = 0.5


class ScanSummary(Frozen):
    """The short form of a result.

    Attributes:
        values: Probability of each scale as `p_<scale>`, and image quality measures, by name.
        votes_diagnostic: Number of slices that vote for diagnostic. None unless the scan was assessed.
        votes_total: Number of slices that vote. None unless the scan was assessed.
        failing: Titles of the attributes that the scan fails.
        flags: Notes on the verdict, as in `schemas.ScanLine`.
        poor: Titles of the image quality measures that are poor.
        reasons: Reasons for the decision of the model.
        message: Problem and its remedy, or information about the scan.
        review: Whether a person should review the scan before its verdict is used.
        accepted: Whether the gate lets the scan pass. None if the scan could not be read.
        teaches: How much a person's decision would teach a training, as in `teaching_value`.
    """

    values: dict[str, float | None]
    votes_diagnostic: int | None
    votes_total: int | None
    failing: tuple[str, ...]
    flags: tuple[str, ...]
    poor: tuple[str, ...]
    reasons: tuple[str, ...]
    message: str
    review: bool
    accepted: bool | None
    teaches: float | None

    @classmethod
    def of(cls, result: ScanResult) -> "ScanSummary":
        """Return the summary of a result."""
        view = ScanView(result)
        shares = {f"p_{name}": getattr(result, f"p_{name}") for name in SCALE_NAMES} if result.verdict else {}
        return cls(
            values=shares | (result.measures.values if result.measures else {}),
            votes_diagnostic=result.votes_diagnostic,
            votes_total=result.votes_total,
            failing=tuple(attribute.scale.title for attribute in view.failing),
            flags=tuple(view.flags),
            poor=tuple(poor.measure.title for poor in view.poor),
            reasons=result.reasons,
            message=result.message,
            review=result.review,
            accepted=None if result.status == "failed" else not (result.status == "not_assessable" or view.refusals),
            teaches=teaching_value(result),
        )


def teaching_value(result: ScanResult) -> float | None:
    """Return how much a person's decision on a scan would teach a training, 0 to 1.5, or None without a probability.

    This is the uncertainty of the probability, 1 at .5 and 0 at 0 and 1, and .5 more for a scan that is unlike those
    that the network learnt from. Source of the first part: Lewis and Gale 1994, SIGIR, uncertainty sampling.
    """
    if result.probability is None:
        return None
    is_novel = any(finding.check == NOVELTY for finding in result.findings)
    return 1 - abs(2 * result.probability - 1) + _NOVEL * is_novel
