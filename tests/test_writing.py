import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lgeqa.atomic_io import claimed, write_whole
from lgeqa.errors import OutputError


def test_bytes_reach_the_disk_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, order, fsync = tmp_path / "a.json", [], os.fsync

    def note(file: int) -> None:
        order.append(("flushed", path.exists(), Path(f"/proc/self/fd/{file}").resolve().read_text(encoding="utf-8")))
        fsync(file)

    monkeypatch.setattr(os, "fsync", note)
    write_whole(path, "all of it")

    assert order == [("flushed", False, "all of it")]
    assert path.read_text(encoding="utf-8") == "all of it"


def test_full_disk_at_the_flush_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    path.write_text("old", encoding="utf-8")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="no space left on device"):
        write_whole(path, "new")

    assert path.read_text(encoding="utf-8") == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["a.json"]


def test_folder_is_one_run_s_at_a_time(tmp_path: Path) -> None:
    with (
        claimed(tmp_path / "out"),
        pytest.raises(OutputError, match="another run of lgeqa works"),
        claimed(tmp_path / "out"),
    ):
        pass
    with claimed(tmp_path / "out"):
        pass


def test_claim_of_a_killed_run_is_free_again(tmp_path: Path) -> None:
    script = (
        "import os, signal; from pathlib import Path; from lgeqa.atomic_io import claimed\n"
        f"with claimed(Path({str(tmp_path)!r})): os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    with claimed(tmp_path):
        pass


def test_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="cannot be written"), claimed(tmp_path / "file"):
        pass


def _fail_after(folder: Path, *written: str) -> None:
    with claimed(folder):
        for name in written:
            (folder / name).touch()
        raise ValueError


def test_block_that_fails_at_once_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - it has no message
        _fail_after(tmp_path / "empty")
    with pytest.raises(ValueError):  # noqa: PT011
        _fail_after(tmp_path / "out", "record")
    assert not (tmp_path / "empty").exists()
    assert (tmp_path / "out" / "record").exists()
