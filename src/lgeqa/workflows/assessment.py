"""Assessment or measurement of many scans, into a folder or only in memory."""

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from lgeqa.atomic_io import claimed
from lgeqa.batch import BatchItem, OutputFolder, ScanAssessor, masks_in, open_pipeline, run_batch
from lgeqa.errors import UsageError
from lgeqa.inference.bundle import Bundle, open_bundle
from lgeqa.inference.pipeline import AssessSettings
from lgeqa.io import Source, discover
from lgeqa.io.formatting import printable_path
from lgeqa.records import ScanResult
from lgeqa.reporting import render
from lgeqa.threads import TIMEOUT_S, cores
from lgeqa.workers import Limits, WorkerDied, apart

#: Function that passes on the items of a run, whose number it also gets, for instance to show the progress.
Follow = Callable[[Iterable[BatchItem], int], Iterable[BatchItem]]
#: Largest number of jobs unless the user asks for more, since each keeps a scan and both networks in memory.
MOST_JOBS = 8
#: Time that the search for scans may take, as a multiple of the time limit of one scan.
SEARCH_TIME = 10


def pass_on(items: Iterable[BatchItem], _total: int) -> Iterable[BatchItem]:
    """Return the items of a run unchanged."""
    return items


@dataclass(frozen=True)
class AssessmentRequest:
    """Scans to assess or to measure, and how.

    Attributes:
        paths: Files and folders of the scans.
        settings: Choices about each scan.
        out: Folder for the results. None to write nothing.
        bundle: Folder of a trained model. None for the bundle in the package.
        masks: Whether atrium masks are written.
        jobs: Number of processes. None for one per core, at most `MOST_JOBS`.
        timeout: Seconds that one scan may take.
    """

    paths: Sequence[Path]
    settings: AssessSettings
    out: Path | None = None
    bundle: Path | None = None
    masks: bool = False
    jobs: int | None = None
    timeout: float = TIMEOUT_S


@dataclass(frozen=True)
class AssessmentRun:
    """A finished run over scans.

    Attributes:
        items: Outcome of each scan, in the order in which the scans were found.
        n_earlier: Number of results of earlier runs that the tables and the report also hold.
        report: Path of the report. None if nothing was written.
        traces: Tracebacks of bugs, where no folder keeps them.
        caution: Note of the bundle to read before trusting a verdict.
    """

    items: Sequence[BatchItem]
    n_earlier: int = 0
    report: Path | None = None
    traces: str = ""
    caution: str = ""

    @property
    def results(self) -> list[ScanResult]:
        """Return the record of each scan."""
        return [item.result for item in self.items]


def assess_scans(request: AssessmentRequest, follow: Follow = pass_on) -> AssessmentRun:
    """Assess or measure the scans and, if the request names a folder, write the records, the tables and the report.

    Raises:
        UsageError: There is no scan, or the bundle or the output folder cannot be used, for instance because another
            run writes there.
        OutputError: A file cannot be written.
    """
    bundle = open_bundle(request.bundle)
    sources = find_scans(request)
    if request.out is None:
        with TemporaryDirectory() as folder:
            out = OutputFolder(Path(folder))
            items = run_scans(sources, request, out, bundle, follow)
            return AssessmentRun(items, traces=out.faults(), caution=bundle.manifest.caution)
    with claimed(request.out):
        out = OutputFolder(request.out, masks=request.masks, pictures=True)
        return _assess_into(out, sources, request, bundle, follow)


def _assess_into(
    out: OutputFolder, sources: Sequence[Source], request: AssessmentRequest, bundle: Bundle, follow: Follow
) -> AssessmentRun:
    manifest = bundle.manifest
    earlier = _earlier(sources, out, bundle)

    def write_report(results: Sequence[ScanResult]) -> None:
        out.write_report(render(results, out.load_pictures, bundle.stamp, manifest.intended_use, manifest.caution))

    items = run_scans(sources, request, out, bundle, follow, earlier, write_report)
    return AssessmentRun(items, len(earlier), out.report, caution=manifest.caution)


