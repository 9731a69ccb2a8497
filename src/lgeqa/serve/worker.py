"""Works through the queue in another process, which is kept ready and which a scan may bring down without harm."""

import re
import sys
from base64 import b64decode
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread

from lgeqa.batch import Attempt, Lost, Outcome, Worker, trace_of
from lgeqa.read import Source
from lgeqa.records import ScanResult
from lgeqa.serve.queue import Queue
from lgeqa.serve.uploads import FILES
from lgeqa.serve.work import Work

#: Seconds between two looks at the queue when nobody tells of a change.
_LOOK_EVERY = 1.0


class QueueWorker:
    """A thread that takes one scan after another from the queue and keeps what becomes of it."""

    def __init__(self, queue: Queue, attempt: Attempt, uploads: Path) -> None:
        self._queue, self._attempt, self._uploads = queue, attempt, uploads
        self._thread = Thread(target=self._work, name="queue", daemon=True)
        self._lock = Lock()
        self._stopping = False
        self._process: Worker[Source | None, Outcome | None] | None = None

    def start(self) -> None:
        """Begin; the process is made ready at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the process and the thread; a scan in work is put back."""
        with self._lock:
            self._stopping = True
            if self._process:
                self._process.process.terminate()
        self._thread.join()

    def _work(self) -> None:
        self._ask(None)
        while not self._stopping:
            version = self._queue.version
            source = self._queue.take()
            if source is None:
                self._queue.wait(version, _LOOK_EVERY)
            else:
                self._assess(source)
        if self._process:
            self._process.end()

    def _assess(self, source: Source) -> None:
        """Have a scan assessed. What keeps its result from being kept, such as a full disk, must not end the thread."""
        try:
            self._settle(source, self._ask(source))
        except Exception as fault:  # noqa: BLE001
            sys.stderr.write(f"{trace_of(fault)}\nlgeqa: A result could not be kept. Make room on the disk.\n")
            with suppress(Exception):
                self._queue.put_back(int(source.scan_id))

    def _ask(self, source: Source | None) -> Outcome | Lost | None:
        """The answer of the process, which is started if need be."""
        with self._lock:
            if self._stopping:
                return Lost(None)
            if self._process is None:
                self._process = Worker(Work(self._attempt))
            process = self._process
        process.give(source)
        answer = process.answer()
        if isinstance(answer, Lost):
            process.end()
            self._process = None
        return answer

    def _settle(self, source: Source, answer: Outcome | Lost | None) -> None:
        number = int(source.scan_id)
        if isinstance(answer, Outcome):
            if answer.trace:
                self._attempt.out.log_fault(source.scan_id, answer.trace)
            self._keep(number, answer.result)
        elif self._stopping:
            self._queue.put_back(number, counts=False)
        elif not self._queue.put_back(number):
            message = (
                "The process that assessed this scan was ended each time it was tried, most often for want of memory. "
                "Assess it again on a machine with more memory."
            )
            self._keep(number, self._attempt.unassessed(source, message))

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
