"""What the report says of one scan, worked out from its record: the strip of votes, words, worst slices, advice."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final
from urllib.parse import quote

from lgeqa.attributes import SCALES, Scale
from lgeqa.measure import reference_scans
from lgeqa.records import Finding, ScanResult, SliceScores
from lgeqa.report.measures import MeasureRow, measure_rows

#: What a scan can come to, in the order of the summary, and how it is called on the page.
ENDS: Final = {
    "diagnostic": "diagnostic",
    "non-diagnostic": "non-diagnostic",
    "measured": "measured",
    "not_assessable": "not assessable",
    "failed": "failed",
}
#: A probability below this fails its scale.
PASSES_FROM: Final = 0.5
#: Probabilities between these are a close call.
_CLOSE: Final = (0.4, 0.6)
#: Slices that are named as the worst.
_WORST: Final = 3


def end_of(result: ScanResult) -> str:
    """The verdict of an assessed scan, else the status."""
    return result.verdict or result.status


def likelihood(probability: float) -> str:
    """What a probability of being diagnostic means, in words."""
    if _CLOSE[0] < probability < _CLOSE[1]:
        return "a close call"
    return "likely diagnostic" if probability >= PASSES_FROM else "likely non-diagnostic"


@dataclass(frozen=True)
class Bar:
    """A slice in the strip of votes. Lengths are in slices along the strip, and in hundredths across it from the top.

    Attributes:
        number: of the slice in `ScanResult.slices`.
        start: how far along the strip it begins.
        top, height: of the bar, which reaches from the threshold to the slice's probability.
        up: whether the slice votes diagnostic.
    """

    number: int
    start: float
    top: float
    height: float
    up: bool


@dataclass(frozen=True)
class Attribute:
    """One scale of a scan: its probability, and what it means."""

    scale: Scale
    probability: float

    @property
    def fails(self) -> bool:
        """Whether the scan is more likely not diagnostic on this scale."""
        return self.probability < PASSES_FROM

    @property
    def likelihood(self) -> str:
        """The probability in words."""
        return likelihood(self.probability)

    @property
    def towards(self) -> str:
        """What a scan looks like at the end of the scale that this one is nearer to."""
        return self.scale.worst if self.fails else self.scale.best


class ScanView:
    """A scan on a page.

    Attributes:
        result: its record.
        page: file name of the page that shows it.
    """

    def __init__(self, result: ScanResult, page: str) -> None:
        self.result = result
        self.page = page

    @property
    def anchor(self) -> str:
        """Identifier of its part of the page: of signs that need no escaping in a link."""
        return f"scan-{quote(self.result.scan_id, safe='')}"

    @property
    def end(self) -> str:
        """As `end_of`."""
        return end_of(self.result)

    @property
    def title(self) -> str:
        """What it came to, for people."""
        return ENDS[self.end]

    @cached_property
    def attributes(self) -> list[Attribute]:
        """The four scales, quality first; none unless it was assessed."""
        if self.result.status != "assessed":
            return []
        return [Attribute(scale, getattr(self.result, f"p_{scale.name}")) for scale in (SCALES[3], *SCALES[:3])]

    @property
    def failing(self) -> list[Attribute]:
        """The scales that it fails."""
        return [attribute for attribute in self.attributes if attribute.fails]

    @property
    def flags(self) -> list[str]:
        """What stands beside the verdict: `review` and `forced`, where they apply."""
        return [name for name in ("review", "forced") if getattr(self.result, name)]

    @property
    def refusal_title(self) -> str:
        """What the refusals say of this scan."""
        if self.result.forced:
            return "Verdict forced: asked for although the scan was refused because"
        measured = self.result.status == "measured"
        return "A verdict would be refused because" if measured else "Not assessable because"

    @property
    def refusals(self) -> list[Finding]:
        """Findings for which no verdict can be given."""
        return [finding for finding in self.result.findings if finding.severity == "refused"]

    @property
    def reviews(self) -> list[Finding]:
        """Findings that a person should look at before the verdict is used."""
        return [finding for finding in self.result.findings if finding.severity == "review"]

    @cached_property
    def measures(self) -> list[MeasureRow]:
        """The image quality measures, poor ones first; none where none were taken."""
        return measure_rows(self.result.measures, reference_scans()) if self.result.measures else []

    @property
    def poor(self) -> list[MeasureRow]:
        """The measures that are poor."""
        return [row for row in self.measures if row.poor]

    @property
    def reference_words(self) -> str:
        """The grey levels of reference and what the probability would be at other ones; empty where unknown."""
        levels = self.result.reference
        if levels is None:
            return ""
        words = f"Grey level of blood {levels.blood:.1f}, of air {levels.air:.1f}."
        shares = [levels.p_quality_if_lower, levels.p_quality_if_higher]
        if None in shares:
            return words
        lower, higher = (f"{share:.2f}" for share in shares)
        return f"{words} If the blood level were 5 % lower / higher, the probability would be {lower} / {higher}."

    @property
    def sensitive(self) -> bool:
        """Whether a blood level 5 % lower or higher would put the probability on the other side of the threshold."""
        result, levels = self.result, self.result.reference
        if levels is None or result.probability is None or result.threshold is None:
            return False
        shares = (result.probability, levels.p_quality_if_lower, levels.p_quality_if_higher)
        return len({share >= result.threshold for share in shares if share is not None}) > 1

    @property
    def differs(self) -> bool:
        """Whether the vote and the mean probability point different ways."""
        result = self.result
        if result.probability is None or result.threshold is None:
            return False
        return (result.probability >= result.threshold) != (result.verdict == "diagnostic")

    @property
    def worst(self) -> list[tuple[int, SliceScores, Scale]]:
        """The slices of lowest quality, with their number and the scale that is lowest of the other three."""
        ranked = sorted(enumerate(self.result.slices), key=lambda pair: pair[1].p_quality)
        return [(number, one, _weakest(one)) for number, one in ranked[:_WORST]]

    @property
    def bars(self) -> list[Bar]:
        """The strip of votes, from inferior to superior, to scale along the patient's axis."""
        step, threshold = self._step_mm, 100 * (1 - (self.result.threshold or 0))
        found = []
        for number, one in enumerate(self.result.slices):
            start = (one.position_mm - self.result.slices[0].position_mm) / step
            level = 100 * (1 - one.p_quality)
            found.append(Bar(number, start, min(level, threshold), abs(level - threshold), level <= threshold))
        return found

    @property
    def length(self) -> float:
        """Of the strip, in slices."""
        return self.bars[-1].start + 1

    @property
    def _step_mm(self) -> float:
        positions = [one.position_mm for one in self.result.slices]
        gaps = [b - a for a, b in pairwise(positions)]
        return min(gaps, default=1.0)


def _weakest(one: SliceScores) -> Scale:
    return min(SCALES[:3], key=lambda scale: float(getattr(one, f"p_{scale.name}")))
