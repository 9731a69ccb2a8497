"""The server as a process: killed, told to end, started twice."""

import csv
import json
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

from lgeqa.attributes import NAMES
from tests.serve.serving import OWNER, TOKEN
from tests.toy import toy_bundle, toy_scan

QUEUED = 20


class Server:
    """`lgeqa serve` over one home folder, as often as it is started."""

    def __init__(self, place: Path) -> None:
        self.home = place / "home"
        self._bundle = toy_bundle(place / "bundle")
        self._log = place / "log"
        self.process: subprocess.Popen[bytes] | None = None
        self.address = ""

    def start(self, *options: str) -> None:
        """Start it, and wait until it tells its address."""
        given = ["--home", str(self.home), "--bundle", str(self._bundle), "--port", "0", "--token", TOKEN, *options]
        self._log.touch()
        before = self.log.count("Open http")
        with self._log.open("ab") as log:
            command = [sys.executable, "-c", "from lgeqa.cli import main; main()", "serve", *given]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self.address = self._told_address(before)

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def get(self, path: str) -> Any:
        return httpx.get(f"{self.address}{path}", headers=OWNER, timeout=60).json()

    def post(self, path: str, **given: Any) -> Any:
        return httpx.post(f"{self.address}{path}", headers=OWNER, timeout=60, **given).json()

    def wait(self, count: int) -> None:
        """Wait until so many scans are done."""
        end = time.monotonic() + 120
        while (counts := self.get("/api/scans")["counts"]).get("diagnostic", 0) + counts.get(
            "non-diagnostic", 0
        ) < count:
            assert time.monotonic() < end, counts
            time.sleep(0.02)

    def end(self, number: int) -> int:
        """Send a signal, and give the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(30)

    def _told_address(self, before: int) -> str:
        end = time.monotonic() + 60
        while self.log.count("Open http") <= before:
            assert self.process is not None
            assert self.process.poll() is None, self.log
            assert time.monotonic() < end, self.log
            time.sleep(0.05)
        return self.log.rpartition("Open ")[2].partition("/?token")[0]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    if made.process and made.process.poll() is None:
        made.process.kill()
        made.process.wait(30)


def children_of(number: int) -> list[int]:
    """The processes that the threads of a process have started."""
    told = [path.read_text(encoding="utf-8") for path in Path(f"/proc/{number}/task").glob("*/children")]
    return [int(child) for children in told for child in children.split()]


def are_gone(numbers: list[int], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while any(Path(f"/proc/{number}").exists() for number in numbers):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    for number in range(QUEUED):
        toy_scan(tmp_path / "cohort" / f"DOE_{number:02}.nrrd", seed=number)
    return tmp_path / "cohort"


def test_a_server_that_was_killed_goes_on_and_nothing_is_lost_or_doubled(server: Server, cohort: Path) -> None:
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


def test_a_server_that_was_killed_while_two_readers_rate_loses_and_doubles_nothing(
    server: Server, cohort: Path
) -> None:
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
            body = save | {"scores": dict.fromkeys(NAMES, 1 + place % 5), "seconds": 1.0}
            headers = {"Authorization": f"Bearer {reader['token']}"}
            while True:
                with suppress(httpx.TransportError):
                    path = f"{server.address}/api/reading/{place}/ratings"
                    assert httpx.post(path, json=body, headers=headers, timeout=60).is_success
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
            reader.result(timeout=120)
    server.wait(QUEUED)

    assert before < 2 * QUEUED, "the kill came too late for the readers to tell anything"
    assert early.get("diagnostic", 0) + early.get("non-diagnostic", 0) < QUEUED, "and for the queue"
    assert server.get("/api/scans")["total"] == QUEUED
    server.post("/api/studies/1/close")
    history = httpx.get(f"{server.address}/api/studies/1/export/history.csv", headers=OWNER, timeout=60).text
    rows = list(csv.DictReader(history.splitlines()))
    saved = [(row["reader"], row["scan"]) for row in rows]
    assert len(saved) == len(set(saved)) == 2 * QUEUED


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_that_is_told_to_end_ends_well_and_leaves_no_process(
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
    assert server.log.strip() == f"Open {server.address}/?token={TOKEN}"
    server.start()
    assert server.get("/api/scans")["total"] == QUEUED


def test_a_folder_is_served_once(server: Server) -> None:
    server.start()
    second = Server(server.home.parent)

    with pytest.raises(AssertionError, match="is served already"):
        second.start()

    assert second.process is not None
    assert second.process.wait(30) == 2


def test_a_port_that_is_taken_is_named(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(AssertionError, match=f"127.0.0.1:{port}: cannot be listened on"):
            server.start("--port", port)


def test_the_token_is_drawn_and_kept(server: Server, tmp_path: Path) -> None:
    server.start("--token", "")
    first = server.log.rpartition("token=")[2].strip()
    server.end(signal.SIGTERM)
    server.start("--token", "")

    assert len(first) >= 30
    assert server.log.rpartition("token=")[2].strip() == first
    assert (server.home / "token").stat().st_mode & 0o077 == 0


def test_a_wrong_setting_is_named(server: Server) -> None:
    with pytest.raises(AssertionError, match="--upload-mb"):
        server.start("--upload-mb", "0")


def test_logs_hold_no_names_and_no_tokens_when_requests_are_refused(server: Server) -> None:
    server.start()
    for token in ("wrong-token", TOKEN):
        headers = {"Authorization": f"Bearer {token}"}
        httpx.post(f"{server.address}/api/uploads", headers=headers, files=[("file", ("DOE.txt", b"x"))])
        httpx.post(f"{server.address}/api/folders", headers=headers, content=json.dumps({"path": "/DOE"}))
    with socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2]))) as cut:
        head = f"POST /api/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 1000\r\n"
        cut.sendall(f"{head}Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n".encode())
    server.get("/api/scans")

    assert "DOE" not in server.log
    assert "wrong-token" not in server.log
    assert server.log.count("\n") == 1
    assert not list((server.home / "uploads").iterdir())
