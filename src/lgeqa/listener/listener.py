"""All parts of the listener together, each in a thread of its own."""

import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Final

from lgeqa.atomic_io import claimed
from lgeqa.batch import OutputFolder, ScanAssessor, open_pipeline, trace_of
from lgeqa.errors import LgeqaError
from lgeqa.inference.bundle import open_bundle
from lgeqa.listener.backoff import Backoff
from lgeqa.listener.connections import open_destination, open_inlet
from lgeqa.listener.delivery import Delivering
from lgeqa.listener.dicom_server import DicomServer
from lgeqa.listener.intake import Intake
from lgeqa.listener.outbox import Outbox
from lgeqa.listener.series_assessment import SeriesAssessment
from lgeqa.listener.settings import ListenSettings
from lgeqa.listener.spool import MEGABYTE, SeriesResult, Spool
from lgeqa.listener.storage_commitment import StorageCommitment
from lgeqa.listener.tls import server_context
from lgeqa.threads import cores
from lgeqa.workers import Limits

#: Seconds between two looks for whole series, and for what may be deleted.
_LOOK_EVERY: Final = 0.25
_CLEAN_EVERY: Final = 10.0
#: Seconds after which an instance that does not grow any more is not being received.
_DEAD_DRAFT_S: Final = 300.0
#: Seconds before a part is run again after an error, and to wait for a part at the end.
_PAUSE_S: Final = 5.0
_END_S: Final = 10.0
_logger = logging.getLogger("lgeqa.listener")


def listen(settings: ListenSettings, stop: Event) -> None:
    """Receive, assess and deliver series until `stop` is set. What was not finished continues at the next start.

    Raises:
        UsageError: The bundle, the spool, the address or a file of the settings cannot be used.
    """
    keep = settings.spool
    with suppress(OSError):  # `claimed` says what is wrong
        keep.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds images of patients
    with claimed(keep.folder):
        spool = Spool(keep.folder, keep.max_mb, keep.max_instance_mb)
        spool.prepare()
        _Listener(settings, spool).run(stop)


def check_listener(settings: ListenSettings) -> list[str]:
    """Check everything that a listener would use, and return what is in its spool, line by line.

    This also works while it runs.

    Raises:
        UsageError: The bundle or a file of the settings cannot be used.
    """
    spool = Spool(settings.spool.folder, settings.spool.max_mb, settings.spool.max_instance_mb)
    open_bundle(settings.bundle)
    if settings.dicom and settings.dicom.tls:
        server_context(settings.dicom.tls)
    for inlet in settings.inlets:
        open_inlet(inlet, spool.path)
    for destination in settings.destinations:
        open_destination(destination)
    outbox = Outbox(spool, settings.destination_names)
    waiting = [f"waiting for {name}: {len(outbox.waiting(name))}" for name in settings.destination_names]
    failures = [
        f"failed: {failure.id} to {failure.destination}, {failure.attempts} attempts. {failure.reason} {failure.remedy}"
        for failure in outbox.failures()
    ]
    return [
        "settings: in order",
        f"spool: {spool.used_bytes // MEGABYTE} MB of {settings.spool.max_mb} MB",
        f"series being received: {len(spool.open_series())}",
        f"series waiting for their assessment: {len(spool.queued())}",
        *waiting,
        *failures,
    ]


def retry_failed(settings: ListenSettings) -> int:
    """Have results that were given up delivered again, also by a listener that runs, and return their number."""
    spool = Spool(settings.spool.folder, settings.spool.max_mb, settings.spool.max_instance_mb)
    return Outbox(spool, settings.destination_names).retry_failed()


