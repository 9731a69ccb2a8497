"""Files that end whoever reads them."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from lgeqa.errors import ReadError
from lgeqa.io import Source
from lgeqa.web.isolated_reading import look_through, read_apart
from lgeqa.workers import Limits, WorkerDied
from tests.web.serving import files_below, owner, scan_bytes, send, serve


@pytest.fixture(autouse=True)
def _read_here() -> None:
    """Read in other processes, as a server does."""


def crash(*_: Any, **__: Any) -> Any:
    """Stand for a decoder with a bug."""
    os.kill(os.getpid(), signal.SIGSEGV)


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    return owner(serve(tmp_path))


def test_scans_are_found_and_read_in_another_process(tmp_path: Path) -> None:
    (tmp_path / "case.nrrd").write_bytes(scan_bytes(tmp_path))

    [source, *_] = look_through(tmp_path, 60)

    assert source.location.name == "case.nrrd"
    assert read_apart(source, 60).voxels.any()
    with pytest.raises(ReadError, match=r"gone\.nrrd"):
        read_apart(Source("gone", "volume", tmp_path / "gone.nrrd", (tmp_path / "gone.nrrd",)), 60)


@pytest.mark.slow
def test_file_that_crashes_its_reader_does_not_stop_the_server(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(client, [("case.nrrd", scan_bytes(tmp_path))])
    for name in ("read_scan", "discover", "scans_of_folder"):
        monkeypatch.setattr(f"lgeqa.web.isolated_reading.{name}", crash)

    study = {"name": "Pilot", "folder": str(tmp_path), "repeat_share": 0, "seed": 1}
    before = files_below(tmp_path / "home")
    answers = [
        client.get("/api/scans/1/volume.nii.gz"),
        client.post("/api/folders", json={"path": str(tmp_path)}),
        client.post("/api/studies", json=study),
        send(client, [("bad.nrrd", b"NRRD")]),
    ]

    assert [answer.status_code for answer in answers] == [409, 422, 422, 422]
    assert all(f"was ended (signal {signal.SIGSEGV:d})" in answer.json()["detail"] for answer in answers)
    assert client.get("/api/scans").json()["total"] == 1
    assert files_below(tmp_path / "home") == before


def test_the_owner_says_how_long_reading_a_scan_may_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = owner(serve(tmp_path, timeout=1))
    send(client, [("case.nrrd", scan_bytes(tmp_path))])
    study = {"name": "Pilot", "folder": str(tmp_path), "repeat_share": 0, "seed": 1}
    given: list[float] = []

    def noted(_: Any, limits: Limits) -> WorkerDied:
        given.append(limits.seconds)
        return WorkerDied(None, limits.seconds)

    monkeypatch.setattr("lgeqa.web.isolated_reading.apart", noted)

    answers = [
        client.get("/api/scans/1/volume.nii.gz"),
        client.post("/api/folders", json={"path": str(tmp_path)}),
        client.post("/api/studies", json=study),
        send(client, [("other.nrrd", scan_bytes(tmp_path, 1))]),
    ]

    assert given == [1, 2, 12, 2]
    assert "it took longer than 1 s" in answers[0].json()["detail"]
