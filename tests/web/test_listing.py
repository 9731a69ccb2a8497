import csv
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import update

from lgeqa.measures import reference_scans
from lgeqa.records import ReferenceLevels, ScanResult
from lgeqa.reporting.measure_rows import reference_note
from lgeqa.web.app_state import AppState, ListAnswers
from lgeqa.web.models import ScanRow
from lgeqa.web.responses import as_table
from tests.results import REFUSED, REVIEW, assessed, measured, unassessed
from tests.web.serving import owner, serve
from tests.web.test_queue import source

#: Name, result, and the day on which it was added and done; a Monday is 2026-11-23.
SCANS: list[tuple[str, ScanResult | None, str]] = [
    ("alpha", assessed(probability=0.9), "2026-11-20"),
    ("beta_50%", assessed(probability=0.2, verdict="non-diagnostic", review=True), "2026-11-23"),
    ("Gamma", unassessed(), "2026-11-24"),
    ("delta", unassessed(status="not_assessable"), "2026-11-24"),
    ("epsilon", None, "2026-11-24"),
]


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    made = serve(tmp_path)
    served: AppState = made.state.served
    for name, result, day in SCANS:
        [number] = served.queue.add([source(name)])
        if result:
            served.queue.take()
            served.queue.finish(number, result)
        with served.sessions.begin() as session:
            finished = f"{day}T12:00:00+00:00" if result else None
            times = {"added_at": f"{day}T11:00:00+00:00", "finished_at": finished}
            session.execute(update(ScanRow).where(ScanRow.id == number).values(times))
    return made


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return owner(app)


def names(client: TestClient, query: str = "") -> list[str]:
    return [scan["name"] for scan in client.get(f"/api/scans?{query}").json()["scans"]]


def test_the_newest_come_first_and_all_are_counted(client: TestClient) -> None:
    answer = client.get("/api/scans").json()

    assert [scan["name"] for scan in answer["scans"]] == ["epsilon", "delta", "Gamma", "beta_50%", "alpha"]
    assert answer["total"] == 5
    assert answer["counts"] == {"diagnostic": 1, "failed": 1, "non-diagnostic": 1, "not_assessable": 1, "queued": 1}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("end=diagnostic", ["alpha"]),
        ("end=failed", ["Gamma"]),
        ("end=measured", []),
        ("review=true", ["beta_50%"]),
        ("review=false", ["delta", "Gamma", "alpha"]),
        ("state=queued", ["epsilon"]),
        ("text=AM", ["Gamma"]),
        ("text=50%25", ["beta_50%"]),
        ("text=_", ["beta_50%"]),
        ("since=2026-11-24", ["epsilon", "delta", "Gamma"]),
        ("until=2026-11-23", ["beta_50%", "alpha"]),
        ("since=2026-11-21&until=2026-11-23", ["beta_50%"]),
        ("id=1&id=3", ["Gamma", "alpha"]),
        ("sort=name&descending=false", ["Gamma", "alpha", "beta_50%", "delta", "epsilon"]),
        ("sort=probability", ["alpha", "beta_50%", "epsilon", "delta", "Gamma"]),
        ("sort=probability&descending=false", ["beta_50%", "alpha", "epsilon", "delta", "Gamma"]),
        ("size=2", ["epsilon", "delta"]),
        ("size=2&page=3", ["alpha"]),
        ("size=2&page=4", []),
    ],
)
def test_filters_orders_and_pages(client: TestClient, query: str, expected: list[str]) -> None:
    assert names(client, query) == expected


@pytest.mark.parametrize(
    "query",
    ["end=good", "sort=size", "sort=names", "sort=name%0A", "page=0", "size=3000", "since=yesterday", "color=red"],
)
def test_what_cannot_be_asked_is_refused_by_name(client: TestClient, query: str) -> None:
    answer = client.get(f"/api/scans?{query}")

    assert answer.status_code == 422
    assert query.partition("=")[0] in answer.text


def test_an_answer_that_is_known_is_not_sent_again(app: FastAPI, client: TestClient) -> None:
    tag = client.get("/api/scans").headers["etag"]

    same = client.get("/api/scans", headers={"If-None-Match": tag})
    app.state.served.queue.add([source("zeta")])
    other = client.get("/api/scans", headers={"If-None-Match": tag})

    assert (same.status_code, same.content) == (304, b"")
    assert other.status_code == 200
    assert other.headers["etag"] != tag


def test_history_by_day_and_by_week(client: TestClient) -> None:
    days = client.get("/api/history").json()
    weeks = client.get("/api/history?by=week").json()

    assert days == [
        {"start": "2026-11-20", "counts": {"diagnostic": 1}},
        {"start": "2026-11-23", "counts": {"non-diagnostic": 1}},
        {"start": "2026-11-24", "counts": {"failed": 1, "not_assessable": 1}},
    ]
    assert weeks == [
        {"start": "2026-11-16", "counts": {"diagnostic": 1}},
        {"start": "2026-11-23", "counts": {"failed": 1, "non-diagnostic": 1, "not_assessable": 1}},
    ]


