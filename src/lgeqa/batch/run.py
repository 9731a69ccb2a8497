"""A run over many scans that keeps valid records, assesses the other scans and updates the tables."""

import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lgeqa.batch.fingerprint import fingerprint
from lgeqa.batch.scan_assessor import Outcome, ScanAssessor
from lgeqa.records import ScanResult
from lgeqa.workers import LIMITS, Limits, WorkerDied, work_through

if TYPE_CHECKING:
    from lgeqa.io import Source

#: Seconds between two updates of the tables during a run.
_TABLES_EVERY = 2.0


@dataclass(frozen=True)
class BatchItem:
    """A finished scan of a run.

    Attributes:
        result: Record of the scan.
        kept: Whether the record comes from an earlier run.
        internal_error: Whether the scan failed because of a bug in lgeqa.
    """

    result: ScanResult
    kept: bool = False
    internal_error: bool = False


def run_batch(
    sources: Sequence["Source"],
    attempt: ScanAssessor,
    jobs: int,
    limits: Limits = LIMITS,
    earlier: Sequence[ScanResult] = (),
    write_report: Callable[[Sequence[ScanResult]], None] | None = None,
) -> Generator[BatchItem]:
    """Assess `sources`, write a record for each and keep `results.csv` and `measures.csv` up to date.

    The record of an earlier run is kept if its files, the bundle, the settings and the version are the same and it
    did not fail. Scans are assessed in `jobs` other processes, so that a scan that crashes its process or exceeds
    `limits` does not end the run. The tables end with the `earlier` results, which belong to other scans. When the run
    ends, early or not, the results in the tables also go to `write_report`.

    Yields:
        Each scan once it is finished: first those with a kept record, then the others in order of completion.

    Raises:
        OutputError: A record or a table cannot be written.
    """
    marks = {source.scan_id: fingerprint(source, attempt.stamp, attempt.settings) for source in sources}
    results = {scan_id: record for scan_id, mark in marks.items() if (record := _kept(scan_id, mark, attempt))}
    yield from [BatchItem(record, kept=True) for record in results.values()]
    todo = [source for source in sources if source.scan_id not in results]
    written = time.monotonic()
    try:
        for outcome in _outcomes(todo, attempt, jobs, limits):
            result = outcome.result.model_copy(update={"fingerprint": marks[outcome.result.scan_id]})
            with _uninterrupted():  # a record needs its row in the table
                _keep(result, outcome.trace, attempt)
                results[result.scan_id] = result
            if time.monotonic() > written + _TABLES_EVERY:
                attempt.out.write_tables([*_in_order(sources, results), *earlier])
                written = time.monotonic()
            yield BatchItem(result, internal_error=bool(outcome.trace))
    finally:
        everything = [*_in_order(sources, results), *earlier]
        attempt.out.write_tables(everything)
        if write_report:
            write_report(everything)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait for the end of the block. Threads other than the main thread never receive it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed = threading.Event()
    handler = signal.signal(signal.SIGINT, lambda *_: pressed.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if pressed.is_set():
            signal.raise_signal(signal.SIGINT)


def _kept(scan_id: str, mark: str, attempt: ScanAssessor) -> ScanResult | None:
    record = attempt.out.load(scan_id)
    if record is None or record.status == "failed" or not mark or record.fingerprint != mark:
        return None
    return record if all(path.exists() for path in attempt.out.sidecar_files(record)) else None


def _outcomes(sources: Sequence["Source"], attempt: ScanAssessor, jobs: int, limits: Limits) -> Iterator[Outcome]:
    for source, answer in work_through(sources, attempt, jobs, limits):
        yield Outcome(attempt.unassessed(source, _obituary(answer))) if isinstance(answer, WorkerDied) else answer


def _obituary(lost: WorkerDied) -> str:
    if lost.after_seconds is not None:
        return (
            f"Stopped, since {lost}. The file may be damaged: export it again. If it is only large, give it more time "
            "with --timeout."
        )
    return (
        f"The process that assessed this scan was ended ({lost}), by a damaged file or for want of memory. Export the "
        "scan again, or run again with --jobs 1 or on a machine with more memory."
    )


def _keep(result: ScanResult, trace: str, attempt: ScanAssessor) -> None:
    if trace:
        attempt.out.log_fault(result.scan_id, trace)
    attempt.out.save(result)


def _in_order(sources: Sequence["Source"], results: dict[str, ScanResult]) -> list[ScanResult]:
    return [results[source.scan_id] for source in sources if source.scan_id in results]
