"""Routes that export results: tables, records, the report, and the history."""

from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Response
from fastapi.responses import HTMLResponse

from lgeqa.batch import table_text
from lgeqa.io.series_header import SeriesHeader
from lgeqa.measures import reference_scans
from lgeqa.records import ScanResult
from lgeqa.reporting import render
from lgeqa.reporting.drift import Moment, follow_groups, own_fact
from lgeqa.reporting.drift_page import drift_page
from lgeqa.reporting.measure_rows import reference_note
from lgeqa.table_text import csv_text
from lgeqa.web.app_state import AppState, AppStateDep
from lgeqa.web.audit_routes import audited
from lgeqa.web.authorization import viewer
from lgeqa.web.human_decisions import decisions_csv, labels_csv
from lgeqa.web.responses import as_file, as_table
from lgeqa.web.scan_queries import DriftQuery, Filters, HistoryQuery, find, history
from lgeqa.web.schemas import About, Period, Problem

router = APIRouter(prefix="/api", tags=["results"], dependencies=[Depends(viewer)])

FiltersDep = Annotated[Filters, Query()]


@router.get("/results.csv", dependencies=[audited("exported")], response_class=Response)
def export_table(served: AppStateDep, filters: FiltersDep) -> Response:
    """Export the results of all finished scans, in the columns of `results.csv` of `lgeqa assess`."""
    return as_table(table_text(_results(served, filters).values()), "results.csv")


@router.get("/results.jsonl", dependencies=[audited("exported")], response_class=Response)
def export_records(served: AppStateDep, filters: FiltersDep) -> Response:
    """Export the complete records of all finished scans, one per line."""
    lines = "".join(f"{result.model_dump_json()}\n" for result in _results(served, filters).values())
    return as_file(lines, "results.jsonl")


@router.get("/decisions.csv", dependencies=[audited("exported")], response_class=Response)
def export_decisions(served: AppStateDep, filters: FiltersDep) -> Response:
    """Export all decisions of people on scans, with those of the model beside them."""
    with served.sessions() as session:
        return as_table(decisions_csv(session, find(session, filters)), "decisions.csv")


@router.get("/labels.csv", dependencies=[audited("exported")], response_class=Response)
def export_labels(served: AppStateDep, filters: FiltersDep) -> Response:
    """Export the scans on which people have decided as the table of a cohort, for a training."""
    with served.sessions() as session:
        return as_file(labels_csv(session, find(session, filters)), "labels.csv")


@router.get(
    "/headers.csv", dependencies=[audited("exported")], response_class=Response, responses={403: {"model": Problem}}
)
def export_headers(served: AppStateDep, filters: FiltersDep) -> Response:
    """Export the values of DICOM headers that are shown, if the server was started with `--show-headers`."""
    if not served.settings.show_headers:
        raise HTTPException(403, "Headers are not kept. Start the server with --show-headers to allow it.")
    with served.sessions() as session:
        headers = [(row.name, row.series_header) for row in find(session, filters)]
    rows = ((name, *(_cell(value) for _, value in header)) for name, header in headers if header)
    return as_table(csv_text(("scan", *SeriesHeader.model_fields), rows), "headers.csv")


@router.get("/report.html", dependencies=[audited("exported")], response_class=HTMLResponse)
def export_report(served: AppStateDep, filters: FiltersDep) -> Response:
    """Export the report of all finished scans as one self-contained file."""
    results = _results(served, filters)
    numbers = {result.scan_id: number for number, result in results.items()}
    pages = render(
        list(results.values()),
        lambda name: served.out.load_pictures(str(numbers[name])),
        served.bundle.stamp,
        served.bundle.manifest.intended_use,
        served.bundle.manifest.caution,
        served.bundle.manifest.kept_out,
        scans_a_page=max(1, len(results)),
    )
    return as_file("".join(html for _, html in pages), "report.html")


@router.get("/drift.html", dependencies=[audited("exported")], response_class=HTMLResponse)
def export_drift(served: AppStateDep, query: Annotated[DriftQuery, Query()]) -> Response:
    """Export the control charts of all finished scans as one self-contained file."""
    results = _results(served, query).values()
    named = ((", ".join(own_fact(result, fact) for fact in query.by), result) for result in results)
    groups = follow_groups((name, Moment(result, result.finished_at)) for name, result in named)
    return as_file(drift_page(groups), "drift.html")


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
        headers=served.settings.show_headers,
    )


def _results(served: AppState, filters: Filters) -> dict[int, ScanResult]:
    """Return the results of the selected scans by the number of the scan."""
    with served.sessions() as session:
        records = ((row.id, row.record) for row in find(session, filters))
        return {number: record for number, record in records if record}


def _cell(value: str | float | None) -> str:
    return "" if value is None else str(value)
