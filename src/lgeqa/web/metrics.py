"""Figures of a server for Prometheus: scans by state, waiting and assessing, requests, and worker restarts."""

from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import func, select

from lgeqa.database import Sessions
from lgeqa.web.models import DONE, QUEUED, WORKING, ScanRow

_WAITS_S: Final = (1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400)
_ASSESSES_S: Final = (0.25, 0.5, 1, 2, 5, 10, 30, 60, 300)
_REQUESTS_S: Final = (0.01, 0.03, 0.1, 0.3, 1, 3, 10)
#: Methods with a label of their own, since a client may send any word.
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE")


class Metrics:
    """Figures of one server since its start, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._waits = Histogram(
            "lgeqa_queue_wait_seconds",
            "Time from the queue to the first try.",
            buckets=_WAITS_S,
            registry=self._registry,
        )
        self._assesses = Histogram(
            "lgeqa_assess_seconds", "Time of one try of a scan.", buckets=_ASSESSES_S, registry=self._registry
        )
        self._requests = Histogram(
            "lgeqa_request_seconds",
            "Time of a request.",
            ("method", "status"),
            buckets=_REQUESTS_S,
            registry=self._registry,
        )
        self._restarts = Counter(
            "lgeqa_worker_restarts", "Processes that ended and were replaced.", registry=self._registry
        )

    def count_scans(self, sessions: Sessions) -> None:
        """Report the scans of a database by state, counted at each scrape."""
        self._registry.register(_ScanCounts(sessions))

    def add_wait(self, seconds: float | None) -> None:
        """Add the waiting time of a scan, if it is known."""
        if seconds is not None:
            self._waits.observe(max(0.0, seconds))

    def add_assessment(self, seconds: float) -> None:
        """Add the time of one try of a scan."""
        self._assesses.observe(seconds)

    def add_request(self, method: str, status: int, seconds: float) -> None:
        """Add a request."""
        self._requests.labels(method if method in _METHODS else "other", str(status)).observe(seconds)

    def add_restart(self) -> None:
        """Add a process that ended on its own or by a limit."""
        self._restarts.inc()

    def text(self) -> bytes:
        """Return all figures in the text format of Prometheus."""
        return generate_latest(self._registry)


class _ScanCounts:
    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the number of scans in each state."""
        with self._sessions() as session:
            counts = dict(session.execute(select(ScanRow.state, func.count()).group_by(ScanRow.state)).all())
        family = GaugeMetricFamily("lgeqa_scans", "Scans by state.", labels=("state",))
        for state in (QUEUED, WORKING, DONE):
            family.add_metric((state,), counts.get(state, 0))
        yield family
