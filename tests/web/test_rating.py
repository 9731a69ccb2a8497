import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from lgeqa.cohort import read_cohort
from lgeqa.scales import SCALE_NAMES
from tests.web.rating import Person, Scene, make_scene, rating
from tests.web.serving import serve


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return make_scene(tmp_path)


OWNERS = [
    ("GET", "/api/studies"),
    ("POST", "/api/studies"),
    ("GET", "/api/studies/1"),
    ("POST", "/api/studies/1/readers"),
    ("GET", "/api/studies/1/readers/1/token"),
    ("POST", "/api/studies/1/readers/1/token"),
    ("PUT", "/api/studies/1/rule"),
    ("POST", "/api/studies/1/close"),
    ("POST", "/api/studies/1/reopen"),
    ("GET", "/api/studies/1/ratings"),
    ("GET", "/api/studies/1/export/ratings.csv"),
]
READERS = [
    ("GET", "/api/reading"),
    ("GET", "/api/reading/1"),
    ("GET", "/api/reading/1/volume"),
    ("POST", "/api/reading/1/ratings"),
]
BODIES = {"/api/studies": {"name": "S", "folder": "/"}, "/api/studies/1/readers": {"name": "C"}}


@pytest.mark.parametrize(("method", "path"), OWNERS + READERS)
@pytest.mark.parametrize("token", ["", "wrong"])
def test_without_a_right_token_nothing_opens(scene: Scene, method: str, path: str, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = scene.owner.client.request(method, path, headers=headers, json=BODIES.get(path, rating()))

    assert answer.status_code == 401


@pytest.mark.parametrize(("method", "path"), OWNERS)
def test_what_is_the_owners_is_closed_to_a_reader(scene: Scene, method: str, path: str) -> None:
    answer = scene.ada.client.request(method, path, headers=scene.ada.headers, json=BODIES.get(path))

    assert answer.status_code == 403


@pytest.mark.parametrize(("method", "path"), READERS)
def test_the_owner_rates_nothing(scene: Scene, method: str, path: str) -> None:
    answer = scene.owner.client.request(method, path, headers=scene.owner.headers, json=rating())

    assert answer.status_code == 403
    assert "Open a reader's link" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/studies/9"),
        ("POST", "/api/studies/9/readers"),
        ("POST", "/api/studies/1/readers/9/token"),
        ("POST", "/api/studies/9/close"),
        ("POST", "/api/studies/9/reopen"),
        ("GET", "/api/studies/9/ratings"),
        ("GET", "/api/studies/9/export/ratings.csv"),
    ],
)
def test_what_is_not_there(scene: Scene, method: str, path: str) -> None:
    answer = scene.owner.client.request(method, path, headers=scene.owner.headers, json={"name": "C"})

    assert answer.status_code == 404
    assert "no study 9" in answer.json()["detail"] or "no reader 9" in answer.json()["detail"]


@pytest.mark.parametrize("number", [0, 5])
def test_a_scan_that_a_reader_does_not_have(scene: Scene, number: int) -> None:
    answers = [
        scene.ada.get(f"/api/reading/{number}"),
        scene.ada.get(f"/api/reading/{number}/volume"),
        scene.ada.post(f"/api/reading/{number}/ratings", rating()),
    ]

    assert [one.status_code for one in answers] == [404] * 3
    assert f"no scan {number} for you" in answers[0].json()["detail"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (rating(score=6), "scores.quality: Input should be less than or equal to 5"),
        (rating(score=None), "either all four scores or the reason"),
        (rating(comment=5), "comment: Input should be a valid string"),
        ({}, "save_id: Field required"),
    ],
)
def test_what_is_no_rating_is_refused_with_a_sentence(scene: Scene, body: object, told: str) -> None:
    answer = scene.ada.post("/api/reading/1/ratings", body)

    assert answer.status_code == 422
    assert told in answer.json()["detail"]
    assert scene.ada.get("/api/reading/1").json()["rating"] is None


@pytest.mark.parametrize("sign", ["NaN", '"\\ud800"', "1e999"])
def test_what_is_no_json_or_text_is_refused(scene: Scene, sign: str) -> None:
    field = "comment" if "ud800" in sign else "seconds"
    answer = scene.ada.client.post(
        "/api/reading/1/ratings",
        content=f'{{"save_id": "save-0001", "reader_id": 1, "known": 0, "cannot_rate": "x", "{field}": {sign}}}',
        headers={**scene.ada.headers, "Content-Type": "application/json"},
    )

    assert answer.status_code == 422
    assert field in answer.json()["detail"]


