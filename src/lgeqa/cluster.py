"""Work on a Dask cluster, where the loss of a worker or of the scheduler costs time and no result.

A task runs in a process of its own below the Dask worker, as in `workers`, so that a damaged file ends that process and
not the worker. Scans and output folders must have the same paths on all machines.
"""

import os
import pickle
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import current_process
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING, Any, Final, cast

from lgeqa.errors import UsageError
from lgeqa.extras import require
from lgeqa.workers import LIMITS, Answer, Limits, Task, Worker, WorkerDied, ignore_step

if TYPE_CHECKING:
    from dask_jobqueue import SLURMCluster
    from distributed import Client, Future

#: Clusters that are started for a run, and ended with it.
STARTED: Final = ("local", "slurm")
#: Tasks for each thread of the cluster that are handed over at a time, so that no worker waits for the next.
_AHEAD: Final = 2
#: Seconds for which a scheduler is looked for that was lost or has not started.
_PATIENCE: Final = 60.0
#: Seconds between two looks at whether workers were added.
_LOOK_EVERY: Final = 5.0
#: Tasks may run where a child process can be started, one at a time on each thread, and no worker takes tasks ahead
#: of its turn, so that a lost worker counts against the task that it was doing only. The third one ends its tries.
_DASK: Final = {
    "distributed.worker.daemon": False,
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.allowed-failures": 2,
}
#: Variable by which Dask makes its workers give back memory at once, which slows down work on arrays.
_TRIM: Final = "MALLOC_TRIM_THRESHOLD_"
#: The process of each thread of a Dask worker in which tasks are done, and what it was made from.
_processes: Final = threading.local()


@dataclass(frozen=True)
class OnCluster:
    """A stand-in for `workers.work_through` that works on a cluster.

    Attributes:
        where: Address of a Dask scheduler, or one of `STARTED`.
    """

    where: str

    def __post_init__(self) -> None:
        """Refuse what is neither an address nor a kind of cluster, and a missing extra, before any work.

        Raises:
            UsageError: There is no such kind of cluster.
            MissingExtraError: The packages for clusters are not installed.
        """
        if "://" not in self.where and self.where not in STARTED:
            raise UsageError(
                f"--cluster {self.where}: is no cluster. Give {' or '.join(STARTED)}, or the address of a Dask "
                "scheduler, such as tcp://10.0.0.1:8786."
            )
        require("cluster", f"--cluster {self.where}")

    def __call__(
        self,
        tasks: Iterable[Task],
        work: Callable[[Task], Answer],
        jobs: int,
        limits: Limits = LIMITS,
        _on_step: Callable[[Task, str], None] = ignore_step,
    ) -> Generator[tuple[Task, Answer | WorkerDied]]:
        """Do `work` on each task, and yield each task with its answer in the order of completion.

        A task whose worker is lost is done by another one. A task that loses three workers is set aside; a scheduler
        that was not started here may allow another number. Tasks that were in work when the scheduler is lost are done
        again once it is back. Steps are not reported.

        Args:
            tasks: Tasks, which must be picklable, as must `work` and the answers.
            work: Function that does a task.
            jobs: Number of workers of a cluster that is started here.
            limits: Limits of a task.

        Raises:
            UsageError: No scheduler answers at the address, or a worker does not see the working folder.
            LgeqaError: An error that `work` raised on one of the tasks.
        """
        waiting = deque(tasks)
        payload = pickle.dumps((_InFolder(Path.cwd(), work), limits))
        with _cluster(self.where, jobs) as (address, refill):
            while waiting:
                with _connected(address) as client:
                    yield from _through(client, waiting, payload, refill)


@dataclass(frozen=True)
class _InFolder:
    """Work in the folder in which the run was started, for relative paths mean the same on each machine.

    Attributes:
        folder: Working folder of the run.
        work: Function that does a task.
    """

    folder: Path
    work: Callable[[Any], Any]

    def __call__(self, task: object) -> object:
        """Do a task.

        Raises:
            UsageError: The folder is not on this machine.
            LgeqaError: An error that the work raised.
        """
        try:
            os.chdir(self.folder)
        except OSError as error:
            raise UsageError(
                f"--cluster: a worker on {gethostname()} does not see {self.folder} ({error.strerror}). Start the run "
                "in a folder that all machines share."
            ) from None
        return self.work(task)


