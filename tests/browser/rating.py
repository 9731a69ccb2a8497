"""A real server with a study, and a reader's page on it, for the tests of rating."""

import csv
import io
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from tests.web.rating import write_scans

TOKEN = "0wner-of-the-browser-tests"
#: Seconds that a server has to start.
_PATIENCE = 60


@dataclass
class Server:
    """`lgeqa serve` in a process of its own, over one home; after `kill` it can be started again on the same port."""

    home: Path
    port: int = 0
    process: subprocess.Popen[str] = field(init=False)

    def start(self) -> None:
        words = [sys.executable, "-c", "from lgeqa.cli import main; main()", "serve"]
        options = ["--home", str(self.home), "--port", str(self.port)]
        env = os.environ | {"PYTHONUNBUFFERED": "1", "LGEQA_TOKEN": TOKEN}
        self.process = subprocess.Popen(words + options, stdout=subprocess.PIPE, text=True, env=env)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("Open http://127.0.0.1:"), line
        self.port = int(line.split(":")[2].split("/")[0])
        self._wait()

    def kill(self) -> None:
        """As when the power fails."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> Any:
        return self.ask("GET", path).json()

    def post(self, path: str, body: object = None) -> Any:
        return self.ask("POST", path, json=body).json()

    def make_study(self, folder: Path, n: int = 3, practice: Path | None = None) -> "Study":
        """A study of `n` scans, none of them shown twice, after the practice of a folder."""
        new = {"name": str(folder), "folder": str(write_scans(folder, n)), "repeat_share": 0, "seed": 5}
        new["practice_folder"] = str(practice or "")
        return Study(self, self.post("/api/studies", new)["id"])

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = httpx.request(method, self.address + path, headers=headers, timeout=60, **more)
        answer.raise_for_status()
        return answer

    def _wait(self) -> None:
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                self.get("/api/studies")
            except httpx.TransportError:
                assert time.monotonic() < end, "the server does not answer"
                time.sleep(0.1)
            else:
                return


@dataclass(frozen=True)
class Study:
    """A study on a server."""

    server: Server
    number: int

    def add_reader(self, name: str) -> str:
        """The address of the reader's link."""
        return f"{self.server.address}/enter#token={self.post('readers', {'name': name})['token']}"

    def progress(self) -> list[int]:
        """How many scans each reader has rated."""
        return [reader["rated"] for reader in self.server.get(self._path)["readers"]]

    def exported(self, name: str) -> list[dict[str, str]]:
        """A table of the study, which is closed by this."""
        self.post("close")
        table = self.server.ask("GET", f"{self._path}/export/{name}").content.decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(table)))

    def post(self, what: str, body: object = None) -> Any:
        return self.server.post(f"{self._path}/{what}", body)

    @property
    def _path(self) -> str:
        return f"/api/studies/{self.number}"


def open_reading(page: Page, link: str) -> Page:
    """Open a reader's link and wait for the first scan."""
    page.goto(link)
    expect_scan(page)
    return page


def expect_scan(page: Page, title: str = "") -> None:
    """Wait until the scan is drawn and its rating can be given."""
    if title:
        expect(page.locator("#scan")).to_have_text(title)
    expect(page.locator("#form:not([inert]) :focus")).to_have_count(1)
    expect(page.locator("#place")).not_to_be_empty()
    expect(page.locator("#loading")).to_be_empty()


def rate(page: Page, scores: str) -> None:
    """Four keys and Enter, from the first scale on."""
    page.locator("#scales input").first.focus()
    for key in scores:
        page.keyboard.press(key)
    page.wait_for_timeout(450)  # a second Enter this soon would be a double click
    page.keyboard.press("Enter")
