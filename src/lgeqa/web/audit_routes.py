"""Routes of the audit log, for the owner, and the dependency by which other routes are recorded in it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from lgeqa.web.app_state import AppStateDep, Number
from lgeqa.web.audit import Action, AuditFilters, AuditPage, AuditQuery, audit_csv, audit_page, find_entries, record
from lgeqa.web.authorization import PrincipalDep, owner
from lgeqa.web.models import DONE, ScanRow
from lgeqa.web.responses import as_table

router = APIRouter(prefix="/api", tags=["audit log"], dependencies=[Depends(owner)])


@router.get("/audit")
def show_audit(served: AppStateDep, query: Annotated[AuditQuery, Query()]) -> AuditPage:
    """List one page of the audit log, the latest entry first."""
    with served.sessions() as session:
        return audit_page(session, query)


@router.get("/audit.csv", response_class=Response)
def export_audit(served: AppStateDep, filters: Annotated[AuditFilters, Query()]) -> Response:
    """Export the audit log as a table, the earliest entry first."""
    with served.sessions() as session:
        return as_table(audit_csv(find_entries(session, filters)), "audit.csv")


def audited(action: Action) -> Any:
    """Return a dependency of a route that records who uses it and its path, before the route answers."""

    def note(request: Request, served: AppStateDep, person: PrincipalDep) -> None:
        method = "" if request.method == "GET" else f"{request.method} "
        with served.sessions.begin() as session:
            record(session, person.name, action, detail=method + request.url.path.removeprefix("/api/"))

    return Depends(note)


def _note_opened(request: Request, number: Number, served: AppStateDep, person: PrincipalDep) -> None:
    """Record who sees a scan, once it has a result to see."""
    with served.sessions.begin() as session:
        row = session.get(ScanRow, number)
        if row and row.state == DONE:
            record(
                session, person.name, "opened", row, request.url.path.removeprefix(f"/api/scans/{number}").lstrip("/")
            )


#: Dependency of a route that shows a scan, by which the audit log has who saw it.
opened: Any = Depends(_note_opened)
