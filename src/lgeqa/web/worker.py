"""Workers that process the queue in other processes, which are kept ready and may crash without harm."""

import sys
import time
from base64 import b64decode
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from shutil import disk_usage
from threading import Event, Lock, Thread
from typing import TypeVar

from sqlalchemy.exc import DatabaseError

from lgeqa.batch import ScanAssessor, trace_of
from lgeqa.errors import OutputError
from lgeqa.io import Source
from lgeqa.io.series_header import SeriesHeader
from lgeqa.records import ScanResult
from lgeqa.threads import cores, most_assessments
from lgeqa.web.metrics import Metrics
from lgeqa.web.queue import MOST_TAKES, Queue, QueuedScan
from lgeqa.web.uploads import FILES, without_folder
from lgeqa.web.worker_task import ScanOutcome, Work
from lgeqa.workers import Limits, Worker, WorkerDied

#: Seconds between two checks of the queue without a notification, and between two tries while the queue has stopped.
_LOOK_EVERY = 1.0
_TRY_AGAIN_S = 2.0
#: Seconds beyond the time limit of a scan after which a worker counts as stuck.
_STUCK_S = 60.0
#: Free bytes that the disk needs before a scan is taken: its pictures, its mask and the database need space.
_ROOM_BYTES = 20_000_000
#: Largest number of workers that are started unasked.
_MOST_WORKERS = 8
#: Messages about scans that are given up.
_LOOK_AT_IT = "Its files may be damaged: export it again, or assess it on a faster machine."
_PROCESS_ENDED = (
    "The process that assessed this scan was ended each time it was tried, most often for want of memory. "
    "Assess it again on a machine with more memory."
)
_SERVER_ENDED = (
    f"The server was ended each of the {MOST_TAKES} times that it processed this scan, so it is set aside. "
    "Assess it again on a machine with more memory, or look at its files."
)
#: Errors that a full disk raises. The worker waits until they are gone.
_FORESEEN = (DatabaseError, OSError, OutputError)
Result = TypeVar("Result")


