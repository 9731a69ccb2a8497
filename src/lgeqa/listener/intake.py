"""Way of instances into the spool, and when a series is whole."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from time import monotonic
from typing import Protocol

from lgeqa.listener.instance import InstanceHeader, series_key
from lgeqa.listener.spool import Arrival, SeriesVersion, Spool


@dataclass
class _OpenSeries:
    """A series with images that no version has.

    Attributes:
        last: Time of the monotonic clock of the last new image, so that changes of the wall clock have no effect.
        expected: Number of images that the series should have. None if it is not known.
        origins: Inlets and AE titles that its images came from.
        declared: Whether an inlet knows that the series is whole.
    """

    last: float
    expected: int | None = None
    origins: set[str] = field(default_factory=set)
    declared: bool = False


class Intake:
    """Thread-safe entrance for all inlets, which hand over files that they write to `new_draft()`."""

    def __init__(
        self,
        spool: Spool,
        quiet_seconds: float,
        count_keywords: Sequence[str] = (),
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Continue with the series that were incomplete when the last listener ended.

        Args:
            spool: Spool of the listener.
            quiet_seconds: Seconds without a new image after which a series is whole.
            count_keywords: Elements of the header that give the number of images of a series. The first one that
                an image has counts.
            clock: Monotonic clock in seconds.
        """
        self._spool, self._quiet_seconds, self._count_keywords, self._clock = (
            spool,
            quiet_seconds,
            count_keywords,
            clock,
        )
        self._open: dict[str, _OpenSeries] = {}
        self._lock = Lock()
        #: Set when a series may be whole.
        self.changed = Event()
        for key, header in spool.open_series().items():
            self._open[key] = _OpenSeries(clock(), self._expected(header))

    def new_draft(self) -> Path:
        """Return the path to which an inlet writes an instance, on the same file system as the spool."""
        return self._spool.new_draft()

    def accept(self, draft: Path, origin: str) -> Arrival:
        """Take over an instance. It is on the disk when this returns, and the draft is gone in any case.

        Args:
            draft: DICOM file at a path of `new_draft`.
            origin: Name of the inlet or AE title that it came from.

        Raises:
            SpoolFullError: There is no space now. The inlet tries again later.
            RefusedInstanceError: The file is too large, damaged, no MR image, or has other pixels than an instance of
                the same SOPInstanceUID in the spool.
        """
        arrival = self._spool.accept(draft, origin)
        if arrival.is_new:
            with self._lock:
                series = self._open.setdefault(arrival.header.series_key, _OpenSeries(0.0))
                series.last = self._clock()
                series.expected = self._expected(arrival.header) or series.expected
                series.origins.add(origin)
            self.changed.set()
        return arrival

    def declare_whole(self, study: str, series: str) -> None:
        """Say that all images of a series have been accepted, so that nobody waits for more.

        Args:
            study: StudyInstanceUID.
            series: SeriesInstanceUID.
        """
        with self._lock:
            if open_series := self._open.get(series_key(study, series)):
                open_series.declared = True
        self.changed.set()

    @property
    def n_open(self) -> int:
        """Number of series that are being received."""
        return len(self._open)

    def close_whole(self) -> list[SeriesVersion]:
        """Queue the series that are whole, and return their new versions.

        Raises:
            OutputError: The spool cannot be written. The series stay open.
        """
        now = self._clock()
        with self._lock:
            whole = {key: series for key, series in self._open.items() if self._is_whole(key, series, now)}
            for key in whole:  # an image that arrives from here on opens its series again
                del self._open[key]
        try:
            versions = [
                self._spool.close(key, series.expected, tuple(sorted(series.origins))) for key, series in whole.items()
            ]
        except BaseException:
            with self._lock:
                self._open = whole | self._open
            raise
        return [version for version in versions if version]

    def _is_whole(self, key: str, series: _OpenSeries, now: float) -> bool:
        is_counted = series.expected is not None and self._spool.count_images(key) >= series.expected
        return series.declared or is_counted or now - series.last >= self._quiet_seconds

    def _expected(self, header: InstanceHeader) -> int | None:
        counts = (header.count(keyword) for keyword in self._count_keywords)
        return next((count for count in counts if count), None)


class Inlet(Protocol):
    """Source of instances. The listener runs each in a thread of its own."""

    @property
    def name(self) -> str:
        """Name for logs and for the origin of its instances."""

    def run(self, intake: Intake, stop: Event) -> None:
        """Hand over instances until `stop` is set.

        An error of lgeqa or of the operating system is logged, and the inlet is run again after a pause.
        """
