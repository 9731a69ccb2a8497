"""Decisions of people, order of the worklist, and what is exported of both."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import update

from lgeqa.cohort import LabelRule, labels_of, read_cohort, settled_rule
from lgeqa.database import open_database
from lgeqa.records import Finding
from lgeqa.scales import SCALE_NAMES
from lgeqa.web.app_state import AppState
from lgeqa.web.models import HumanDecision, ScanRow
from lgeqa.web.scan_summary import ScanSummary, teaching_value
from tests.factories.worklist import fill, header
from tests.results import assessed, unassessed
from tests.toy import toy_scan
from tests.web.serving import owner, serve

SCANS = 6


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    (tmp_path / "home").mkdir()
    fill(open_database(tmp_path / "home" / "lgeqa.sqlite"), SCANS)
    return serve(tmp_path)


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return owner(app)


def lines(client: TestClient, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/api/scans?{query}")
    assert answer.status_code == 200, answer.text
    scans: list[dict[str, Any]] = answer.json()["scans"]
    return scans


def decide(client: TestClient, number: int, decision: str, save_id: str = "", **more: str) -> Any:
    body = {"save_id": save_id or f"save-{number}-{decision}", "decision": decision, **more}
    return client.post(f"/api/scans/{number}/decisions", json=body)


def table(client: TestClient, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(client.get(f"/api/{name}").text.removeprefix("\ufeff"))))


def set_headers(app: FastAPI) -> None:
    served: AppState = app.state.served
    with served.sessions.begin() as session:
        for number in range(1, SCANS + 1):
            values = {"header": header(number % 2).model_dump_json(), "kind": "dicom"}
            session.execute(update(ScanRow).where(ScanRow.id == number).values(values))


def test_decision_is_kept_with_that_of_the_model_and_all_before(client: TestClient) -> None:
    model = lines(client, "id=2")[0]

    decide(client, 2, "reject", reason="Not sharp", note=" see slice 12 ", person="Ann")
    history = decide(client, 2, "accept").json()

    assert [(saved["version"], saved["decision"], saved["person"]) for saved in history] == [
        (2, "accept", "owner"),
        (1, "reject", "Ann"),
    ]
    assert (history[1]["reason"], history[1]["note"]) == ("Not sharp", "see slice 12")
    assert history[1]["model_decision"] == model["decision"]
    assert history[1]["model_probability"] == model["probability"]
    assert client.get("/api/scans/2/decisions").json() == history
    assert lines(client, "id=2")[0]["human"] == "accept"


def test_repeated_request_decides_once(client: TestClient) -> None:
    first = decide(client, 2, "accept", "the-same-key").json()

    assert decide(client, 2, "accept", "the-same-key").json() == first
    assert len(first) == 1


def test_withdrawn_decision_leaves_the_scan_undecided(client: TestClient) -> None:
    decide(client, 2, "accept")

    assert len(decide(client, 2, "withdrawn").json()) == 2
    assert lines(client, "id=2")[0]["human"] is None


def test_decisions_outlive_the_server_and_an_assessment(tmp_path: Path, app: FastAPI) -> None:
    decide(owner(app), 2, "reject")
    owner(app).post("/api/scans/2/assessments")

    again = owner(serve(tmp_path))

    assert lines(again, "id=2")[0]["human"] == "reject"
    assert len(again.get("/api/scans/2/decisions").json()) == 1


def test_decisions_are_deleted_with_their_scan(app: FastAPI) -> None:
    client = owner(app)
    decide(client, 2, "reject")

    assert client.delete("/api/scans/2").status_code == 204

    with app.state.served.sessions() as session:
        assert session.query(HumanDecision).count() == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"save_id": "12345678", "decision": "review"}, 422),
        ({"save_id": "short", "decision": "accept"}, 422),
        ({"save_id": "12345678", "decision": "accept", "note": "x" * 2001}, 422),
    ],
)
def test_wrong_decisions_are_refused(client: TestClient, body: dict[str, str], status: int) -> None:
    assert client.post("/api/scans/2/decisions", json=body).status_code == status
    assert client.get("/api/scans/2/decisions").json() == []


def test_decision_on_a_missing_scan_is_refused(client: TestClient) -> None:
    assert decide(client, 99, "accept").json() == {"detail": "There is no scan 99. It may have been deleted."}


def test_change_gives_the_list_a_new_version(client: TestClient) -> None:
    tag = client.get("/api/scans").headers["etag"]
    assert client.get("/api/scans", headers={"If-None-Match": tag}).status_code == 304

    decide(client, 2, "accept")

    assert client.get("/api/scans", headers={"If-None-Match": tag}).status_code == 200


def test_table_of_decisions_has_those_of_the_model_beside(client: TestClient) -> None:
    decide(client, 2, "reject", reason="Not sharp", person="Ann")
    decide(client, 2, "accept", note="=1+1")

    first, second = table(client, "decisions.csv")

    assert (first["scan"], first["decision"], first["reason"], first["person"]) == (
        "scan-0001",
        "reject",
        "Not sharp",
        "Ann",
    )
    assert (first["counts"], second["counts"]) == ("false", "true")
    assert second["note"] == "'=1+1"
    line = lines(client, "id=2")[0]
    assert (second["model_decision"], second["verdict_now"]) == (line["decision"], line["end"])


def test_labels_are_a_cohort_that_training_reads(tmp_path: Path, app: FastAPI) -> None:
    client = owner(app)
    for name in ("good", "poor"):
        toy_scan(tmp_path / "scans" / f"{name}.nrrd", seed=len(name))
    added = client.post("/api/folders", json={"path": str(tmp_path / "scans")}).json()["scans"]
    numbers = {line["name"]: line["id"] for line in added}
    decide(client, numbers["good"], "accept", person="Ann")
    decide(client, numbers["poor"], "accept", person="Ann")
    decide(client, numbers["poor"], "reject")
    labels = tmp_path / "labels.csv"
    labels.write_text(client.get("/api/labels.csv").text, encoding="utf-8")

    cases = read_cohort(labels)

    assert [case.scan_id for case in cases] == ["good", "poor"]
    rule = settled_rule(cases, LabelRule())
    calls = {case.scan_id: float(labels_of(case, rule)[SCALE_NAMES.index("quality")]) for case in cases}
    assert calls == {"good": 1.0, "poor": 0.0}


@pytest.mark.parametrize("relation", ["<", ">="])
@pytest.mark.parametrize("field", ["p_sharpness", "wall_cnr"])
def test_attribute_and_measure_filter_the_list(app: FastAPI, field: str, relation: str) -> None:
    served: AppState = app.state.served
    with served.sessions() as session:
        summaries = {row.name: ScanSummary.model_validate_json(row.summary or "") for row in session.query(ScanRow)}
    values = {name: summary.values[field] or 0 for name, summary in summaries.items()}
    low, high = sorted(values.values())[2:4]
    limit = round((low + high) / 2, 9)

    shown = lines(owner(app), f"where={field}{relation}{limit}")

    wanted = {name for name, value in values.items() if (value < limit) == (relation == "<")}
    assert {line["name"] for line in shown} == wanted
    assert len(wanted) == SCANS // 2


@pytest.mark.parametrize("condition", ["p_sharpness=1", "size<3", "wall_cnr<", "wall_cnr<1;DROP TABLE scan"])
def test_unknown_conditions_are_refused(client: TestClient, condition: str) -> None:
    assert client.get("/api/scans", params={"where": condition}).status_code == 422


def test_repeat_comes_before_review_and_accept(client: TestClient) -> None:
    decisions = [line["decision"] for line in lines(client, "sort=decision&descending=false")]

    assert decisions == sorted(decisions, key=["repeat", "review", "accept"].index)
    assert len(set(decisions)) > 1
    assert {line["decision"] for line in lines(client, "decision=repeat")} == {"repeat"}


def test_urgent_scans_come_first_in_any_order(client: TestClient) -> None:
    assert client.post("/api/scans/3/urgency", json={"urgent": True}).json() == {"urgent": True}

    assert lines(client, "sort=name&descending=false&urgent_first=true")[0]["id"] == 3
    assert lines(client, "sort=name&descending=false")[0]["id"] == 1
    assert [line["id"] for line in lines(client, "urgent=true")] == [3]


def test_undecided_scans_that_would_teach_most_come_first(client: TestClient) -> None:
    uncertain = min(lines(client), key=lambda line: abs(line["probability"] - 0.5))
    assert lines(client, "sort=teaches")[0]["id"] == uncertain["id"]

    decide(client, uncertain["id"], "accept")

    assert uncertain["id"] not in [line["id"] for line in lines(client, "sort=teaches")]
    assert len(lines(client, "sort=teaches")) == SCANS - 1


def test_uncertain_and_novel_scans_teach_most() -> None:
    novel = Finding(check="features_known", severity="review", seen="New.", remedy="Look.")

    assert teaching_value(assessed(probability=0.5)) == 1
    assert teaching_value(assessed(probability=1.0)) == 0
    assert teaching_value(assessed(probability=0.75, findings=(novel,))) == pytest.approx(1.0)
    assert teaching_value(unassessed()) is None


def test_neighbours_follow_the_list_even_after_a_decision(client: TestClient) -> None:
    query = "human=undecided&sort=probability&descending=false"
    order = [line["id"] for line in lines(client, query)]
    decide(client, order[1], "accept")

    place = client.get(f"/api/scans/{order[1]}/neighbours?{query}").json()

    assert place == {"previous": order[0], "next": order[2], "place": 2, "total": SCANS}
    last = client.get(f"/api/scans/{order[-1]}/neighbours?{query}").json()
    assert (last["previous"], last["next"]) == (order[-2], None)


def test_drift_is_exported_by_group(client: TestClient) -> None:
    page = client.get("/api/drift.html?by=scanner").text
    assert f"scanner unknown: {SCANS} scans" in page
    assert "Too few scans for limits." in page
    assert client.get("/api/drift.html?by=site").status_code == 422


def test_headers_are_grouped_searched_and_exported(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    fill(open_database(tmp_path / "home" / "lgeqa.sqlite"), SCANS)
    app = serve(tmp_path, show_headers=True)
    set_headers(app)
    client = owner(app)

    grouped = [line["header"]["patient"] for line in lines(client, "group=patient")]
    assert grouped == ["000000"] * 3 + ["000001"] * 3
    assert len(lines(client, "text=site 1")) == 3
    assert lines(client, "text=navigator")[0]["series_kind"] == "LGE"
    assert table(client, "headers.csv")[0]["inversion_time_ms"] == "281.0"
    assert client.get("/api/about").json()["headers"] is True


def test_headers_are_deleted_where_they_are_not_allowed(tmp_path: Path, app: FastAPI) -> None:
    set_headers(app)

    client = owner(serve(tmp_path))

    assert [line["header"] for line in lines(client)] == [None] * SCANS
    assert lines(client, "text=navigator") == []
    assert client.get("/api/headers.csv").status_code == 403


def test_summary_of_a_scan_without_a_verdict() -> None:
    refused = Finding(check="coverage", severity="refused", seen="Cut.", remedy="Send all.")

    assert ScanSummary.of(unassessed()).values == {}
    assert ScanSummary.of(unassessed()).accepted is None
    assert ScanSummary.of(unassessed(status="measured")).accepted is True
    assert ScanSummary.of(unassessed(status="measured", findings=(refused,))).accepted is False
