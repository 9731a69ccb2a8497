"""Queries for scans: by result, name and time, sorted and page by page."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from lgeqa.config import Frozen
from lgeqa.web.models import End, ScanRow, State
from lgeqa.web.schemas import Period, ScanList, line_of

_SORTS: dict[str, InstrumentedAttribute[Any]] = {
    "added": ScanRow.id,
    "name": ScanRow.name,
    "end": ScanRow.end,
    "probability": ScanRow.probability,
    "finished": ScanRow.finished_at,
}


#: Number of a scan. Larger ones do not fit the database.
ScanNumber = Annotated[int, Field(ge=0, le=2**31)]


class Filters(Frozen):
    """A selection of scans. A scan must match every filter that is set.

    Attributes:
        id: Numbers of the scans.
        state: State of the scans.
        end: Final result of the scans.
        review: Whether a person should review the scans before their verdict is used.
        text: Part of the name, regardless of case.
        since: First day on which the scans were added, in UTC.
        until: Last day on which the scans were added, in UTC.
    """

    id: list[ScanNumber] = Field(default_factory=list)
    state: State | None = None
    end: End | None = None
    review: bool | None = None
    text: str = ""
    since: date | None = None
    until: date | None = None


class Query(Filters):
    """A page of the selected scans.

    Attributes:
        sort: Field by which the scans are sorted.
        descending: Whether the largest value comes first. For `added` that is the newest scan.
        page: Number of the page, from 1.
        size: Number of scans on a page.
    """

    sort: Literal["added", "name", "end", "probability", "finished"] = "added"
    descending: bool = True
    page: int = Field(1, ge=1, le=2**31)
    size: int = Field(50, ge=1, le=500)


class HistoryQuery(Filters):
    """The history of the selected scans.

    Attributes:
        by: Length of a period: a day, or a week that starts on Monday.
    """

    by: Literal["day", "week"] = "day"


def find(session: Session, filters: Filters) -> Sequence[ScanRow]:
    """Return all selected scans, in the order in which they were added."""
    return session.scalars(select(ScanRow).where(*_conditions(filters)).order_by(ScanRow.id)).all()


def look_up(session: Session, query: Query, version: str, queue_fault: str) -> ScanList:
    """Return one page of scans, which contains the last two arguments unchanged."""
    conditions = _conditions(query)
    total = session.scalar(select(func.count()).select_from(ScanRow).where(*conditions)) or 0
    return ScanList(
        scans=tuple(line_of(row) for row in session.scalars(_page(query, conditions))),
        total=total,
        counts=_counts(session),
        version=version,
        queue_fault=queue_fault,
    )


def history(session: Session, query: HistoryQuery) -> list[Period]:
    """Count the scans by final result, for each day or week in which any were finished."""
    rows = session.execute(
        select(ScanRow.finished_at, ScanRow.end).where(ScanRow.end.is_not(None), *_conditions(query))
    )
    periods: dict[date, Counter[Any]] = {}
    for finished_at, end in rows:
        day = date.fromisoformat(str(finished_at)[:10])
        start = day - timedelta(days=day.weekday()) if query.by == "week" else day
        periods.setdefault(start, Counter())[end] += 1
    return [Period(start=start.isoformat(), counts=dict(counts)) for start, counts in sorted(periods.items())]


def _page(query: Query, conditions: list[ColumnElement[bool]]) -> Select[ScanRow]:
    column = _SORTS[query.sort]
    order = column.desc() if query.descending else column.asc()
    ordered = select(ScanRow).where(*conditions).order_by(order.nulls_last(), ScanRow.id.desc())
    return ordered.limit(query.size).offset((query.page - 1) * query.size)


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.id:
        conditions.append(ScanRow.id.in_(filters.id))
    if filters.state:
        conditions.append(ScanRow.state == filters.state)
    if filters.end:
        conditions.append(ScanRow.end == filters.end)
    if filters.review is not None:
        conditions.append(func.json_extract(ScanRow.result, "$.review") == filters.review)
    if filters.text:
        conditions.append(ScanRow.name.icontains(filters.text, autoescape=True))
    if filters.since:
        conditions.append(ScanRow.added_at >= filters.since.isoformat())
    if filters.until and filters.until < date.max:  # no day follows the last date
        conditions.append(ScanRow.added_at < (filters.until + timedelta(days=1)).isoformat())
    return conditions


def _counts(session: Session) -> dict[State | End, int]:
    """Count all scans by final result, or by state if they have none yet."""
    rows = session.execute(
        select(func.coalesce(ScanRow.end, ScanRow.state), func.count()).group_by(ScanRow.state, ScanRow.end)
    )
    counts: dict[Any, int] = dict(rows.all())
    return counts
