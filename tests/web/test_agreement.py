"""Agreement and adjudication over HTTP."""

import csv
import gzip
import io
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from lgeqa.agreement.compute import agree
from lgeqa.agreement.record import Agreement
from lgeqa.records import BundleStamp
from lgeqa.scales import SCALE_NAMES
from lgeqa.studies.management import find_study
from lgeqa.studies.models import StudyScan
from lgeqa.web import agreement_routes
from lgeqa.web.models import ScanRow
from tests.evaluation.judged import record
from tests.web.rating import Person, Scene, make_scene, rating

PATHS = [
    ("GET", "/api/studies/1/agreement"),
    ("GET", "/api/studies/1/agreement/progress"),
    ("GET", "/api/studies/1/agreement/agreement.md"),
    ("GET", "/api/studies/1/adjudication"),
    ("GET", "/api/studies/1/adjudication/1"),
    ("GET", "/api/studies/1/adjudication/1/volume"),
    ("POST", "/api/studies/1/adjudication/1"),
]


def agreed(save_id: str = "agree-001", known: int = 0, **more: object) -> dict[str, object]:
    return {"save_id": save_id, "known": known, "scores": dict.fromkeys(SCALE_NAMES, 3), "panel": "Ada, Bo", **more}


def rate(scene: Scene) -> None:
    """Ada gives 2 to all, Bo 4 to all."""
    for person, reader_id, score in ((scene.ada, 1, 2), (scene.bo, 2, 4)):
        for one in person.get("/api/reading").json()["readings"]:
            body = rating(f"save-{one['number']:04}", score, reader_id=reader_id)
            assert person.post(f"/api/reading/{one['number']}/ratings", body).status_code == 200


@pytest.fixture
def open_scene(tmp_path: Path) -> Scene:
    scene = make_scene(tmp_path)
    rate(scene)
    return scene


@pytest.fixture
def scene(open_scene: Scene) -> Scene:
    assert open_scene.owner.post("/api/studies/1/close").status_code == 200
    return open_scene


def request(person: Person, method: str, path: str) -> Any:
    return person.client.request(method, path, headers=person.headers, json=agreed() if method == "POST" else None)


def test_while_a_study_is_open_nobody_sees(open_scene: Scene) -> None:
    answers = [request(open_scene.owner, method, path) for method, path in PATHS]

    assert [answer.status_code for answer in answers] == [409] * len(PATHS)
    assert all("is open" in answer.json()["detail"] for answer in answers)


def test_only_the_owner_sees_after(scene: Scene) -> None:
    nobody = Person(scene.owner.client, "wrong")

    assert [request(scene.ada, method, path).status_code for method, path in PATHS] == [403] * len(PATHS)
    assert [request(nobody, method, path).status_code for method, path in PATHS] == [401] * len(PATHS)


def test_a_study_that_is_not_there(scene: Scene) -> None:
    answers = [request(scene.owner, method, path.replace("studies/1", "studies/9")) for method, path in PATHS]

    assert [answer.status_code for answer in answers] == [404] * len(PATHS)
    assert {answer.json()["detail"] for answer in answers} == {"There is no study 9."}


def test_figures(scene: Scene) -> None:
    made = Agreement.model_validate(scene.owner.get("/api/studies/1/agreement").json())

    assert (made.source, made.n_scans, [one.reader for one in made.readers]) == ("Pilot", 3, ["Ada", "Bo"])
    assert made.scales["quality"].leniency[0].difference.value == -2
    assert made.scales["quality"].repeats[0].exact.value == 1
    assert len(made.disputes) == 3


