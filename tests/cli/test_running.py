"""What cannot be brought about from outside: faults of lgeqa itself, and the demo with a toy bundle."""

import errno
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import pytest
from typer.testing import CliRunner

from lgeqa.atomic_io import claimed
from lgeqa.cli import app, commands
from lgeqa.errors import CohortError, LgeqaError, OutputError, ReadError
from lgeqa.inference.bundle import bundle as bundle_module
from lgeqa.inference.pipeline import Assessment
from lgeqa.io import Source
from lgeqa.threads import ONE_THREAD
from tests.toy import toy_bundle, toy_scan


def _raising(fault: Exception) -> Callable[..., NoReturn]:
    def app(*_: object, **__: object) -> NoReturn:
        raise fault

    return app


def _exit_code(fault: Exception, monkeypatch: pytest.MonkeyPatch) -> object:
    """What the command line ends with when a command raises."""
    monkeypatch.setattr(commands, "app", _raising(fault))
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    with pytest.raises(SystemExit) as end:
        commands.main()
    return end.value.code


@pytest.mark.parametrize(("fault", "code"), [(CohortError("no table"), 2), (ReadError("no scan"), 3)])
def test_a_deliberate_error_is_one_line_and_its_exit_code(
    fault: LgeqaError, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _exit_code(fault, monkeypatch) == code
    assert capsys.readouterr().err == f"lgeqa: {fault}\n"


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/out/a"), "/out/a: no space left on device"),
        (OSError(errno.EMFILE, "Too many open files"), "too many open files"),
        (MemoryError(), "memory ran out"),
    ],
)
def test_a_error_of_the_machine_is_one_line(
    fault: Exception, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _exit_code(fault, monkeypatch) == 2
    assert capsys.readouterr().err == f"lgeqa: {told}. Make room, or see to the disk, and run the same command again.\n"


def test_a_missing_file_that_nobody_caught_is_ours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _exit_code(FileNotFoundError(errno.ENOENT, "No such file", "/lost"), monkeypatch) == 1
    assert "Traceback" in capsys.readouterr().err


def test_any_other_error_is_a_bug_and_shows_where(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _exit_code(KeyError("x"), monkeypatch) == 1
    assert "Traceback" in (text := capsys.readouterr().err)
    assert text.splitlines()[-1].startswith("lgeqa: This is a bug in lgeqa.")


@pytest.mark.parametrize(
    ("error", "printed"), [(OSError(errno.ENOSPC, "No space left on device"), False), (KeyError("x"), True)]
)
def test_thread_that_the_machine_ended_prints_nothing(
    error: Exception, printed: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def app() -> None:
        thread = threading.Thread(target=_raising(error))
        thread.start()
        thread.join()

    monkeypatch.setattr(commands, "app", app)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    commands.main()
    assert ("Traceback" in capsys.readouterr().err) == printed


def _assess(scan: Path, out: Path, *options: object, monkeypatch: pytest.MonkeyPatch) -> int:
    """Assess a scan in this process, and return the exit code."""
    for name in ONE_THREAD:  # which the command sets for good
        monkeypatch.setenv(name, "1")
    return CliRunner().invoke(app, ["assess", str(scan), "-o", str(out), *map(str, options)]).exit_code


def _open_broken(*_: object) -> Callable[[Source], Assessment]:
    """Stand for the pipeline in another process, where nothing is patched."""
    return _break


def _break(_: Source) -> NoReturn:
    raise ZeroDivisionError


def test_a_scan_that_breaks_lgeqa_ends_the_run_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgeqa.workflows.assessment.open_pipeline", _open_broken)
    scan, bundle = toy_scan(tmp_path / "scan.nrrd"), toy_bundle(tmp_path / "b")
    assert _assess(scan, tmp_path / "out", "--bundle", bundle, monkeypatch=monkeypatch) == 1
    assert "ZeroDivisionError" in (tmp_path / "out" / "faults.log").read_text(encoding="utf-8")
    assert "A bug in lgeqa" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def _open_slow(*_: object) -> Callable[[Source], Assessment]:
    return _sleep


def _sleep(_: Source) -> NoReturn:
    time.sleep(600)
    raise AssertionError


def test_scan_over_the_time_limit_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgeqa.workflows.assessment.open_pipeline", _open_slow)
    scan, bundle = toy_scan(tmp_path / "scan.nrrd"), toy_bundle(tmp_path / "b")
    assert _assess(scan, tmp_path / "out", "--bundle", bundle, "--timeout", 2, monkeypatch=monkeypatch) == 3
    assert "longer than 2 s" in (tmp_path / "out" / "results.csv").read_text(encoding="utf-8")


def test_demo_assesses_a_simulated_scan_and_names_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ONE_THREAD:  # which the command sets for good
        monkeypatch.setenv(name, "1")
    folder = toy_bundle(tmp_path / "bundle")
    monkeypatch.setattr(bundle_module, "default_bundle", lambda: folder)
    monkeypatch.setattr("sys.argv", ["lgeqa", "demo", "-o", str(tmp_path / "demo")])
    with pytest.raises(SystemExit) as end:
        commands.main()
    assert end.value.code in {0, 3}
    assert capsys.readouterr().out.splitlines()[-1] == f"Report: {tmp_path / 'demo' / 'report.html'}"
    assert (tmp_path / "demo" / "scans" / "phantom.json").exists()


@pytest.mark.parametrize(
    "command",
    [
        ("assess", __file__),
        ("measure", __file__),
        ("simulate", "--n", "1"),
        ("train", "detector", "--cohort", "nowhere"),
        ("train", "baseline", "--cohort", "nowhere"),
        ("experiment", "--cohort", "nowhere"),
    ],
    ids=lambda words: "-".join(words[:2]).replace(__file__, "file"),
)
def test_a_folder_that_another_run_works_in_is_refused(command: Sequence[str], tmp_path: Path) -> None:
    with claimed(tmp_path):
        done = CliRunner().invoke(app, [*command, "-o", str(tmp_path)])
    assert isinstance(done.exception, OutputError)
    assert "another run of lgeqa works in it" in str(done.exception)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
