"""Requests and responses of the HTTP interface, in addition to `records.ScanResult`."""

from pydantic import Field

from lgeqa.config import Frozen
from lgeqa.io.series_header import SeriesHeader, SeriesKind, series_kind
from lgeqa.measures import definition
from lgeqa.measures.catalogue import Direction
from lgeqa.outcomes import Decision
from lgeqa.records import BundleStamp, ScanResult
from lgeqa.reporting.measure_rows import MeasureRow
from lgeqa.reporting.presenter import Bar, ScanView
from lgeqa.scales import SCALE_NAMES
from lgeqa.web.models import End, HumanChoice, ScanRow, State
from lgeqa.web.scan_summary import ScanSummary


class ScanLine(Frozen):
    """A scan in the list.

    Attributes:
        id: Number of the scan.
        name: Unique name for display.
        state: Whether the scan is queued, in progress or done.
        end: Final result. None until the scan is done.
        decision: Decision of the model. None until the scan is done, and for a scan that failed.
        reasons: Reasons for this decision.
        human: Decision of a person. None if there is none.
        urgent: Whether a person marked the scan as urgent.
        probability: Probability of being diagnostic. None unless the scan was assessed.
        attributes: Probability of being diagnostic on each scale, by name. Empty unless the scan was assessed.
        votes_diagnostic: Number of slices that vote for diagnostic. None unless the scan was assessed.
        votes_total: Number of slices that vote. None unless the scan was assessed.
        failing: Titles of the attributes that the scan fails.
        flags: Notes on the verdict: `review` if a person should review it before it is used, `forced` if there is a
            verdict although the scan was refused.
        poor: Titles of the image quality measures that are poor.
        pictured: Whether there are pictures and an atrium to show.
        message: Problem and its remedy, or information about the scan.
        added_at: Time of adding in UTC, ISO 8601.
        finished_at: Time of the result in UTC, ISO 8601. None until the scan is done.
        uploaded: Whether the files were uploaded, so that they are deleted with the scan.
        header: Values of the DICOM header. None for a volume, and where the user does not allow it.
        series_kind: Whether a DICOM series is late gadolinium enhancement. None for a volume.
    """

    id: int
    name: str
    state: State
    end: End | None
    decision: Decision | None
    reasons: tuple[str, ...]
    human: HumanChoice | None
    urgent: bool
    probability: float | None
    attributes: dict[str, float]
    votes_diagnostic: int | None
    votes_total: int | None
    failing: tuple[str, ...]
    flags: tuple[str, ...]
    poor: tuple[str, ...]
    pictured: bool
    message: str
    added_at: str
    finished_at: str | None
    uploaded: bool
    header: SeriesHeader | None
    series_kind: SeriesKind | None


class Neighbours(Frozen):
    """The place of a scan in a list.

    Attributes:
        previous: Number of the scan before it. None for the first.
        next: Number of the scan after it. None for the last.
        place: Place of the scan in the list, from 1.
        total: Number of scans in the list, including this one.
    """

    previous: int | None
    next: int | None
    place: int
    total: int


class ScanList(Frozen):
    """A page of the list, and the state of the queue.

    Attributes:
        scans: Scans on this page.
        total: Number of scans that match the filters.
        counts: Number of all scans with each final result, or in each state if they have none yet.
        version: Version of the list, which changes whenever anything in it does.
        queue_fault: Reason why the queue has stopped, and the remedy. Empty while it runs.
    """

    scans: tuple[ScanLine, ...]
    total: int
    counts: dict[State | End, int]
    version: str
    queue_fault: str


class AttributeView(Frozen):
    """One of the four scales of an assessed scan.

    Attributes:
        name: Identifier of the scale.
        title: Title of the scale.
        probability: Probability of being diagnostic on this scale.
        likelihood: Description of the probability.
        towards: Appearance of a scan at the nearer end of the scale.
        fails: Whether the scan is more likely not diagnostic.
        parts: Probabilities that were averaged, as text. Empty if there is only the network.
    """

    name: str
    title: str
    probability: float
    likelihood: str
    towards: str
    fails: bool
    parts: str


class StripView(Frozen):
    """The strip plot of a measure. Positions are in percent of its length.

    Attributes:
        at: Position of the value.
        beyond: -1 if the value is beyond the left edge, 1 if beyond the right edge, else 0.
        ticks: Positions of the quantiles of the reference scans, in ascending order.
        band: Positions of the ends of the middle 80 % of the reference scans.
        median: Position of the median of the reference scans.
    """

    at: float
    beyond: int
    ticks: tuple[float, ...]
    band: tuple[float, float]
    median: float


class MeasureView(Frozen):
    """One image quality measure of a scan.

    Attributes:
        name: Identifier.
        title: Name for display.
        better: Whether a higher or a lower value is better.
        text: Value with its unit.
        place: Rank among the reference scans, as text. Empty if the measure is undefined.
        poor: Whether the value is in the worst tenth of the reference scans, or worse than all of them.
        reason: Reason why the measure is undefined. Empty if it is defined.
        meaning: Meaning of the measure.
        if_poor: Appearance or cause of a poor value.
        definition: Formula, unit, direction, conditions under which the measure is undefined, and source.
        strip: Strip plot. None if the measure is undefined.
    """

    name: str
    title: str
    better: Direction
    text: str
    place: str
    poor: bool
    reason: str
    meaning: str
    if_poor: str
    definition: str
    strip: StripView | None


class WorstSlice(Frozen):
    """A slice of low quality.

    Attributes:
        index: Index along the slice axis of the file's own order, from 0.
        position_mm: LPS z of the slice's centre in mm.
        p_quality: Probability of being diagnostic in quality for fibrosis assessment.
        weakest: Title of the scale, other than quality, with the lowest probability on the slice.
    """

    index: int
    position_mm: float
    p_quality: float
    weakest: str