class QueueWorker:
    """A thread that takes one scan after another from the queue and stores its result.

    Only `stop` ends the thread. If the disk is full or the database cannot be used, the thread reports it in
    `Queue.standstill`, waits, and continues with the current scan.
    """

    def __init__(
        self,
        queue: Queue,
        attempt: ScanAssessor,
        uploads: Path,
        limits: Limits,
        *,
        headers: bool = False,
        metrics: Metrics | None = None,
    ) -> None:
        self._queue, self._attempt, self._uploads, self._limits = queue, attempt, uploads, limits
        self._headers, self._metrics = headers, metrics or Metrics()
        self._beat = time.monotonic()
        self._thread = Thread(target=self._work, name="queue", daemon=True)
        self._lock = Lock()
        self._stop = Event()
        self._process: Worker[Source | None, ScanOutcome | None] | None = None

    @property
    def alive(self) -> bool:
        """Whether the thread is running, and not in one step for longer than a scan may take."""
        return self._thread.is_alive() and time.monotonic() - self._beat < self._limits.seconds + _STUCK_S

    def start(self) -> None:
        """Start the thread, which prepares the process at once."""
        self._thread.start()

    def end(self) -> None:
        """End the process, which puts the scan in progress back into the queue and ends the thread."""
        with self._lock:
            self._stop.set()
            if self._process:
                self._process.process.terminate()

    def stop(self) -> None:
        """End the process and wait for the end of the thread."""
        self.end()
        self._thread.join()

    def _work(self) -> None:
        self._until_done(lambda: self._ask(None))
        while not self._stop.is_set():
            version = self._queue.version
            scan = self._until_done(self._take)
            if scan is None:
                self._queue.wait(version, _LOOK_EVERY)
            else:
                self._assess(scan)
        if self._process:
            self._process.end()

    def _take(self) -> QueuedScan | None:
        check_room(self._uploads.parent)
        scan = self._queue.take()
        self._metrics.add_wait(scan.waited_s if scan else None)
        return scan

    def _assess(self, scan: QueuedScan) -> None:
        """Have a scan assessed and its result stored, however long that takes, or put it back when the server ends."""
        if scan.is_worn_out:
            self._until_done(lambda: self._keep(scan, self._attempt.unassessed(scan.source, _SERVER_ENDED)))
            return
        answer = self._until_done(lambda: self._answer(scan))
        if isinstance(answer, ScanOutcome) or (answer and not self._stop.is_set()):
            self._until_done(lambda: self._settle(scan, answer))
        else:
            with suppress(Exception):  # the next start puts the scan back if the database fails now
                self._queue.requeue(scan.number, counts=False)

    def _answer(self, scan: QueuedScan) -> ScanOutcome | WorkerDied | None:
        """Return the answer of the process for a scan, unless it failed because the disk is full.

        Raises:
            OutputError: The disk is full.
        """
        start = time.monotonic()
        answer = self._ask(scan.source)
        self._metrics.add_assessment(time.monotonic() - start)
        if isinstance(answer, ScanOutcome) and answer.result.status == "failed":
            check_room(self._uploads.parent)
        return answer

    def _until_done(self, step: Callable[[], Result]) -> Result | None:
        """Repeat `step` until it succeeds and return its result, or return None if the server ends first."""
        while True:
            self._beat = time.monotonic()
            try:
                result = step()
            except Exception as error:  # noqa: BLE001
                if not self._queue.standstill:
                    trace = "" if isinstance(error, _FORESEEN) else f"{trace_of(error)}\n"
                    sys.stderr.write(f"{trace}lgeqa: The queue has stopped. {_reason(error)}\n")
                self._queue.stand_still(self, _reason(error))
                if self._stop.wait(_TRY_AGAIN_S):
                    return None
            else:
                self._queue.stand_still(self, "")
                return result

    def _ask(self, source: Source | None) -> ScanOutcome | WorkerDied | None:
        """Return the answer of the process, which is started if necessary."""
        with self._lock:
            if self._stop.is_set():
                return WorkerDied(None)
            if self._process is None:
                self._process = Worker(Work(self._attempt, self._headers), self._limits)
            process = self._process
        process.give(source)
        answer = process.answer()
        if isinstance(answer, WorkerDied):
            process.end()
            self._process = None
            self._metrics.add_restart()
        return answer

    def _settle(self, scan: QueuedScan, answer: ScanOutcome | WorkerDied) -> None:
        """Store the result of a scan or put it back. A bug here becomes its result, so that other scans continue."""
        try:
            self._keep_or_put_back(scan, answer)
        except _FORESEEN:
            raise
        except Exception as error:  # noqa: BLE001
            sys.stderr.write(
                f"{trace_of(error)}\nlgeqa: This is a bug in lgeqa. Please report it with the lines above.\n"
            )
            message = f"A bug in lgeqa, not of the scan ({type(error).__name__}). The server's terminal shows where."
            self._keep(scan, self._attempt.unassessed(scan.source, message))

    def _keep_or_put_back(self, scan: QueuedScan, answer: ScanOutcome | WorkerDied) -> None:
        if isinstance(answer, ScanOutcome) and answer.of_the_machine and self._queue.requeue(scan.number):
            self._stop.wait(_TRY_AGAIN_S)
        elif isinstance(answer, ScanOutcome):
            if answer.trace:
                self._attempt.out.log_fault(scan.source.scan_id, answer.trace)
            self._keep(scan, answer.result, answer.header)
        elif answer.after_seconds is not None:  # a second try would take as long
            message = f"Assessing was stopped: {answer}. {_LOOK_AT_IT}"
            self._keep(scan, self._attempt.unassessed(scan.source, message))
        elif not self._queue.requeue(scan.number):
            self._keep(scan, self._attempt.unassessed(scan.source, _PROCESS_ENDED))

    def _keep(self, scan: QueuedScan, result: ScanResult, header: SeriesHeader | None = None) -> None:
        name, out = scan.source.scan_id, self._attempt.out
        pictures = out.load_pictures(name) if result.status != "failed" else None
        thumbnail = b64decode(pictures.thumbnail) if pictures else None
        if scan.upload:
            folder = self._uploads / scan.upload / FILES
            texts = {field: without_folder(getattr(result, field), folder) for field in ("message", "source")}
            result = result.model_copy(update=texts)
        if not self._queue.finish(scan.number, result, thumbnail, header):
            out.drop_sidecar_files(name)


class WorkerPool:
    """Workers of one queue, each with a thread and a process."""

    def __init__(self, make: Callable[[], QueueWorker], size: int) -> None:
        self._workers = [make() for _ in range(size)]

    @property
    def alive(self) -> bool:
        """Whether all workers are at work."""
        return all(worker.alive for worker in self._workers)

    def start(self) -> None:
        """Start all workers."""
        for worker in self._workers:
            worker.start()

    def stop(self) -> None:
        """End all workers, and put the scans in progress back into the queue."""
        for worker in self._workers:
            worker.end()
        for worker in self._workers:
            worker.stop()


def pool_size() -> int:
    """Return the number of workers for this machine: one for two cores and 2 GB of memory, at most 8."""
    return min(most_assessments(cores() // 2), _MOST_WORKERS)


def check_room(folder: Path) -> None:
    """Raise OutputError if the disk of a folder has too little free space to continue."""
    free = disk_usage(folder).free
    if free < _ROOM_BYTES:
        raise OutputError(f"The server's disk has {free // 1_000_000} MB left.")


def _reason(error: Exception) -> str:
    """Return why the queue has stopped, without the names that an error's message may contain."""
    match error:
        case DatabaseError():
            why = f"The database cannot be used ({error.orig})."
        case OSError():
            why = f"A result cannot be kept ({(error.strerror or type(error).__name__).lower()})."
        case OutputError():
            why = "The server's disk is full, or its folder cannot be written."
        case _:
            return f"An error of lgeqa ({type(error).__name__}); the server's terminal shows where. Please report it."
    return f"{why} Make room on the server's disk; the queue then continues by itself."
