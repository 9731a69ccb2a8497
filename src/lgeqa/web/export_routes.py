"""Routes that export results: tables, records, the report, and the history."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import HTMLResponse

from lgeqa.batch import table_text
from lgeqa.measures import reference_scans
from lgeqa.records import ScanResult
from lgeqa.reporting import render
from lgeqa.reporting.measure_rows import reference_note
from lgeqa.web.app_state import AppState, AppStateDep
from lgeqa.web.authorization import owner
from lgeqa.web.responses import as_file, as_table
from lgeqa.web.scan_queries import Filters, HistoryQuery, find, history
from lgeqa.web.schemas import About, Period

router = APIRouter(prefix="/api", tags=["results"], dependencies=[Depends(owner)])

FiltersDep = Annotated[Filters, Query()]


@router.get("/results.csv", response_class=Response)
def export_table(served: AppStateDep, filters: FiltersDep) -> Response:
    """Export the results of all finished scans, in the columns of `results.csv` of `lgeqa assess`."""
    return as_table(table_text(_results(served, filters)), "results.csv")


@router.get("/results.jsonl", response_class=Response)
def export_records(served: AppStateDep, filters: FiltersDep) -> Response:
    """Export the complete records of all finished scans, one per line."""
    lines = "".join(f"{result.model_dump_json()}\n" for result in _results(served, filters))
    return as_file(lines, "results.jsonl")


@router.get("/report.html", response_class=HTMLResponse)
def export_report(served: AppStateDep, filters: FiltersDep) -> Response:
    """Export the report of all finished scans as one self-contained file."""
    with served.sessions() as session:
        numbers = {row.name: row.id for row in find(session, filters)}
    results = _results(served, filters)
    pages = render(
        results,
        lambda name: served.out.load_pictures(str(numbers[name])),
        served.bundle.stamp,
        served.bundle.manifest.intended_use,
        served.bundle.manifest.caution,
        scans_a_page=max(1, len(results)),
    )
    return as_file("".join(html for _, html in pages), "report.html")


@router.get("/history")
def show_history(served: AppStateDep, query: Annotated[HistoryQuery, Query()]) -> list[Period]:
    """Count the scans by final result, for each day or week."""
    with served.sessions() as session:
        return history(session, query)


@router.get("/about")
def show_about(served: AppStateDep) -> About:
    """Return the version of lgeqa, the model, its intended use, and a note on the reference scans."""
    return About(
        lgeqa=version("lgeqa"),
        bundle=served.bundle.stamp,
        intended_use=served.bundle.manifest.intended_use,
        caution=served.bundle.manifest.caution,
        reference_note=reference_note(reference_scans()),
        upload_mb=served.settings.upload_mb,
    )


def _results(served: AppState, filters: Filters) -> Sequence[ScanResult]:
    with served.sessions() as session:
        return [row.record for row in find(session, filters) if row.record]
