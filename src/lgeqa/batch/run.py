"""A run over many scans that keeps valid records, assesses the other scans and updates the tables."""

import signal
import threading
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self, overload

from lgeqa.batch.output_folder import OutputFolder
from lgeqa.batch.result_store import ResultStore, StoredHead
from lgeqa.batch.scan_assessor import Outcome, ScanAssessor
from lgeqa.batch.shard import WHOLE, Shard
from lgeqa.batch.table_files import TableFiles
from lgeqa.cluster import OnCluster
from lgeqa.outcomes import SUCCEEDED, Decision, Status, Verdict
from lgeqa.records import ScanResult
from lgeqa.workers import LIMITS, Limits, WorkerDied, ignore_step, work_through

if TYPE_CHECKING:
    from lgeqa.io import Source

#: Function that gets a scan and the step that it has reached, such as `detecting`.
OnStep = Callable[["Source", str], None]


@dataclass(frozen=True)
class BatchItem:
    """A finished scan of a run.

    Attributes:
        scan_id: Name of the scan.
        status: Status of its record.
        verdict: Verdict of its record. None if it has none.
        decision: Decision of its record. None if it has none.
        load: Function that returns its record.
        kept: Whether the record comes from an earlier run.
        internal_error: Whether the scan failed because of a bug in lgeqa.
    """

    scan_id: str
    status: Status
    verdict: Verdict | None
    decision: Decision | None
    load: Callable[[], ScanResult]
    kept: bool = False
    internal_error: bool = False

    @property
    def result(self) -> ScanResult:
        """Record of the scan."""
        return self.load()

    @property
    def succeeded(self) -> bool:
        """Whether the scan was assessed or, where only measures were requested, measured."""
        return self.status in SUCCEEDED

    @classmethod
    def of(cls, result: ScanResult) -> Self:
        """Return the item of a scan whose record is in memory."""
        return cls(result.scan_id, result.status, result.verdict, result.decision, lambda: result)

    @classmethod
    def stored(cls, head: StoredHead, store: ResultStore) -> Self:
        """Return the item of a scan whose record is kept in a store."""
        load = partial(store.load, head.scan_id)
        return cls(head.scan_id, head.status, head.verdict, head.decision, load, kept=True)

    def held(self) -> "BatchItem":
        """Return this item with its record in memory, for use after the folder of the run is gone."""
        return replace(self, load=self.of(self.result).load)


class Records(Sequence[ScanResult]):
    """Records of the items of a run, each loaded when it is asked for.

    Args:
        items: Items of a run.
    """

    def __init__(self, items: Sequence[BatchItem]) -> None:
        self._items = items

    @overload
    def __getitem__(self, index: int) -> ScanResult: ...
    @overload
    def __getitem__(self, index: slice) -> "Records": ...
    def __getitem__(self, index: int | slice) -> "ScanResult | Records":
        """Return the record of one item, or those of a slice."""
        return Records(self._items[index]) if isinstance(index, slice) else self._items[index].result

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self._items)


