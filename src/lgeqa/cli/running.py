"""Workflow of a run on the command line, from the paths to the report and the exit code."""

import os
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import typer

from lgeqa.batch import Attempt, OutputFolder, Settled, masks_in, open_pipeline, run_batch
from lgeqa.bundle import Bundle, open_bundle
from lgeqa.cli.measures_table import show_measures
from lgeqa.cli.view import conclude, follow
from lgeqa.errors import UsageError
from lgeqa.pipeline import AssessSettings
from lgeqa.read import Source, discover
from lgeqa.read.words import shown
from lgeqa.records import ScanResult
from lgeqa.report import render
from lgeqa.threads import TIMEOUT_S, cores
from lgeqa.workers import Limits, Lost, apart
from lgeqa.writing import claimed

#: Exit codes other than 0 (all scans were assessed or measured) and those of the error classes.
OUR_FAULT, NOT_ALL, STOPPED = 1, 3, 130
#: Statuses of scans that were processed as requested.
DONE = ("assessed", "measured")
#: Largest number of jobs unless the user asks for more, since each keeps a scan and both networks in memory.
MOST_JOBS = 8
#: Time that the search for scans may take, as a multiple of the time limit of one scan.
LOOKING = 10


@dataclass(frozen=True)
class Job:
    """Options of the user, which `lgeqa assess --help` and `lgeqa measure --help` explain."""

    paths: list[Path]
    out: Path
    settings: AssessSettings
    bundle: Path | None = None
    masks: bool = False
    jobs: int | None = None
    timeout: float = TIMEOUT_S
    quiet: bool = False


def carry_out(job: Job) -> int:
    """Assess the scans, write and print the results, and return the exit code.

    Raises:
        UsageError: There is no scan, or the bundle or the output folder cannot be used, for instance because another
            run writes there.
    """
    bundle = open_bundle(job.bundle)
    sources = find_scans(job)
    with claimed(job.out):
        return _carry_out(job, sources, bundle)


def _carry_out(job: Job, sources: Sequence[Source], bundle: Bundle) -> int:
    out = OutputFolder(job.out, masks=job.masks, pictures=True)
    earlier = _earlier(sources, out, bundle)
    manifest = bundle.manifest

    def write_report(results: Sequence[ScanResult]) -> None:
        out.write_report(render(results, out.load_pictures, bundle.stamp, manifest.intended_use, manifest.caution))

    settled = settle(sources, job, out, bundle, earlier, write_report)
    results = [item.result for item in settled]
    if not job.quiet:
        if job.settings.measures_only:
            show_measures(results)
        else:
            conclude(results, manifest.caution)
        if earlier:
            typer.echo(f"The tables and the report also hold {len(earlier)} results of earlier runs into {job.out}.")
        typer.echo(f"Report: {out.report}")
    return exit_code(settled)


def _earlier(sources: Sequence[Source], out: OutputFolder, bundle: Bundle) -> list[ScanResult]:
    """Return the results of other scans from earlier runs, which stay in the tables and the report.

    Raises:
        UsageError: They are from another bundle, or another scan of the same name still exists.
    """
    results = []
    locations = {source.scan_id: shown(source.location) for source in sources}
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


def print_measures(job: Job) -> int:
    """Measure the scans, print the measures, and return the exit code.

    The folder `job.out` is temporary.

    Raises:
        UsageError: There is no scan, or the bundle cannot be used.
    """
    out = OutputFolder(job.out)
    settled = settle(find_scans(job), job, out, open_bundle(job.bundle))
    if not job.quiet:
        show_measures([item.result for item in settled])
    if out.log.exists():
        typer.echo(out.log.read_text(encoding="utf-8"), err=True)
    return exit_code(settled)


def find_scans(job: Job) -> list[Source]:
    """Find the scans in `job.paths` in a separate process, without the masks in `job.out`.

    Raises:
        UsageError: There is no scan, a path does not exist, or a file ended the process.
    """
    named = ", ".join(map(str, job.paths))
    for path in job.paths:
        if not os.path.lexists(path):
            raise UsageError(f"{shown(path)}: there is no such file or folder. Check the path.")
    sources = apart(partial(discover, job.paths, skip=[masks_in(job.out)]), Limits(seconds=LOOKING * job.timeout))
    if isinstance(sources, Lost):
        raise UsageError(
            f"The process that looked for scans in {named} was ended ({sources}), perhaps by a damaged file. Name "
            "scans or folders one at a time to find it, or give it longer with --timeout."
        )
    if all(source.kind == "unusable" and source.location.is_dir() for source in sources):
        reasons = " ".join(source.fault for source in sources[:3])
        raise UsageError(reasons or f"No scan was found in {named}. Name scans or folders that hold some.")
    return sources


def settle(
    sources: Sequence[Source],
    job: Job,
    out: OutputFolder,
    bundle: Bundle,
    earlier: Sequence[ScanResult] = (),
    write_report: Callable[[Sequence[ScanResult]], None] | None = None,
) -> list[Settled]:
    """Assess the scans, show each, and return the outcomes in the order of `sources`.

    There must be at least one source. The tables and the report also hold the `earlier` results.

    Raises:
        OutputError: A record, the table or the report cannot be written.
        typer.Exit: The user stopped the run.
    """
    jobs = min(job.jobs or min(cores(), MOST_JOBS), len(sources))
    open_assess = partial(open_pipeline, job.bundle, max(1, cores() // jobs), job.settings)
    attempt = Attempt(open_assess, bundle.stamp, bundle.manifest.quality.preparation, job.settings, out)
    limits = Limits(seconds=job.timeout)
    settled: dict[str, Settled] = {}
    try:
        with closing(run_batch(sources, attempt, jobs, limits, earlier, write_report)) as run:
            for item in follow(run, len(sources), quiet=job.quiet):
                settled[item.result.scan_id] = item
    except KeyboardInterrupt:
        done = f"{len(settled)} of {len(sources)} scans are done"
        typer.echo(f"Stopped: {done}. Run the command again with the same OUT to continue.", err=True)
        raise typer.Exit(STOPPED) from None
    return [settled[source.scan_id] for source in sources]


def exit_code(settled: Collection[Settled]) -> int:
    """Return 0 if all scans were assessed or measured, else the code of what prevented it."""
    if any(item.ours for item in settled):
        return OUR_FAULT
    return 0 if all(item.result.status in DONE for item in settled) else NOT_ALL
