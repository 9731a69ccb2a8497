import os
import signal
import time

from lgeqa.batch.workers import Lost, work_through


def _square(number: int) -> int:
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 13:
        os._exit(5)
    return number * number


def _nap(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def test_every_task_gets_its_answer() -> None:
    assert sorted(work_through(range(10), _square, 2)) == [(number, number * number) for number in range(10)]


def test_a_lost_worker_costs_its_own_task_only() -> None:
    assert dict(work_through([1, -1, 2, -2, 3, 13], _square, 2)) == {
        1: 1,
        -1: Lost(-signal.SIGKILL),
        2: 4,
        -2: Lost(-signal.SIGKILL),
        3: 9,
        13: Lost(5),
    }


def test_no_task_starts_no_worker() -> None:
    assert list(work_through([], _square, 4)) == []


def test_jobs_are_done_at_once_and_never_more_of_them() -> None:
    assert len({pid for _, pid in work_through([0.2] * 4, _nap, 2)}) == 2


def test_workers_end_when_the_caller_stops() -> None:
    going = work_through([0.0, 60.0], _nap, 2)
    start = time.monotonic()
    next(going)
    going.close()
    assert time.monotonic() - start < 30
