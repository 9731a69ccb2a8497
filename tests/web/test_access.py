import asyncio
import sqlite3
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError
from starlette.routing import BaseRoute, Mount
from starlette.types import Message, Receive, Scope

from lgeqa.formatting import utc_now
from lgeqa.studies.management import hash_token
from lgeqa.studies.models import Reader, Study
from lgeqa.web.authorization import Authenticator
from lgeqa.web.host_names import is_ours, link_host
from tests.web.serving import OWNER, TOKEN, serve

READER_TOKEN = "a-reader-of-the-test-server"
READER = {"Authorization": f"Bearer {READER_TOKEN}"}
#: Name of the cookie of a server that listens on port 80, as the test client says.
COOKIE = "lgeqa_token_80"
#: Routes that a reader's token opens, by the start of their path.
FOR_READERS = ("/api/reading", "/api/practice", "/api/sign-in", "/read", "/practice")
#: Routes that are open to everybody.
OPEN = ("/health", "/enter")


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    made = serve(tmp_path)
    add_reader(made)
    return made


def add_reader(app: FastAPI) -> None:
    """Add a study of no scans, with the reader of `READER_TOKEN`."""
    with app.state.served.sessions.begin() as session:
        study = Study(name="Pilot", seed=0, repeat_share=0, made_at=utc_now())
        study.readers = [Reader(number=1, name="Ann", token_sha256=hash_token(READER_TOKEN))]
        session.add(study)


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


def test_each_route_needs_a_token_of_its_role(app: FastAPI, client: TestClient) -> None:
    requests = [(method, path) for method, path in requests_of(app.routes) if path not in OPEN]

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


def test_link_with_a_token_becomes_a_cookie_and_a_clean_address(client: TestClient) -> None:
    answer = client.get(f"/?token={TOKEN}", follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, "http://testserver/")
    assert answer.cookies[COOKIE] == TOKEN
    # Neither a script nor a page of another server gets at it.
    assert {"HttpOnly", "SameSite=strict"} <= {part.strip() for part in answer.headers["set-cookie"].split(";")}
    assert client.get("/").status_code == 200


@pytest.mark.parametrize("headers", [{}, OWNER])
def test_wrong_token_in_a_link_leads_to_the_entrance(client: TestClient, headers: dict[str, str]) -> None:
    answer = client.get("/studies?token=wrong", headers=headers, follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, "/enter#refused")
    assert not answer.cookies
    assert client.get("/enter").status_code == 200


@pytest.mark.parametrize(("headers", "page"), [(OWNER, "/"), (READER, "/read")])
def test_signing_in_sets_the_cookie_of_the_token(client: TestClient, headers: dict[str, str], page: str) -> None:
    answer = client.post("/api/sign-in", headers=headers)

    assert answer.json() == {"page": page}
    assert f"Bearer {answer.cookies[COOKIE]}" == headers["Authorization"]
    assert {"HttpOnly", "SameSite=strict"} <= {part.strip() for part in answer.headers["set-cookie"].split(";")}


def test_reader_on_a_page_of_the_owner_learns_so(client: TestClient) -> None:
    answer = client.get("/studies", headers=READER)

    assert answer.status_code == 403
    assert "This page is not for readers" in answer.text


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


@pytest.mark.parametrize("origin", ["http://127.0.0.1:9999", "http://testserver:9999", "http://[", "null"])
def test_a_page_of_another_server_changes_nothing(client: TestClient, origin: str) -> None:
    client.get(f"/?token={TOKEN}")
    given = {"path": "/nowhere"}

    elsewhere = client.post("/api/folders", json=given, headers={"Origin": origin})
    here = client.post("/api/folders", json=given, headers={"Origin": "http://testserver"})

    assert (elsewhere.status_code, here.status_code) == (403, 422)
    assert "another server" in elsewhere.json()["detail"]
    assert client.get("/api/scans", headers={"Origin": origin}).status_code == 200  # the browser shows it to nobody