def run_batch(
    sources: Sequence["Source"],
    attempt: ScanAssessor,
    jobs: int,
    limits: Limits = LIMITS,
    write_report: Callable[[Collection[ScanResult]], None] | None = None,
    on_step: OnStep = ignore_step,
    *,
    shard: Shard = WHOLE,
    cluster: OnCluster | None = None,
) -> Generator[BatchItem]:
    """Assess `sources`, store a result for each, write its record and add it to `results.csv` and `measures.csv`.

    The record of an earlier run is kept if its files, the bundle, the settings and the version are the same and it
    did not fail. Files are the same by path, size and time of change and, if `attempt` verifies them, by their bytes.
    With another threshold or operating point it gets a new verdict and decision. Scans are assessed in
    `jobs` other processes, so that a scan that crashes its process or exceeds `limits` does not end the run. When it
    ends, early or not, the tables are written in the order of `sources`. Where `write_report` is given, they end with
    the results of all other scans in the folder, decided by the same limits, and `write_report` gets all of them.
    Records do not stay in memory.

    Args:
        sources: Scans, which may be a `shard` of a larger run.
        attempt: Function that assesses a scan.
        jobs: Number of processes.
        limits: Limits of each process.
        write_report: Function that gets the results when the run ends.
        on_step: Function that gets each step of each scan.
        shard: Which of the scans of the larger run `sources` are.
        cluster: Cluster that has the processes. None for this machine. A cluster reports no steps.

    Yields:
        Each scan once it is finished: first those with a kept record, then the others in order of completion.

    Raises:
        OutputError: A record, a table or the store cannot be written.
    """
    marks = {source.scan_id: attempt.fingerprint(source) for source in sources}
    with_others = write_report is not None
    places = {scan_id: shard.place(index) for index, scan_id in enumerate(marks)}
    with ResultStore(attempt.out) as store:
        kept = _keep_earlier(store, marks, attempt, with_others=with_others)
        if attempt.verify:
            found = {source.scan_id: source for source in sources}
            kept = {name: item for name, item in kept.items() if attempt.is_of(item.result, found[name])}
        store.arrange(places, kept, with_others=with_others)
        tables = TableFiles(attempt.out, store)
        tables.write()
        try:
            for scan_id in places:
                if scan_id in kept:
                    yield kept[scan_id]
            todo = [source for source in sources if source.scan_id not in kept]
            for outcome in _outcomes(todo, attempt, jobs, limits, on_step, cluster):
                result = outcome.result.model_copy(update={"fingerprint": marks[outcome.result.scan_id]})
                with _uninterrupted() as pressed:  # a record needs its line in the tables
                    _keep(result, outcome.trace, attempt)
                    store.add(result, repr(attempt.rule), places[result.scan_id])
                    tables.add(result)
                load = partial(store.load, result.scan_id)
                yield replace(BatchItem.of(result), load=load, internal_error=bool(outcome.trace))
                if pressed.is_set():  # only now, so that a stored scan is also counted
                    signal.raise_signal(signal.SIGINT)
        finally:
            tables.write()
            if write_report:
                write_report(store)


def _keep_earlier(
    store: ResultStore, marks: Mapping[str, str], attempt: ScanAssessor, *, with_others: bool
) -> dict[str, BatchItem]:
    """Return the scans of the run whose earlier records stay valid, by name.

    A result whose file in `scans/` was deleted is taken out of the store. Those that stay, and those of other scans if
    they are wanted, get the decision by the present limits. A damaged file is written again.
    """

    def stays(head: StoredHead) -> bool:
        return head.status != "failed" and head.fingerprint == marks.get(head.scan_id) != ""

    rule = repr(attempt.rule)
    gone, changed = [], []
    for head in store.heads():
        if stays(head) or (with_others and head.scan_id not in marks):
            n_bytes = _size(attempt.out.record_path(head.scan_id))
            if n_bytes is None:
                gone.append(head.scan_id)
            elif n_bytes != head.n_bytes or head.rule != rule:
                changed.append(head.scan_id)
    for scan_id in gone:
        store.remove(scan_id)
    for scan_id in changed:
        _renew(store, scan_id, attempt)
    return {
        head.scan_id: BatchItem.stored(head, store)
        for head in store.heads()
        if stays(head) and all(path.exists() for path in _sidecar_files(head, attempt.out))
    }


def _sidecar_files(head: StoredHead, out: OutputFolder) -> Sequence[Path]:
    """Return the files that belong to a stored result."""
    return out.sidecar_files(head.scan_id, with_atrium=bool(head.has_atrium), with_dicom=not head.lacks_dicom)


def _size(path: Path) -> int | None:
    """Return the bytes of a file, or None if it does not exist."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _renew(store: ResultStore, scan_id: str, attempt: ScanAssessor) -> None:
    """Decide on a result by the present limits, and write its record.

    If the decision is another one, the DICOM results, which hold the old one, are removed.
    """
    record = store.load(scan_id)
    decided = attempt.rule.apply(record)
    if decided != record:
        attempt.out.drop_dicom(scan_id)
    attempt.out.save(decided)
    store.add(decided, repr(attempt.rule), None)


@contextmanager
def _uninterrupted() -> Iterator[threading.Event]:
    """Hold Ctrl-C back during the block, and yield an event that says whether it was pressed.

    Threads other than the main thread never receive it. If the block fails, its exception ends the run.
    """
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed
        return
    handler = signal.signal(signal.SIGINT, lambda *_: pressed.set())
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, handler)


def _outcomes(
    sources: Sequence["Source"],
    attempt: ScanAssessor,
    jobs: int,
    limits: Limits,
    on_step: OnStep,
    cluster: OnCluster | None,
) -> Iterator[Outcome]:
    through = cluster or work_through
    for source, answer in through(sources, attempt, jobs, limits, on_step):
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
