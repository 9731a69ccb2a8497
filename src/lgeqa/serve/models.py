"""What the HTTP interface takes and gives, beside `records.ScanResult`."""

from pydantic import BaseModel, ConfigDict, Field

from lgeqa.attributes import Publication
from lgeqa.records import BundleStamp, ScanResult
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
    """

    scans: tuple[ScanLine, ...]
    total: int
    counts: dict[State | End, int]
    version: str


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
    """

    line: ScanLine
    result: ScanResult | None
    attributes: tuple[AttributeView, ...]
    bars: tuple[Bar, ...]
    worst: tuple[WorstSlice, ...]
    explained: bool


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
        upload_mb: most megabytes of one upload.
    """

    lgeqa: str
    bundle: BundleStamp
    intended_use: str
    upload_mb: int


class Problem(_Model):
    """Why a request was refused, and the way out."""

    detail: str


def line_of(row: ScanRow) -> ScanLine:
    """A row as the list shows it."""
    result = row.record
    return ScanLine.model_validate(
        {
            "id": row.id,
            "name": row.name,
            "state": row.state,
            "end": row.end,
            "probability": row.probability,
            "votes_diagnostic": result and result.votes_diagnostic,
            "votes_total": result and result.votes_total,
            "failing": [one.scale.title for one in ScanView(result, "").failing] if result else [],
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
    )
