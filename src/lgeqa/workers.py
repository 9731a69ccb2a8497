"""Work in separate processes, where the loss of a process costs one task and nothing else.

Files from outside are only decoded here: a decoder that crashes, hangs or takes all memory ends a process that nothing
depends on. The pools of the standard library fail as a whole when one of their processes is killed, and do not say on
which task. Here each worker has its own pipe and at most one task, so a loss can be traced to its task.
"""

import faulthandler
import multiprocessing
import os
import pickle
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

from lgeqa.errors import LgeqaError
from lgeqa.threads import ONE_THREAD, TIMEOUT_S

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext

#: Way in which processes are started. They are spawned, since a fork of this process would copy locks without the
#: threads that hold them, unless `start_early` was called.
_context: "SpawnContext | ForkServerContext" = multiprocessing.get_context("spawn")
#: Bytes of the largest answer that is accepted: a scan of the largest size that is read, and its masks.
_LARGEST_ANSWER: Final = 2 * 2**30
_ENVIRONMENT: Final = Lock()
#: Seconds beyond its limit after which a worker that nobody stopped ends itself, since its parent may be gone.
_GRACE: Final = 5.0
#: Exit code of a worker that ran out of memory in work that does not handle this.
_NO_MEMORY: Final = 70
#: Pipe of a worker to its parent. None in any other process.
_parent: Connection | None = None


Task = TypeVar("Task")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Limits:
    """Limits on the time and memory of a worker for one task.

    Attributes:
        seconds: Wall-clock seconds after which the worker is killed.
        memory_bytes: Bytes of address space of its process, if the operating system can bound it. An allocation
            beyond this fails.
    """

    seconds: float = TIMEOUT_S
    memory_bytes: int = 8 * 2**30


#: Limits of a worker unless a caller says otherwise.
LIMITS: Final = Limits()


@dataclass(frozen=True)
class WorkerDied:
    """Placeholder for the answer of a worker that ended before it gave one.

    Attributes:
        exit_code: Exit code of the process, negative for the signal that killed it. None if it was ended on purpose.
        after_seconds: Time limit that the worker exceeded. None if that was not the reason.
    """

    exit_code: int | None
    after_seconds: float | None = None

    def __str__(self) -> str:
        """Return how the worker ended, as text."""
        if self.after_seconds is not None:
            return f"it took longer than {self.after_seconds:g} s"
        code = self.exit_code or 0
        if code == _NO_MEMORY:
            return "memory ran out"
        return f"signal {-code}" if code < 0 else f"exit code {code}"


@dataclass(frozen=True)
class Step:
    """Message of a worker that its task has reached a step, such as `detecting`."""

    name: str


def report_step(name: str) -> None:
    """Tell the process that waits for this worker which step its task has reached. Do nothing in another process."""
    if _parent:
        with suppress(BrokenPipeError):  # the parent is gone, which ends the worker after this task
            _parent.send_bytes(pickle.dumps(Step(name)))


def ignore_step(_task: object, _step: str) -> None:
    """Do nothing with the step that a task has reached."""


def start_early(modules: Sequence[str]) -> None:
    """Import modules in a process from which all workers are then forked, so that these start at once.

    That process has no other thread whose locks a fork could copy. It imports while this one goes on. Only Linux forks
    safely. Elsewhere this does nothing, and each worker imports for itself.
    """
    global _context  # noqa: PLW0603 - the standard library has one such process as well
    if sys.platform == "linux":
        from multiprocessing.forkserver import ensure_running

        _context = multiprocessing.get_context("forkserver")
        _context.set_forkserver_preload(list(modules))
        with _start_conditions():
            ensure_running()


def work_through(
    tasks: Iterable[Task],
    work: Callable[[Task], Answer],
    jobs: int,
    limits: Limits = LIMITS,
    on_step: Callable[[Task, str], None] = ignore_step,
) -> Generator[tuple[Task, Answer | WorkerDied]]:
    """Do `work` on each task in `jobs` processes, and yield each task with its answer in the order of completion.

    `work`, tasks and answers must be picklable. A worker that dies or exceeds `limits` is replaced. If the caller
    stops early, for instance by Ctrl-C, the workers are ended. `on_step` gets each step that `work` reports.

    Raises:
        LgeqaError: An error that `work` raised on one of the tasks. The workers are ended.
    """
    waiting = deque(tasks)
    workers = [_hired(work, waiting.popleft(), limits) for _ in range(min(jobs, len(waiting)))]
    try:
        while workers:
            for worker in _done(workers):
                task, answer = worker.task, worker.message()
                if isinstance(answer, Step):
                    on_step(task, answer.name)
                    continue
                if waiting and not isinstance(answer, WorkerDied):
                    worker.give(waiting.popleft())
                else:
                    workers.remove(worker)
                    worker.end()
                    if waiting:
                        workers.append(_hired(work, waiting.popleft(), limits))
                yield task, answer
    finally:
        for worker in workers:
            worker.end()


