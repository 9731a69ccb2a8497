"""People with roles: by their tokens, or signed in by a proxy."""

from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from lgeqa.database import open_database
from lgeqa.errors import ConfigError
from lgeqa.web.models import Role
from lgeqa.web.people import People, PersonError
from lgeqa.web.settings import ServeSettings
from tests.factories.command import lgeqa
from tests.factories.people import PROXY, behind_proxy, person
from tests.factories.worklist import fill
from tests.web.serving import owner, serve

ROLES: tuple[Role, ...] = ("monitor", "viewer", "member", "owner")
#: Requests, and the lowest role that may send them.
NEEDS: list[tuple[str, str, Any, Role]] = [
    ("GET", "/metrics", None, "monitor"),
    ("GET", "/", None, "viewer"),
    ("GET", "/scans/1", None, "viewer"),
    ("GET", "/api/scans", None, "viewer"),
    ("GET", "/api/scans/1", None, "viewer"),
    ("GET", "/api/scans/1/decisions", None, "viewer"),
    ("GET", "/api/results.csv", None, "viewer"),
    ("POST", "/api/scans/1/decisions", {"save_id": "12345678", "decision": "accept"}, "member"),
    ("POST", "/api/scans/1/urgency", {"urgent": True}, "member"),
    ("POST", "/api/scans/1/assessments", None, "member"),
    ("POST", "/api/folders", {"path": "/nowhere"}, "owner"),
    ("DELETE", "/api/scans/1", None, "owner"),
    ("GET", "/studies", None, "owner"),
    ("GET", "/api/studies", None, "owner"),
    ("GET", "/api/audit", None, "owner"),
]


def make(place: Path, **settings: Any) -> FastAPI:
    (place / "home").mkdir()
    fill(open_database(place / "home" / "lgeqa.sqlite"), 3)
    return serve(place, **settings)


@pytest.mark.parametrize("role", ROLES)
def test_role_opens_its_routes_and_those_below(tmp_path: Path, role: Role) -> None:
    client = person(make(tmp_path), "Ann", role)

    for method, path, json, needed in NEEDS:
        status = client.request(method, path, json=json).status_code
        assert (status == 403) == (ROLES.index(role) < ROLES.index(needed)), (method, path, status)


def test_only_members_upload(tmp_path: Path) -> None:
    app = make(tmp_path)
    files = [("file", ("a.nrrd", b"no scan, which its assessment says"))]

    answers = [person(app, role, role).post("/api/uploads", files=files).status_code for role in ("viewer", "member")]

    assert answers == [403, 201]


def test_refusal_names_role_and_person(tmp_path: Path) -> None:
    answer = person(make(tmp_path), "Ann", "viewer").delete("/api/scans/1")

    assert answer.json()["detail"] == "This needs the role owner, and Ann is viewer. Ask the owner of the server."


