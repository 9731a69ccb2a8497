"""The audit log: who saw, decided and changed what, and when. It only grows, which the database itself enforces."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Final, Literal

from pydantic import Field
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from lgeqa.config import Frozen
from lgeqa.formatting import utc_now
from lgeqa.table_text import csv_text
from lgeqa.web.models import AuditRow, ScanRow

Action = Literal["opened", "exported", "added", "decided", "urgency", "assess again", "deleted", "people", "study"]
#: Actions as the page names them.
ACTIONS: Final[dict[Action, str]] = {
    "opened": "opened a scan",
    "exported": "exported",
    "added": "added a scan",
    "decided": "decided on a scan",
    "urgency": "changed the urgency of a scan",
    "assess again": "had a scan assessed again",
    "deleted": "deleted a scan",
    "people": "changed the people",
    "study": "changed a study",
}
COLUMNS: Final = ("at", "person", "action", "scan_id", "scan_name", "detail")


class AuditEntry(Frozen):
    """An entry of the audit log.

    Attributes:
        at: Time in UTC, ISO 8601.
        person: Name of the person.
        action: What the person did: opened, exported, added, decided on, or deleted a scan, changed its urgency, had it
            assessed again, or changed the people or a study.
        scan_id: Number of the scan, which may have been deleted since. None if it was about no single scan.
        scan_name: Name of the scan in the application. Empty if it was about no single scan.
        detail: Further facts. Empty for none.
    """

    at: str
    person: str
    action: Action
    scan_id: int | None
    scan_name: str
    detail: str


class AuditFilters(Frozen):
    """A selection of entries. An entry must match every filter that is set.

    Attributes:
        person: Name of the person.
        action: What the person did.
        scan: Number of the scan.
        since: First day, in UTC.
        until: Last day, in UTC.
    """

    person: str | None = None
    action: Action | None = None
    scan: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    since: date | None = None
    until: date | None = None


class AuditQuery(AuditFilters):
    """A page of the selected entries.

    Attributes:
        page: Number of the page, from 1.
        size: Number of entries on a page.
    """

    page: int = Field(1, ge=1, le=1_000_000)
    size: int = Field(100, ge=1, le=2000)


class AuditPage(Frozen):
    """A page of the audit log.

    Attributes:
        entries: Entries on this page, the latest first.
        total: Number of entries that match the filters.
    """

    entries: tuple[AuditEntry, ...]
    total: int


def record(session: Session, person: str, action: Action, scan: ScanRow | None = None, detail: str = "") -> None:
    """Add an entry in the transaction of a session, so that it is kept exactly if the change is."""
    number, name = (scan.id, scan.name) if scan else (None, "")
    session.add(AuditRow(at=utc_now(), person=person, action=action, scan_id=number, scan_name=name, detail=detail))


def find_entries(session: Session, filters: AuditFilters) -> Sequence[AuditRow]:
    """Return all selected entries, the earliest first."""
    return session.scalars(select(AuditRow).where(*_conditions(filters)).order_by(AuditRow.id)).all()


def audit_page(session: Session, query: AuditQuery) -> AuditPage:
    """Return one page of entries, the latest first."""
    conditions = _conditions(query)
    rows = select(AuditRow).where(*conditions).order_by(AuditRow.id.desc())
    rows = rows.limit(query.size).offset((query.page - 1) * query.size)
    return AuditPage(
        entries=tuple(
            AuditEntry.model_validate({name: getattr(row, name) for name in COLUMNS}) for row in session.scalars(rows)
        ),
        total=session.scalar(select(func.count()).select_from(AuditRow).where(*conditions)) or 0,
    )


def audit_csv(rows: Sequence[AuditRow]) -> str:
    """Return entries as a table."""
    return csv_text(COLUMNS, (tuple(getattr(row, name) for name in COLUMNS) for row in rows))


def _conditions(filters: AuditFilters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.person is not None:
        conditions.append(AuditRow.person == filters.person)
    if filters.action:
        conditions.append(AuditRow.action == filters.action)
    if filters.scan is not None:
        conditions.append(AuditRow.scan_id == filters.scan)
    if filters.since:
        conditions.append(AuditRow.at >= filters.since.isoformat())
    if filters.until and filters.until < date.max:  # no day follows the last date
        conditions.append(AuditRow.at < (filters.until + timedelta(days=1)).isoformat())
    return conditions