def test_place_of_a_bug_is_reported_and_no_name(
    app: FastAPI, client: TestClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fault = KeyError("DOE^JOHN.nrrd")

    def break_down(*_: object) -> None:
        raise fault

    monkeypatch.setattr("lgeqa.web.scan_queries.look_up", break_down)
    answer = client.get("/api/scans", headers=OWNER)

    assert answer.status_code == 500
    told = capsys.readouterr().err
    assert "look_up" in told
    assert "KeyError" in told
    assert "DOE" not in told + answer.text


@pytest.mark.parametrize("weak", ["", "short", "a" * 40, "two words are not a token at all"])
def test_weak_token_opens_nothing_even_where_it_is_the_owners(app: FastAPI, client: TestClient, weak: str) -> None:
    app.state.gate = Authenticator(weak, app.state.served.sessions)

    for headers in ({}, {"Authorization": f"Bearer {weak}"}, {"Cookie": f"{COOKIE}={weak}"}):
        assert client.get("/api/scans", headers=headers).status_code == 401


def test_two_servers_on_one_machine_have_a_cookie_each(app: FastAPI) -> None:
    names = []
    for port in (8765, 8800):
        answer = TestClient(app, base_url=f"http://testserver:{port}").get(f"/?token={TOKEN}", follow_redirects=False)
        names += list(answer.cookies)

    assert names == ["lgeqa_token_8765", "lgeqa_token_8800"]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "", "[::bad", "10.0.0.7", "testserver.evil.example"]
)
@pytest.mark.parametrize("path", ["/", "/api/scans", "/static/dom.js", "/health"])
def test_name_that_leads_here_by_rebinding_is_refused(client: TestClient, host: str, path: str) -> None:
    answer = client.get(path, headers={**OWNER, "Host": host})

    assert answer.status_code == 421
    assert "--allow-host" in answer.json()["detail"]


@pytest.mark.parametrize("host", ["testserver", "TESTSERVER:99", "localhost:8765", "127.0.0.1", "[::1]:8765"])
def test_names_of_the_server_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/api/scans", headers={**OWNER, "Host": host}).status_code == 200


def test_server_on_all_interfaces_refuses_host_names() -> None:
    assert all(is_ours(host, ["0.0.0.0"]) for host in ("10.0.0.7", "10.0.0.7:8765", "[fe80::1]:8765"))
    assert not is_ours("evil.example", ["0.0.0.0"])
    assert not is_ours("10.0.0.7", ["127.0.0.1"])


def test_link_for_everywhere_names_an_address_of_this_machine() -> None:
    assert link_host("0.0.0.0") not in {"0.0.0.0", ""}
    assert (link_host("127.0.0.1"), link_host("::1")) == ("127.0.0.1", "[::1]")


# What is sent ---------------------------------------------------------------------------------------------------------

ROUTES = [("/api/folders", 1), ("/api/uploads", 1), ("/api/studies", 20), ("/api/reading/1/ratings", 1)]


def endless(taken: list[int], headers: dict[str, str], path: str, *, stalls: bool = False) -> tuple[Scope, Receive]:
    """Send a request whose body never ends, or stops coming with `stalls`, and each piece of which is noted."""
    sent = [(name.lower().encode(), value.encode()) for name, value in {"Host": "testserver", **headers}.items()]
    scope: Scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": b"",
        "query_string": b"",
        "headers": [*sent, (b"transfer-encoding", b"chunked")],
        "server": ("testserver", 80),
    }
    first = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.nrrd"\r\n\r\n' if "uploads" in path else b" "
    )

    async def receive() -> Message:
        if stalls and taken:
            await asyncio.sleep(3600)
        taken.append(1)
        return {"type": "http.request", "body": first if len(taken) == 1 else b" " * 100_000, "more_body": True}

    return scope, receive


