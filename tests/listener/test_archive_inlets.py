"""Series that an archive has complete are pulled once, and none is missed."""

import threading
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from lgeqa.archive.client import Archive
from lgeqa.errors import ArchiveError
from lgeqa.listener.archive_inlets import DicomwebInlet, OrthancInlet
from lgeqa.listener.inlet_settings import DicomwebSettings, OrthancSettings
from lgeqa.listener.intake import Intake
from lgeqa.listener.polling import PollingInlet
from lgeqa.listener.spool import Spool
from tests.factories.fake_archive import Answer, fake_archive
from tests.factories.listener import small_series, wait_until
from tests.factories.orthanc import Orthanc

TODAY = f"{datetime.now().astimezone():%Y%m%d}"


class Node:
    """A spool, and what an inlet brings into it."""

    def __init__(self, folder: Path) -> None:
        self.spool = Spool(folder / "spool", 100, 10)
        self.spool.prepare()
        self.intake = Intake(self.spool, quiet_seconds=1000)

    def orthanc_inlet(self, archive: Orthanc) -> OrthancInlet:
        settings = OrthancSettings(kind="orthanc", name="pacs", url=archive.dicomweb)
        return OrthancInlet(settings, self.spool.path)

    def dicomweb_inlet(self, archive: Orthanc) -> DicomwebInlet:
        settings = DicomwebSettings(kind="dicomweb", name="pacs", url=archive.dicomweb)
        return DicomwebInlet(settings, self.spool.path)

    def look(self, inlet: PollingInlet) -> list[int]:
        """Look once, and return the number of images of each series that is whole now."""
        inlet.look(self.intake, Event())
        return [len(version.images) for version in self.intake.close_whole()]


def test_stable_series_is_pulled_once_and_whole(running_orthanc: Orthanc, tmp_path: Path) -> None:
    node = Node(tmp_path)
    running_orthanc.store(small_series(tmp_path / "old", 1, n=2))
    running_orthanc.stable_series(1)
    inlet = node.orthanc_inlet(running_orthanc)
    assert node.look(inlet) == []  # it was there before
    running_orthanc.store(small_series(tmp_path / "new", 2, n=3))
    assert node.look(inlet) == []  # it may still be arriving
    running_orthanc.stable_series(2)
    assert [node.look(inlet), node.look(inlet)] == [[3], []]


def test_series_that_arrived_while_it_was_off_is_not_missed(running_orthanc: Orthanc, tmp_path: Path) -> None:
    node = Node(tmp_path)
    assert node.look(node.orthanc_inlet(running_orthanc)) == []
    running_orthanc.store(small_series(tmp_path / "one", 1, n=2))
    running_orthanc.store(small_series(tmp_path / "two", 2, n=3))
    running_orthanc.stable_series(2)
    assert sorted(node.look(node.orthanc_inlet(running_orthanc))) == [2, 3]
    assert node.look(node.orthanc_inlet(running_orthanc)) == []


