"""Assessment of the series in the queue, one after the other, in another process that is kept ready."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock
from time import monotonic
from typing import Final

from lgeqa.batch import OutputFolder, ScanAssessor
from lgeqa.errors import LgeqaError
from lgeqa.formatting import utc_now
from lgeqa.io import discover
from lgeqa.io.source import Source
from lgeqa.listener.instance import read_instance
from lgeqa.listener.selection import Choice, Selection
from lgeqa.listener.spool import SeriesResult, SeriesVersion, Spool
from lgeqa.records import ScanResult
from lgeqa.workers import Limits, Worker, WorkerDied

#: Attempts after which a series that ends its process, or the listener, is given up.
MOST_ATTEMPTS: Final = 5
#: Seconds before a series is tried again after the machine failed, for instance with a full disk.
_PAUSE_S: Final = 10.0
#: Seconds between two looks at the queue.
_LOOK_EVERY: Final = 1.0
_logger = logging.getLogger("lgeqa.listener")


@dataclass(frozen=True)
class SeriesOutcome:
    """Answer of the other process about a series.

    Attributes:
        results: Record of each scan that the images form.
        trace: Tracebacks of bugs in lgeqa. Empty if there was none.
        of_the_machine: Whether the machine failed and not a scan, so that another try may succeed.
    """

    results: tuple[ScanResult, ...]
    trace: str = ""
    of_the_machine: bool = False


@dataclass(frozen=True)
class SeriesWork:
    """Work of the other process: assessing the images of a series, or preparing for it.

    Attributes:
        assessor: Function that assesses a scan and writes its DICOM results.
    """

    assessor: ScanAssessor

    def __call__(self, images: tuple[Path, ...] | None) -> SeriesOutcome | None:
        """Assess the scans that some images form, or only load everything that this needs if there are none."""
        if images is None:
            import lgeqa.dicom_results  # noqa: F401

            self.assessor.make_ready()
            return None
        OutputFolder(self.assessor.out.path, dicom=True)
        outcomes = [self.assessor(source) for source in discover(images)]
        for outcome in outcomes:
            self.assessor.out.save(outcome.result)
        return SeriesOutcome(
            tuple(outcome.result for outcome in outcomes),
            "\n".join(outcome.trace for outcome in outcomes if outcome.trace),
            any(outcome.of_the_machine for outcome in outcomes),
        )


class SeriesAssessment:
    """Worker for the queue. Only one thread may run it."""

    def __init__(
        self,
        spool: Spool,
        selection: Selection,
        assessor: ScanAssessor,
        limits: Limits,
        finished: Callable[[SeriesResult], None],
    ) -> None:
        """Prepare nothing yet.

        Args:
            spool: Spool of the listener.
            selection: Rules of which series are assessed.
            assessor: Function that assesses a scan, whose output folder is `spool.assessing`.
            limits: Limits of the other process for one series.
            finished: Function that gets each result once it is on the disk.
        """
        self._spool, self._selection, self._limits, self._finished = spool, selection, limits, finished
        self._work = SeriesWork(assessor)
        self._process: Worker[tuple[Path, ...] | None, SeriesOutcome | None] | None = None
        self._lock = Lock()
        #: Set when there may be something in the queue.
        self.changed = Event()

    def run(self, stop: Event) -> None:
        """Assess series until `stop` is set.

        Raises:
            OutputError: The spool cannot be written. Nothing is lost, and this can be run again.
        """
        self._ask(None, stop)
        while not stop.is_set():
            self.changed.clear()
            for version in self._spool.queued():
                if not stop.is_set():
                    self._take(version, stop)
            self.changed.wait(_LOOK_EVERY)

    def end(self) -> None:
        """End the other process, after `stop` was set. The series in progress stays in the queue."""
        with self._lock:
            if self._process:
                self._process.process.kill()

    def _take(self, version: SeriesVersion, stop: Event) -> None:
        if version.attempts >= MOST_ATTEMPTS:
            self._give_up(version, f"It was begun {version.attempts} times, and did not come to an end.")
            return
        begun = self._spool.begin(version)
        choice = self._selection.choose(read_instance(self._spool.image_paths(version)[0]))
        if choice.chosen is False:
            self._finish(begun, "not_lge", choice.reason)
            return
        start = monotonic()
        answer = self._ask(tuple(self._spool.image_paths(version)), stop)
        if stop.is_set():
            self._spool.put_back(version)
            return
        _logger.info("%s: %d images, %.1f s", version.id, len(version.images), monotonic() - start)
        if isinstance(answer, WorkerDied):
            self._lost(begun, answer)
        elif answer and answer.of_the_machine:
            _logger.error("%s: %s It is tried again.", version.id, answer.results[0].message)
            self._spool.put_back(version)
            stop.wait(_PAUSE_S)
        elif answer:
            self._keep(begun, choice, answer)

    def _keep(self, version: SeriesVersion, choice: Choice, answer: SeriesOutcome) -> None:
        if answer.trace:
            _logger.error("%s: a bug in lgeqa. Please report it with these lines.\n%s", version.id, answer.trace)
        if choice.chosen is None and not any(result.status == "assessed" for result in answer.results):
            self._finish(version, "not_lge", "looks, the gate refuses it")
        else:
            self._finish(version, "assessed", choice.reason, tuple(result.scan_id for result in answer.results))

    def _lost(self, version: SeriesVersion, died: WorkerDied) -> None:
        if died.after_seconds is not None or version.attempts >= MOST_ATTEMPTS:
            self._give_up(version, f"Assessing was stopped: {died}.")
        else:
            _logger.warning("%s: the process that assessed it ended (%s); it is tried again.", version.id, died)

    def _give_up(self, version: SeriesVersion, why: str) -> None:
        """Finish a version with a failed record, so that nobody waits for its result."""
        version = self._spool.begin(version)
        source = Source(version.key, "dicom", self._spool.image_paths(version)[0].parent)
        message = f"{why} Its images may be damaged: send them again, or give it more time and memory."
        out = OutputFolder(self._spool.assessing, dicom=True)
        out.save(self._work.assessor.unassessed(source, message))
        self._finish(version, "assessed", "given up", (version.key,))

    def _finish(self, version: SeriesVersion, outcome: str, reason: str, scans: tuple[str, ...] = ()) -> None:
        now = utc_now()
        result = SeriesResult(version=version, outcome=outcome, reason=reason, scans=scans, finished_at=now)
        self._spool.finish(result)
        _logger.info("%s: %s (%s)", version.id, outcome, reason)
        self._finished(result)

    def _ask(self, images: tuple[Path, ...] | None, stop: Event) -> SeriesOutcome | WorkerDied | None:
        """Return the answer of the other process, which is started if necessary."""
        with self._lock:
            if stop.is_set():
                return None
            if self._process is None:
                self._process = Worker(self._work, self._limits)
            process = self._process
        process.give(images)
        try:
            answer = process.answer()
        except LgeqaError:
            self._drop(process)
            raise
        if isinstance(answer, WorkerDied):
            self._drop(process)
        return answer

    def _drop(self, process: Worker[tuple[Path, ...] | None, SeriesOutcome | None]) -> None:
        process.end()
        self._process = None
