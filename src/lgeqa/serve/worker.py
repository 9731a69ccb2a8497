"""Works through the queue in another process, which is kept ready and which a scan may bring down without harm."""

import re
import sys
from base64 import b64decode
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from shutil import disk_usage
from threading import Event, Lock, Thread
from typing import TypeVar

from sqlalchemy.exc import DatabaseError

from lgeqa.batch import Attempt, Outcome, trace_of
from lgeqa.errors import OutputError
from lgeqa.read import Source
from lgeqa.records import ScanResult
from lgeqa.serve.queue import MOST_TAKES, Queue
from lgeqa.serve.uploads import FILES
from lgeqa.serve.work import Work
from lgeqa.workers import Limits, Lost, Worker

#: Seconds between two looks at the queue when nobody tells of a change, and between two tries where it stands still.
_LOOK_EVERY = 1.0
_TRY_AGAIN_S = 2.0
#: Bytes that the disk must have left before a scan is taken: its pictures, its mask and the database need room.
_ROOM_BYTES = 20_000_000
#: What is said of scans that are given up.
_LOOK_AT_IT = "Its files may be damaged: export it again, or assess it on a faster machine."
_PROCESS_ENDED = (
    "The process that assessed this scan was ended each time it was tried, most often for want of memory. "
    "Assess it again on a machine with more memory."
)
_SERVER_ENDED = (
    f"The server was ended each of the {MOST_TAKES} times that this scan was in work, so it is set aside. "
    "Assess it again on a machine with more memory, or look at its files."
)
#: What a full disk raises; it is waited for.
_FORESEEN = (DatabaseError, OSError, OutputError)
Given = TypeVar("Given")


