"""What the report says about one scan, derived from its record: strip of votes, texts, worst slices and advice."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final
from urllib.parse import quote

from lgeqa.formatting import probability_text
from lgeqa.inference.decision import sensitive
from lgeqa.inference.vote import weighs_slices
from lgeqa.measures import reference_scans
from lgeqa.records import Finding, ProbabilityParts, ScanResult, ScoreEstimate, SliceScores
from lgeqa.reporting.measure_rows import MeasureRow, measure_rows
from lgeqa.scales import ATTRIBUTES, PASSES_FROM, QUALITY_FIRST, Scale

#: Possible outcomes of a scan, in the order of the summary, and their names on the page.
ENDS: Final = {
    "diagnostic": "diagnostic",
    "non-diagnostic": "non-diagnostic",
    "measured": "measured",
    "not_assessable": "not assessable",
    "failed": "failed",
}
#: Possible decisions on a scan, in the order of the summary, each with the sign that precedes it.
DECISIONS: Final = {"accept": "✓", "review": "?", "repeat": "↻"}
#: Probabilities between these are a close call.
_CLOSE: Final = (0.4, 0.6)
#: Number of slices that are named as the worst.
_WORST: Final = 3


def end_of(result: ScanResult) -> str:
    """Return the verdict of an assessed scan, else the status."""
    return result.verdict or result.status


def likelihood(probability: float) -> str:
    """Return what a probability of being diagnostic means, as text."""
    if _CLOSE[0] < probability < _CLOSE[1]:
        return "a close call"
    return "likely diagnostic" if probability >= PASSES_FROM else "likely non-diagnostic"


@dataclass(frozen=True)
class ScanLink:
    """A link to the part of the report about a scan.

    Attributes:
        scan_id: Name of the scan.
        page: Address of the page with the part. Empty for the page that has the link.
    """

    scan_id: str
    page: str = ""

    @property
    def anchor(self) -> str:
        """Identifier of the part on its page, made of characters that need no escaping in a link."""
        return f"scan-{quote(self.scan_id, safe='')}"

    @property
    def address(self) -> str:
        """Address of the part."""
        return f"{self.page}#{self.anchor}"


@dataclass(frozen=True)
class Bar:
    """One slice in the strip of votes. Lengths are in slices along the strip, and in hundredths across it from the top.

    Attributes:
        number: Number of the slice in `ScanResult.slices`.
        start: Start of the bar along the strip.
        top: Top of the bar, which extends from the threshold to the slice's probability.
        height: Height of the bar.
        up: Whether the slice votes diagnostic.
    """

    number: int
    start: float
    top: float
    height: float
    up: bool


@dataclass(frozen=True)
class Attribute:
    """One scale of a scan: its probability and the meaning of it.

    Attributes:
        scale: Scale.
        probability: Probability that the scan is diagnostic on it.
        score: Estimated score. None unless the bundle estimates scores.
        parts: Parts of the probability. None unless the measured reader has a share in it.
    """

    scale: Scale
    probability: float
    score: ScoreEstimate | None = None
    parts: ProbabilityParts | None = None

    @property
    def parts_words(self) -> str:
        """Probabilities by the network and by the measures, as text. Empty if there is only the network."""
        if self.parts is None:
            return ""
        return f"network {probability_text(self.parts.network)}, measures {probability_text(self.parts.measures)}"

    @property
    def score_words(self) -> str:
        """Estimated score with its interval, as text. Empty if there is none."""
        return f"{self.score.expected:.1f} ({self.score.low} to {self.score.high})" if self.score else ""

    @property
    def fails(self) -> bool:
        """Whether the scan is more likely not diagnostic on this scale."""
        return self.probability < PASSES_FROM

    @property
    def likelihood(self) -> str:
        """Meaning of the probability, as text."""
        return likelihood(self.probability)

    @property
    def towards(self) -> str:
        """Appearance of a scan at the end of the scale that this one is nearer to."""
        return self.scale.worst if self.fails else self.scale.best


class ScanView:
    """A scan on a page.

    Attributes:
        result: Record of the scan.
        link: Link to the scan's part of the page.
    """

    def __init__(self, result: ScanResult) -> None:
        self.result = result
        self.link = ScanLink(result.scan_id)

    @property
    def end(self) -> str:
        """Verdict or else status, as in `end_of`."""
        return end_of(self.result)

    @property
    def title(self) -> str:
        """Name of the outcome on the page."""
        return ENDS[self.end]

    @cached_property
    def attributes(self) -> list[Attribute]:
        """The four scales, quality first. Empty unless the scan was assessed."""
        if self.result.status != "assessed":
            return []
        return [
            Attribute(
                scale,
                getattr(self.result, f"p_{scale.name}"),
                self.result.scores.get(scale.name),
                self.result.parts.get(scale.name),
            )
            for scale in QUALITY_FIRST
        ]

    @property
    def weighs_slices(self) -> bool:
        """Whether the slices count by weight, and the verdict follows the scan's probability."""
        return weighs_slices(self.result)

    @property
    def failing(self) -> list[Attribute]:
        """Scales that the scan fails."""
        return [attribute for attribute in self.attributes if attribute.fails]

    @property
    def flags(self) -> list[str]:
        """Flags beside the verdict: `review` and `forced`, where they apply."""
        return [name for name in ("review", "forced") if getattr(self.result, name)]

    @property
    def failed_attributes(self) -> list[str]:
        """Names of the attributes that the scan fails, beside quality."""
        return [attribute.scale.title.lower() for attribute in self.failing if attribute.scale.name != "quality"]

    @property
    def decision_title(self) -> str:
        """Heading of the reasons for the decision."""
        if self.result.status == "not_assessable":
            return "Review: no verdict can be given"
        forced = ": the verdict was forced, although the scan was refused" if self.result.forced else ""
        return f"{str(self.result.decision).capitalize()}{forced}"

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """Reasons for the decision, each with what to do about it, which may be empty."""
        remedies = {finding.seen: finding.remedy for finding in self.result.findings}
        return [(reason, remedies.get(reason, "")) for reason in self.result.reasons]

    @property
    def remarks(self) -> tuple[str, ...]:
        """Reasons for the decision and warnings, or else the message."""
        return (*self.result.reasons, *self.result.warnings) or (self.result.message,)

    @property
    def refusal_title(self) -> str:
        """Heading of the refusals of this scan."""
        if self.result.forced:
            return "Verdict forced: asked for although the scan was refused because"
        measured = self.result.status == "measured"
        return "A verdict would be refused because" if measured else "Not assessable because"

    @property
    def refusals(self) -> list[Finding]:
        """Findings that rule out a verdict."""
        return [finding for finding in self.result.findings if finding.severity == "refused"]

    @property
    def reviews(self) -> list[Finding]:
        """Findings that a person should check before the verdict is used."""
        return [finding for finding in self.result.findings if finding.severity == "review"]

    @cached_property
    def measures(self) -> list[MeasureRow]:
        """Image quality measures, poor ones first. Empty if none were taken."""
        return measure_rows(self.result.measures, reference_scans()) if self.result.measures else []

    @property
    def poor(self) -> list[MeasureRow]:
        """Poor measures."""
        return [row for row in self.measures if row.poor]

    @property
    def reference_words(self) -> str:
        """Reference grey levels and the probability at other blood levels, as text. Empty if unknown."""
        levels = self.result.reference
        if levels is None:
            return ""
        words = f"Grey level of blood {levels.blood:.1f}, of air {levels.air:.1f}."
        shares = [levels.p_quality_if_lower, levels.p_quality_if_higher]
        if None in shares:
            return words
        lower, higher = map(probability_text, shares)
        return f"{words} If the blood level were 5 % lower / higher, the probability would be {lower} / {higher}."

    @property
    def sensitive(self) -> bool:
        """Whether a blood level 5 % lower or higher would move the probability across the threshold."""
        return sensitive(self.result)

    @property
    def differs(self) -> bool:
        """Whether the vote and the mean probability disagree."""
        result = self.result
        if result.probability is None or result.threshold is None:
            return False
        return (result.probability >= result.threshold) != (result.verdict == "diagnostic")

    @property
    def worst(self) -> list[tuple[int, SliceScores, Scale]]:
        """Slices of lowest quality, each with its number and the lowest of its other three scales."""
        ranked = sorted(enumerate(self.result.slices), key=lambda pair: pair[1].p_quality)
        return [(number, scores, _weakest(scores)) for number, scores in ranked[:_WORST]]

    @property
    def bars(self) -> list[Bar]:
        """Strip of votes, from inferior to superior, to scale along the patient's axis."""
        step, threshold = self._step_mm, 100 * (1 - (self.result.threshold or 0))
        bars = []
        for number, scores in enumerate(self.result.slices):
            start = (scores.position_mm - self.result.slices[0].position_mm) / step
            level = 100 * (1 - scores.p_quality)
            bars.append(Bar(number, start, min(level, threshold), abs(level - threshold), level <= threshold))
        return bars

    @property
    def length(self) -> float:
        """Length of the strip, in slices."""
        return self.bars[-1].start + 1

    @property
    def _step_mm(self) -> float:
        positions = [scores.position_mm for scores in self.result.slices]
        gaps = [b - a for a, b in pairwise(positions)]
        return min(gaps, default=1.0)


def _weakest(scores: SliceScores) -> Scale:
    return min(ATTRIBUTES, key=lambda scale: float(getattr(scores, f"p_{scale.name}")))