def _earlier(sources: Sequence[Source], out: OutputFolder, bundle: Bundle) -> list[ScanResult]:
    """Return the results of other scans from earlier runs, which stay in the tables and the report.

    Raises:
        UsageError: They are from another bundle, or another scan of the same name still exists.
    """
    results = []
    locations = {source.scan_id: printable_path(source.location) for source in sources}
    for record in out.load_all():
        location = locations.get(record.scan_id)
        if location is None:
            results.append(record)
        elif location != record.source and Path(record.source).exists():
            raise UsageError(
                f"{out.path}: holds the result of another scan that is called {record.scan_id!r}, {record.source}. "
                "Name another folder, so that it is not replaced."
            )
    others = [record for record in results if record.bundle and record.bundle.sha256 != bundle.stamp.sha256]
    if others:
        raise UsageError(
            f"{out.path}: holds results of {len(others)} other scans by another bundle, such as {others[0].scan_id!r}. "
            "Name another folder, so that they are not mixed."
        )
    return results


def find_scans(request: AssessmentRequest) -> list[Source]:
    """Find the scans of a request in a separate process, without the masks in its output folder.

    Raises:
        UsageError: There is no scan, a path does not exist, or a file ended the process.
    """
    named = ", ".join(map(str, request.paths))
    for path in request.paths:
        if not os.path.lexists(path):
            raise UsageError(f"{printable_path(path)}: there is no such file or folder. Check the path.")
    skip = [masks_in(request.out)] if request.out else []
    sources = apart(partial(discover, request.paths, skip=skip), Limits(seconds=SEARCH_TIME * request.timeout))
    if isinstance(sources, WorkerDied):
        raise UsageError(
            f"The process that looked for scans in {named} was ended ({sources}), perhaps by a damaged file. Name "
            "scans or folders one at a time to find it, or give it longer with --timeout."
        )
    if all(source.kind == "unusable" and source.location.is_dir() for source in sources):
        reasons = " ".join(source.fault for source in sources[:3])
        raise UsageError(reasons or f"No scan was found in {named}. Name scans or folders that hold some.")
    return sources


def run_scans(
    sources: Sequence[Source],
    request: AssessmentRequest,
    out: OutputFolder,
    bundle: Bundle,
    follow: Follow = pass_on,
    earlier: Sequence[ScanResult] = (),
    write_report: Callable[[Sequence[ScanResult]], None] | None = None,
) -> list[BatchItem]:
    """Assess the scans, of which there must be at least one, and return the outcomes in the order of `sources`.

    The tables and the report also hold the `earlier` results.

    Raises:
        OutputError: A record, the table or the report cannot be written.
    """
    with closing(_run(sources, request, out, bundle, earlier, write_report)) as run:
        items = {item.result.scan_id: item for item in follow(run, len(sources))}
    return [items[source.scan_id] for source in sources]


def iterate_scans(request: AssessmentRequest) -> Iterator[BatchItem]:
    """Assess or measure the scans, and yield each as soon as it is finished. The folder of the request is not used.

    Raises:
        UsageError: There is no scan, or the bundle cannot be used.
    """
    bundle = open_bundle(request.bundle)
    sources = find_scans(request)
    with TemporaryDirectory() as folder, closing(_run(sources, request, OutputFolder(Path(folder)), bundle)) as run:
        yield from run


def _run(
    sources: Sequence[Source],
    request: AssessmentRequest,
    out: OutputFolder,
    bundle: Bundle,
    earlier: Sequence[ScanResult] = (),
    write_report: Callable[[Sequence[ScanResult]], None] | None = None,
) -> Generator[BatchItem]:
    jobs = min(request.jobs or min(cores(), MOST_JOBS), len(sources))
    open_assess = partial(open_pipeline, request.bundle, max(1, cores() // jobs), request.settings)
    assessor = ScanAssessor(open_assess, bundle.stamp, bundle.manifest.quality.preparation, request.settings, out)
    return run_batch(sources, assessor, jobs, Limits(seconds=request.timeout), earlier, write_report)
