"""What the HTTP interface takes and gives, beside `records.ScanResult`."""

from pydantic import BaseModel, ConfigDict, Field

from lgeqa.attributes import Publication
from lgeqa.measure import definition
from lgeqa.measure.catalogue import Direction
from lgeqa.records import BundleStamp, ScanResult
from lgeqa.report.measures import MeasureRow
from lgeqa.report.view import Bar, ScanView
from lgeqa.serve.tables import End, ScanRow, State


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScanLine(_Model):
    """A scan in the list.

    Attributes:
        id: its number.
        name: for people, unique.
        state: whether it waits, is worked on, or is done.
        end: what it came to; None until it is done.
        probability: of being diagnostic; None unless it was assessed.
        votes_diagnostic, votes_total: the vote of the slices.
        failing: titles of the attributes that it fails.
        flags: What stands beside the verdict: `review` where a person should look before it is used, `forced` where it
            was given although the scan was refused.
        poor: Titles of the image quality measures that are poor.
        pictured: Whether there are pictures and an atrium to show.
        message: the fault and the way out, or what to know.
        added_at, finished_at: UTC, ISO 8601.
        uploaded: whether its files were sent, so that they go with it when it is deleted.
    """

    id: int
    name: str
    state: State
    end: End | None
    probability: float | None
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


class ScanList(_Model):
    """A page of the list, and how the queue stands.

    Attributes:
        scans: of this page.
        total: how many scans fit the filters.
        counts: how many of all scans are in each state, or came to each end.
        version: changes whenever anything in the list does.
        queue_fault: Why the queue stands still, and what helps; empty where it goes on.
    """

    scans: tuple[ScanLine, ...]
    total: int
    counts: dict[State | End, int]
    version: str
    queue_fault: str


class AttributeView(_Model):
    """One of the four scales of an assessed scan.

    Attributes:
        name, title: of the scale.
        probability: of being diagnostic on it.
        likelihood: the probability in words.
        towards: what a scan looks like at the end of the scale that this one is nearer to.
        fails: whether it is more likely not diagnostic.
        advice, sources: what to look at, if it fails.
    """

    name: str
    title: str
    probability: float
    likelihood: str
    towards: str
    fails: bool
    advice: str
    sources: tuple[Publication, ...]


class StripView(_Model):
    """Where a value and the reference scans lie on the strip plot of a measure. Places are in percent of its length.

    Attributes:
        at: Place of the value.
        beyond: -1 where the value lies beyond the left edge, 1 beyond the right edge, else 0.
        ticks: Places of the reference scans at rising shares.
        band: Ends of the middle 80 % of the reference scans.
        median: Place of the reference scan in the middle.
    """

    at: float
    beyond: int
    ticks: tuple[float, ...]
    band: tuple[float, float]
    median: float


class MeasureView(_Model):
    """One image quality measure of a scan.

    Attributes:
        name: Identifier.
        title: Name for people.
        better: Whether a higher or a lower value is better.
        text: Value with its unit.
        place: Where it lies among the reference scans, for people; empty where the measure is undefined.
        poor: Whether it is among the worst tenth of the reference scans, or worse than all.
        reason: Why the measure is undefined; empty where it is defined.
        meaning: What the measure is.
        if_poor: What a poor value looks like or comes from.
        definition: Formula, unit, direction, when it is undefined, and source.
        strip: Places to draw. None where the measure is undefined.
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


class WorstSlice(_Model):
    """A slice of low quality.

    Attributes:
        index, position_mm, p_quality: as in `SliceScores`.
        weakest: title of the attribute that is lowest on it.
    """

    index: int
    position_mm: float
    p_quality: float
    weakest: str


class ScanPart(_Model):
    """All about one scan.

    Attributes:
        line: as in the list.
        result: the record; None until it is done.
        attributes: the scales in words, quality first; empty unless it was assessed.
        bars: the vote of the slices as a strip, as the report draws it; lengths are in slices along the strip, and in
            hundredths across it from the top.
        worst: its slices of lowest quality, the lowest first.
        explained: whether there are heat maps.
        refusal_title: What the refusals among the findings say of this scan; empty until it is done.
        measures: The image quality measures, poor ones first; empty where none were taken.
        levels: The grey levels of blood and air, and what the probability would be at other ones; empty where unknown.
        sensitive: Whether the probability would lie on the other side of the threshold at one of these levels.
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


class Folder(_Model):
    """A file or folder on the machine of the server."""

    path: str = Field(min_length=1, max_length=4096)


class Added(_Model):
    """What came of scans that were given.

    Attributes:
        scans: all that are in the list now, also those that were before.
        refused: for each thing that is no scan, the reason.
    """

    scans: tuple[ScanLine, ...]
    refused: tuple[str, ...]


class Period(_Model):
    """How many scans came to which end in a day or a week.

    Attributes:
        start: its first day, ISO 8601.
        counts: for each end.
    """

    start: str
    counts: dict[End, int]


class About(_Model):
    """What is served.

    Attributes:
        lgeqa: version of the package.
        bundle: the model that assesses.
        intended_use: what the model is for, and its limits.
        caution: What a user should know before trusting a verdict; empty for nothing.
        reference_note: What the reference scans are, and what a place among them is worth.
        upload_mb: most megabytes of one upload.
    """

    lgeqa: str
    bundle: BundleStamp
    intended_use: str
    caution: str
    reference_note: str
    upload_mb: int


class Problem(_Model):
    """Why a request was refused, and the way out."""

    detail: str


def line_of(row: ScanRow) -> ScanLine:
    """A row as the list shows it."""
    result = row.record
    view = ScanView(result, "") if result else None
    return ScanLine.model_validate(
        {
            "id": row.id,
            "name": row.name,
            "state": row.state,
            "end": row.end,
            "probability": row.probability,
            "votes_diagnostic": result and result.votes_diagnostic,
            "votes_total": result and result.votes_total,
            "failing": [attribute.scale.title for attribute in view.failing] if view else [],
            "flags": view.flags if view else [],
            "poor": [poor.measure.title for poor in view.poor] if view else [],
            "pictured": row.thumbnail is not None,
            "message": result.message if result else "",
            "added_at": row.added_at,
            "finished_at": row.finished_at,
            "uploaded": row.upload is not None,
        }
    )


def part_of(row: ScanRow, *, explained: bool) -> ScanPart:
    """A row with all about it."""
    result = row.record
    view = ScanView(result, "") if result else None
    return ScanPart(
        line=line_of(row),
        result=result,
        attributes=tuple(
            AttributeView(
                name=one.scale.name,
                title=one.scale.title,
                probability=one.probability,
                likelihood=one.likelihood,
                towards=one.towards,
                fails=one.fails,
                advice=one.scale.advice,
                sources=one.scale.sources,
            )
            for one in (view.attributes if view else [])
        ),
        bars=tuple(view.bars) if view else (),
        worst=tuple(
            WorstSlice(index=one.index, position_mm=one.position_mm, p_quality=one.p_quality, weakest=scale.title)
            for _, one, scale in (view.worst if view else [])
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
