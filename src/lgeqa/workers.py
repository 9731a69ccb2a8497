"""Work done in other processes, where the loss of a process costs one task and nothing else.

Files from outside are decoded here and nowhere else: a decoder that crashes, hangs or takes all memory brings down a
process that nothing depends on. The pools of the standard library give up as a whole when one of their processes is
killed, and do not say on which task. Here each worker has its own pipe and at most one task, so a loss has a name.
"""

import faulthandler
import multiprocessing
import os
import pickle
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from threading import Lock
from typing import Final, Generic, TypeVar, cast

from lgeqa.errors import LgeqaError
from lgeqa.threads import ONE_THREAD, TIMEOUT_S

#: Processes start afresh: a fork would copy the locks of threads that it does not copy.
_CONTEXT = multiprocessing.get_context("spawn")
#: Bytes of the largest answer that is taken: a scan of the most voxels that are read, and its masks.
_LARGEST_ANSWER: Final = 2 * 2**30
_ENVIRONMENT: Final = Lock()
#: Seconds after which a worker that nobody stopped stops itself, beyond its limit: its parent may be gone.
_GRACE: Final = 5.0
#: Exit code of a worker that ran out of memory where its work did not foresee it.
_NO_MEMORY: Final = 70


Task = TypeVar("Task")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Limits:
    """What a worker may take for one task.

    Attributes:
        seconds: of wall-clock time, after which the worker is killed.
        memory_bytes: of address space of its process, where the operating system can bound it; an allocation beyond
            it fails.
    """

    seconds: float = TIMEOUT_S
    memory_bytes: int = 8 * 2**30


#: What a worker may take unless a caller says otherwise.
LIMITS: Final = Limits()


@dataclass(frozen=True)
class Lost:
    """Stands for the answer of a worker that ended before it gave one.

    Attributes:
        exit_code: of the process; negative for the signal that killed it. None if it was ended on purpose.
        after_seconds: the limit of time that it did not keep; None if that was not the reason.
    """

    exit_code: int | None
    after_seconds: float | None = None

    def __str__(self) -> str:
        """Return how the worker ended, in words."""
        if self.after_seconds is not None:
            return f"it took longer than {self.after_seconds:g} s"
        code = self.exit_code or 0
        if code == _NO_MEMORY:
            return "memory ran out"
        return f"signal {-code}" if code < 0 else f"exit code {code}"


def work_through(
    tasks: Iterable[Task], work: Callable[[Task], Answer], jobs: int, limits: Limits = LIMITS
) -> Generator[tuple[Task, Answer | Lost]]:
    """Do `work` on each task in `jobs` processes, and give task and answer in the order they are done.

    `work`, tasks and answers must pickle. A worker that dies, or goes beyond `limits`, is replaced. When the caller
    stops early, for instance by Ctrl-C, the workers are ended.

    Raises:
        LgeqaError: as `work` raised it on one of the tasks; the workers are ended.
    """
    waiting = deque(tasks)
    crew = [_hired(work, waiting.popleft(), limits) for _ in range(min(jobs, len(waiting)))]
    try:
        while crew:
            for worker in _done(crew):
                task, answer = worker.task, worker.answer()
                if waiting and not isinstance(answer, Lost):
                    worker.give(waiting.popleft())
                else:
                    crew.remove(worker)
                    worker.end()
                    if waiting:
                        crew.append(_hired(work, waiting.popleft(), limits))
                yield task, answer
    finally:
        for worker in crew:
            worker.end()


def apart(work: Callable[[], Answer], limits: Limits = LIMITS) -> Answer | Lost:
    """Do `work` in a process of its own; it and its answer must pickle.

    Raises:
        LgeqaError: as `work` raised it there.
    """
    worker = _hired(_done_here, work, limits)
    try:
        return worker.answer()
    finally:
        worker.end()


def _done_here(work: Callable[[], Answer]) -> Answer:
    return work()


class Worker(Generic[Task, Answer]):
    """One process, the pipe to it and the task it has in hand; `work`, tasks and answers are as in `work_through`."""

    def __init__(self, work: Callable[[Task], Answer], limits: Limits = LIMITS) -> None:
        self.limits = limits
        self.link, theirs = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(target=_serve, args=(theirs, work, self.limits), daemon=True)
        with _environment(ONE_THREAD):
            self.process.start()
        theirs.close()

    def give(self, task: Task) -> None:
        """Hand over a task; the one before must have been answered."""
        self.task = task
        self.deadline = time.monotonic() + self.limits.seconds
        with suppress(BrokenPipeError):  # of a process that is already dead, which `answer` will find
            self.link.send(task)

    def answer(self) -> Answer | Lost:
        """Wait for the answer to the task, until its time is over; the process is then killed.

        Raises:
            LgeqaError: as `work` raised it.
        """
        try:
            if not self.link.poll(max(0.0, self.deadline - time.monotonic())):
                self.process.kill()
                self.process.join()
                return Lost(None, self.limits.seconds)
            answer = pickle.loads(self.link.recv_bytes(_LARGEST_ANSWER))
        except (EOFError, OSError):
            self.process.join()
            return Lost(self.process.exitcode)
        if isinstance(answer, LgeqaError):
            raise answer
        return cast("Answer", answer)

    def end(self) -> None:
        """End the process, whatever it is at."""
        self.process.kill()
        self.process.join()
        self.link.close()


def _hired(work: Callable[[Task], Answer], task: Task, limits: Limits) -> Worker[Task, Answer]:
    worker = Worker(work, limits)
    worker.give(task)
    return worker


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    """Set environment variables for the processes started meanwhile: libraries read them when they are loaded.

    One thread at a time, since all threads share the environment.
    """
    with _ENVIRONMENT:
        before = {name: os.environ.get(name) for name in changes}
        os.environ.update(changes)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def _done(crew: list[Worker[Task, Answer]]) -> list[Worker[Task, Answer]]:
    """Wait for workers that have answered, have ended, or whose time is over."""
    now = time.monotonic()
    ready = wait([worker.link for worker in crew], max(0.0, min(worker.deadline for worker in crew) - now))
    now = time.monotonic()
    return [worker for worker in crew if worker.link in ready or worker.deadline <= now]


def _serve(link: Connection, work: Callable[[Task], Answer], limits: Limits) -> None:
    # Ctrl-C reaches the whole group of processes; only the parent, which says how to go on, should act on it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _bound_memory(limits.memory_bytes)
    try:
        _serve_all(link, work, limits)
    except MemoryError:  # a traceback would help nobody
        os._exit(_NO_MEMORY)


def _serve_all(link: Connection, work: Callable[[Task], Answer], limits: Limits) -> None:
    # The watch stops a decoder that hangs and never gives Python its turn, also when the parent was killed.
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        suppress(EOFError, ConnectionError),
    ):  # the parent is gone
        while True:
            task = link.recv()
            faulthandler.dump_traceback_later(limits.seconds + _GRACE, exit=True, file=nowhere)
            answer = pickle.dumps(_answered(work, task))
            faulthandler.cancel_dump_traceback_later()
            link.send_bytes(answer)


def _answered(work: Callable[[Task], Answer], task: Task) -> Answer | LgeqaError:
    try:
        return work(task)
    except LgeqaError as fault:
        return fault


def _bound_memory(n_bytes: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such bound
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = n_bytes if hard == resource.RLIM_INFINITY else min(n_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
