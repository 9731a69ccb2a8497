"""Assessment or measurement of many scans, into a folder or only in memory."""

import os
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from lgeqa.atomic_io import claimed
from lgeqa.batch import (
    WHOLE,
    BatchItem,
    Deidentifier,
    OnStep,
    OutputFolder,
    Records,
    ResultStore,
    ScanAssessor,
    Shard,
    is_pseudonym,
    masks_in,
    open_pipeline,
    remove_results,
    run_batch,
)
from lgeqa.bids import BidsDataset, holds_derivatives, open_dataset, refuse_other_files, write_derivatives
from lgeqa.cluster import OnCluster
from lgeqa.errors import UsageError
from lgeqa.extras import require
from lgeqa.inference.bundle import Bundle, open_bundle
from lgeqa.inference.pipeline import AssessSettings
from lgeqa.io import Source, discover
from lgeqa.io.formatting import printable_path
from lgeqa.records import ScanResult
from lgeqa.reporting import render
from lgeqa.threads import TIMEOUT_S, cores, most_assessments
from lgeqa.workers import Limits, WorkerDied, apart, ignore_step

#: Function that passes on the items of a run, whose number it also gets, for instance to show the progress.
Follow = Callable[[Iterable[BatchItem], int], Iterable[BatchItem]]
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
        jobs: Number of processes. None for as many as cores and memory allow, see `most_assessments`.
        timeout: Seconds that one scan may take.
        fresh: Whether the results of earlier runs in `out` are removed first.
        dicom: Whether results are also written as DICOM objects of each scan's study.
        secrets: Folder of the key and the names of de-identified results. None for results with names.
        bids: Whether the path is a BIDS data set, whose images are assessed and get derivatives in `out`.
        bids_filter: JSON file that says which images of the data set are assessed. None for those named LGE.
        shard: Share of the scans that this run assesses.
        cluster: Cluster on which scans are assessed. None for this machine.
        memory_gb: Gigabytes of memory that all processes together may need, which bounds their number.
        verify: Whether the files of finished scans are read and compared with the hashes in their records.
    """

    paths: Sequence[Path]
    settings: AssessSettings
    out: Path | None = None
    bundle: Path | None = None
    masks: bool = False
    jobs: int | None = None
    timeout: float = TIMEOUT_S
    fresh: bool = False
    dicom: bool = False
    secrets: Path | None = None
    bids: bool = False
    bids_filter: Path | None = None
    shard: Shard = WHOLE
    cluster: OnCluster | None = None
    memory_gb: float | None = None
    verify: bool = False

    @property
    def n_processes(self) -> int:
        """Number of processes that assess scans."""
        if self.memory_gb is None:
            return self.jobs or most_assessments(cores())
        return most_assessments(self.jobs or cores(), self.memory_gb * 1e9)


@dataclass(frozen=True)
class AssessmentRun:
    """A finished run over scans.

    Attributes:
        items: Outcome of each finished scan, in the order in which the scans were found.
        n_sources: Number of scans that were found.
        n_earlier: Number of results of earlier runs that the tables and the report also hold.
        report: Path of the report. None if nothing was written.
        traces: Tracebacks of bugs, where no folder keeps them.
        caution: Note of the bundle to read before trusting a verdict.
    """

    items: Sequence[BatchItem]
    n_sources: int = 0
    n_earlier: int = 0
    report: Path | None = None
    traces: str = ""
    caution: str = ""

    @property
    def results(self) -> Records:
        """Record of each scan, loaded when it is asked for."""
        return Records(self.items)


class Stopped(KeyboardInterrupt):
    """The user stopped a run, whose finished scans, tables and report are complete.

    Attributes:
        run: Run with the scans that were finished.
    """

    def __init__(self, run: AssessmentRun) -> None:
        super().__init__()
        self.run = run


def assess_scans(request: AssessmentRequest, follow: Follow = pass_on, on_step: OnStep = ignore_step) -> AssessmentRun:
    """Assess or measure the scans and, if the request names a folder, write the records, the tables and the report.

    Raises:
        UsageError: There is no scan, or the bundle, the output folder or the key of the de-identification cannot be
            used, for instance because another run writes there.
        OutputError: A file cannot be written.
        MissingExtraError: DICOM results are wanted, and a package for them is not installed.
        Stopped: The user pressed Ctrl-C.
    """
    if request.dicom:
        require("dicom", "--dicom")
    bundle = open_bundle(request.bundle, provider=request.settings.provider)
    dataset = _dataset(request)
    if dataset:
        request = replace(request, paths=[dataset.root / image.path for image in dataset.images])
    sources = find_scans(request)
    if request.out is None:
        with TemporaryDirectory() as folder:
            out = OutputFolder(Path(folder))
            run = AssessmentRun((), len(sources), caution=bundle.manifest.caution)
            items = partial(run_scans, sources, request, out, bundle, follow, on_step=on_step)
            run = _filled(run, items)
            return replace(run, items=[item.held() for item in run.items], traces=out.faults())
    deidentifier = _open_deidentifier(request.secrets, request.out)
    with claimed(request.out):
        if request.fresh:
            remove_results(request.out)
        out = OutputFolder(request.out, masks=request.masks, pictures=True, dicom=request.dicom)
        return _assess_into(out, _named(sources, out, deidentifier), request, bundle, dataset, follow, on_step)


def _dataset(request: AssessmentRequest) -> BidsDataset | None:
    """Return the BIDS data set of a request, or None if its paths are not one.

    Raises:
        UsageError: There are several paths, or the data set, the filter or the output folder cannot be used.
    """
    if not request.bids:
        if request.out and holds_derivatives(request.out):
            raise UsageError(f"{request.out}: holds BIDS derivatives. Name another folder, or assess with --bids.")
        return None
    if request.out:
        refuse_other_files(request.out)
    if len(request.paths) != 1:
        raise UsageError(f"--bids: takes one data set, and there are {len(request.paths)} paths. Name one folder.")
    return open_dataset(request.paths[0], request.bids_filter)


def _assess_into(
    out: OutputFolder,
    sources: Sequence[Source],
    request: AssessmentRequest,
    bundle: Bundle,
    dataset: BidsDataset | None,
    follow: Follow,
    on_step: OnStep,
) -> AssessmentRun:
    sources = request.shard.take(sources)
    n_earlier = _check_earlier(sources, out, bundle, is_deidentified=request.secrets is not None)

    def write_report(results: Collection[ScanResult]) -> None:
        write_report_pages(out, results, bundle)
        if dataset:
            write_derivatives(dataset, out.path, results, out.masks_folder)

    run = AssessmentRun((), len(sources), n_earlier, out.report, caution=bundle.manifest.caution)
    return _filled(run, partial(run_scans, sources, request, out, bundle, follow, write_report, on_step))


def write_report_pages(out: OutputFolder, results: Collection[ScanResult], bundle: Bundle) -> None:
    """Write the report on the results of a bundle into an output folder.

    Raises:
        OutputError: A page cannot be written.
    """
    manifest = bundle.manifest
    notes = (bundle.stamp, manifest.intended_use, manifest.caution, manifest.kept_out)
    out.write_report(render(results, out.load_pictures, *notes))


def _open_deidentifier(folder: Path | None, out: Path) -> Deidentifier | None:
    if folder and folder.resolve().is_relative_to(out.resolve()):
        raise UsageError(
            f"{folder}: is in the output folder, which would then name its scans. Name another folder with --secrets."
        )
    return Deidentifier.open(folder) if folder else None


def _named(sources: Sequence[Source], out: OutputFolder, deidentifier: Deidentifier | None) -> Sequence[Source]:
    """Return the sources with the names for their results.

    Raises:
        UsageError: The results are to be de-identified, and the folder holds some with names.
    """
    if deidentifier is None:
        return sources
    if named := sorted(scan_id for scan_id in out.scan_ids() if not is_pseudonym(scan_id)):
        raise UsageError(
            f"{out.path}: holds results with names, such as {named[0]!r}. Name another folder, so that they are not "
            "mixed, or start anew with --fresh."
        )
    return deidentifier.rename(sources)


def _filled(run: AssessmentRun, run_all: Callable[[], list[BatchItem]]) -> AssessmentRun:
    """Return a run with its items, which may be those that were finished when the user stopped it."""
    try:
        return replace(run, items=run_all())
    except Stopped as stopped:
        raise Stopped(replace(run, items=stopped.run.items)) from None


def _check_earlier(sources: Sequence[Source], out: OutputFolder, bundle: Bundle, *, is_deidentified: bool) -> int:
    """Return the number of results of other scans from earlier runs, which stay in the tables and the report.

    Raises:
        UsageError: They are from another bundle, another scan of the same name still exists, or either they or the new
            results are de-identified.
    """
    locations = {source.scan_id: printable_path(source.location) for source in sources}
    n_others = n_of_another_bundle = 0
    example = ""
    with ResultStore(out) as store:
        for head in store.heads():
            location = locations.get(head.scan_id)
            if (not head.source) != is_deidentified:
                kind = "results with names" if is_deidentified else "de-identified results"
                raise UsageError(
                    f"{out.path}: holds {kind}, such as {head.scan_id!r}. Name another folder, so that they are not "
                    "mixed, or start anew with --fresh."
                )
            if location is None:
                n_others += 1
                if head.bundle not in ("", bundle.stamp.sha256):
                    n_of_another_bundle += 1
                    example = example or head.scan_id
            elif head.source and location != head.source and Path(head.source).exists():
                raise UsageError(
                    f"{out.path}: holds the result of another scan that is called {head.scan_id!r}, {head.source}. "
                    "Name another folder, so that it is not replaced, or start anew with --fresh."
                )
    if n_of_another_bundle:
        raise UsageError(
            f"{out.path}: holds results of {n_of_another_bundle} other scans by another bundle, such as {example!r}. "
            "Name another folder, so that they are not mixed, or start anew with --fresh."
        )
    return n_others


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
    write_report: Callable[[Collection[ScanResult]], None] | None = None,
    on_step: OnStep = ignore_step,
) -> list[BatchItem]:
    """Assess the scans, and return the outcomes in the order of `sources`.

    With a report, the tables and the report also have the results of all other scans in the folder.

    Raises:
        OutputError: A record, the table or the report cannot be written.
        Stopped: The user pressed Ctrl-C.
    """
    items: dict[str, BatchItem] = {}

    def noted(run: Iterator[BatchItem]) -> Iterator[BatchItem]:
        for item in run:
            items[item.scan_id] = item
            yield item

    def finished() -> list[BatchItem]:
        return [items[source.scan_id] for source in sources if source.scan_id in items]

    try:
        with closing(_run(sources, request, out, bundle, write_report, on_step)) as run:
            for _ in follow(noted(run), len(sources)):
                pass
    except KeyboardInterrupt:
        raise Stopped(AssessmentRun(finished())) from None
    return finished()


def iterate_scans(request: AssessmentRequest) -> Iterator[BatchItem]:
    """Assess or measure the scans, and yield each as soon as it is finished. The folder of the request is not used.

    Raises:
        UsageError: There is no scan, or the bundle cannot be used.
    """
    bundle = open_bundle(request.bundle, provider=request.settings.provider)
    sources = find_scans(request)
    with TemporaryDirectory() as folder, closing(_run(sources, request, OutputFolder(Path(folder)), bundle)) as run:
        yield from run


def _run(
    sources: Sequence[Source],
    request: AssessmentRequest,
    out: OutputFolder,
    bundle: Bundle,
    write_report: Callable[[Collection[ScanResult]], None] | None = None,
    on_step: OnStep = ignore_step,
) -> Generator[BatchItem]:
    jobs = max(1, min(request.n_processes, len(sources)))
    threads = 1 if request.cluster else max(1, cores() // jobs)
    open_assess = partial(open_pipeline, request.bundle, threads, request.settings)
    deidentifier = Deidentifier.open(request.secrets) if request.secrets else None
    assessor = ScanAssessor.of(open_assess, bundle, request.settings, out, deidentifier, verify=request.verify)
    limits = Limits(seconds=request.timeout)
    return run_batch(
        sources, assessor, jobs, limits, write_report, on_step, shard=request.shard, cluster=request.cluster
    )
