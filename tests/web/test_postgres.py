"""The application on a PostgreSQL server, beside the same on a file."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from fastapi.testclient import TestClient
from sqlalchemy import URL, Engine, delete, text, update
from sqlalchemy.exc import DatabaseError

from lgeqa import database_server, migrations
from lgeqa.database import Base, Sessions, open_database
from lgeqa.database_server import check_server, open_server, served_alone, server_url
from lgeqa.errors import OutputError, UsageError
from lgeqa.migrations import latest_schema
from lgeqa.studies import management
from lgeqa.studies.models import writing
from lgeqa.web.models import AuditRow, ScanRow
from lgeqa.web.queue import Queue
from tests.factories.command import lgeqa
from tests.factories.people import person
from tests.factories.postgres import new_database, postgres_server
from tests.factories.worklist import fill, header
from tests.toy import toy_scan
from tests.web.serving import owner, scan_bytes, send, serve, settled
from tests.web.test_queue import order_of_turns, source

QUERIES = (
    *(f"sort={name}" for name in ("added", "name", "end", "decision", "probability", "teaches", "finished")),
    *(f"sort=p_{name}&descending=false" for name in ("quality", "sharpness")),
    "where=p_sharpness<0.5&where=wall_cnr>=2",
    "review=true",
    "review=false&urgent_first=true",
    "text=SCAN-001",
    "text=navigator",
    "text=100%25",
    "group=site",
    "human=undecided&since=2020-01-01&until=2030-01-01",
    "page=2&size=7",
    "page=1000000&size=2000",
)


@pytest.fixture(autouse=True)
def _connections_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    engines, make = [], database_server._engine

    def noted(url: URL) -> Engine:
        engines.append(make(url))
        return engines[-1]

    monkeypatch.setattr(database_server, "_engine", noted)
    yield
    for engine in engines:
        engine.dispose()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.fixture
def url(server: str, names: Iterator[int] = count()) -> str:  # noqa: B008 - one for all tests
    return new_database(server, f"lgeqa-{next(names)}")


@pytest.fixture
def sessions(url: str) -> Sessions:
    return open_server(server_url(url))


def test_database_has_the_tables_of_the_code(sessions: Sessions) -> None:
    with sessions() as session:
        differences = compare_metadata(MigrationContext.configure(session.connection()), Base.metadata)

    assert differences == []


def test_database_that_several_open_is_migrated_once(url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(open_server, [server_url(url)] * 4))

    with opened[0]() as session:
        assert session.scalar(text("SELECT version_num FROM alembic_version")) == str(latest_schema())
    assert check_server(server_url(url)) == ""


def test_scores_of_schema_5_are_gathered(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dump = (Path(__file__).parents[1] / "databases" / "schema-5.sql").read_text(encoding="utf-8")
    with monkeypatch.context() as earlier, database_server._engine(server_url(url)).begin() as connection:
        upgrade = command.upgrade
        earlier.setattr(command, "upgrade", lambda config, _: upgrade(config, "5"))
        migrations.upgrade(connection)
        for name in ("study", "study_scan", "reader", "reading", "rating", "practice_scan"):
            for line in dump.splitlines():
                if line.startswith(f'INSERT INTO "{name}"'):
                    connection.exec_driver_sql(line)

    with open_server(server_url(url))() as session:
        [study] = management.list_studies(session)
        given = [rating.scores for reading in study.readers[1].readings for rating in reading.ratings]
        assert [scores and [*scores.values()] for scores in given] == [[1, 2, 3, 4], [2, 3, 4, 5], None]
        assert [*study.practice_scans[0].scores.values()] == [4, 2.5, None, 3]


def test_database_of_a_later_version_is_refused_unchanged(url: str, sessions: Sessions) -> None:
    with sessions.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '99'"))

    with pytest.raises(OutputError, match=r"later version of lgeqa \(schema 99"):
        open_server(server_url(url))
    assert "schema 99" in check_server(server_url(url))


def test_lists_are_those_of_a_file(url: str, sessions: Sessions, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    on_file = open_database(tmp_path / "home" / "lgeqa.sqlite")
    for filled in (on_file, sessions):
        fill(filled, 40)
        with filled.begin() as session:
            for number in range(1, 20):
                session.get_one(ScanRow, number).header = header(number).model_dump_json()
            session.get_one(ScanRow, 5).urgent = True
    here, there = owner(serve(tmp_path, show_headers=True)), owner(serve(tmp_path, database=url, show_headers=True))

    for query in QUERIES:
        expected, answer = (client.get(f"/api/scans?{query}").json() for client in (here, there))
        assert (answer["scans"], answer["total"], answer["counts"]) == (
            expected["scans"],
            expected["total"],
            expected["counts"],
        ), query
    assert there.get("/api/history?by=week").json() == here.get("/api/history?by=week").json()
    for path in ("results.csv", "labels.csv", "decisions.csv", "scans/3", "scans/3/neighbours"):
        assert there.get(f"/api/{path}").text == here.get(f"/api/{path}").text, path


def test_scan_from_upload_to_decision(url: str, tmp_path: Path) -> None:
    (tmp_path / "cohort").mkdir()
    app = serve(tmp_path, database=url)
    with owner(app) as client:
        send(client, [("case.nrrd", scan_bytes(tmp_path))])
        [line] = settled(client, 1)
        ann = person(app, "Ann", "member")
        sent = {"save_id": "12345678", "decision": "accept"}
        decided = ann.post("/api/scans/1/decisions", json=sent).json()
        assert ann.post("/api/scans/1/assessments").status_code == 202
        settled(client, 1)
        toy_scan(tmp_path / "cohort" / "rated.nrrd")
        study = {"name": "Pilot", "folder": str(tmp_path / "cohort"), "repeat_share": 0, "seed": 2**40}
        made = client.post("/api/studies", json=study)
        link = client.post("/api/studies/1/readers", json={"name": "Bo"}).json()
        reading = TestClient(app, headers={"Authorization": f"Bearer {link['token']}"}).get("/api/reading")
        deleted = client.delete("/api/scans/1")
        log = client.get("/api/audit").json()

    assert line["state"] == "done"
    assert [decision["person"] for decision in decided] == ["Ann"]
    assert (made.status_code, reading.status_code, deleted.status_code) == (201, 200, 204)
    assert [entry["action"] for entry in reversed(log["entries"])] == [
        *("added", "people", "decided", "assess again", "study", "study", "deleted")
    ]


def test_people_take_turns(sessions: Sessions) -> None:
    queue = Queue(sessions)
    queue.add([source(f"ann-{number}") for number in range(5)], person="Ann")
    queue.add([source("ben-0")], person="Ben")

    assert order_of_turns(queue, 3) == ["ann-0", "ben-0", "ann-1"]


@pytest.mark.parametrize("change", [delete(AuditRow), update(AuditRow).values(person="nobody")])
def test_database_refuses_to_change_the_log(sessions: Sessions, change: Any) -> None:
    Queue(sessions).add([source("a")])

    with pytest.raises(DatabaseError, match="the audit log only grows"), sessions.begin() as session:
        session.execute(change)


def test_writers_wait_for_each_other(sessions: Sessions) -> None:
    def rename(_: int) -> None:
        with writing(sessions) as session:
            number = len(management.list_studies(session))
            management.make_study(session, f"study {number}", [], repeat_share=0, seed=0)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(rename, range(12)))

    with sessions() as session:
        assert len(management.list_studies(session)) == 12


@pytest.mark.parametrize("path", ["/api/scans?text=%00", "/api/audit?person=%00", f"/api/scans?id={2**31 - 1}"])
def test_value_that_does_not_fit_is_no_bug(url: str, tmp_path: Path, path: str) -> None:
    assert owner(serve(tmp_path, database=url)).get(path).status_code in {200, 422}


def test_database_has_one_server(url: str) -> None:
    with (
        served_alone(server_url(url)),
        pytest.raises(OutputError, match="is served by another lgeqa"),
        served_alone(server_url(url)),
    ):
        pass

    with served_alone(server_url(url)):
        pass


def test_check_and_people_name_the_database(url: str, tmp_path: Path) -> None:
    home = ("--home", tmp_path / "home", "--database", url)

    added = lgeqa("people", "add", "Ann", "--role", "viewer", *home)
    listed = lgeqa("people", "list", *home)
    checked = lgeqa("serve", "--check", *home)

    assert (added.returncode, listed.stdout.split("\t")[0]) == (0, "Ann")
    assert "database: in order" in checked.stdout
    assert not (tmp_path / "home" / "lgeqa.sqlite").exists()


# Without a server -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: server_url("nonsense"), "is no URL"),
        (lambda: server_url("mysql://db/lgeqa"), "mysql is not supported"),
        (lambda: open_server(server_url("postgresql://lgeqa:secret@127.0.0.1:1/x")), r"lgeqa:\*\*\*@127.0.0.1:1/x: ca"),
    ],
)
def test_database_that_cannot_be_used_is_refused(call: Callable[[], object], reason: str) -> None:
    pytest.importorskip("psycopg", reason="needs the extra postgres")

    with pytest.raises(UsageError, match=reason) as refused:
        call()

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["postgresql://a:secret@db/x", "postgresql://db/x?user=a&password=secret"])
def test_password_on_the_command_line_is_refused(tmp_path: Path, url: str) -> None:
    ended = lgeqa("serve", "--home", tmp_path / "home", "--database", url)

    assert ended.returncode == 2
    assert "--database: holds a password" in ended.stderr
    assert "secret" not in ended.stderr


def test_backup_of_a_server_is_refused_with_the_remedy(tmp_path: Path) -> None:
    ended = lgeqa("serve", "--home", tmp_path, "--database", "postgresql://db/x", "--backup", tmp_path / "copy")

    assert ended.returncode == 2
    assert "pg_dump" in ended.stderr