def _through(
    client: "Client", waiting: "deque[Task]", payload: bytes, refill: Callable[[], None]
) -> Generator[tuple[Task, Any]]:
    """Yield tasks with their answers until all are done or the scheduler is lost.

    Tasks without an answer are put back.

    Args:
        client: Client of the scheduler.
        waiting: Tasks, which are taken from the left.
        payload: Pickled function and limits.
        refill: Function that starts workers in the place of lost ones.
    """
    from distributed import wait
    from distributed.comm import CommClosedError

    running: dict[Future, Task] = {}
    try:
        while waiting or running:
            refill()
            while waiting and len(running) < _AHEAD * _n_threads(client):
                task = waiting.popleft()
                running[client.submit(_done_apart, payload, task, pure=False)] = task
            if not running:  # no worker yet
                time.sleep(0.1)
                continue
            try:
                wait(list(running), timeout=_LOOK_EVERY, return_when="FIRST_COMPLETED")
            except TimeoutError:
                continue
            for future in [future for future in running if future.done()]:
                answer = _answer_of(future)
                yield running.pop(future), answer
    except (CancelledError, CommClosedError):
        pass  # the scheduler was lost, which cancels everything that it had
    finally:
        waiting.extendleft(running.values())


def _answer_of(future: "Future") -> object:
    """Return the answer of a finished task.

    Raises:
        LgeqaError: An error that the work raised.
    """
    from distributed import KilledWorker

    error = future.exception()
    if isinstance(error, KilledWorker):
        return WorkerDied(None)
    if error:
        raise error
    return future.result()


def _n_threads(client: "Client") -> int:
    return sum(client.nthreads().values())


@contextmanager
def _cluster(where: str, jobs: int) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield the address of a cluster, which is started and ended where that is wanted, and what refills it.

    Raises:
        UsageError: SLURM takes no jobs from here.
    """
    if "://" in where:
        yield where, _leave_alone
        return
    import dask
    from distributed import LocalCluster  # before the settings, for at their end they take out what they found missing

    with dask.config.set(_DASK):
        if where == "local":
            with LocalCluster(n_workers=jobs, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster:
                yield cluster.scheduler_address, _leave_alone
        else:
            with _slurm() as cluster:
                # Submits a job again some time after its worker was lost, as at the end of its time.
                yield cluster.scheduler_address, partial(cluster.scale, jobs=jobs)


def _leave_alone() -> None:
    """Do nothing: whoever started these workers sees to them."""


def _slurm() -> "SLURMCluster":
    """Return a cluster on SLURM that has no jobs yet.

    Raises:
        UsageError: The settings are incomplete, or SLURM would refuse such jobs.
    """
    from dask_jobqueue import SLURMCluster

    try:
        cluster = SLURMCluster(job_script_prologue=["export DASK_DISTRIBUTED__WORKER__DAEMON=False"])
    except ValueError as error:
        fault = str(error).splitlines()[0].removesuffix(", for example:")
        raise UsageError(
            f"--cluster slurm: {fault}. Set cores and memory of a job in ~/.config/dask/jobqueue.yaml."
        ) from None
    # Dask would wait for ever for jobs that SLURM refuses.
    trying = ["sbatch", "--test-only"]
    try:
        trial = subprocess.run(trying, input=cluster.job_script(), capture_output=True, text=True, check=False)
        refusal = trial.stderr.strip().splitlines()[-1] if trial.returncode else ""
    except FileNotFoundError:
        refusal = "sbatch is not installed here."
    if refusal:
        cluster.close()
        raise UsageError(
            f"--cluster slurm: {refusal} Run it on a machine that submits jobs, with the settings of "
            "~/.config/dask/jobqueue.yaml that your cluster wants."
        )
    return cluster


@contextmanager
def _connected(address: str) -> Iterator["Client"]:
    """Yield a client of a scheduler, which may take a while to be there.

    Raises:
        UsageError: There is no scheduler at the address.
    """
    from distributed import Client

    try:
        client = Client(address, timeout=_PATIENCE)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"--cluster {address}: no Dask scheduler answers there ({type(error).__name__}). Start one with dask "
            "scheduler, or check the address."
        ) from None
    with client:
        yield client


def _done_apart(payload: bytes, task: Task) -> object:
    """Do a task in the process that belongs to this thread of a Dask worker.

    Raises:
        UsageError: The Dask worker may not start processes.
        LgeqaError: An error that the work raised.
    """
    if current_process().daemon:
        raise UsageError(
            "--cluster: the workers of this cluster may not start processes. Start them with the variable "
            "DASK_DISTRIBUTED__WORKER__DAEMON=False or with --no-nanny."
        )
    worker = cast("Worker[Task, object] | None", getattr(_processes, "worker", None))
    if worker is None or _processes.payload != payload:
        if worker:
            worker.end()
        work, limits = pickle.loads(payload)
        os.environ.pop(_TRIM, None)
        worker = _processes.worker = Worker(work, limits)
        _processes.payload = payload
    worker.give(task)
    answer = worker.answer()
    if isinstance(answer, WorkerDied):
        worker.end()
        _processes.worker = None
    return answer
