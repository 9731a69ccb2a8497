"""A served folder with the toy bundle, and the usual requests to it."""

import io
import time
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from lgeqa.web.app import create_app
from lgeqa.web.settings import ServeSettings
from tests.toy import SLOPES, toy_bundle, toy_scan

TOKEN = "0wner-of-the-test-server"
OWNER = {"Authorization": f"Bearer {TOKEN}"}


def serve(place: Path, **settings: Any) -> FastAPI:
    """The application over `place / "home"`, with a toy bundle that explains."""
    bundle = toy_bundle(place / "bundle", maps=SLOPES)
    return create_app(place / "home", TOKEN, ServeSettings.of({"bundle": bundle, "hosts": ["testserver"], **settings}))


def owner(app: FastAPI) -> TestClient:
    """Sends the owner's token with each request; works through the queue only as a context manager."""
    return TestClient(app, headers=OWNER)


def scan_bytes(place: Path, seed: int = 0, *, atrium: bool = True) -> bytes:
    """A toy scan as the bytes of an NRRD file."""
    return toy_scan(place / f"made-{seed}-{atrium}.nrrd", seed, atrium=atrium).read_bytes()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip archive of these files, with the names as they are."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


def send(client: TestClient, files: Iterable[tuple[str, bytes]], key: str = "") -> Any:
    """The answer to an upload."""
    parts = [("file", (name, content)) for name, content in files]
    return client.post("/api/uploads", files=parts, headers={"Idempotency-Key": key} if key else {})


def settled(client: TestClient, count: int, seconds: float = 200) -> list[dict[str, Any]]:
    """The list, once `count` scans are done; the oldest first."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        scans: list[dict[str, Any]] = client.get("/api/scans", params={"descending": False, "size": 500}).json()[
            "scans"
        ]
        if sum(scan["state"] == "done" for scan in scans) >= count:
            return scans
        time.sleep(0.05)
    raise AssertionError(f"not {count} scans done after {seconds} s: {scans}")


def files_below(folder: Path) -> list[str]:
    """All files below a folder but those of the database, sorted."""
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("lgeqa.sqlite")]
    return sorted(str(path.relative_to(folder)) for path in paths)