def test_exports_hold_what_fits_the_filters_and_is_done(client: TestClient) -> None:
    table = client.get("/api/results.csv")
    records = client.get("/api/results.jsonl?since=2026-11-23&end=non-diagnostic")
    report = client.get("/api/report.html?id=1&id=5")

    assert [line.partition(",")[0] for line in table.content.decode("utf-8-sig").splitlines()] == [
        "scan_id",
        "alpha",
        "beta_50%",
        "Gamma",
        "delta",
    ]
    assert "results.csv" in table.headers["content-disposition"]
    [line] = records.text.splitlines()
    assert ScanResult.model_validate_json(line).scan_id == "beta_50%"
    every = [ScanResult.model_validate_json(line) for line in client.get("/api/results.jsonl").text.splitlines()]
    assert [one.scan_id for one in every] == ["alpha", "beta_50%", "Gamma", "delta"]
    assert "alpha" in report.text
    assert "epsilon" not in report.text
    assert "beta" not in report.text


def test_tables_keep_numbers_and_disarm_formulas(app: FastAPI) -> None:
    shown(app, assessed(message="=1+1", probability=0.25))

    *_, row = csv.DictReader(owner(app).get("/api/results.csv").content.decode("utf-8-sig").splitlines())

    assert (row["message"], row["probability"]) == ("'=1+1", "0.25")
    tables = [bytes(as_table(f"a\n{cell}\n", "a.csv").body).decode("utf-8-sig") for cell in ("-0.5", "+1e3")]
    assert tables == ["a\n-0.5\n", "a\n+1e3\n"]


def shown(app: FastAPI, result: ScanResult) -> dict[str, Any]:
    """What the interface says of one more scan with this result."""
    queue = app.state.served.queue
    [number] = queue.add([source("omega")])
    while (taken := queue.take()) and taken.number != number:
        queue.finish(taken.number, assessed())
    queue.finish(number, result)
    part: dict[str, Any] = owner(app).get(f"/api/scans/{number}").json()
    return part


def test_a_measured_scan_is_shown_with_its_measures_poor_first(app: FastAPI) -> None:
    part = shown(app, unassessed(status="measured", message="", measures=measured(0.5, noise_percent=99.0, asnr=None)))

    first, last = part["measures"][0], part["measures"][-1]
    assert part["line"]["end"] == "measured"
    assert part["line"]["poor"] == ["Noise"]
    assert (first["title"], first["poor"], first["text"]) == ("Noise", True, "99.0 % of blood")
    assert (first["strip"]["at"], first["strip"]["beyond"]) == (98, 1)
    low, high = first["strip"]["band"]
    assert first["strip"]["ticks"][0] < low < first["strip"]["median"] < high < first["strip"]["ticks"][-1]
    assert first["definition"].startswith("Measure")
    assert (last["name"], last["reason"], last["strip"]) == ("asnr", "No asnr here.", None)


def test_a_scan_without_measures_has_none_to_show(app: FastAPI) -> None:
    part = shown(app, assessed())
    assert (part["measures"], part["levels"], part["sensitive"]) == ([], "", False)
    assert (part["line"]["flags"], part["line"]["poor"], part["line"]["pictured"]) == ([], [], False)


def test_review_force_and_reference_are_reported(app: FastAPI) -> None:
    levels = ReferenceLevels(air=1, blood=100, p_quality_if_lower=0.4, p_quality_if_higher=0.9)
    part = shown(app, assessed(review=True, forced=True, findings=(REFUSED, REVIEW), reference=levels))
    assert part["line"]["flags"] == ["review", "forced"]
    assert part["sensitive"]
    assert part["levels"].startswith("Grey level of blood 100.0, of air 1.0.")
    assert [finding["severity"] for finding in part["result"]["findings"]] == ["refused", "review"]


def test_about_has_the_caution_and_the_reference_scans(app: FastAPI) -> None:
    about = owner(app).get("/api/about").json()
    assert about["caution"] == app.state.served.bundle.manifest.caution
    assert about["reference_note"] == reference_note(reference_scans())


def test_answer_for_many_is_looked_up_once_for_each_version() -> None:
    answers = ListAnswers()
    asked: list[int] = []

    def look_up() -> str:
        asked.append(len(asked))
        return f"answer {len(asked)}"

    told = [answers.answer(version, query, look_up) for version, query in ("1a", "1a", "1b", "2a", "2a")]

    assert told == ["answer 1", "answer 1", "answer 2", "answer 3", "answer 3"]
