import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from lgeqa.errors import ReadError
from lgeqa.workers import Limits, WorkerDied, apart, report_step, work_through


def _square(number: int) -> int:
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 13:
        os._exit(5)
    return number * number


def _nap(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def _in_steps(number: int) -> int:
    for step in ("reading", "scoring"):
        report_step(step)
    return number


def _run_out(_: int) -> int:
    raise MemoryError


def test_a_worker_without_memory_says_so_and_nothing_else(capfd: pytest.CaptureFixture[str]) -> None:
    [(_, lost)] = work_through([1], _run_out, 1)
    assert isinstance(lost, WorkerDied)
    assert str(lost) == "memory ran out"
    assert capfd.readouterr().err == ""


def test_every_task_gets_its_answer() -> None:
    assert sorted(work_through(range(10), _square, 2)) == [(number, number * number) for number in range(10)]


def test_steps_of_a_task_reach_the_caller_before_its_answer() -> None:
    steps: list[tuple[int, str]] = []
    answers = dict(work_through([1, 2], _in_steps, 1, on_step=lambda task, step: steps.append((task, step))))
    assert answers == {1: 1, 2: 2}
    assert steps == [(1, "reading"), (1, "scoring"), (2, "reading"), (2, "scoring")]
    assert apart(partial(_in_steps, 3)) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks workers")
def test_workers_that_start_early_have_their_modules() -> None:
    code = (
        "from functools import partial; from lgeqa.workers import apart, start_early\n"
        "loaded = partial(eval, \"'colorsys' in __import__('sys').modules\")\n"
        "print(apart(loaded)); start_early(['colorsys']); print(apart(loaded))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_a_lost_worker_costs_its_own_task_only() -> None:
    assert dict(work_through([1, -1, 2, -2, 3, 13], _square, 2)) == {
        1: 1,
        -1: WorkerDied(-signal.SIGKILL),
        2: 4,
        -2: WorkerDied(-signal.SIGKILL),
        3: 9,
        13: WorkerDied(5),
    }


def test_no_task_starts_no_worker() -> None:
    assert list(work_through([], _square, 4)) == []


def test_jobs_are_done_at_once_and_never_more_of_them() -> None:
    assert len({pid for _, pid in work_through([0.2] * 4, _nap, 2)}) == 2


def test_workers_end_when_the_caller_stops() -> None:
    going = work_through([0.0, 600.0], _nap, 2)
    start = time.monotonic()
    next(going)
    going.close()
    assert time.monotonic() - start < 200


@pytest.mark.slow
def test_task_over_the_time_limit_does_not_stop_the_others() -> None:
    start = time.monotonic()
    answers = dict(work_through([0.01, 600.0, 0.02], _nap, 2, Limits(seconds=20)))
    assert answers[600.0] == WorkerDied(None, after_seconds=20)
    assert isinstance(answers[0.01], int)
    assert isinstance(answers[0.02], int)
    assert time.monotonic() - start < 300


def _hang(_: int) -> bool:
    """Keep Python from its turn, as a decoder in C may: one search that goes back over all splits of the text."""
    return bool(re.match(r"(a|aa)+$", "a" * 200 + "b"))


@pytest.mark.slow
def test_a_task_that_never_lets_python_run_is_stopped() -> None:
    assert apart(partial(_hang, 0), Limits(seconds=10)) == WorkerDied(None, after_seconds=10)


def _fill(n_bytes: int) -> str:
    try:
        return f"{len(bytes(n_bytes))} bytes"
    except MemoryError:
        return "refused"


def test_memory_beyond_the_limit_is_refused() -> None:
    limits = Limits(memory_bytes=2 * 2**30)
    assert list(work_through([2**20, 4 * 2**30], _fill, 1, limits)) == [
        (2**20, "1048576 bytes"),
        (4 * 2**30, "refused"),
    ]


def _refuse(name: str) -> int:
    raise ReadError(f"{name}: is damaged.")


@pytest.mark.parametrize("work", [_square, _refuse])
def test_work_apart_answers_or_raises_as_it_does_here(work: Callable[..., int]) -> None:
    if work is _square:
        assert apart(partial(work, 3)) == 9
        assert apart(partial(work, -1)) == WorkerDied(-signal.SIGKILL)
    else:
        with pytest.raises(ReadError, match="a\\.nrrd: is damaged"):
            apart(partial(work, "a.nrrd"))


def _tell_and_hang(path: Path) -> None:
    path.write_text(str(os.getpid()), encoding="utf-8")
    _hang(0)


@pytest.mark.slow
def test_a_worker_that_hangs_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    lines = (
        "from functools import partial",
        "from pathlib import Path",
        "from lgeqa.workers import Limits, apart",
        "from tests.test_workers import _tell_and_hang",
        f"apart(partial(_tell_and_hang, Path({str(told)!r})), Limits(seconds=12))",
    )
    script = "; ".join(lines)
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[1])
    _wait_for(told.exists)
    parent.kill()
    parent.wait()
    pid = int(told.read_text(encoding="utf-8"))
    _wait_for(lambda: not Path(f"/proc/{pid}").exists())


def _wait_for(condition: Callable[[], bool], seconds: float = 200) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)
