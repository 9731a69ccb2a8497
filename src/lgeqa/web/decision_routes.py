"""Routes of the worklist: decisions of people on scans, urgent scans, and the scan before and after one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query
from sqlalchemy.orm import Session

from lgeqa.studies.models import writing
from lgeqa.web.app_state import AppState, AppStateDep, Number
from lgeqa.web.audit import record
from lgeqa.web.authorization import Principal, member, viewer
from lgeqa.web.human_decisions import SavedDecision, SentDecision, Urgency, decide, decisions_on
from lgeqa.web.models import ScanRow
from lgeqa.web.scan_queries import Ordered, neighbours
from lgeqa.web.schemas import Neighbours, Problem

MemberDep = Annotated[Principal, Depends(member)]
_ABSENT: dict[int | str, dict[str, Any]] = {404: {"model": Problem}}
router = APIRouter(prefix="/api/scans/{number}", tags=["worklist"], dependencies=[Depends(viewer)])


@router.get("/decisions")
def list_decisions(served: AppStateDep, number: Number) -> list[SavedDecision]:
    """List what people decided on a scan, the latest decision first."""
    with served.sessions() as session:
        return decisions_on(session, number)


@router.post("/decisions", responses=_ABSENT)
def save_decision(served: AppStateDep, number: Number, sent: SentDecision, person: MemberDep) -> list[SavedDecision]:
    """Save what a person decided on a scan, and list all decisions. A repeated request saves nothing twice."""
    with _changing(served, number) as (session, row):
        decide(session, row, sent, person)
        session.flush()
        return decisions_on(session, number)


@router.post("/urgency", responses=_ABSENT)
def set_urgency(served: AppStateDep, number: Number, urgency: Urgency, person: MemberDep) -> Urgency:
    """Mark a scan as urgent, or no longer."""
    with _changing(served, number) as (session, row):
        row.urgent = urgency.urgent
        record(session, person.name, "urgency", row, "urgent" if urgency.urgent else "no longer urgent")
    return urgency


@router.get("/neighbours")
def show_neighbours(served: AppStateDep, number: Number, query: Annotated[Ordered, Query()]) -> Neighbours:
    """Return the scans before and after a scan in the order of a list."""
    with served.sessions() as session:
        return neighbours(session, query, number)


@contextmanager
def _changing(served: AppState, number: int) -> Iterator[tuple[Session, ScanRow]]:
    """Open a transaction on a scan that excludes other writers, and tell those who watch the list afterwards."""
    with writing(served.sessions) as session:
        row = session.get(ScanRow, number)
        if row is None:
            raise HTTPException(404, f"There is no scan {number}. It may have been deleted.")
        yield session, row
    served.queue.announce()