class QueueWorker:
    """A thread that takes one scan after another from the queue and keeps what becomes of it.

    Nothing ends the thread but `stop`: where the disk is full or the database cannot be used, it says so in
    `Queue.standstill`, waits, and goes on with what it has in hand.
    """

    def __init__(self, queue: Queue, attempt: Attempt, uploads: Path, limits: Limits) -> None:
        self._queue, self._attempt, self._uploads, self._limits = queue, attempt, uploads, limits
        self._thread = Thread(target=self._work, name="queue", daemon=True)
        self._lock = Lock()
        self._stop = Event()
        self._process: Worker[Source | None, Outcome | None] | None = None

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin; the process is made ready at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the process and the thread; a scan in work is put back."""
        with self._lock:
            self._stop.set()
            if self._process:
                self._process.process.terminate()
        self._thread.join()

    def _work(self) -> None:
        self._until_done(self._begin)
        while not self._stop.is_set():
            version = self._queue.version
            source = self._until_done(self._take)
            if source is None:
                self._queue.wait(version, _LOOK_EVERY)
            else:
                self._assess(source)
        if self._process:
            self._process.end()

    def _begin(self) -> None:
        """Give up the scans over which servers ended, and make the process ready."""
        for source in self._queue.worn_out():
            self._keep(int(source.scan_id), self._attempt.unassessed(source, _SERVER_ENDED))
        self._ask(None)

    def _take(self) -> Source | None:
        check_room(self._uploads.parent)
        return self._queue.take()

    def _assess(self, source: Source) -> None:
        """Have a scan assessed and its result kept, however long that takes; put it back when the server ends."""
        answer = self._until_done(lambda: self._answer(source))
        if isinstance(answer, Outcome) or (answer and not self._stop.is_set()):
            self._until_done(lambda: self._settle(source, answer))
        else:
            with suppress(Exception):  # the next start puts back what a broken database keeps from it now
                self._queue.put_back(int(source.scan_id), counts=False)

    def _answer(self, source: Source) -> Outcome | Lost | None:
        """Return what the process says of a scan; what it could not write for want of room is none.

        Raises:
            OutputError: The disk is full.
        """
        answer = self._ask(source)
        if isinstance(answer, Outcome) and answer.result.status == "failed":
            check_room(self._uploads.parent)
        return answer

    def _until_done(self, step: Callable[[], Given]) -> Given | None:
        """Do `step` until it succeeds, and return its answer; None when the server ends before."""
        while True:
            try:
                given = step()
            except Exception as fault:  # noqa: BLE001
                if not self._queue.standstill:
                    place = "" if isinstance(fault, _FORESEEN) else f"{trace_of(fault)}\n"
                    sys.stderr.write(f"{place}lgeqa: The queue stands still. {_reason(fault)}\n")
                self._queue.standstill = _reason(fault)
                if self._stop.wait(_TRY_AGAIN_S):
                    return None
            else:
                self._queue.standstill = ""
                return given

    def _ask(self, source: Source | None) -> Outcome | Lost | None:
        """The answer of the process, which is started if need be."""
        with self._lock:
            if self._stop.is_set():
                return Lost(None)
            if self._process is None:
                self._process = Worker(Work(self._attempt), self._limits)
            process = self._process
        process.give(source)
        answer = process.answer()
        if isinstance(answer, Lost):
            process.end()
            self._process = None
        return answer

    def _settle(self, source: Source, answer: Outcome | Lost) -> None:
        """Keep what became of a scan, or put it back. A bug on the way becomes its result, so that the others go on."""
        try:
            self._keep_or_put_back(source, answer)
        except _FORESEEN:
            raise
        except Exception as fault:  # noqa: BLE001
            sys.stderr.write(
                f"{trace_of(fault)}\nlgeqa: This is a fault of lgeqa. Please report it with the lines above.\n"
            )
            message = f"A fault of lgeqa, not of the scan ({type(fault).__name__}). The server's terminal shows where."
            self._keep(int(source.scan_id), self._attempt.unassessed(source, message))

    def _keep_or_put_back(self, source: Source, answer: Outcome | Lost) -> None:
        number = int(source.scan_id)
        if isinstance(answer, Outcome) and answer.of_the_machine and self._queue.put_back(number):
            self._stop.wait(_TRY_AGAIN_S)
        elif isinstance(answer, Outcome):
            if answer.trace:
                self._attempt.out.log_fault(source.scan_id, answer.trace)
            self._keep(number, answer.result)
        elif answer.after_seconds is not None:  # it would take as long again
            self._keep(number, self._attempt.unassessed(source, f"Assessing was stopped: {answer}. {_LOOK_AT_IT}"))
        elif not self._queue.put_back(number):
            self._keep(number, self._attempt.unassessed(source, _PROCESS_ENDED))

    def _keep(self, number: int, result: ScanResult) -> None:
        pictures = self._attempt.out.load_pictures(str(number)) if result.status != "failed" else None
        thumbnail = b64decode(pictures.thumbnail) if pictures else None
        kept = self._queue.finish(number, self._without_place(result), thumbnail)
        if not kept:
            self._attempt.out.drop_companions(str(number))

    def _without_place(self, result: ScanResult) -> ScanResult:
        """The result with the paths of uploads as their sender knows them, not where they were put."""
        place = re.compile(re.escape(str(self._uploads)) + rf"[/\\]\w+[/\\]{FILES}[/\\]?")
        message, source = (place.sub("", text) for text in (result.message, result.source))
        return result.model_copy(update={"message": message, "source": source})


def check_room(folder: Path) -> None:
    """Raise OutputError where the disk of a folder has too little room to go on."""
    free = disk_usage(folder).free
    if free < _ROOM_BYTES:
        raise OutputError(f"The server's disk has {free // 1_000_000} MB left.")


def _reason(fault: Exception) -> str:
    """Return why the queue stands still, without the names that an error's message may hold."""
    match fault:
        case DatabaseError():
            why = f"The database cannot be used ({fault.orig})."
        case OSError():
            why = f"A result cannot be kept ({(fault.strerror or type(fault).__name__).lower()})."
        case OutputError():
            why = "The server's disk is full, or its folder cannot be written."
        case _:
            return f"An error of lgeqa ({type(fault).__name__}); the server's terminal shows where. Please report it."
    return f"{why} Make room on the server's disk; the queue then goes on by itself."
