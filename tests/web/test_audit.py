"""Who saw, decided and changed what."""

import csv
import io
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import delete, update
from sqlalchemy.exc import DatabaseError

from lgeqa.database import open_database
from lgeqa.web.models import AuditRow
from tests.factories.people import person
from tests.factories.worklist import fill
from tests.web.serving import owner, scan_bytes, send, serve


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    (tmp_path / "home").mkdir()
    fill(open_database(tmp_path / "home" / "lgeqa.sqlite"), 2)
    return serve(tmp_path)


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return owner(app)


def entries(client: TestClient, query: str = "") -> list[tuple[str, str, int | None, str, str]]:
    """Return the log, the earliest entry first."""
    page = client.get(f"/api/audit?{query}").json()
    return [
        (entry["person"], entry["action"], entry["scan_id"], entry["scan_name"], entry["detail"])
        for entry in reversed(page["entries"])
    ]


def test_log_says_who_did_what_with_which_scan(app: FastAPI, client: TestClient, tmp_path: Path) -> None:
    ann = person(app, "Ann", "member")
    ann.get("/api/scans")
    ann.get("/api/scans/1")
    ann.get("/api/scans/1/pictures")
    ann.get("/api/report.html?text=DOE")
    ann.post("/api/scans/2/decisions", json={"save_id": "12345678", "decision": "reject", "note": "of Mr Doe"})
    ann.post("/api/scans/2/decisions", json={"save_id": "12345678", "decision": "reject"})
    ann.post("/api/scans/2/urgency", json={"urgent": True})
    ann.post("/api/scans/2/assessments")
    send(ann, [("case.nrrd", scan_bytes(tmp_path))])
    ann.delete("/api/scans/1")
    client.delete("/api/scans/1")

    assert entries(client) == [
        ("owner", "people", None, "", "added Ann as member"),
        ("Ann", "opened", 1, "scan-0000", ""),
        ("Ann", "opened", 1, "scan-0000", "pictures"),
        ("Ann", "exported", None, "", "report.html"),
        ("Ann", "decided", 2, "scan-0001", "reject"),
        ("Ann", "urgency", 2, "scan-0001", "urgent"),
        ("Ann", "assess again", 2, "scan-0001", ""),
        ("Ann", "added", 3, "case", ""),
        ("owner", "deleted", 1, "scan-0000", ""),
    ]


def test_scan_that_waits_shows_nothing_and_is_not_logged(client: TestClient, tmp_path: Path) -> None:
    send(client, [("case.nrrd", scan_bytes(tmp_path))])
    for path in ("3", "3/volume.nii.gz", "99", f"{2**63}"):
        client.get(f"/api/scans/{path}")

    assert [entry[1] for entry in entries(client)] == ["added"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("person=Ann", ["opened", "exported"]),
        ("action=exported", ["exported"]),
        ("scan=1", ["opened"]),
        ("until=2020-01-01", []),
        ("since=2020-01-01&size=1", ["exported"]),
        ("size=1&page=2", ["opened"]),
    ],
)
def test_log_is_filtered_and_paged(app: FastAPI, client: TestClient, query: str, expected: list[str]) -> None:
    ann = person(app, "Ann", "viewer")
    ann.get("/api/scans/1")
    ann.get("/api/labels.csv")

    assert [entry[1] for entry in entries(client, query)] == expected


def test_log_is_exported_whole_as_a_table(app: FastAPI, client: TestClient) -> None:
    person(app, "=Ann()", "viewer").get("/api/scans/1")

    rows = list(csv.DictReader(io.StringIO(client.get("/api/audit.csv").text.lstrip("\ufeff"))))

    assert [(row["person"], row["action"], row["scan_name"]) for row in rows] == [
        ("owner", "people", ""),
        ("'=Ann()", "opened", "scan-0000"),
    ]


@pytest.mark.parametrize("change", [delete(AuditRow), update(AuditRow).values(person="nobody")])
def test_database_refuses_to_change_the_log(app: FastAPI, client: TestClient, change: object) -> None:
    client.get("/api/scans/1")

    with (
        pytest.raises(DatabaseError, match="the audit log only grows"),
        app.state.served.sessions.begin() as session,
    ):
        session.execute(change)

    assert len(entries(client)) == 1
