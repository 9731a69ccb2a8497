from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.routing import BaseRoute, Mount

from lgeqa.serve.access import COOKIE, Gate
from tests.serve.serving import OWNER, TOKEN, serve

READER = {"Authorization": "Bearer reader"}
#: Routes that a reader's token opens, by the start of their path.
FOR_READERS = ("/api/reading", "/read")


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    made = serve(tmp_path)
    made.state.gate = Gate(TOKEN, lambda token: 7 if token == "reader" else None)
    return made


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app)


def requests_of(routes: list[BaseRoute]) -> Iterator[tuple[str, str]]:
    """Method and path of each route but those of static files, with a value for each parameter of the path."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from requests_of(inner.routes)
        elif not isinstance(route, Mount) and not route.path.startswith("/static/"):  # type: ignore[attr-defined]
            path = route.path.replace("{scale}", "quality").replace("{number}", "1").replace("{study_id}", "1")  # type: ignore[attr-defined]
            yield from ((method, path) for method in route.methods)  # type: ignore[attr-defined]


def test_each_route_wants_a_token_and_a_readers_token_opens_none_of_the_owners(
    app: FastAPI, client: TestClient
) -> None:
    requests = list(requests_of(app.routes))

    assert ("GET", "/") in requests
    assert ("POST", "/api/uploads") in requests
    assert ("DELETE", "/api/scans/1") in requests
    assert len(requests) >= 18
    for method, path in requests:
        assert client.request(method, path).status_code == 401, (method, path)
        assert client.request(method, path, headers={"Authorization": "Bearer wrong"}).status_code == 401, (
            method,
            path,
        )
        if not path.startswith(FOR_READERS):
            assert client.request(method, path, headers=READER).status_code == 403, (method, path)


WRONG = ("Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}")


@pytest.mark.parametrize("headers", [{}, *({"Authorization": given} for given in WRONG)])
def test_without_its_token_a_page_asks_for_one(client: TestClient, headers: dict[str, str]) -> None:
    answer = client.get("/", headers=headers)

    assert answer.status_code == 401
    assert "token" in answer.text


def test_a_link_with_the_token_becomes_a_cookie_and_an_address_without_it(client: TestClient) -> None:
    answer = client.get(f"/?token={TOKEN}", follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, "http://testserver/")
    assert answer.cookies[COOKIE] == TOKEN
    # Neither a script nor a page of another server gets at it.
    assert {"HttpOnly", "SameSite=strict"} <= {part.strip() for part in answer.headers["set-cookie"].split(";")}
    assert client.get("/").status_code == 200


def test_a_wrong_token_in_a_link_is_no_cookie(client: TestClient) -> None:
    answer = client.get("/?token=wrong", follow_redirects=False)

    assert answer.status_code == 401
    assert not answer.cookies


@pytest.mark.parametrize("path", ["/", "/scans/1", "/interface"])
def test_pages_load_nothing_from_elsewhere(client: TestClient, path: str) -> None:
    answer = client.get(path, headers=OWNER)

    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "http:" not in answer.text
    assert "https:" not in answer.text


@pytest.mark.parametrize(("path", "stored"), [("/", False), ("/api/scans", False), ("/static/dom.js", True)])
def test_answers_are_kept_to_the_page_that_asked(client: TestClient, path: str, stored: bool) -> None:
    for headers in (OWNER, {}):
        answer = client.get(path, headers=headers)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert (answer.headers.get("cache-control") == "no-store") is not stored


@pytest.mark.parametrize("origin", ["http://127.0.0.1:9999", "http://testserver:9999"])
def test_a_page_of_another_server_changes_nothing(client: TestClient, origin: str) -> None:
    client.get(f"/?token={TOKEN}")
    given = {"path": "/nowhere"}

    elsewhere = client.post("/api/folders", json=given, headers={"Origin": origin})
    here = client.post("/api/folders", json=given, headers={"Origin": "http://testserver"})

    assert (elsewhere.status_code, here.status_code) == (403, 422)
    assert "another server" in elsewhere.json()["detail"]
    assert client.get("/api/scans", headers={"Origin": origin}).status_code == 200  # the browser shows it to nobody


def test_of_a_fault_of_ours_the_place_is_told_and_no_name(
    app: FastAPI, client: TestClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fault = KeyError("DOE^JOHN.nrrd")

    def break_down(*_: object) -> None:
        raise fault

    monkeypatch.setattr("lgeqa.serve.listing.look_up", break_down)
    answer = client.get("/api/scans", headers=OWNER)

    assert answer.status_code == 500
    told = capsys.readouterr().err
    assert "look_up" in told
    assert "KeyError" in told
    assert "DOE" not in told + answer.text
