"""The server as a process: killed, told to end, started twice."""

import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from lgeqa.scales import SCALE_NAMES
from lgeqa.web.tokens import VARIABLE
from tests.factories.command import lgeqa
from tests.factories.processes import are_gone, children_of
from tests.toy import toy_bundle, toy_scan
from tests.web.serving import OWNER, TOKEN

QUEUED = 20


class Server:
    """`lgeqa serve` over one home folder, as often as it is started."""

    def __init__(self, place: Path) -> None:
        self.home = place / "home"
        self.given = ["--home", str(self.home), "--bundle", str(toy_bundle(place / "bundle")), "--port", "0"]
        self._log = place / "log"
        self.process: subprocess.Popen[bytes] | None = None
        self.address = ""

    def start(self, *options: str, token: str | None = TOKEN) -> None:
        """Start it with a token in its environment, or without one, and wait until it tells its address."""
        given = [*self.given, *options]
        env = {name: value for name, value in os.environ.items() if name != VARIABLE}
        self._log.touch()
        before = self.log.count("Open http")
        with self._log.open("ab") as log:
            command = [sys.executable, "-c", "from lgeqa.cli import main; main()", "serve", *given]
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env=env if token is None else env | {VARIABLE: token}
            )
        self.address = self._told_address(before)

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def get(self, path: str) -> Any:
        return httpx.get(f"{self.address}{path}", headers=OWNER, timeout=200).json()

    def post(self, path: str, **given: Any) -> Any:
        return httpx.post(f"{self.address}{path}", headers=OWNER, timeout=200, **given).json()

    def wait(self, count: int) -> None:
        """Wait until so many scans are done."""
        end = time.monotonic() + 200
        while (counts := self.get("/api/scans")["counts"]).get("diagnostic", 0) + counts.get(
            "non-diagnostic", 0
        ) < count:
            assert time.monotonic() < end, counts
            time.sleep(0.02)

    def end(self, number: int) -> int:
        """Send a signal, and give the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(120)

    def _told_address(self, before: int) -> str:
        end = time.monotonic() + 200
        while self.log.count("Open http") <= before:
            assert self.process is not None
            assert self.process.poll() is None, self.log
            assert time.monotonic() < end, self.log
            time.sleep(0.05)
        return self.log.rpartition("Open ")[2].partition("/enter#token")[0]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.delenv(VARIABLE, raising=False)
    made = Server(tmp_path)
    yield made
    if made.process and made.process.poll() is None:
        made.process.kill()
        made.process.wait(120)


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    for number in range(QUEUED):
        toy_scan(tmp_path / "cohort" / f"DOE_{number:02}.nrrd", seed=number)
    return tmp_path / "cohort"


@pytest.mark.slow
def test_killed_server_continues_without_loss_or_duplicate(server: Server, cohort: Path) -> None:
    server.start()
    server.post("/api/folders", json={"path": str(cohort)})
    upload = (cohort / "DOE_00.nrrd").read_bytes()
    server.post("/api/uploads", files=[("file", ("sent.nrrd", upload))])
    server.wait(2)
    assert server.process is not None
    helpers = children_of(server.process.pid)

    assert server.end(signal.SIGKILL) == -signal.SIGKILL
    server.start()
    early = server.get("/api/scans?size=500")
    server.wait(QUEUED + 1)
    late = server.get("/api/scans?size=500&sort=name&descending=false")

    assert any(scan["state"] != "done" for scan in early["scans"]), "the kill came too late to tell anything"
    assert [scan["name"] for scan in late["scans"]] == [*(f"DOE_{number:02}" for number in range(QUEUED)), "sent"]
    kept = {scan["id"]: scan for scan in early["scans"] if scan["state"] == "done"}
    assert len(kept) >= 2
    assert kept == {scan["id"]: scan for scan in late["scans"] if scan["id"] in kept}, "what was done is not done again"
    assert helpers
    assert are_gone(helpers)
    assert "DOE" not in server.log


@pytest.mark.slow
def test_killed_server_keeps_each_rating_of_two_readers_once(server: Server, cohort: Path) -> None:
    """20 scans are queued, and two readers save a reading after another, each save sent again until it is answered."""
    server.start()
    study = {"name": "Pilot", "folder": str(cohort), "repeat_share": 0, "seed": 1}
    assert server.post("/api/studies", json=study)["id"] == 1
    readers = [server.post("/api/studies/1/readers", json={"name": name}) for name in ("Ada", "Bo")]
    server.post("/api/folders", json={"path": str(cohort)})
    sent: list[str] = []

    def rate(reader: dict[str, Any]) -> None:
        for place in range(1, QUEUED + 1):
            save = {"save_id": f"save-{reader['number']}-{place:04}", "reader_id": reader["number"], "known": 0}
            body = save | {"scores": dict.fromkeys(SCALE_NAMES, 1 + place % 5), "seconds": 1.0}
            headers = {"Authorization": f"Bearer {reader['token']}"}
            while True:
                with suppress(httpx.TransportError):
                    path = f"{server.address}/api/reading/{place}/ratings"
                    assert httpx.post(path, json=body, headers=headers, timeout=200).is_success
                    break
            sent.append(str(save["save_id"]))

    with ThreadPoolExecutor(2) as pool:
        server.wait(1)
        rating = [pool.submit(rate, reader) for reader in readers]
        while len(sent) < 6:
            time.sleep(0.001)
        assert server.end(signal.SIGKILL) == -signal.SIGKILL
        before = len(sent)
        server.start()
        early = server.get("/api/scans")["counts"]
        for reader in rating:
            reader.result(timeout=200)
    server.wait(QUEUED)

    assert before < 2 * QUEUED, "the kill came too late for the readers to tell anything"
    assert early.get("diagnostic", 0) + early.get("non-diagnostic", 0) < QUEUED, "and for the queue"
    assert server.get("/api/scans")["total"] == QUEUED
    server.post("/api/studies/1/close")
    history = httpx.get(f"{server.address}/api/studies/1/export/history.csv", headers=OWNER, timeout=200)
    rows = list(csv.DictReader(history.content.decode("utf-8-sig").splitlines()))
    saved = [(row["reader"], row["scan"]) for row in rows]
    assert len(saved) == len(set(saved)) == 2 * QUEUED


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.slow
def test_stopped_server_exits_with_0_and_leaves_no_process(
    server: Server, cohort: Path, number: signal.Signals
) -> None:
    server.start()
    server.post("/api/folders", json={"path": str(cohort)})
    server.wait(1)
    assert server.process is not None
    helpers = children_of(server.process.pid)

    assert server.end(number) == 0

    assert helpers
    assert are_gone(helpers)
    assert server.log.strip() == f"Open {server.address}/enter#token={TOKEN}"
    server.start()
    assert server.get("/api/scans")["total"] == QUEUED


def test_a_folder_is_served_once(server: Server) -> None:
    server.start()
    second = Server(server.home.parent)

    with pytest.raises(AssertionError, match="another run of lgeqa works in it"):
        second.start()

    assert second.process is not None
    assert second.process.wait(120) == 2


def test_a_port_that_is_taken_is_named(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(AssertionError, match=f"127.0.0.1:{port}: cannot be listened on"):
            server.start("--port", port)


def test_the_token_is_drawn_and_kept(server: Server, tmp_path: Path) -> None:
    server.start(token=None)
    first = server.log.rpartition("token=")[2].strip()
    server.end(signal.SIGTERM)
    server.start(token=None)

    assert len(first) >= 30
    assert server.log.rpartition("token=")[2].strip() == first


def test_home_and_what_is_secret_in_it_are_for_their_user_alone(server: Server) -> None:
    server.home.mkdir(mode=0o755)
    (server.home / "lgeqa.sqlite").touch()
    server.start(token=None)

    private = [server.home, *server.home.glob("lgeqa.sqlite*"), server.home / "token"]
    assert len(private) >= 3
    assert {path: oct(path.stat().st_mode & 0o077) for path in private} == dict.fromkeys(private, "0o0")


@pytest.mark.parametrize("content", ["", "\n", "short", "a" * 40])
def test_token_file_that_was_left_empty_lets_nobody_in(server: Server, content: str) -> None:
    server.home.mkdir()
    (server.home / "token").write_text(content, encoding="utf-8")

    refused = lgeqa("serve", *server.given)

    assert refused.returncode == 2
    assert re.search(r"home/token: holds a token of .* Delete this file to have a new one drawn", refused.stderr)


def test_weak_token_of_the_environment_or_a_file_is_refused(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "weak").write_text("s3cret", encoding="utf-8")
    refused = [lgeqa("serve", *server.given, "--token-file", tmp_path / name) for name in ("weak", "gone")]
    monkeypatch.setenv(VARIABLE, "s3cret")
    refused.append(lgeqa("serve", *server.given))

    assert [one.returncode for one in refused] == [2, 2, 2]
    assert "weak: holds a token of 6 characters" in refused[0].stderr
    assert "gone: the token cannot be read (No such file" in refused[1].stderr
    assert "LGEQA_TOKEN: holds a token of 6 characters that could be guessed" in refused[2].stderr
    assert not any("s3cret" in one.stdout + one.stderr for one in refused)


def test_token_on_the_command_line_is_refused_with_the_remedy(server: Server) -> None:
    refused = lgeqa("serve", *server.given, "--token", TOKEN)

    assert refused.returncode == 2
    assert "LGEQA_TOKEN, or write the token into a file and name it with --token-file" in refused.stderr
    assert TOKEN not in refused.stdout + refused.stderr


def test_token_from_a_file_works_and_is_not_inherited(server: Server, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text(f"{TOKEN}\n", encoding="utf-8")
    server.start("--token-file", str(tmp_path / "mine"), token="another-token-of-somebody")

    assert server.get("/api/scans")["total"] == 0
    assert server.process is not None
    end = time.monotonic() + 200
    while not (helpers := children_of(server.process.pid)):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert not any(VARIABLE.encode() in Path(f"/proc/{number}/environ").read_bytes() for number in helpers)


@pytest.mark.slow
def test_listening_on_all_interfaces_warns_and_names_an_address(server: Server) -> None:
    server.start("--host", "0.0.0.0")

    assert "every machine of the network reaches this server" in server.log
    assert "0.0.0.0" not in server.address
    assert server.get("/api/scans")["total"] == 0


def test_name_of_a_proxy_is_answered_once_it_is_allowed(server: Server) -> None:
    server.start("--allow-host", "lge.example")

    def status(host: str) -> int:
        return httpx.get(f"{server.address}/api/scans", headers={**OWNER, "Host": host}, timeout=200).status_code

    assert (status("lge.example"), status("other.example")) == (200, 421)


def test_upload_that_nobody_known_sends_ends_its_connection(server: Server) -> None:
    server.start()
    with socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2])), timeout=200) as sender:
        head = "POST /api/uploads HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n"
        sender.sendall(head.encode())
        answer = b""
        while piece := sender.recv(4096):
            answer += piece

    assert answer.startswith(b"HTTP/1.1 401")


@pytest.mark.slow
def test_backup_of_a_served_folder_is_complete_and_checked(server: Server, cohort: Path, tmp_path: Path) -> None:
    server.start(token=None)
    token = (server.home / "token").read_text(encoding="utf-8")
    files = [("file", ("sent.nrrd", (cohort / "DOE_00.nrrd").read_bytes()))]
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.post(f"{server.address}/api/uploads", headers=headers, files=files, timeout=200).status_code == 201

    backup = lgeqa("serve", "--home", str(server.home), "--backup", str(tmp_path / "copy.sqlite"))
    well = lgeqa("serve", "--home", str(server.home), "--check")
    assert (backup.returncode, well.returncode) == (0, 0), backup.stderr + well.stdout
    assert "database: in order" in well.stdout
    assert "uploads of 1 scans: in order" in well.stdout
    server.end(signal.SIGKILL)

    (server.home / "token").write_text("", encoding="utf-8")
    (server.home / "token").chmod(0o644)
    server.home.chmod(0o755)
    (server.home / "uploads/stray").touch()
    next((server.home / "uploads").rglob("sent.nrrd")).unlink()
    ill = lgeqa("serve", "--home", str(server.home), "--check")
    assert ill.returncode == 2
    for told in (
        "can be used by others",
        "holds a token of 0 characters",
        "missing of the scans 1",
        "know: 1. The next",
    ):
        assert told in ill.stdout
    assert (server.home / "uploads/stray").exists()

    for file in server.home.glob("lgeqa.sqlite*"):
        file.write_bytes(b"damaged" * 1000)
    broken = lgeqa("serve", "--home", str(server.home), "--check")
    assert (broken.returncode, "database: file is not a database" in broken.stdout) == (2, True)
    assert token not in backup.stdout + well.stdout + ill.stdout + broken.stdout
    for file in server.home.glob("lgeqa.sqlite*"):
        file.unlink()
    (tmp_path / "copy.sqlite").rename(server.home / "lgeqa.sqlite")
    server.start()
    assert server.get("/api/scans")["total"] == 1


def test_check_of_a_folder_that_is_not_there_makes_none(tmp_path: Path) -> None:
    checked = lgeqa("serve", "--home", str(tmp_path / "none"), "--check")

    assert (checked.returncode, "is not there" in checked.stdout) == (2, True)
    assert not (tmp_path / "none").exists()


def test_folder_with_other_things_is_not_closed_to_others(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(mode=0o755)
    (tmp_path / "shared/notes.txt").touch()

    refused = lgeqa("serve", "--home", str(tmp_path / "shared"))

    assert (refused.returncode, "Name a folder of its own" in refused.stderr) == (2, True)
    assert (tmp_path / "shared").stat().st_mode & 0o777 == 0o755


def test_a_wrong_setting_is_named(server: Server) -> None:
    refused = lgeqa("serve", *server.given, "--upload-mb", "0")

    assert (refused.returncode, "--upload-mb" in refused.stderr) == (2, True)


def test_logs_of_refused_requests_hold_no_names_or_tokens(server: Server) -> None:
    server.start()
    for token in ("wrong-token", TOKEN):
        headers = {"Authorization": f"Bearer {token}"}
        httpx.post(f"{server.address}/api/uploads", headers=headers, files=[("file", ("DOE.txt", b"x"))])
        httpx.post(f"{server.address}/api/folders", headers=headers, content=json.dumps({"path": "/DOE"}))
    with socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2]))) as cut:
        head = f"POST /api/uploads HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
        rest = "Content-Length: 1000\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
        cut.sendall(f"{head}{rest}".encode())
    server.get("/api/scans")

    assert "DOE" not in server.log
    assert "wrong-token" not in server.log
    assert server.log.count("\n") == 1
    assert not list((server.home / "uploads").iterdir())
    assert not list((server.home / "incoming").iterdir())
