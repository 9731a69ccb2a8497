"""The queue as it is worked through, in a process of its own."""

import gzip
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import SimpleITK
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError

from lgeqa.database import open_database
from lgeqa.errors import OutputError
from lgeqa.inference.pipeline import Assessment
from lgeqa.io import Source
from lgeqa.records import ScanResult
from lgeqa.reporting.presenter import ScanView
from lgeqa.web.models import ScanRow
from lgeqa.web.queue import MOST_TAKES, Queue
from lgeqa.web.worker import QueueWorker
from lgeqa.workers import Limits
from tests.batch.fakes import attempt, source
from tests.web.serving import files_below, owner, scan_bytes, send, serve, settled

sitk: Any = SimpleITK
#: Slices of a toy scan that hold its ball.
ATRIUM_SLICES = 20
SCALES = ("myocardium_nulling", "sharpness", "enhancement", "quality")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """A server that works through its queue."""
    with owner(serve(tmp_path)) as sender:
        yield sender


def image(client: TestClient, path: str, folder: Path) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    file = folder / "fetched.nii"
    file.write_bytes(gzip.decompress(answer.content))
    return sitk.ReadImage(str(file))


def test_a_scan_from_upload_to_verdict_pictures_and_volumes(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(client, [("case.nrrd", scan_bytes(tmp_path))])
    [line] = settled(client, 1)
    part = client.get("/api/scans/1").json()

    assert (line["state"], line["end"], line["votes_total"]) == ("done", part["result"]["verdict"], ATRIUM_SLICES)
    assert part["result"]["scan_id"] == "case"
    assert part["result"]["source"] == "case.nrrd", "not where it was put"
    assert [one["name"] for one in part["attributes"]] == ["quality", *SCALES[:3]]
    assert [bar["start"] for bar in part["bars"]] == list(range(ATRIUM_SLICES))
    assert sum(bar["up"] for bar in part["bars"]) == line["votes_diagnostic"]
    assert len(part["worst"]) == 3
    view = ScanView(ScanResult.model_validate(part["result"]))
    assert [one["fails"] for one in part["attributes"]] == [one.fails for one in view.attributes]
    assert {one.fails for one in view.attributes} == {True, False}
    assert [one["weakest"] for one in part["worst"]] == [scale.title for _, _, scale in view.worst]
    assert part["explained"]
    assert client.get("/api/scans/1/thumbnail.jpg").content.startswith(b"\xff\xd8")
    assert len(client.get("/api/scans/1/pictures").json()["slices"]) == ATRIUM_SLICES

    volume = image(client, "/api/scans/1/volume.nii.gz", tmp_path)
    original = sitk.ReadImage(str(tmp_path / "made-0-True.nrrd"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(volume), sitk.GetArrayFromImage(original))
    atrium = sitk.GetArrayFromImage(image(client, "/api/scans/1/atrium.nii.gz", tmp_path))
    assert set(np.flatnonzero(atrium.any(axis=(1, 2)))) == {one["index"] for one in part["result"]["slices"]}
    # The toy has neither, so that known masks stand in for what is found.
    monkeypatch.setattr("lgeqa.web.scan_routes.Heart", lambda _, mask, __: SimpleNamespace(aorta=mask, pools=~mask))
    for part_of_blood, mask in (("aorta", atrium > 0), ("pools", atrium == 0)):
        shown = sitk.GetArrayFromImage(image(client, f"/api/scans/1/blood/{part_of_blood}.nii.gz", tmp_path))
        np.testing.assert_array_equal(shown, mask)
    for scale in SCALES:
        heat = sitk.GetArrayFromImage(image(client, f"/api/scans/1/heat/{scale}.nii.gz", tmp_path))
        assert heat[atrium.any(axis=(1, 2))].any()
        assert not heat[~atrium.any(axis=(1, 2))].any()
        assert (heat <= 0).all() == (scale == "myocardium_nulling"), "the toy's slope of this one is below 0"


def test_exported_report_is_one_page_with_each_scans_pictures(client: TestClient, tmp_path: Path) -> None:
    send(client, [(f"case-{seed}.nrrd", scan_bytes(tmp_path, seed)) for seed in range(2)])
    settled(client, 2)
    report = client.get("/api/report.html").text

    assert report.count("<html") == 1
    assert "case-0" in report
    assert "case-1" in report
    assert report.count('class="pictures-data"') == 2


def test_unassessed_scans_give_the_reason_and_no_pictures(client: TestClient, tmp_path: Path) -> None:
    cut = scan_bytes(tmp_path)[:5000]
    send(client, [("cut.nrrd", cut)])
    send(client, [("empty.nrrd", scan_bytes(tmp_path, atrium=False))])

    lines = settled(client, 2)

    assert [(line["name"], line["end"]) for line in lines] == [("cut", "failed"), ("empty", "not_assessable")]
    assert lines[0]["message"].startswith("cut.nrrd: ")
    assert str(tmp_path) not in lines[0]["message"]
    for route in ("thumbnail.jpg", "pictures", "atrium.nii.gz", "blood/pools.nii.gz", "heat/quality.nii.gz"):
        answer = client.get(f"/api/scans/2/{route}")
        assert answer.status_code == 404
        assert "Scan 2" in answer.json()["detail"]
    assert client.get("/api/scans/2/volume.nii.gz").status_code == 200


def test_a_changed_file_is_reported_until_it_is_assessed_again(client: TestClient, tmp_path: Path) -> None:
    folder = tmp_path / "cohort"
    folder.mkdir()
    (folder / "case.nrrd").write_bytes(scan_bytes(tmp_path))
    client.post("/api/folders", json={"path": str(folder)})
    settled(client, 1)
    (folder / "case.nrrd").write_bytes(scan_bytes(tmp_path, seed=1))

    changed = client.get("/api/scans/1/volume.nii.gz")
    assert client.post("/api/scans/1/assessments").status_code == 202
    settled(client, 1)

    assert changed.status_code == 409
    assert "changed" in changed.json()["detail"]
    assert client.get("/api/scans/1/volume.nii.gz").status_code == 200


def test_an_upload_that_a_study_reads_is_kept(client: TestClient, tmp_path: Path) -> None:
    send(client, [("sent.nrrd", scan_bytes(tmp_path))])
    settled(client, 1)
    [upload] = (tmp_path / "home/uploads").iterdir()
    made = client.post("/api/studies", json={"name": "Pilot", "folder": str(upload), "repeat_share": 0, "seed": 1})
    assert made.status_code == 201

    answer = client.delete("/api/scans/1")

    assert answer.status_code == 409
    assert "the study 'Pilot' reads it from there" in answer.json()["detail"]
    assert list(upload.iterdir())


def test_deleting_removes_uploads_and_keeps_other_files(client: TestClient, tmp_path: Path) -> None:
    folder = tmp_path / "cohort"
    folder.mkdir()
    (folder / "mine.nrrd").write_bytes(scan_bytes(tmp_path, seed=1))
    before = files_below(tmp_path / "home")
    send(client, [("sent.nrrd", scan_bytes(tmp_path))])
    client.post("/api/folders", json={"path": str(folder)})
    settled(client, 2)

    assert client.delete("/api/scans/1").status_code == 204
    assert client.delete("/api/scans/2").status_code == 204

    assert files_below(tmp_path / "home") == before
    assert files_below(folder) == ["mine.nrrd"]
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/assessments"), ("GET", "/volume.nii.gz")):
        answer = client.request(method, f"/api/scans/1{path}")
        assert answer.status_code == 404
        assert "no scan 1" in answer.json()["detail"]


# With the assessment of tests.batch.fakes, which does as the scan's name says -----------------------------------------


def _named(assess: Callable[[Source], Assessment], source: Source) -> Assessment:
    if source.location.stem == "hung":
        time.sleep(3600)
    return assess(Source(source.location.stem, source.kind, source.location, source.files))


def _open_named(open_assess: Callable[[], Callable[[Source], Assessment]]) -> Callable[[Source], Assessment]:
    return partial(_named, open_assess())


class Faked:
    """A queue worked through by the fake."""

    def __init__(self, folder: Path, *names: str, limits: Limits | None = None) -> None:
        self.queue = Queue(open_database(folder / "lgeqa.sqlite"))
        self._sessions = self.queue._sessions
        self.numbers = self.queue.add([source(folder, name) for name in names])
        made = attempt(folder)
        fake = replace(made, open_assess=partial(_open_named, made.open_assess))
        self.another = partial(QueueWorker, self.queue, fake, folder / "uploads", limits or Limits())
        self.worker = self.another()

    def rows(self) -> list[ScanRow]:
        with self._sessions() as session:
            return [row for number in self.numbers if (row := session.get(ScanRow, number))]

    def wait(self, ready: Callable[[list[ScanRow]], bool], seconds: float = 200) -> list[ScanRow]:
        end = time.monotonic() + seconds
        while not ready(rows := self.rows()):
            assert time.monotonic() < end, [(row.name, row.state) for row in rows]
            time.sleep(0.02)
        return rows


def all_done(rows: list[ScanRow]) -> bool:
    return all(row.state == "done" for row in rows)


@pytest.mark.slow
def test_no_scan_stops_the_queue(tmp_path: Path) -> None:
    faked = Faked(tmp_path, "bad", "bug", "killed", "good")

    faked.worker.start()
    rows = faked.wait(all_done)
    faked.worker.stop()

    assert [row.end for row in rows] == ["failed", "failed", "failed", "diagnostic"]
    assert [row.takes for row in rows] == [1, 1, MOST_TAKES, 1]
    assert rows[2].record is not None
    assert "was ended each time" in rows[2].record.message
    log = (tmp_path / "out" / "faults.log").read_text(encoding="utf-8")
    assert "KeyError" in log
    assert "DOE^JOHN'" not in log


def test_the_process_is_ready_before_there_is_a_scan(tmp_path: Path) -> None:
    faked = Faked(tmp_path)
    faked.worker.start()
    end = time.monotonic() + 200
    while faked.worker._process is None and time.monotonic() < end:
        time.sleep(0.05)
    process = faked.worker._process
    faked.worker.stop()

    assert process is not None


def test_a_server_that_ends_puts_back_what_is_in_work(tmp_path: Path) -> None:
    faked = Faked(tmp_path, *(f"slow-{number}" for number in range(20)))
    faked.worker.start()
    faked.wait(lambda rows: rows[0].state == "done")

    faked.worker.stop()

    states = [row.state for row in faked.rows()]
    assert "working" not in states
    assert states[-1] == "queued"
    assert {row.takes for row in faked.rows() if row.state == "queued"} == {0}, "the end of a server is no scan's fault"
    assert [thread for thread in threading.enumerate() if thread.name == "queue"] == []


@pytest.mark.slow
def test_the_loss_of_a_process_costs_no_scan(tmp_path: Path) -> None:
    faked = Faked(tmp_path, "slow-1", "slow-2")
    faked.worker.start()
    faked.wait(lambda rows: rows[0].state == "working" and (tmp_path / "asked").exists())

    process = faked.worker._process
    assert process is not None
    assert process.process.pid is not None
    os.kill(process.process.pid, signal.SIGTERM)
    rows = faked.wait(all_done)
    faked.worker.stop()

    assert [row.end for row in rows] == ["diagnostic", "diagnostic"]
    assert rows[0].takes == 2


FULL = OperationalError("INSERT", ("DOE^JOHN",), sqlite3.OperationalError("database or disk is full"))


@pytest.mark.parametrize("fault", [OSError(28, "No space left for DOE^JOHN"), FULL, OutputError("DOE^JOHN: full")])
@pytest.mark.parametrize("step", ["take", pytest.param("finish", marks=pytest.mark.slow)])
def test_full_disk_stops_the_queue_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fault: Exception, step: str
) -> None:
    monkeypatch.setattr("lgeqa.web.worker._TRY_AGAIN_S", 0.02)
    faked = Faked(tmp_path, "good", "slow-1")
    done, full = getattr(faked.queue, step), True

    def when_there_is_room(*given: Any) -> Any:
        if full:
            raise fault
        return done(*given)

    monkeypatch.setattr(faked.queue, step, when_there_is_room)
    faked.worker.start()
    end = time.monotonic() + 200
    while not (said := faked.queue.standstill) and time.monotonic() < end:
        time.sleep(0.02)
    alive, full = faked.worker.alive, False
    rows = faked.wait(all_done)
    faked.worker.stop()

    assert alive
    assert "continues by itself" in said
    assert [(row.end, row.takes) for row in rows] == [("diagnostic", 1), ("diagnostic", 1)]
    assert (faked.queue.standstill, faked.queue.last_standstill) == ("", said)
    told = capsys.readouterr().err
    assert told.count("The queue has stopped") == 1
    assert "Traceback" not in told
    assert "File " not in told
    assert "DOE" not in told + said


def test_scan_that_failed_for_want_of_room_is_assessed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgeqa.web.worker._TRY_AGAIN_S", 0.02)
    free = iter([10**9, 0])
    monkeypatch.setattr("lgeqa.web.worker.disk_usage", lambda _: SimpleNamespace(free=next(free, 10**9)))
    faked = Faked(tmp_path, "bad")

    faked.worker.start()
    [row] = faked.wait(all_done)
    faked.worker.stop()

    assert (row.end, row.takes) == ("failed", 1)
    assert "full" in faked.queue.last_standstill
    assert (tmp_path / "asked").read_text(encoding="utf-8").split() == ["bad", "bad"]


def test_scan_that_failed_by_the_machine_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgeqa.web.worker._TRY_AGAIN_S", 0.02)
    faked = Faked(tmp_path, "tired-1", "huge", "bad")

    faked.worker.start()
    rows = faked.wait(all_done)
    faked.worker.stop()

    assert [(row.end, row.takes) for row in rows] == [("diagnostic", 2), ("failed", MOST_TAKES), ("failed", 1)]
    assert rows[1].record
    assert "Memory ran out" in rows[1].record.message


def test_bug_in_keeping_a_result_costs_one_scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    faked, broken = Faked(tmp_path, "good", "slow-1"), [KeyError("DOE^JOHN")]
    finish = faked.queue.finish

    def finish_but_once(*given: Any) -> bool:
        if broken:
            raise broken.pop()
        return finish(*given)

    monkeypatch.setattr(faked.queue, "finish", finish_but_once)
    faked.worker.start()
    rows = faked.wait(all_done)
    faked.worker.stop()

    assert [row.end for row in rows] == ["failed", "diagnostic"]
    told = capsys.readouterr().err
    assert "This is a bug in lgeqa" in told
    assert "DOE" not in told + str(rows[0].result)


def test_scan_that_ended_servers_is_set_aside_with_its_reason(tmp_path: Path) -> None:
    faked = Faked(tmp_path, "good", "slow-1")
    for _ in range(MOST_TAKES):
        Queue(faked.queue._sessions).take()
    Queue(faked.queue._sessions)

    faked.worker.start()
    rows = faked.wait(all_done)
    faked.worker.stop()

    assert [row.end for row in rows] == ["failed", "diagnostic"]
    assert rows[0].record is not None
    assert "The server was ended each of the 3 times" in rows[0].record.message
    assert (tmp_path / "asked").read_text(encoding="utf-8").split() == ["slow-1"]


@pytest.mark.slow
def test_scan_over_the_time_limit_is_not_tried_again(tmp_path: Path) -> None:
    faked = Faked(tmp_path, "good", "hung", "well", limits=Limits(seconds=20))

    faked.worker.start()
    rows = faked.wait(all_done)
    faked.worker.stop()

    assert [(row.end, row.takes) for row in rows] == [("diagnostic", 1), ("failed", 1), ("diagnostic", 1)]
    assert rows[1].record is not None
    assert "it took longer than 20 s" in rows[1].record.message