def test_a_number_beyond_all_bounds_is_refused(scene: Scene) -> None:
    assert scene.ada.get(f"/api/reading/{10**30}").status_code == 422


@pytest.mark.parametrize(
    ("new", "status", "told"),
    [
        ({"name": "S", "folder": "/not/there"}, 422, "/not/there: is not a folder"),
        ({"name": "", "folder": "FOLDER"}, 422, "is not a name for a study"),
        ({"name": "pilot", "folder": "FOLDER"}, 409, "study 'pilot' already"),
        ({"name": "S", "folder": "FOLDER", "repeat_share": 2}, 422, "share of 2"),
        ({"name": "S", "folder": "FOLDER", "patients": "a,b\n"}, 422, r"lacks the column(s) scan, patient"),
        ({"name": "S", "folder": "FOLDER", "seed": 2**70}, 422, "seed"),
        ({"name": "S"}, 422, "folder: Field required"),
    ],
)
def test_what_makes_no_study(scene: Scene, new: dict[str, object], status: int, told: str) -> None:
    answer = scene.owner.post(
        "/api/studies", {key: str(scene.folder) if value == "FOLDER" else value for key, value in new.items()}
    )

    assert answer.status_code == status
    assert told in answer.json()["detail"]
    assert len(scene.owner.get("/api/studies").json()) == 1


def test_a_cohort_that_cannot_be_used_makes_no_study(scene: Scene) -> None:
    (scene.folder / "scores.csv").write_text("scan\n")
    answer = scene.owner.post("/api/studies", {"name": "S", "folder": str(scene.folder)})

    assert answer.status_code == 422
    assert "lacks the column" in answer.json()["detail"]


def test_the_owner_learns_what_was_left_out(scene: Scene) -> None:
    (scene.folder / "SECRET-1" / "data.nrrd").write_bytes(b"NRRD0004\nbroken")
    made = scene.owner.post("/api/studies", {"name": "S", "folder": str(scene.folder)}).json()

    assert made["scans"] == 2
    assert "SECRET-1" in made["left_out"][0]


def test_a_reader_sees_no_name_path_or_score_of_others(scene: Scene) -> None:
    scene.bo.post("/api/reading/1/ratings", rating(score=2, reader_id=2, comment="BO-SAYS"))
    scene.ada.post("/api/reading/2/ratings", rating())
    answers = [
        scene.ada.get("/read"),
        scene.ada.get("/api/reading"),
        *(scene.ada.get(f"/api/reading/{number}") for number in (1, 2, 3, 4)),
        *(scene.ada.get(f"/api/reading/{number}/volume") for number in (1, 2, 3, 4)),
        scene.ada.post("/api/reading/1/ratings", rating("save-0002")),
        scene.ada.post("/api/reading/9/ratings", rating()),
    ]

    for answer in answers:
        is_volume = answer.headers["content-type"] == "application/gzip"
        body = gzip.decompress(answer.content) if is_volume else answer.content
        told = body + str(dict(answer.headers)).encode()
        for secret in (b"SECRET", b"HIDDEN", b"data.nrrd", b"BO-SAYS", b"Bo", str(scene.folder).encode(), b"sha256"):
            assert secret not in told
    assert {one["state"] for one in answers[1].json()["readings"]} == {"open", "rated"}


def test_the_header_of_a_volume_holds_no_text(scene: Scene) -> None:
    """Fields of NIfTI-1: data_type, db_name; descrip, aux_file; intent_name."""
    header = gzip.decompress(scene.ada.get("/api/reading/1/volume").content)[:348]

    assert header[344:348] == b"n+1\0"
    assert header[4:14] + header[14:32] + header[148:228] + header[228:252] + header[328:344] == bytes(148)


def test_a_volume_holds_the_scan(scene: Scene) -> None:
    sizes = {number: scene.ada.get(f"/api/reading/{number}/volume").content for number in (1, 2, 3, 4)}

    raw = gzip.decompress(sizes[1])
    assert np.frombuffer(raw[42:48], "<i2").tolist() == [12, 16, 9]
    assert len(set(sizes.values())) == 3  # three scans, one of them twice and the same


def test_a_changed_scan_is_not_shown_and_not_named(scene: Scene) -> None:
    for path in scene.folder.rglob("data.nrrd"):
        path.unlink()
    answer = scene.ada.get("/api/reading/1/volume")

    assert answer.status_code == 503
    assert answer.json()["detail"] == "Scan 1 cannot be read now. Tell whoever runs the study."