class _Listener:
    """Parts of a listener, and the threads that run them."""

    def __init__(self, settings: ListenSettings, spool: Spool) -> None:
        self._settings, self._spool = settings, spool
        chance = random.Random()
        backoff = partial(Backoff, settings.retry, chance)
        self._intake = Intake(spool, settings.series.quiet_seconds, settings.series.counts)
        self._outbox = Outbox(spool, settings.destination_names)
        self._deliveries = {
            each.name: Delivering(open_destination(each), self._outbox, backoff()) for each in settings.destinations
        }
        self._inlets = [open_inlet(inlet, spool.path) for inlet in settings.inlets]
        self._commitment: StorageCommitment | None = None
        self._server: DicomServer | None = None
        if settings.dicom:
            self._commitment = StorageCommitment(settings.dicom, spool, backoff())
            most_bytes = settings.spool.max_instance_mb * MEGABYTE
            self._server = DicomServer(settings.dicom, self._commitment, spool.drafts, most_bytes)
        self._assessment = SeriesAssessment(
            spool, settings.select, _assessor(settings, spool.assessing), Limits(settings.timeout), self._deliver
        )
        self._drafts: dict[Path, tuple[int, float]] = {}

    def run(self, stop: Event) -> None:
        parts: dict[str, Callable[[Event], None]] = {
            "series": self._close_series,
            "assessment": self._assessment.run,
            "cleaning": self._clean,
            **{f"inlet {inlet.name}": partial(inlet.run, self._intake) for inlet in self._inlets},
            **{f"delivery to {name}": delivering.run for name, delivering in self._deliveries.items()},
        }
        if self._commitment:
            parts["storage commitment"] = self._commitment.run
        threads = [
            Thread(target=_keep_running, args=(name, run, stop), name=name, daemon=True) for name, run in parts.items()
        ]
        if self._server:
            self._server.start(self._intake)
        for thread in threads:
            thread.start()
        try:
            stop.wait()
        finally:
            stop.set()
            if self._server:
                self._server.stop()
            self._assessment.end()
            for thread in threads:
                thread.join(_END_S)

    def _close_series(self, stop: Event) -> None:
        while not stop.is_set():
            self._intake.changed.clear()
            for version in self._intake.close_whole():
                late = " as a new version, since images came late" if version.number > 1 else ""
                count = f" of {version.expected}" if version.expected else ""
                _logger.info("%s: whole with %d%s images%s", version.id, len(version.images), count, late)
                self._assessment.changed.set()
            self._intake.changed.wait(_LOOK_EVERY)

    def _deliver(self, _result: SeriesResult) -> None:
        for delivering in self._deliveries.values():
            delivering.changed.set()

    def _clean(self, stop: Event) -> None:
        keep = self._settings.spool
        while not stop.wait(_CLEAN_EVERY):
            self._outbox.clean(keep.keep_hours, keep.keep_other_hours)
            self._remove_dead_drafts()

    def _remove_dead_drafts(self) -> None:
        """Remove what aborted associations left, by the monotonic clock."""
        now, before = time.monotonic(), self._drafts
        sizes = self._spool.draft_sizes()
        self._drafts = {
            path: before[path] if path in before and before[path][0] == size else (size, now)
            for path, size in sizes.items()
        }
        for path, (_, since) in self._drafts.items():
            if now - since > _DEAD_DRAFT_S:
                path.unlink(missing_ok=True)


def _assessor(settings: ListenSettings, folder: Path) -> ScanAssessor:
    """Return the function that assesses a scan into a folder.

    Raises:
        BundleError: The bundle cannot be used.
    """
    bundle = open_bundle(settings.bundle)
    open_assess = partial(open_pipeline, settings.bundle, cores(), settings.assess)
    return ScanAssessor.of(open_assess, bundle, settings.assess, OutputFolder(folder, dicom=True))


def _keep_running(name: str, run: Callable[[Event], None], stop: Event) -> None:
    """Run a part of the listener until `stop` is set, again after a pause when an error ends it."""
    while not stop.is_set():
        try:
            run(stop)
        except (LgeqaError, OSError) as error:
            what = str(error) if isinstance(error, LgeqaError) else (error.strerror or type(error).__name__)
            _logger.error("%s: stopped and is run again. %s", name, what)
        except Exception as error:  # noqa: BLE001
            _logger.error("%s: a bug in lgeqa. Please report it with these lines.\n%s", name, trace_of(error))
        stop.wait(_PAUSE_S)