def test_progress_ends_with_the_agreement(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    half_way, go_on = Event(), Event()

    def stop_half_way(*arguments: Any, on_progress: Any, **options: Any) -> Agreement:
        def report(share: float) -> None:
            seen.append(share)
            on_progress(share)
            if share == 0.5:
                half_way.set()
                assert go_on.wait(30)

        return agree(*arguments, on_progress=report, **options)

    monkeypatch.setattr(agreement_routes, "agree", stop_half_way)
    scene.owner.get("/api/studies/1/agreement/progress")
    assert half_way.wait(30)
    assert scene.owner.get("/api/studies/1/agreement/progress").json() == {"share": 0.5, "done": False}
    go_on.set()
    made = scene.owner.get("/api/studies/1/agreement").json()

    assert scene.owner.get("/api/studies/1/agreement/progress").json() == {"share": 1, "done": True}
    assert scene.owner.get("/api/studies/1/agreement/agreement.json").json() == made
    assert len(seen) == 8  # computed once


def test_failed_agreement_is_tried_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(agreement_routes, "Bootstrap", lambda: None)
        failed = scene.owner.get("/api/studies/1/agreement")
    again = scene.owner.get("/api/studies/1/agreement")

    assert (failed.status_code, again.status_code) == (500, 200)


def test_rule_of_a_study_chooses_what_is_listed(scene: Scene) -> None:
    strict = {"points": 3, "points_on": ["sharpness"], "sides_on": []}
    assert len(scene.owner.get("/api/studies/1/adjudication").json()) == 3
    number = scene.owner.get("/api/studies/1/adjudication").json()[0]["number"]
    assert scene.owner.get(f"/api/studies/1/adjudication/{number}").json()["apart"] == list(SCALE_NAMES)

    changed = scene.owner.client.put("/api/studies/1/rule", json=strict, headers=scene.owner.headers)

    assert changed.json()["rule"] == scene.owner.get("/api/studies/1").json()["rule"] == strict
    assert scene.owner.get("/api/studies/1/adjudication").json() == []
    assert scene.owner.get(f"/api/studies/1/adjudication/{number}").json()["apart"] == []
    made = Agreement.model_validate(scene.owner.get("/api/studies/1/agreement").json())
    assert (made.disputes, made.rule.points) == ((), 3)
    refused: list[dict[str, Any]] = [{"points": 0}, {"points": 5}, {"points_on": ["beauty"]}, {"sides": []}]
    for wrong in refused:
        assert scene.owner.client.put("/api/studies/1/rule", json=wrong, headers=scene.owner.headers).status_code == 422


def add_result(scene: Scene, number: int, scan: StudyScan, bundle: BundleStamp) -> None:
    """A result of the application, of a scan of the same bytes and any name."""
    result = record([[0.9] * 4], scan_id="other").model_copy(update={"input_sha256": scan.sha256, "bundle": bundle})
    with scene.owner.client.app.state.served.sessions.begin() as session:  # type: ignore[attr-defined]
        session.add(
            ScanRow(
                **dict.fromkeys(("name", "identity", "location"), str(number)),
                kind="volume",
                files=[],
                fault="",
                state="done",
                added_at="2026-11-24",
                result=result.model_dump_json(),
            )
        )


def test_model_is_among_the_readers_with_results(scene: Scene) -> None:
    ours = scene.owner.client.app.state.served.bundle.stamp  # type: ignore[attr-defined]
    with scene.owner.client.app.state.served.sessions() as session:  # type: ignore[attr-defined]
        first, second, _ = find_study(session, 1).scans
    add_result(scene, 1, first, ours)
    add_result(scene, 2, second, ours.model_copy(update={"version": "of last year"}))

    made = Agreement.model_validate(scene.owner.get("/api/studies/1/agreement").json())

    assert (made.bundle, made.n_judged) == (ours, 1)
    assert {one.against: one.same_side.value for one in made.scales["quality"].model} == {
        "Ada": 0,
        "Bo": 1,
        "majority": 0,
    }
    assert [one.scan_id for one in made.disputes if one.verdict] == [first.scan_id]
    assert all(not one["dispute"]["verdict"] for one in scene.owner.get("/api/studies/1/adjudication").json())


def test_files(scene: Scene) -> None:
    names = ("agreement.md", "agreement.html", "agreement.pdf", "agreement.json", "adjudicate.csv")
    files = {name: scene.owner.get(f"/api/studies/1/agreement/{name}") for name in names}

    assert "<h1>Agreement of 2 readers</h1>" in files["agreement.html"].text
    assert files["agreement.pdf"].content.startswith(b"%PDF-")
    assert files["agreement.pdf"].headers["content-type"] == "application/pdf"
    assert files["agreement.md"].text.startswith("# Agreement of 2 readers\n")
    assert files["agreement.md"].headers["content-type"] == "text/markdown; charset=utf-8"
    assert len(Agreement.model_validate_json(files["agreement.json"].text).disputes) == 3
    assert len(list(csv.DictReader(io.StringIO(files["adjudicate.csv"].content.decode("utf-8-sig"))))) == 3
    assert files["adjudicate.csv"].headers["content-disposition"] == 'attachment; filename="adjudicate.csv"'
    assert scene.owner.get("/api/studies/1/agreement/passwords").status_code == 422


def test_a_scan_is_adjudicated_and_exported(scene: Scene) -> None:
    listed = scene.owner.get("/api/studies/1/adjudication").json()
    number = listed[0]["number"]
    assert scene.owner.get(f"/api/studies/1/adjudication/{number}").json()["said"][0]["reader"] == "Ada"

    answer = scene.owner.post(f"/api/studies/1/adjudication/{number}", agreed())

    assert (answer.status_code, answer.json()["version"], answer.json()["panel"]) == (200, 1, "Ada, Bo")
    assert scene.owner.post(f"/api/studies/1/adjudication/{number}", agreed()).json() == answer.json()
    assert scene.owner.get("/api/studies/1/adjudication").json()[0]["agreed"]["scores"] == dict.fromkeys(SCALE_NAMES, 3)
    assert ",adjudicated,3,3,3,3,\n" in scene.owner.get("/api/studies/1/export/scores.csv").text
    assert scene.owner.get("/api/studies/1/export/adjudications.csv").text.count("\n") == 2
    other = scene.owner.post(f"/api/studies/1/adjudication/{number}", agreed("agree-002"))
    assert (other.status_code, "another page" in other.json()["detail"]) == (409, True)


def test_half_an_agreement_is_refused(scene: Scene) -> None:
    bodies = [
        agreed(scores=None),
        agreed(cannot_rate="blurred"),
        agreed(scores=dict.fromkeys(SCALE_NAMES, 6)),
        agreed(scores={"quality": 3}),
        agreed(known=-1),
        agreed(save_id="short"),
    ]

    assert [scene.owner.post("/api/studies/1/adjudication/1", body).status_code for body in bodies] == [422] * 6
    assert scene.owner.get("/api/studies/1/adjudication/1").json()["agreed"] == []


def test_the_scan_itself(scene: Scene) -> None:
    volume = scene.owner.get("/api/studies/1/adjudication/1/volume")
    assert gzip.decompress(volume.content)[344:348] == b"n+1\0"

    for file in scene.folder.rglob("*.nrrd"):
        file.unlink()
    gone = scene.owner.get("/api/studies/1/adjudication/1/volume")
    assert (gone.status_code, gone.json()["detail"]) == (503, "Scan 1 cannot be read now. Tell whoever runs the study.")


def test_a_scan_that_is_not_there(scene: Scene) -> None:
    answer = scene.owner.get("/api/studies/1/adjudication/7")

    assert (answer.status_code, answer.json()["detail"]) == (404, "The study 'Pilot' has no scan 7.")


def test_pages_are_the_owners(scene: Scene) -> None:
    for page in ("agreement", "adjudication/1"):
        path = f"/studies/1/{page}"
        answers = [scene.owner.client.get(path), scene.ada.get(path), scene.owner.get(path)]
        assert [answer.status_code for answer in answers] == [401, 403, 200]