def test_while_a_study_is_open_the_owner_sees_counts_alone(scene: Scene) -> None:
    scene.ada.post("/api/reading/1/ratings", rating(score=2, comment="ADA-SAYS"))
    scene.ada.post("/api/reading/2/ratings", rating("save-0002", None, cannot_rate="no atrium"))
    answer = scene.owner.get("/api/studies/1")

    ada = answer.json()["readers"][0]
    assert {name: ada[name] for name in ("number", "name", "readings", "rated", "cannot_rate")} == {
        "number": 1,
        "name": "Ada",
        "readings": 4,
        "rated": 1,
        "cannot_rate": 1,
    }
    assert "ADA-SAYS" not in answer.text
    for name in ("ratings", "export/scores.csv", "export/ratings.csv", "export/history.csv", "export/labels.json"):
        export = scene.owner.get(f"/api/studies/1/{name}")
        assert export.status_code == 409
        assert "'Pilot' is open" in export.json()["detail"]


def test_only_the_route_of_a_link_gives_its_token(scene: Scene) -> None:
    renewed = scene.owner.post("/api/studies/1/readers/1/token").json()
    assert scene.owner.get("/api/studies/1/readers/1/token").json() == renewed
    assert scene.ada.get("/api/reading").status_code == 401
    assert Person(scene.owner.client, renewed["token"]).get("/api/reading").json()["reader"] == "Ada"

    for path in ("/api/studies", "/api/studies/1"):
        text = scene.owner.get(path).text
        assert "token" not in text
        assert renewed["token"] not in text


def test_reader_and_study_can_be_removed_until_rated(scene: Scene) -> None:
    made = scene.owner.post("/api/studies/1/readers", {"name": "Typo"}).json()
    left = scene.owner.delete(f"/api/studies/1/readers/{made['number']}")
    assert left.status_code == 200
    assert "Typo" not in [reader["name"] for reader in left.json()["readers"]]
    assert Person(scene.owner.client, made["token"]).get("/api/reading").status_code == 401
    wrong = scene.owner.post("/api/studies", {"name": "Wrong", "folder": str(scene.folder)}).json()
    assert scene.owner.delete(f"/api/studies/{wrong['id']}").status_code == 204
    assert scene.owner.get(f"/api/studies/{wrong['id']}").status_code == 404

    scene.ada.post("/api/reading/1/ratings", rating())
    for path in ("/api/studies/1", "/api/studies/1/readers/1"):
        answer = scene.owner.delete(path)
        assert answer.status_code == 409
        assert answer.json()["detail"] == "Ada has rated already, and ratings are never deleted."
        assert scene.ada.delete(path).status_code == 403


def test_a_save_is_kept_once_however_often_it_is_sent(scene: Scene) -> None:
    answers = [scene.ada.post("/api/reading/1/ratings", rating()) for _ in range(3)]

    assert [one.status_code for one in answers] == [200] * 3
    assert answers[0].json() == answers[2].json()
    assert answers[0].json()["version"] == 1
    scene.owner.post("/api/studies/1/close")
    assert len(exported(scene, "history.csv")) == 1


def test_a_save_id_with_other_scores_is_refused(scene: Scene) -> None:
    scene.ada.post("/api/reading/1/ratings", rating())
    answer = scene.ada.post("/api/reading/1/ratings", rating(score=1))

    assert answer.status_code == 409
    assert scene.ada.get("/api/reading/1").json()["rating"]["scores"]["quality"] == 4


def test_the_last_rating_counts_and_a_tab_learns_of_the_other(scene: Scene) -> None:
    scene.ada.post("/api/reading/1/ratings", rating("tab-1-001", 2))
    other = scene.ada.post("/api/reading/1/ratings", rating("tab-2-001", 5))
    seen = scene.ada.get("/api/reading/1").json()

    assert (other.json()["version"], other.json()["replaced"]) == (2, True)
    assert (seen["version"], seen["rating"]["scores"]) == (2, dict.fromkeys(SCALE_NAMES, 5))


def test_a_closed_study_shows_readers_nothing_and_takes_nothing(scene: Scene) -> None:
    scene.ada.post("/api/reading/1/ratings", rating())
    assert scene.owner.post("/api/studies/1/close").json()["closed_at"]

    seen = scene.ada.get("/api/reading").json()
    refused = [
        scene.ada.get("/api/reading/1"),
        scene.ada.get("/api/reading/1/volume"),
        scene.ada.post("/api/reading/1/ratings", rating("save-0002")),
    ]

    assert (seen["closed"], seen["readings"]) == (True, [])
    assert [one.status_code for one in refused] == [409] * 3
    assert "'Pilot' is closed. Whoever runs it can reopen it." in refused[2].json()["detail"]
    assert scene.owner.post("/api/studies/1/readers", {"name": "Late"}).status_code == 409
    assert scene.owner.post("/api/studies/1/reopen").json()["reopened_at"]
    assert scene.ada.post("/api/reading/1/ratings", rating("save-0002", known=1)).json()["version"] == 2