def test_removed_person_and_old_token_open_nothing(tmp_path: Path) -> None:
    app = make(tmp_path)
    ann, ben, people = person(app, "Ann", "viewer"), person(app, "Ben", "viewer"), People(app.state.served.sessions)
    people.remove("Ann")
    token = people.renew_token("Ben")

    assert [client.get("/api/scans").status_code for client in (ann, ben)] == [401, 401]
    assert ben.get("/api/scans", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_token_of_a_person_becomes_a_cookie(tmp_path: Path) -> None:
    app = make(tmp_path)
    ann = person(app, "Ann", "viewer")

    answer = ann.post("/api/sign-in")

    assert answer.json() == {"page": "/"}
    assert TestClient(app, cookies=dict(answer.cookies)).get("/api/scans").status_code == 200


@pytest.mark.parametrize(
    ("name", "reason"),
    [("", "is not a name"), ("a" * 101, "1 to 100 signs"), ("a\x00b", "is not a name"), ("owner", "token of the serv")],
)
def test_name_that_cannot_be_used_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(PersonError, match=reason):
        People.of(tmp_path / "home").add(name, "viewer")


def test_decision_carries_the_name_of_its_person(tmp_path: Path) -> None:
    app = make(tmp_path)
    alone = owner(app)
    sent = {"decision": "accept", "person": "Somebody else"}

    before = alone.post("/api/scans/1/decisions", json={**sent, "save_id": "first-save"}).json()
    member = person(app, "Ann", "member").post("/api/scans/1/decisions", json={**sent, "save_id": "second-save"}).json()
    after = alone.post("/api/scans/1/decisions", json={**sent, "save_id": "third-save"}).json()

    assert [answer[0]["person"] for answer in (before, member, after)] == ["Somebody else", "Ann", "owner"]


def test_pages_show_the_person_and_what_the_role_may_use(tmp_path: Path) -> None:
    app = make(tmp_path)
    alone = owner(app).get("/scans/1").text
    viewer = person(app, "Ann <b>", "viewer")
    home, scan = viewer.get("/").text, viewer.get("/scans/1").text

    assert "Your name" in alone
    assert "<label hidden>Your name" in scan
    assert "Ann &lt;b&gt;, viewer" in home
    assert 'href="/studies"' not in home
    assert '<form id="folder" hidden>' in home
    assert '<button type="button" id="delete" hidden>' in home
    assert "hidden" not in alone.split('id="again"')[1].split(">")[0]
    refused = viewer.get("/studies")
    assert (refused.status_code, "has the role viewer" in refused.text) == (403, True)


# By a proxy -----------------------------------------------------------------------------------------------------------


def test_header_is_believed_from_the_proxy_alone(tmp_path: Path) -> None:
    app = make(tmp_path, proxy=PROXY)
    People(app.state.served.sessions).add("ann@example.org", "member")

    inside = behind_proxy(app, X_Forwarded_User="ann@example.org").post("/api/scans/1/urgency", json={"urgent": True})
    outside = behind_proxy(app, "10.0.0.8", X_Forwarded_User="ann@example.org").get("/api/scans")

    assert inside.status_code == 200
    assert outside.status_code == 403
    assert "X-Forwarded-User came from 10.0.0.8, which is not a proxy" in outside.json()["detail"]


def test_header_means_nothing_without_a_proxy(tmp_path: Path) -> None:
    app = make(tmp_path)
    People(app.state.served.sessions).add("ann", "owner")

    assert behind_proxy(app, X_Forwarded_User="ann").get("/api/scans").status_code == 401


@pytest.mark.parametrize(("address", "status"), [("::ffff:10.0.0.9", 200), ("10.0.0.99", 403), ("socket", 403)])
def test_address_of_the_proxy_is_compared_as_one(tmp_path: Path, address: str, status: int) -> None:
    app = make(tmp_path, proxy=PROXY)
    People(app.state.served.sessions).add("ann", "viewer")

    assert behind_proxy(app, address, X_Forwarded_User="ann").get("/api/scans").status_code == status


def test_person_without_a_role_is_refused_with_the_remedy(tmp_path: Path) -> None:
    answer = behind_proxy(make(tmp_path, proxy=PROXY), X_Forwarded_User="eve").get("/api/scans")

    assert answer.status_code == 403
    assert "'eve' has no role on this server. Its owner adds people by lgeqa people add." in answer.json()["detail"]


def test_proxy_cannot_name_the_owner_nor_two_people(tmp_path: Path) -> None:
    app = make(tmp_path, proxy=PROXY)
    twice = behind_proxy(app).get("/api/scans", headers=[("X-Forwarded-User", "ann"), ("X-Forwarded-User", "eve")])

    assert behind_proxy(app, X_Forwarded_User="owner").get("/api/scans").status_code == 403
    assert (twice.status_code, "came 2 times" in twice.json()["detail"]) == (403, True)


@pytest.mark.parametrize(
    ("groups", "role"), [("staff, radiology", "member"), ("staff", "viewer"), ("others", None), ("", None)]
)
def test_groups_give_the_highest_role(tmp_path: Path, groups: str, role: str | None) -> None:
    roles = {"staff": "viewer", "radiology": "member"}
    app = make(tmp_path, proxy={**PROXY, "groups_header": "X-Forwarded-Groups", "roles": roles})
    People(app.state.served.sessions).add("ann", "owner")  # the groups count, not the list

    home = behind_proxy(app, X_Forwarded_User="ann", X_Forwarded_Groups=groups).get("/")

    assert home.status_code == (200 if role else 403)
    assert role is None or f"ann, {role}" in home.text


def test_token_works_beside_the_proxy(tmp_path: Path) -> None:
    app = make(tmp_path, proxy=PROXY)

    assert person(app, "robot", "viewer").get("/api/scans").status_code == 200


def test_proxy_without_an_address_is_refused() -> None:
    with pytest.raises(ConfigError, match="addresses"):
        ServeSettings.of({"proxy": {"addresses": [], "person_header": "X-Forwarded-User"}})


# The command ----------------------------------------------------------------------------------------------------------


def test_people_are_added_listed_renewed_and_removed(tmp_path: Path) -> None:
    home = ("--home", tmp_path / "home")

    added = lgeqa("people", "add", "Ann", "--role", "member", *home)
    renewed = lgeqa("people", "new-token", "Ann", *home)
    listed = lgeqa("people", "list", *home)
    removed = lgeqa("people", "remove", "Ann", *home)
    unknown = lgeqa("people", "remove", "Ann", *home)

    assert [done.returncode for done in (added, renewed, listed, removed, unknown)] == [0, 0, 0, 0, 2]
    assert added.stdout != renewed.stdout
    assert len(added.stdout.split()) == 1
    assert listed.stdout.startswith("Ann\tmember\t20")
    assert "There is no person 'Ann'. Known: nobody." in unknown.stderr
    assert added.stdout.strip().encode() not in (tmp_path / "home/lgeqa.sqlite").read_bytes()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--proxy", "10.0.0.9"], "needs --person-header"),
        (["--person-header", "X-User"], "needs --proxy"),
        (["--proxy", "10.0.0.9", "--person-header", "X-User", "--group", "a=viewer"], "go together"),
        (["--proxy", "nowhere", "--person-header", "X-User"], "proxy.addresses"),
        (
            ["--proxy", "::1", "--person-header", "X-U", "--groups-header", "X-G", "--group", "viewer"],
            "--group viewer: is not GROUP=ROLE",
        ),
        (["--proxy", "::1", "--person-header", "X-U", "--groups-header", "X-G", "--group", "a=king"], "proxy.roles"),
    ],
)
def test_settings_of_a_proxy_that_cannot_work_are_refused(tmp_path: Path, options: list[str], reason: str) -> None:
    ended = lgeqa("serve", "--home", tmp_path / "home", *options)

    assert ended.returncode == 2
    assert reason in ended.stderr
