"""Files of a watched folder: which are taken when, and what becomes of the others."""

import os
import shutil
from functools import partial
from pathlib import Path
from threading import Event

import pytest

from lgeqa.errors import ConfigError
from lgeqa.listener.errors import SpoolFullError
from lgeqa.listener.folder_inlet import FolderInlet
from lgeqa.listener.inlet_settings import FolderSettings
from lgeqa.listener.intake import Intake
from lgeqa.listener.spool import Spool
from tests.factories.listener import changed_copy, small_series, thread_of, wait_until

SETTLE_S = 5.0


class Watch:
    """A watched folder, the spool, and a clock that a test sets."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.watched, self.seconds = folder / "watched", 0.0
        self.watched.mkdir()
        self.spool = Spool(folder / "spool", 100, 10)
        self.spool.prepare()
        patch.setattr("lgeqa.listener.folder_inlet.monotonic", lambda: self.seconds)
        self.restart()

    def restart(self) -> None:
        settings = FolderSettings(kind="folder", name="share", folder=self.watched, settle_seconds=SETTLE_S)
        self.inlet = FolderInlet(settings, self.spool.path)
        self.intake = Intake(self.spool, quiet_seconds=1000)

    def look(self, seconds: float = 0.0) -> int:
        """Look after some seconds, and return the number of images in the spool."""
        self.seconds += seconds
        self.inlet.look(self.intake, Event())
        return len(list((self.spool.path / "series").rglob("*.dcm")))

    def look_at_rest(self) -> int:
        self.look()
        return self.look(SETTLE_S)


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(tmp_path, monkeypatch)


def test_files_at_rest_are_copied_from_all_folders(watch: Watch, tmp_path: Path) -> None:
    paths = small_series(watch.watched / "study" / "series", n=3)
    before = [path.read_bytes() for path in paths]
    assert [watch.look(), watch.look(SETTLE_S - 1), watch.look(1)] == [0, 0, 3]
    assert [path.read_bytes() for path in paths] == before
    assert list(watch.spool.drafts.iterdir()) == []


def test_file_that_grows_waits_until_it_rests(watch: Watch, tmp_path: Path) -> None:
    [whole] = small_series(tmp_path / "source", n=1)
    partial = watch.watched / "image"
    partial.write_bytes(whole.read_bytes()[:600])
    assert watch.look() == 0
    partial.write_bytes(whole.read_bytes())
    assert [watch.look(SETTLE_S), watch.look(SETTLE_S)] == [0, 1]


def test_file_that_changes_while_it_is_copied_is_left(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    [path] = small_series(watch.watched, n=1)
    copy = shutil.copyfileobj

    def copy_and_append(source: object, target: object) -> None:
        copy(source, target)  # type: ignore[arg-type]
        with path.open("ab") as file:
            file.write(b"more")

    monkeypatch.setattr("lgeqa.listener.folder_inlet.shutil.copyfileobj", copy_and_append)
    assert watch.look_at_rest() == 0
    assert list(watch.spool.drafts.iterdir()) == []


def test_file_that_vanishes_stops_nothing(watch: Watch) -> None:
    gone, *_ = small_series(watch.watched, n=2)
    watch.look()
    gone.unlink()
    assert watch.look(SETTLE_S) == 1


def test_restart_takes_no_file_twice_unless_it_changed(watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    path, *_ = small_series(watch.watched, n=2)
    assert watch.look_at_rest() == 2
    watch.restart()
    watch.intake.accept = None  # type: ignore[assignment, method-assign] # nothing is handed over
    assert watch.look_at_rest() == 2
    watch.restart()
    changed_copy(path, path, PatientComments="more")
    assert watch.look_at_rest() == 2
    changed_copy(path, path, PixelData=bytes(len(path.read_bytes()) // 4 * 2))
    assert "other pixels" not in caplog.text
    watch.look_at_rest()
    assert "share: 1 files refused" in caplog.text
    assert "other pixels" in caplog.text


def test_other_files_are_set_aside_with_the_reason(watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    (watch.watched / "Doe^Jane.txt").write_text("notes")
    (watch.watched / ".hidden").write_text("notes")
    (watch.watched / "link").symlink_to(watch.watched / "Doe^Jane.txt")
    (watch.watched / b"\xff.dcm".decode(errors="surrogateescape")).write_bytes(bytes(128) + b"DICM" + b"\xff" * 64)
    small_series(watch.watched / "images", n=2)
    assert watch.look_at_rest() == 2
    state = watch.inlet.state_path.read_text(encoding="utf-8")
    assert '"Doe^Jane.txt"' in state
    assert '"No DICOM file."' in state
    assert "is no MR image" in state
    assert "hidden" not in state
    assert "link" not in state
    assert caplog.text.count("1 files refused") == 2
    assert "Doe" not in caplog.text
    caplog.clear()
    watch.restart()
    watch.look_at_rest()
    assert caplog.text == ""


def test_full_spool_is_tried_again(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    small_series(watch.watched, n=3)
    accept, n_accepted = watch.intake.accept, 0

    def accept_two(draft: Path, origin: str) -> object:
        nonlocal n_accepted
        n_accepted += 1
        if n_accepted == 3:
            draft.unlink()
            raise SpoolFullError("full")
        return accept(draft, origin)

    monkeypatch.setattr(watch.intake, "accept", accept_two)
    with pytest.raises(SpoolFullError):
        watch.look_at_rest()
    assert watch.look() == 3
    assert n_accepted == 4


def test_disk_that_is_away_for_a_while_brings_nothing_twice(watch: Watch) -> None:
    small_series(watch.watched / "disk", n=2)
    assert watch.look_at_rest() == 2
    (watch.watched / "disk").rename(watch.watched / ".away")
    watch.look_at_rest()
    (watch.watched / ".away").rename(watch.watched / "disk")
    watch.intake.accept = None  # type: ignore[assignment, method-assign] # nothing is handed over
    assert watch.look_at_rest() == 2


def test_file_that_is_gone_for_long_is_forgotten(watch: Watch) -> None:
    [path] = small_series(watch.watched, n=1)
    watch.look_at_rest()
    state = watch.inlet.load_state()
    path.unlink()
    watch.inlet.save_state({name: entry | {"day": "2020-01-01"} for name, entry in state.items()})
    watch.restart()
    watch.look()
    assert watch.inlet.load_state() == {}


def test_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = FolderSettings(kind="folder", name="share", folder=tmp_path / "nothing")
    with pytest.raises(ConfigError, match="nothing: is no folder"):
        FolderInlet(settings, tmp_path)


def test_folder_without_rights_does_not_hide_the_others(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    small_series(watch.watched / "a", 1, n=2)
    small_series(watch.watched / "b", 2, n=3)
    scandir = os.scandir

    def forbid_a(folder: Path) -> object:
        if folder.name == "a":  # the tests may run as a user who may read everything
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr("lgeqa.listener.folder_inlet.os.scandir", forbid_a)
    assert watch.look_at_rest() == 3
    assert "a folder that cannot be read. Change the rights" in caplog.text


def test_folder_that_is_away_is_looked_for_with_growing_pauses(watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    watch.watched.rename(watch.watched.with_name("away"))
    watch.inlet._every_seconds = 0.01
    with thread_of(partial(watch.inlet.run, watch.intake)):
        assert wait_until(lambda: caplog.text.count("looks again") > 2)
    assert "share: looks again in 0 s. The files fail: no such file or directory." in caplog.text