def test_one_readers_page_saves_nothing_for_another(scene: Scene) -> None:
    answer = scene.bo.post("/api/reading/1/ratings", rating())

    assert answer.status_code == 409
    assert "opened by another reader" in answer.json()["detail"]
    assert scene.bo.get("/api/reading/1").json()["rating"] is None


def test_an_export_is_what_training_reads(scene: Scene, tmp_path: Path) -> None:
    given = {}
    for number, score in ((1, 1), (2, 3), (3, 5), (4, 2)):
        given[number] = scene.ada.post(f"/api/reading/{number}/ratings", rating(f"save-000{number}", score)).status_code
    scene.owner.post("/api/studies/1/close")
    answer = scene.owner.get("/api/studies/1/export/scores.csv")
    (tmp_path / "scores.csv").write_bytes(answer.content)

    cases = read_cohort(tmp_path / "scores.csv")

    assert set(given.values()) == {200}
    assert answer.headers["content-disposition"] == 'attachment; filename="scores.csv"'
    assert all(one.image.is_file() for one in cases)
    firsts = {row["scan"]: float(row["quality"]) for row in exported(scene, "ratings.csv") if row["reading"] == "1"}
    assert {one.scan_id: one.scores["Ada"][3] for one in cases} == firsts
    shown = scene.owner.get("/api/studies/1/ratings").json()
    assert [{key: str(value) for key, value in row.items()} for row in shown] == exported(scene, "ratings.csv")
    assert len(shown) == 4
    assert "Ada" in scene.owner.get("/api/studies/1/export/labels.json").json()["SECRET-0"]["labeler"]
    assert scene.owner.get("/api/studies/1/export/else.csv").status_code == 422


FORMULAS = ["=HYPERLINK(A1)", "+1+cmd", "-2+3", "@SUM(A1)", "\t=1"]


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_of_a_table_for_people_is_a_formula(scene: Scene, formula: str) -> None:
    link = scene.owner.post("/api/studies/1/readers", {"name": f"{formula.strip()} Cy"}).json()
    person = Person(scene.owner.client, link["token"])
    body = rating(comment=formula) | {"reader_id": 3}
    assert person.post("/api/reading/1/ratings", body).status_code == 200
    refused = rating("save-0002", None, cannot_rate=formula) | {"reader_id": 3}
    assert person.post("/api/reading/2/ratings", refused).status_code == 200
    scene.owner.post("/api/studies/1/close")

    for name in ("ratings.csv", "history.csv"):
        rows = exported(scene, name)
        assert {row["reader"] for row in rows} == {f"'{formula.strip()} Cy"}
        assert [row["comment"] for row in rows if row["comment"]] == [f"'{formula}"]
        assert [row["cannot_rate"] for row in rows if row["cannot_rate"]] == [f"'{formula}"]
    assert scene.owner.get("/api/studies/1/ratings").json()[0]["reader"] == f"{formula.strip()} Cy"
    assert {row["reader"] for row in exported(scene, "scores.csv")} == {"Ada", "Bo", f"{formula.strip()} Cy"}


def test_markup_comes_back_as_it_was_and_never_as_a_page(scene: Scene) -> None:
    markup = "<script>alert(1)</script>"
    scene.ada.post("/api/reading/1/ratings", rating(comment=markup))
    answer = scene.ada.get("/api/reading/1")

    assert answer.json()["rating"]["comment"] == markup
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_interface_is_described(scene: Scene) -> None:
    paths = scene.owner.client.app.openapi()["paths"]  # type: ignore[attr-defined]

    assert {"/api/studies/{study_id}/export/{file}", "/api/reading/{number}/ratings"} <= set(paths)


def test_a_rating_outlives_the_server(tmp_path: Path) -> None:
    scene = make_scene(tmp_path)
    scene.ada.post("/api/reading/2/ratings", rating())
    again = Person(TestClient(serve(tmp_path)), scene.ada.token)

    assert again.get("/api/reading/2").json()["version"] == 1
    assert again.post("/api/reading/2/ratings", rating()).json()["version"] == 1


def exported(scene: Scene, name: str) -> list[dict[str, str]]:
    table = scene.owner.get(f"/api/studies/1/export/{name}").content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(table)))
