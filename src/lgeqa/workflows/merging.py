"""Merging of the output folders of several runs, such as the shards of one, into one."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lgeqa.atomic_io import claimed, telling, write_through
from lgeqa.batch import DICOM_NAMES, BatchItem, OutputFolder, ResultStore, StoredHead, TableFiles
from lgeqa.errors import UsageError
from lgeqa.inference.bundle import open_bundle
from lgeqa.workflows.assessment import AssessmentRun, write_report_pages


@dataclass(frozen=True)
class MergedRuns:
    """Runs that were merged.

    Attributes:
        run: All scans as one run.
        n_missing: Number of scans that a shard has not finished, as far as the others show.
    """

    run: AssessmentRun
    n_missing: int


def merge_runs(runs: Sequence[Path], out: Path, bundle: Path | None = None) -> MergedRuns:
    """Merge the results of runs by one bundle into an output folder, with their masks, pictures and DICOM results.

    The tables are those of one run over all scans: shards are in the order in which the scans were found, other runs
    one after another. Results that the folder has already stay unless a run has a newer one of the same scan.

    Args:
        runs: Output folders.
        out: Output folder for all results.
        bundle: Folder of the bundle that made the results. None for the bundle in the package.

    Raises:
        UsageError: A folder has no results, or results that do not go together.
        OutputError: A file cannot be written, or a run still works in one of the folders.
    """
    opened = open_bundle(bundle)
    for run in runs:
        if not (run / "scans").is_dir():
            raise UsageError(f"{run}: holds no results. Name output folders of lgeqa assess.")
        if run.resolve() == out.resolve():
            raise UsageError(f"{run}: is the folder for all results as well. Name another one with --out.")
    with ExitStack() as stack:
        stack.enter_context(claimed(out))
        target = OutputFolder(out, pictures=True)
        store = stack.enter_context(ResultStore(target))
        folders, parts = [], []
        for run in runs:
            stack.enter_context(claimed(run))
            folders.append(OutputFolder(run))
            parts.append(stack.enter_context(ResultStore(folders[-1])))
        heads = [list(_valid(part, folder)) for part, folder in zip(parts, folders, strict=True)]
        _check([*zip(runs, heads, strict=True), (out, list(store.heads()))], opened.stamp.sha256)
        chosen = list(_in_order(heads))
        for number, head in chosen:
            _bring(folders[number], target, head.scan_id)
            store.add(parts[number].load(head.scan_id), head.rule, None)
        for folder in folders:
            target.add_faults(folder.faults())
        places = {head.scan_id: place for place, (_, head) in enumerate(chosen)}
        store.arrange(places, places, with_others=True)
        TableFiles(target, store).write()
        write_report_pages(target, store, opened)
        items = [BatchItem.stored(head, store) for _, head in chosen]
        n_others = len(store) - len(items)
    merged = AssessmentRun(items, len(items), n_others, target.report, caution=opened.manifest.caution)
    return MergedRuns(merged, _missing(heads))


def _valid(store: ResultStore, folder: OutputFolder) -> Iterator[StoredHead]:
    """Yield the results of a run but those that it was about to replace, and those whose record somebody deleted."""
    for head in store.heads():
        if not head.is_stale and folder.record_path(head.scan_id).exists():
            yield head


def _check(heads_of: Sequence[tuple[Path, Sequence[StoredHead]]], bundle: str) -> None:
    """Raise UsageError for results that do not go together."""
    seen: dict[str, tuple[Path, StoredHead]] = {}
    *_, (out, _) = heads_of
    first = next((head for _, heads in heads_of for head in heads), None)
    for run, heads in heads_of:
        for head in heads:
            if head.bundle not in {"", bundle}:
                raise UsageError(
                    f"{run}: holds results by another bundle, such as {head.scan_id!r}. Name the bundle of all results "
                    "with --bundle, and merge runs by one bundle only."
                )
            other_run, other = seen.setdefault(head.scan_id, (run, head))
            if first and bool(head.source) != bool(first.source):
                raise UsageError(f"{run}: some of the runs are de-identified, and others are not. Merge these apart.")
            if head.source != other.source or (run != out and head.fingerprint != other.fingerprint):
                raise UsageError(
                    f"{run}: its result of {head.scan_id!r} is another one than that in {other_run}. Leave out one of "
                    "the runs, or assess these scans in one run with --shard, so that their names differ."
                )


def _in_order(heads_of: Sequence[Sequence[StoredHead]]) -> Iterator[tuple[int, StoredHead]]:
    """Yield each result once, with the number of its run: shards by place, other runs one after another."""
    numbered = [(number, head) for number, heads in enumerate(heads_of) for head in heads]
    sharded = _are_shards(heads_of)
    numbered.sort(key=lambda one: (one[1].place is None, 0 if sharded else one[0], one[1].place or 0, one[1].scan_id))
    seen = set()
    for number, head in numbered:
        if head.scan_id not in seen:
            seen.add(head.scan_id)
            yield number, head


def _places(heads_of: Sequence[Sequence[StoredHead]]) -> dict[int, set[str]]:
    """Return the names of the scans at each place."""
    places: dict[int, set[str]] = {}
    for heads in heads_of:
        for head in heads:
            if head.place is not None:
                places.setdefault(head.place, set()).add(head.scan_id)
    return places


def _are_shards(heads_of: Sequence[Sequence[StoredHead]]) -> bool:
    """Return whether no two scans have one place, as those of the shards of a run."""
    return all(len(names) == 1 for names in _places(heads_of).values())


def _missing(heads_of: Sequence[Sequence[StoredHead]]) -> int:
    """Return the number of places of a sharded run that no scan has."""
    places = _places(heads_of)
    return max(places, default=-1) + 1 - len(places) if _are_shards(heads_of) else 0


def _bring(run: OutputFolder, target: OutputFolder, name: str) -> None:
    """Give a folder all files of a result of another one, or remove those that the other one lacks."""
    target.drop_sidecar_files(name)
    pairs = [
        (run.record_path(name), target.record_path(name)),
        (run.mask_path(name), target.mask_path(name)),
        (run.pictures_path(name), target.pictures_path(name)),
        *((run.dicom_path(name) / file, target.dicom_path(name) / file) for file in DICOM_NAMES),
    ]
    for source, place in pairs:
        if source.exists():
            with telling(place):
                place.parent.mkdir(parents=True, exist_ok=True)
            write_through(place, partial(_link_or_copy, source))


def _link_or_copy(source: Path, draft: Path) -> None:
    """Make a file another name of a file or, on another disk, a copy. Results are replaced and never changed."""
    draft.unlink(missing_ok=True)
    try:
        os.link(source, draft)
    except OSError:
        shutil.copyfile(source, draft)