def apart(work: Callable[[], Answer], limits: Limits = LIMITS) -> Answer | WorkerDied:
    """Do `work` in a separate process. It and its answer must be picklable.

    Raises:
        LgeqaError: An error that `work` raised.
    """
    worker = _hired(_done_here, work, limits)
    try:
        return worker.answer()
    finally:
        worker.end()


def _done_here(work: Callable[[], Answer]) -> Answer:
    return work()


class Worker(Generic[Task, Answer]):
    """One process with its pipe and its current task. `work`, tasks and answers are as in `work_through`."""

    def __init__(self, work: Callable[[Task], Answer], limits: Limits = LIMITS) -> None:
        self.limits = limits
        self.link, worker_link = _context.Pipe()
        self.process = _context.Process(target=_serve, args=(worker_link, work, self.limits), daemon=True)
        with _start_conditions():
            self.process.start()
        worker_link.close()

    def give(self, task: Task) -> None:
        """Hand over a task, after the previous one has been answered."""
        self.task = task
        self.deadline = time.monotonic() + self.limits.seconds
        with suppress(BrokenPipeError):  # the process is already dead, which `answer` will notice
            self.link.send(task)

    def answer(self) -> Answer | WorkerDied:
        """Wait for the answer to the task, and kill the process when the time is over.

        Raises:
            LgeqaError: An error that `work` raised.
        """
        while isinstance(message := self.message(), Step):
            pass
        return message

    def message(self) -> Answer | WorkerDied | Step:
        """Wait for a step of the task or the answer to it, and kill the process when the time is over.

        Raises:
            LgeqaError: An error that `work` raised.
        """
        try:
            if not self.link.poll(max(0.0, self.deadline - time.monotonic())):
                self.process.kill()
                self.process.join()
                return WorkerDied(None, self.limits.seconds)
            answer = pickle.loads(self.link.recv_bytes(_LARGEST_ANSWER))
        except (EOFError, OSError):
            self.process.join()
            return WorkerDied(self.process.exitcode)
        if isinstance(answer, LgeqaError):
            raise answer
        return cast("Answer | Step", answer)

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self.process.kill()
        self.process.join()
        self.link.close()


def _hired(work: Callable[[Task], Answer], task: Task, limits: Limits) -> Worker[Task, Answer]:
    worker = Worker(work, limits)
    worker.give(task)
    return worker


@contextmanager
def _start_conditions() -> Iterator[None]:
    """Start processes in the block with one BLAS thread, without the user's main module, and without Ctrl-C."""
    with _environment(ONE_THREAD), _without_main_module(), _ctrl_c_blocked():
        yield


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    """Set environment variables for processes that are started in the block, since libraries read them when loaded.

    Only one thread at a time can do this, since all threads share the environment.
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


@contextmanager
def _without_main_module() -> Iterator[None]:
    """Hide the main module from processes that are started in the block, within `_environment`.

    Otherwise each would run the user's script again, down to the call that starts the workers.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _ctrl_c_blocked() -> Iterator[None]:
    """Start processes in the block that never get Ctrl-C, which reaches the whole process group.

    Only the parent, which says how to continue, acts on it. Otherwise a process that is still importing ends with a
    traceback. Windows has no such mask, so `_serve` ignores the signal as well.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _done(workers: list[Worker[Task, Answer]]) -> list[Worker[Task, Answer]]:
    """Wait until a worker has answered, has ended or is out of time, and return all such workers."""
    now = time.monotonic()
    ready = wait([worker.link for worker in workers], max(0.0, min(worker.deadline for worker in workers) - now))
    now = time.monotonic()
    return [worker for worker in workers if worker.link in ready or worker.deadline <= now]


def _serve(link: Connection, work: Callable[[Task], Answer], limits: Limits) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _bound_memory(limits.memory_bytes)
    try:
        _serve_all(link, work, limits)
    except MemoryError:  # a traceback would help nobody
        os._exit(_NO_MEMORY)


def _serve_all(link: Connection, work: Callable[[Task], Answer], limits: Limits) -> None:
    global _parent  # noqa: PLW0603 - a process has one parent
    # The watchdog ends a decoder that hangs without returning to Python, even if the parent was killed.
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        suppress(EOFError, ConnectionError),
    ):  # the parent is gone
        _parent = link
        while True:
            task = link.recv()
            faulthandler.dump_traceback_later(limits.seconds + _GRACE, exit=True, file=nowhere)
            answer = pickle.dumps(_answered(work, task))
            faulthandler.cancel_dump_traceback_later()
            link.send_bytes(answer)


def _answered(work: Callable[[Task], Answer], task: Task) -> Answer | LgeqaError:
    try:
        return work(task)
    except LgeqaError as error:
        return error


def _bound_memory(n_bytes: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such bound
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = n_bytes if hard == resource.RLIM_INFINITY else min(n_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
