"""The whole listener in a process of its own: from a sender to its destinations, and through kills."""

import json
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import ComprehensiveSRStorage, EncapsulatedPDFStorage, ParametricMapStorage, SegmentationStorage

from lgeqa.batch import DICOM_NAMES
from lgeqa.listener import listener as listener_module
from lgeqa.listener.settings import ListenSettings
from lgeqa.listener.spool import Spool
from tests.factories.command import lgeqa_apart
from tests.factories.dicom_series import toy_series
from tests.factories.listener import (
    ListenerProcess,
    Receiver,
    free_port,
    receiving,
    send,
    small_series,
    wait_until,
)
from tests.toy import SLOPES, toy_bundle

OBJECTS = (ComprehensiveSRStorage, EncapsulatedPDFStorage, ParametricMapStorage, SegmentationStorage)


def write_settings(
    folder: Path,
    port: int,
    receiver: Receiver,
    quiet_seconds: float = 2,
    give_up_hours: float = 10,
    select: str = "looks = false",
) -> Path:
    toy_bundle(folder / "bundle", maps=SLOPES)
    path = folder / "listen.toml"
    path.write_text(
        f"""
bundle = "bundle"
[spool]
folder = "spool"
[dicom]
port = {port}
[[dicom.senders]]
ae_title = "MR1"
[series]
quiet_seconds = {quiet_seconds}
[retry]
first_seconds = 0.2
longest_seconds = 1
give_up_hours = {give_up_hours}
[select]
{select}
[[destinations]]
kind = "dicom"
name = "pacs"
host = "127.0.0.1"
port = {receiver.port}
ae_title = "STORE"
[[destinations]]
kind = "command"
name = "hook"
command = ["/bin/sh", "-c", "cat > $0.part && mv $0.part $0", "{folder}/hook-{{id}}.json"]
""",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(*OBJECTS) as receiver:
        yield receiver


def started(folder: Path, receiver: Receiver, **settings: Any) -> ListenerProcess:
    port = free_port()
    process = ListenerProcess(write_settings(folder, port, receiver, **settings), port, folder / "log")
    process.start()
    return process


def reports(receiver: Receiver) -> list[str]:
    return [str(taken.SOPInstanceUID) for taken in receiver.objects if taken.SOPClassUID == ComprehensiveSRStorage]


def test_series_comes_back_as_report_in_its_study(tmp_path: Path, receiver: Receiver) -> None:
    process = started(tmp_path, receiver)
    images = toy_series(tmp_path / "toy", changes={"SeriesDescription": "LGE LA", "NumberOfSeriesRelatedInstances": 24})
    other = small_series(tmp_path / "scout", 2, SeriesDescription="scout", NumberOfSeriesRelatedInstances=3)
    assert set(send([*other, *images], process.port)) == {0}
    hooks = tmp_path.glob("hook-*.json")
    assert wait_until(lambda: len(receiver.objects) == len(DICOM_NAMES) and any(tmp_path.glob("hook-*.json")))
    assert process.stop() == 0
    [report] = [taken for taken in receiver.objects if taken.SOPClassUID == ComprehensiveSRStorage]
    assert report.StudyInstanceUID == dcmread(images[0]).StudyInstanceUID
    assert receiver.objects[-1] is report
    message = json.loads(next(iter(hooks)).read_text())
    assert message["images"] == message["expected_images"] == 24
    assert [scan["status"] for scan in message["scans"]] == ["assessed"]
    records = [json.loads(path.read_text()) for path in (tmp_path / "spool" / "records").iterdir()]
    assert [(record["outcome"], len(record["version"]["images"])) for record in records] == [("not_lge", 3)]
    log = process.log.read_text(encoding="utf-8")
    texts = [str(report.StudyInstanceUID), "P-17", "ller", "Traceback", dcmread(images[0]).SOPInstanceUID]
    assert not any(text in log for text in texts), log
    assert "whole with 24 of 24 images" in log
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700


@pytest.mark.slow
def test_given_up_result_is_shown_and_delivered_on_request(tmp_path: Path, receiver: Receiver) -> None:
    receiver.status = 0xA700
    process = started(tmp_path, receiver, give_up_hours=0.0002)
    send(toy_series(tmp_path / "toy", changes={"SeriesDescription": "LGE LA"}), process.port)
    assert wait_until(lambda: any((tmp_path / "spool" / "failed").iterdir()))
    assert any(tmp_path.glob("hook-*.json"))
    check = lgeqa_apart("listen", "--check", process.settings)
    assert check.returncode == 0, check.stderr
    assert "waiting for pacs: 0" in check.stdout
    assert "refused heat_map with the status 0xA700" in check.stdout
    receiver.status = 0
    retry = lgeqa_apart("listen", "--retry", process.settings)
    assert "1 result" in retry.stdout
    assert wait_until(lambda: len(receiver.objects) == len(DICOM_NAMES))
    assert process.stop() == 0


@pytest.mark.slow
def test_late_image_is_assessed_as_another_version(tmp_path: Path, receiver: Receiver) -> None:
    process = started(tmp_path, receiver)
    images = toy_series(tmp_path / "toy", changes={"SeriesDescription": "LGE LA"})
    send(images[:-1], process.port)
    assert wait_until(lambda: len(reports(receiver)) == 1)
    send(images[-1:], process.port)
    assert wait_until(lambda: len(reports(receiver)) == 2)
    process.stop()
    assert len(set(reports(receiver))) == 2
    assert "as a new version, since images came late" in process.log.read_text(encoding="utf-8")


@pytest.mark.slow
def test_series_that_looks_like_none_is_recorded_and_not_sent(tmp_path: Path, receiver: Receiver) -> None:
    process = started(tmp_path, receiver, select="looks = true")
    counted = {"NumberOfSeriesRelatedInstances": 24}
    send(toy_series(tmp_path / "without", 1, atrium=False, changes=counted), process.port)
    send(toy_series(tmp_path / "with", 2, changes=counted), process.port)
    assert wait_until(lambda: len(reports(receiver)) == 1)
    process.stop()
    [record] = [json.loads(path.read_text()) for path in (tmp_path / "spool" / "records").iterdir()]
    assert (record["outcome"], record["reason"]) == ("not_lge", "looks, the gate refuses it")


@pytest.mark.slow
def test_second_listener_in_the_same_spool_is_refused(tmp_path: Path, receiver: Receiver) -> None:
    process = started(tmp_path, receiver)
    second = lgeqa_apart("listen", process.settings)
    assert second.returncode == 2
    assert "another run of lgeqa works in it" in second.stderr
    process.stop()


def test_abandoned_draft_is_removed_and_a_growing_one_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = {"now": 0.0}
    monkeypatch.setattr(listener_module, "time", SimpleNamespace(monotonic=lambda: clock["now"]))
    toy_bundle(tmp_path / "bundle")
    spool = Spool(tmp_path / "spool", 100, 100)
    spool.prepare()
    values = {"spool": {"folder": tmp_path / "spool"}, "dicom": {"senders": [{"ae_title": "MR1"}]}}
    parts = listener_module._Listener(ListenSettings.of(values | {"bundle": tmp_path / "bundle"}), spool)
    abandoned, growing = spool.new_draft(), spool.new_draft()
    abandoned.write_bytes(b"half")
    for size in range(4):
        growing.write_bytes(bytes(size))
        parts._remove_dead_drafts()
        clock["now"] += 200
    assert list(spool.drafts.iterdir()) == [growing]


def storescu_until_kept(folder: Path, port: int) -> None:
    """Send a folder by dcmtk until all of it has been acknowledged, as a scanner does."""
    command = ["storescu", "-aet", "MR1", "-aec", "LGEQA", "-ta", "30", "-td", "30", "+sd"]
    while subprocess.run([*command, "127.0.0.1", str(port), str(folder)], capture_output=True, check=False).returncode:
        time.sleep(0.5)


@pytest.mark.slow
def test_kills_lose_and_double_nothing(tmp_path: Path, receiver: Receiver) -> None:
    if shutil.which("storescu") is None:
        pytest.skip("storescu is not installed (Debian package dcmtk)")
    n_series = 12
    changes = {"SeriesDescription": "LGE", "NumberOfSeriesRelatedInstances": 24}
    series = [toy_series(tmp_path / f"toy{seed}", seed, changes=changes) for seed in range(n_series)]
    process = started(tmp_path, receiver, quiet_seconds=300)
    chance = random.Random(1)

    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(storescu_until_kept, images[0].parent, process.port) for images in series]
        for _ in range(4):
            wait_until(lambda: False, chance.uniform(1, 4))
            process.kill()
            process.start()
        for each in sent:
            each.result()
    assert wait_until(lambda: len(set(reports(receiver))) == n_series, 240), process.log.read_text(encoding="utf-8")
    assert wait_until(lambda: len(list(tmp_path.glob("hook-*.json"))) == n_series)
    process.stop()
    spool = Spool(tmp_path / "spool", 100, 100)
    assert spool.queued() == []
    assert spool.open_series() == {}
    versions = [version for key in spool.series_keys() for version in spool.versions(key)]
    assert [len(version.images) for version in versions] == [24] * n_series
    contents = {(str(taken.SOPInstanceUID), str(taken.ContentTime)) for taken in receiver.objects}
    assert len(contents) == len(DICOM_NAMES) * n_series, "an object was sent with two contents"
