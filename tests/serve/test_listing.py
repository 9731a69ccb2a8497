from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import update

from lgeqa.records import ScanResult
from lgeqa.serve.served import Served
from lgeqa.serve.tables import ScanRow
from tests.results import assessed, unassessed
from tests.serve.serving import owner, serve
from tests.serve.test_queue import source

#: Name, result, and the day on which it was added and done; a Monday is 2026-11-23.
SCANS: list[tuple[str, ScanResult | None, str]] = [
    ("alpha", assessed(probability=0.9), "2026-11-20"),
    ("beta_50%", assessed(probability=0.2, verdict="non-diagnostic"), "2026-11-23"),
    ("Gamma", unassessed(), "2026-11-24"),
    ("delta", unassessed(status="not_assessable"), "2026-11-24"),
    ("epsilon", None, "2026-11-24"),
]


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    made = serve(tmp_path)
    served: Served = made.state.served
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


@pytest.mark.parametrize("query", ["end=good", "sort=size", "page=0", "size=1000", "since=yesterday", "color=red"])
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

    assert [line.partition(",")[0] for line in table.text.splitlines()] == [
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