class ScanPart(Frozen):
    """Everything about one scan.

    Attributes:
        line: Entry of the scan in the list.
        result: Record of the scan. None until it is done.
        attributes: Scales with their descriptions, quality first. Empty unless the scan was assessed.
        bars: Votes of the slices as a strip, as the report draws it. Lengths are in slices along the strip, and in
            hundredths across it from the top.
        worst: Slices of lowest quality, the lowest first.
        explained: Whether there are heat maps.
        refusal_title: Summary of the refusals among the findings. Empty until the scan is done.
        measures: Image quality measures, poor ones first. Empty if none were computed.
        levels: Grey levels of blood and air, and the probability at other levels. Empty if unknown.
        sensitive: Whether the probability would be on the other side of the threshold at one of these levels.
    """

    line: ScanLine
    result: ScanResult | None
    attributes: tuple[AttributeView, ...]
    bars: tuple[Bar, ...]
    worst: tuple[WorstSlice, ...]
    explained: bool
    refusal_title: str
    measures: tuple[MeasureView, ...]
    levels: str
    sensitive: bool


class Folder(Frozen):
    """A file or folder on the server's machine.

    Attributes:
        path: Full path, from the root.
    """

    path: str = Field(min_length=1, max_length=4096)


class Added(Frozen):
    """The outcome of adding scans.

    Attributes:
        scans: Scans that are in the list now, including those that were in it before.
        refused: Reason for each path that is not a usable scan.
    """

    scans: tuple[ScanLine, ...]
    refused: tuple[str, ...]


class Period(Frozen):
    """The number of scans with each final result in a day or a week.

    Attributes:
        start: First day of the period, ISO 8601.
        counts: Number of scans for each final result.
    """

    start: str
    counts: dict[End, int]


class About(Frozen):
    """The software and the model that are served.

    Attributes:
        lgeqa: Version of the package.
        bundle: Model that assesses the scans.
        intended_use: Purpose and limits of the model.
        caution: Information that a user needs before trusting a verdict. Empty for none.
        reference_note: Description of the reference scans, and of what a rank among them means.
        upload_mb: Maximum size of one upload in megabytes.
        headers: Whether values of the DICOM header are shown.
    """

    lgeqa: str
    bundle: BundleStamp
    intended_use: str
    caution: str
    reference_note: str
    upload_mb: int
    headers: bool


class Problem(Frozen):
    """The reason why a request was refused.

    Attributes:
        detail: Problem and its remedy.
    """

    detail: str


def line_of(row: ScanRow) -> ScanLine:
    """Return a row as the list shows it."""
    summary = None if row.summary is None else ScanSummary.model_validate_json(row.summary)
    attributes = {name: summary.values.get(f"p_{name}") for name in SCALE_NAMES} if summary else {}
    return ScanLine.model_validate(
        {
            **{name: getattr(row, name) for name in ("id", "name", "state", "end", "decision", "human", "urgent")},
            **{name: getattr(row, name) for name in ("probability", "pictured", "added_at", "finished_at")},
            "reasons": summary.reasons if summary else (),
            "attributes": {name: share for name, share in attributes.items() if share is not None},
            "votes_diagnostic": summary and summary.votes_diagnostic,
            "votes_total": summary and summary.votes_total,
            "failing": summary.failing if summary else (),
            "flags": summary.flags if summary else (),
            "poor": summary.poor if summary else (),
            "message": summary.message if summary else "",
            "uploaded": row.upload is not None,
            "header": row.series_header,
            "series_kind": _series_kind(row, summary) if summary and row.kind == "dicom" else None,
        }
    )


def _series_kind(row: ScanRow, summary: ScanSummary) -> SeriesKind:
    header = row.series_header
    names = (header.series, header.protocol, header.sequence) if header else ()
    return series_kind((row.name, *names), summary.accepted)


def part_of(row: ScanRow, *, explained: bool) -> ScanPart:
    """Return everything about the scan of a row."""
    result = row.record
    view = ScanView(result) if result else None
    return ScanPart(
        line=line_of(row),
        result=result,
        attributes=tuple(
            AttributeView(
                name=attribute.scale.name,
                title=attribute.scale.title,
                probability=attribute.probability,
                likelihood=attribute.likelihood,
                towards=attribute.towards,
                fails=attribute.fails,
                parts=attribute.parts_words,
            )
            for attribute in (view.attributes if view else [])
        ),
        bars=tuple(view.bars) if view else (),
        worst=tuple(
            WorstSlice(
                index=scores.index, position_mm=scores.position_mm, p_quality=scores.p_quality, weakest=scale.title
            )
            for _, scores, scale in (view.worst if view else [])
        ),
        explained=explained,
        refusal_title=view.refusal_title if view else "",
        measures=tuple(map(_measure_view, view.measures)) if view else (),
        levels=view.reference_words if view else "",
        sensitive=bool(view and view.sensitive),
    )


def _measure_view(row: MeasureRow) -> MeasureView:
    measure, strip, value = row.measure, row.strip, row.value
    places = None
    if value is not None:
        band = strip.at(strip.band[0]), strip.at(strip.band[1])
        ticks = tuple(map(strip.at, strip.quantiles))
        places = StripView(
            at=strip.at(value), beyond=strip.beyond(value), ticks=ticks, band=band, median=strip.at(strip.median)
        )
    return MeasureView(
        name=measure.name,
        title=measure.title,
        better=measure.better,
        text=row.text,
        place=row.place,
        poor=row.poor,
        reason=row.reason,
        meaning=measure.meaning,
        if_poor=measure.if_poor,
        definition=definition(measure.name),
        strip=places,
    )