def answered(app: FastAPI, scope: Scope, receive: Receive) -> tuple[int, dict[bytes, bytes], str]:
    """Return status, headers and body of the answer."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(part["body"] for part in sent[1:]).decode()


@pytest.mark.parametrize("path", [path for path, _ in ROUTES])
def test_nothing_is_read_of_what_nobody_known_sends(app: FastAPI, path: str) -> None:
    taken: list[int] = []

    status, headers, _ = answered(app, *endless(taken, {"Content-Type": "application/json"}, path))

    assert (status, taken) == (401, [])
    assert headers[b"connection"] == b"close"


@pytest.mark.parametrize(("path", "limit"), ROUTES)
def test_body_of_unknown_length_is_read_up_to_its_limit(tmp_path: Path, path: str, limit: int) -> None:
    app = serve(tmp_path, upload_mb=1)
    taken: list[int] = []
    add_reader(app)
    kind = "multipart/form-data; boundary=b" if "uploads" in path else "application/json"
    headers = READER if "reading" in path else OWNER

    status, _, body = answered(app, *endless(taken, {**headers, "Content-Type": kind}, path))

    assert (status, len(taken)) == (413, 10 * limit + 1)
    assert f"more than {limit} MB" in body


@pytest.mark.parametrize(("path", "limit"), ROUTES)
def test_announced_length_beyond_the_limit_is_refused_unread(tmp_path: Path, path: str, limit: int) -> None:
    app = serve(tmp_path, upload_mb=1)
    taken: list[int] = []
    headers = {**OWNER, "Content-Length": str(limit * 1_000_000 + 1)}

    status, _, body = answered(app, *endless(taken, headers, path))

    assert (status, taken) == (413, [])
    assert f"more than {limit} MB" in body


@pytest.mark.parametrize("length", ["-1", "1e9", "x", "9" * 5000])
def test_length_that_is_none_is_no_bug(app: FastAPI, length: str) -> None:
    status, _, _ = answered(app, *endless([], {**OWNER, "Content-Length": length}, "/api/folders"))

    assert status in {400, 413}


def test_sender_that_stalls_is_not_waited_for(app: FastAPI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgeqa.web.request_guard.PATIENCE_S", 0.2)
    for path, kind in (("/api/uploads", "multipart/form-data; boundary=b"), ("/api/folders", "application/json")):
        status, headers, body = answered(app, *endless([], {**OWNER, "Content-Type": kind}, path, stalls=True))

        assert status == 408
        assert "within 0.2 s" in body
        assert headers[b"connection"] == b"close"
    assert not list((tmp_path / "home/incoming").iterdir())


def test_slow_sender_is_waited_for_as_long_as_something_comes(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgeqa.web.request_guard.PATIENCE_S", 2.0)
    pieces = [b'{"path": "/nowhere"}', *[b" " * 70_000] * 8]

    async def receive() -> Message:
        await asyncio.sleep(0.4)
        return {"type": "http.request", "body": pieces.pop(), "more_body": bool(pieces)}

    scope, _ = endless([], {**OWNER, "Content-Type": "application/json"}, "/api/folders")
    status, _, body = answered(app, scope, receive)

    assert (status, "nowhere" in body) == (422, True)


def test_health_needs_no_token_and_reveals_nothing_private(app: FastAPI, tmp_path: Path) -> None:
    with TestClient(app) as client:
        well = client.get("/health")
        app.state.served.queue.stand_still("worker", "The disk is full.")
        unwell = client.get("/health")
        app.state.served.queue.stand_still("worker", "")
        again = client.get("/health").json()
    ended = client.get("/health")

    assert well.status_code == 200
    assert well.json() == {"lgeqa": version("lgeqa"), "queue_alive": True, "queue_fault": "", "last_fault": ""}
    assert (unwell.status_code, unwell.json()["queue_fault"]) == (503, "The disk is full.")
    assert (again["queue_fault"], again["last_fault"]) == ("", "The disk is full.")
    assert (ended.status_code, ended.json()["queue_alive"]) == (503, False)


@pytest.mark.parametrize("fault", ["database or disk is full", "disk I/O error"])
def test_database_that_cannot_be_used_is_no_bug(
    app: FastAPI, client: TestClient, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    def break_down(*_: object) -> None:
        raise OperationalError("INSERT INTO scan VALUES (?)", ("DOE^JOHN",), sqlite3.OperationalError(fault))

    monkeypatch.setattr("lgeqa.web.scan_queries.look_up", break_down)
    answer = client.get("/api/scans", headers=OWNER)

    assert answer.status_code == 503
    assert fault in answer.json()["detail"]
    assert "DOE" not in answer.text


HUGE = 2**63


@pytest.mark.parametrize(
    "path",
    [
        *(f"/api/scans/{HUGE}{rest}" for rest in ("", "/pictures", "/volume.nii.gz", "/heat/quality.nii.gz")),
        *(f"/api/scans?{query}" for query in (f"id={HUGE}", f"page={HUGE}", f"size={HUGE}", "since=99999-01-01")),
        *(f"/api/studies/{HUGE}{rest}" for rest in ("", "/agreement", "/adjudication/1")),
        f"/api/scans/{'9' * 5000}",
        f"/api/scans/-{HUGE}",
    ],
)
def test_numbers_that_no_database_holds_are_refused(client: TestClient, path: str) -> None:
    answer = client.get(path, headers=OWNER)

    assert answer.status_code in {404, 422}, answer.text


@pytest.mark.parametrize("path", ["/api/scans", "/api/history", "/api/results.csv"])
def test_last_day_of_all_is_a_day(client: TestClient, path: str) -> None:
    assert client.get(f"{path}?until=9999-12-31&since=0001-01-01", headers=OWNER).status_code == 200
