"""Queries for scans: by result, decision, measure, name and time, sorted and page by page."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import Field
from sqlalchemy import Boolean, ColumnElement, Double, Select, String, and_, case, cast, func, or_, select, true
from sqlalchemy.orm import Session, defer

from lgeqa.config import Frozen
from lgeqa.database import JsonField
from lgeqa.measures import BY_NAME
from lgeqa.outcomes import Decision
from lgeqa.reporting.drift import OwnFact
from lgeqa.scales import SCALE_NAMES
from lgeqa.web.models import End, ScanRow, State
from lgeqa.web.schemas import Neighbours, Period, ScanList, line_of

#: Numbers of a scan by which it can be selected.
FIELDS: Final = (*(f"p_{name}" for name in SCALE_NAMES), *BY_NAME)
_PART: Final = rf"^({'|'.join(FIELDS)})(<|>=)-?\d{{1,9}}(\.\d{{1,9}})?$"
#: Search also looks into these values of a DICOM header.
_SEARCHED: Final = ("series", "protocol", "sequence", "patient", "site", "scanner")
Grouping = Literal["patient", "site", "scanner"]


def _value(name: str) -> ColumnElement[Any]:
    return cast(JsonField(ScanRow.summary, "values", name), Double)


def _header(name: str) -> ColumnElement[Any]:
    return func.nullif(cast(JsonField(ScanRow.header, name), String), "")


_SORTS: dict[str, ColumnElement[Any]] = {
    "added": ScanRow.id.expression,
    "name": ScanRow.name.expression,
    "end": ScanRow.end.expression,
    "decision": case({"repeat": 0, "review": 1, "accept": 2}, value=ScanRow.decision),
    "probability": ScanRow.probability.expression,
    "teaches": ScanRow.teaches.expression,
    "finished": ScanRow.finished_at.expression,
    **{f"p_{name}": _value(f"p_{name}") for name in SCALE_NAMES},
}


#: Number of a scan. Larger ones do not fit the database.
ScanNumber = Annotated[int, Field(ge=0, lt=2**31)]


class Filters(Frozen):
    """A selection of scans. A scan must match every filter that is set.

    Attributes:
        id: Numbers of the scans.
        state: State of the scans.
        end: Final result of the scans.
        review: Whether a person should review the scans before their verdict is used.
        decision: Decision of the model.
        human: Decision of a person, or `undecided`.
        urgent: Whether a person marked the scans as urgent.
        where: Conditions on attributes and measures, such as `p_sharpness<0.5` or `wall_cnr>=3`.
        text: Part of the name, or of a value of the DICOM header that is shown, regardless of case.
        since: First day on which the scans were added, in UTC.
        until: Last day on which the scans were added, in UTC.
    """

    id: list[ScanNumber] = Field(default_factory=list)
    state: State | None = None
    end: End | None = None
    review: bool | None = None
    decision: Decision | None = None
    human: Literal["accept", "reject", "undecided"] | None = None
    urgent: bool | None = None
    where: list[Annotated[str, Field(pattern=_PART)]] = Field(default_factory=list)
    text: str = ""
    since: date | None = None
    until: date | None = None


class Ordered(Filters):
    """The selected scans in an order.

    Attributes:
        sort: Field by which the scans are sorted. `teaches` leaves out scans on which a person has decided.
        descending: Whether the largest value comes first. For `added` that is the newest scan.
        urgent_first: Whether urgent scans come before all others.
        group: Value of the DICOM header by which the scans are grouped. None for no groups.
    """

    sort: Annotated[str, Field(pattern=f"^({'|'.join(_SORTS)})$")] = "added"
    descending: bool = True
    urgent_first: bool = False
    group: Grouping | None = None


class DriftQuery(Filters):
    """The selected scans, in groups.

    Attributes:
        by: Facts that the scans of a group share.
    """

    by: list[OwnFact] = Field(default_factory=list)


class Query(Ordered):
    """A page of the selected scans.

    Attributes:
        page: Number of the page, from 1.
        size: Number of scans on a page.
    """

    page: int = Field(1, ge=1, le=1_000_000)
    size: int = Field(50, ge=1, le=2000)


class HistoryQuery(Filters):
    """The history of the selected scans.

    Attributes:
        by: Length of a period: a day, or a week that starts on Monday.
    """

    by: Literal["day", "week"] = "day"


def find(session: Session, filters: Filters) -> Sequence[ScanRow]:
    """Return all selected scans, in the order in which they were added."""
    query = select(ScanRow).where(*_conditions(filters)).order_by(ScanRow.id)
    return session.scalars(query.options(defer(ScanRow.thumbnail))).all()


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


def neighbours(session: Session, query: Ordered, number: int) -> Neighbours:
    """Return the scans before and after a scan in the order of a list, which need not contain the scan itself."""
    listed = or_(and_(true(), *_conditions(query)), ScanRow.id == number)
    numbers = list(session.scalars(select(ScanRow.id).where(listed).order_by(*_order(query))))
    at = numbers.index(number) if number in numbers else len(numbers)
    following = numbers[at + 1] if at + 1 < len(numbers) else None
    return Neighbours(previous=numbers[at - 1] if at else None, next=following, place=at + 1, total=len(numbers))


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
    seen = (defer(ScanRow.result), defer(ScanRow.thumbnail))  # long, and not in the list
    ordered = select(ScanRow).options(*seen).where(*conditions).order_by(*_order(query))
    return ordered.limit(query.size).offset((query.page - 1) * query.size)


def _order(query: Ordered) -> Sequence[ColumnElement[Any]]:
    column = _SORTS[query.sort]
    order = [(column.desc() if query.descending else column.asc()).nulls_last(), ScanRow.id.desc()]
    if query.urgent_first:
        order.insert(0, ScanRow.urgent.desc())
    if query.group:
        order.insert(0, _header(query.group).asc().nulls_last())
    return order


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.id:
        conditions.append(ScanRow.id.in_(filters.id))
    if filters.state:
        conditions.append(ScanRow.state == filters.state)
    if filters.end:
        conditions.append(ScanRow.end == filters.end)
    if filters.review is not None:
        conditions.append(cast(JsonField(ScanRow.summary, "review"), Boolean) == filters.review)
    if filters.decision:
        conditions.append(ScanRow.decision == filters.decision)
    if filters.human:
        is_decided = ScanRow.human == filters.human
        conditions.append(ScanRow.human.is_(None) if filters.human == "undecided" else is_decided)
    if filters.urgent is not None:
        conditions.append(ScanRow.urgent == filters.urgent)
    conditions += map(_comparison, filters.where)
    if isinstance(filters, Ordered) and filters.sort == "teaches":
        conditions += [ScanRow.human.is_(None), ScanRow.teaches.is_not(None)]
    if filters.text:
        searched = (ScanRow.name, *map(_header, _SEARCHED))
        conditions.append(or_(*(column.icontains(filters.text, autoescape=True) for column in searched)))
    if filters.since:
        conditions.append(ScanRow.added_at >= filters.since.isoformat())
    if filters.until and filters.until < date.max:  # no day follows the last date
        conditions.append(ScanRow.added_at < (filters.until + timedelta(days=1)).isoformat())
    return conditions


def _comparison(condition: str) -> ColumnElement[bool]:
    """Return a condition of `Filters.where` as SQL."""
    name, relation, limit = re.split("(<|>=)", condition)
    return _value(name) < float(limit) if relation == "<" else _value(name) >= float(limit)


def _counts(session: Session) -> dict[State | End, int]:
    """Count all scans by final result, or by state if they have none yet."""
    rows = session.execute(
        select(func.coalesce(ScanRow.end, ScanRow.state), func.count()).group_by(ScanRow.state, ScanRow.end)
    )
    counts: dict[Any, int] = dict(rows.all())
    return counts