def test_crash_between_series_and_state_pulls_again(
    running_orthanc: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = Node(tmp_path)
    inlet = node.orthanc_inlet(running_orthanc)
    node.look(inlet)
    running_orthanc.store(small_series(tmp_path / "series", n=2))
    running_orthanc.stable_series(1)
    with monkeypatch.context() as patch:
        patch.setattr(inlet, "save_state", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            node.look(inlet)
    assert node.look(node.orthanc_inlet(running_orthanc)) == [2]


def test_stop_within_a_series_pulls_it_again(running_orthanc: Orthanc, tmp_path: Path) -> None:
    node, stop = Node(tmp_path), Event()
    inlet = node.orthanc_inlet(running_orthanc)
    node.look(inlet)
    running_orthanc.store(small_series(tmp_path / "series", n=3))
    running_orthanc.stable_series(1)
    stop.set()
    inlet.look(node.intake, stop)
    assert node.intake.close_whole() == []
    assert node.look(node.orthanc_inlet(running_orthanc)) == [3]


def test_late_images_make_the_series_stable_again(running_orthanc: Orthanc, tmp_path: Path) -> None:
    node = Node(tmp_path)
    inlet = node.orthanc_inlet(running_orthanc)
    node.look(inlet)
    paths = small_series(tmp_path / "series", n=3)
    running_orthanc.store(paths[:2])
    running_orthanc.stable_series(1)
    assert node.look(inlet) == [2]
    running_orthanc.store(paths[2:])
    running_orthanc.stable_series(2)
    assert node.look(inlet) == [3]


def test_other_modalities_stay_in_the_archive(running_orthanc: Orthanc, tmp_path: Path) -> None:
    node = Node(tmp_path)
    inlet = node.orthanc_inlet(running_orthanc)
    node.look(inlet)
    running_orthanc.store(small_series(tmp_path / "series", n=2, Modality="CT"))
    running_orthanc.stable_series(1)
    assert node.look(inlet) == []
    assert list((node.spool.path / "series").iterdir()) == []


def test_replaced_database_is_read_from_its_start(running_orthanc: Orthanc, tmp_path: Path) -> None:
    node = Node(tmp_path)
    inlet = node.orthanc_inlet(running_orthanc)
    inlet.save_state(10_000)
    running_orthanc.store(small_series(tmp_path / "series", n=2))
    running_orthanc.stable_series(1)
    assert node.look(inlet) == [2]


def test_searched_series_is_pulled_when_it_grows_no_more(running_orthanc: Orthanc, tmp_path: Path) -> None:
    node = Node(tmp_path)
    inlet = node.dicomweb_inlet(running_orthanc)
    paths = small_series(tmp_path / "series", n=4, StudyDate=TODAY)
    running_orthanc.store(small_series(tmp_path / "old", 2, StudyInstanceUID="1.2.3", StudyDate="20200101"))
    running_orthanc.store(paths[:2])
    assert node.look(inlet) == []
    running_orthanc.store(paths[2:3])
    assert [node.look(inlet), node.look(inlet), node.look(inlet)] == [[], [3], []]
    inlet = node.dicomweb_inlet(running_orthanc)
    assert [node.look(inlet), node.look(inlet)] == [[], []]
    running_orthanc.store(paths[3:])
    assert [node.look(inlet), node.look(inlet)] == [[], [4]]


def test_series_that_cannot_be_pulled_is_given_up(
    running_orthanc: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    node = Node(tmp_path)
    inlet = node.orthanc_inlet(running_orthanc)
    node.look(inlet)
    paths = small_series(tmp_path / "broken", 1, n=2)
    running_orthanc.store(paths)
    running_orthanc.stable_series(1)
    running_orthanc.store(small_series(tmp_path / "whole", 2, n=3))
    running_orthanc.stable_series(2)
    images = Archive.images

    def fail_for_two(archive: Archive, series: Any) -> Any:
        if series.n_images == 2:
            raise ArchiveError("The archive sends too much.")
        return images(archive, series)

    monkeypatch.setattr(Archive, "images", fail_for_two)
    for _ in range(4):
        with pytest.raises(ArchiveError):
            node.look(inlet)
    assert node.look(inlet) == [3]
    assert "is given up after 5 attempts. The archive sends too much." in caplog.text
    assert node.look(inlet) == []


def test_archive_that_fails_is_asked_again_with_growing_pauses(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    node, stop = Node(tmp_path), Event()
    none_yet = Answer(body=b'{"Changes": [], "Last": 0, "Done": true}')
    with fake_archive(Answer(503), Answer(401), none_yet) as archive:
        settings = OrthancSettings(kind="orthanc", name="pacs", url=archive.url, every_seconds=0.01)
        inlet = OrthancInlet(settings, node.spool.path)
        thread = threading.Thread(target=inlet.run, args=(node.intake, stop))
        thread.start()
        assert wait_until(lambda: len(archive.requests) > 5)
        stop.set()
        thread.join()
    assert [record.args[1] for record in caplog.records if "looks again" in record.msg] == [0.02, 0.04]  # type: ignore[index]
    assert inlet.load_state() == 0
