"""Work done in other processes, where the loss of a process costs one task and nothing else.

The pools of the standard library give up as a whole when one of their processes is killed, and do not say on which
task. Here each worker has its own pipe and at most one task, so a loss has a name.
"""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Generic, TypeVar, cast

from lgeqa.threads import ONE_THREAD

#: Processes start afresh: a fork would copy the locks of threads that it does not copy.
_CONTEXT = multiprocessing.get_context("spawn")

Task = TypeVar("Task")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Lost:
    """Stands for the answer of a worker that ended before it gave one.

    Attributes:
        exit_code: of the process; negative for the signal that killed it.
    """

    exit_code: int | None


def work_through(
    tasks: Iterable[Task], work: Callable[[Task], Answer], jobs: int
) -> Generator[tuple[Task, Answer | Lost]]:
    """Do `work` on each task in `jobs` processes, and give task and answer in the order they are done.

    `work`, tasks and answers must pickle, and `work` must not raise. A worker that dies is replaced. When the caller
    stops early, for instance by Ctrl-C, the workers are ended.
    """
    waiting = deque(tasks)
    crew = [_hired(work, waiting.popleft()) for _ in range(min(jobs, len(waiting)))]
    try:
        while crew:
            for worker in _with_answer(crew):
                task, answer = worker.task, worker.answer()
                if waiting and not isinstance(answer, Lost):
                    worker.give(waiting.popleft())
                else:
                    crew.remove(worker)
                    worker.end()
                    if waiting:
                        crew.append(_hired(work, waiting.popleft()))
                yield task, answer
    finally:
        for worker in crew:
            worker.end()


class Worker(Generic[Task, Answer]):
    """One process, the pipe to it and the task it has in hand; `work`, tasks and answers are as in `work_through`."""

    def __init__(self, work: Callable[[Task], Answer]) -> None:
        self.link, theirs = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(target=_serve, args=(theirs, work), daemon=True)
        with _environment(ONE_THREAD):
            self.process.start()
        theirs.close()

    def give(self, task: Task) -> None:
        """Hand over a task; the one before must have been answered."""
        self.task = task
        with suppress(BrokenPipeError):  # of a process that is already dead, which `answer` will find
            self.link.send(task)

    def answer(self) -> Answer | Lost:
        """Wait for the answer to the task."""
        try:
            return cast("Answer", self.link.recv())
        except (EOFError, OSError):
            self.process.join()
            return Lost(self.process.exitcode)

    def end(self) -> None:
        """End the process, whatever it is at."""
        self.process.terminate()
        self.process.join()
        self.link.close()


def _hired(work: Callable[[Task], Answer], task: Task) -> Worker[Task, Answer]:
    worker = Worker(work)
    worker.give(task)
    return worker


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    """Environment variables for the processes started meanwhile: libraries read them when they are loaded."""
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _with_answer(crew: list[Worker[Task, Answer]]) -> list[Worker[Task, Answer]]:
    ready = wait([worker.link for worker in crew])
    return [worker for worker in crew if worker.link in ready]


def _serve(link: Connection, work: Callable[[Task], Answer]) -> None:
    # Ctrl-C reaches the whole group of processes; only the parent, which says how to go on, should act on it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(EOFError, ConnectionError):  # the parent is gone
        while True:
            link.send(work(link.recv()))
