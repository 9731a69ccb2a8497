"""Prepared slices of a cohort, created once and kept on disk, and the batches drawn from them."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, Sampler, SequentialSampler

from lgeqa.atomic_io import telling, write_through, write_whole
from lgeqa.cohort import ScanHashes
from lgeqa.errors import TrainingError
from lgeqa.records import FloatArray, IntArray
from lgeqa.scales import HIGHEST_SCORE, LOWEST_SCORE
from lgeqa.training.processes import is_main
from lgeqa.versions import versions

Batch = dict[str, Tensor]
#: File of the hashes of the scans of a store.
_HASHES: Final = "hashes.json"


@dataclass(frozen=True)
class Slices:
    """Prepared slices of one scan.

    Attributes:
        slices: Slices as the network sees them, (slice, row, column).
        masks: Blood-pool masks of the slices, uint8 of the same shape.
        labels: Labels of the scan from 0 to 1 in the order of `scales.SCALE_NAMES`, (4,). NaN without a score.
        context: Indices of the slices that the network sees with each slice, (slice, channel). None if it sees each
            slice alone.
        hashes: Hashes of the scan, see `lgeqa.cohort.scan_hashes`.
    """

    slices: npt.NDArray[np.floating]
    masks: npt.NDArray[np.uint8]
    labels: FloatArray
    context: IntArray | None = None
    hashes: ScanHashes = ()


class SliceDataset(Dataset[Batch]):
    """Prepared slices of many scans, memory-mapped from disk, as a dataset whose items are whole batches.

    Args:
        folder: Folder of the store.
        scans: Numbers of the scans to use, in ascending order. None for all.

    Attributes:
        slices: Slices on disk, (slice on disk, row, column).
        masks: Blood-pool masks on disk, (slice on disk, row, column).
        rows: Index on disk of each slice, (slice,).
        context: Indices on disk of the slices that the network sees with each slice, (slice, channel).
        owner: Number, among the scans used, of the scan that each slice belongs to, (slice,).
        labels: Labels of the scans used, (scan, 4).
        without_slices: Numbers, among the scans used, of those without a slice.
        hashes: Hashes of each scan used.
        levels: Ordinal targets of the scans used, (scan, 4, 4), as returned by `cohort.levels_of`. NaN where a store
            is opened without the scores, which are not on disk.
    """

    def __init__(self, folder: Path, scans: Sequence[int] | None = None) -> None:
        self.slices = np.load(folder / "slices.npy", mmap_mode="r")
        self.masks = np.load(folder / "masks.npy", mmap_mode="r")
        owner, labels = np.load(folder / "owner.npy"), np.load(folder / "labels.npy")
        taken = np.arange(len(labels)) if scans is None else np.array(scans, np.int64)
        self.rows = np.flatnonzero(np.isin(owner, taken))
        self.context = np.load(folder / "context.npy")[self.rows]
        self.owner = np.searchsorted(taken, owner[self.rows])
        self.labels = labels[taken]
        self.without_slices = np.setdiff1d(np.arange(len(taken)), self.owner).tolist()
        path = folder / _HASHES  # missing in stores of earlier versions
        hashes = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else [()] * len(labels)
        self.hashes: list[ScanHashes] = [tuple(hashes[scan]) for scan in taken]
        self.levels = np.full((*self.labels.shape, HIGHEST_SCORE - LOWEST_SCORE), np.nan, np.float32)

    def __len__(self) -> int:
        return len(self.rows)

    def middle(self, side: int) -> Self:
        """Return the same slices reduced to their middle `side` x `side` pixels."""
        first = (self.slices.shape[-1] - side) // 2
        window = slice(first, first + side)
        other = copy(self)
        other.slices, other.masks = self.slices[:, window, window], self.masks[:, window, window]
        return other

    def with_targets(self, labels: FloatArray, levels: FloatArray) -> Self:
        """Return the same slices with other targets of the scans, labels (scan, 4) and levels (scan, 4, 4)."""
        other = copy(self)
        other.labels, other.levels = labels, levels
        return other

    def __getitem__(self, indices: Sequence[int]) -> Batch:
        """Return the batch of `indices`.

        `slice` (n, channel, row, column), `mask` (n, 1, row, column), `label` (n, 4) and `level` (n, 4, 4) are float32.
        `scan` (n,) is the owner of each slice.
        """
        owner = self.owner[indices]
        return {
            "slice": torch.from_numpy(self.slices[self.context[indices]].astype(np.float32, copy=False)),
            "mask": torch.from_numpy(self.masks[self.rows[indices]][:, None].astype(np.float32)),
            "label": torch.from_numpy(self.labels[owner]),
            "level": torch.from_numpy(self.levels[owner]),
            "scan": torch.from_numpy(owner),
        }


def open_store(folder: Path, key: dict[str, Any], make: Callable[[], Iterable[Slices]]) -> SliceDataset:
    """Open the store in `folder`, creating it first unless it was created for the same key.

    Args:
        folder: Folder of the store.
        key: Everything that the slices depend on, to which the version of lgeqa is added, whose code prepares them. A
            store with another key is replaced.
        make: Function that yields the slices of each scan, all slices of one shape.

    Raises:
        OutputError: The store cannot be written.
    """
    stamp = folder / "store.json"
    wanted = json.dumps(key | {"lgeqa": versions()["lgeqa"]}, sort_keys=True, default=str)

    def ready() -> bool:
        return stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted

    while not is_main() and not ready():
        time.sleep(1)  # the main process of the training creates it
    if not ready():
        _write(folder, make())
        # Written last, so that an incomplete store is created again.
        write_whole(stamp, wanted)
    return SliceDataset(folder)


def _write(folder: Path, scans: Iterable[Slices]) -> None:
    with telling(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "store.json").unlink(missing_ok=True)
    slices, masks, context, owner, labels, hashes = [], [], [], [], [], []
    start = 0
    for number, scan in enumerate(scans):
        alone = np.arange(len(scan.slices))[:, None]
        slices.append(scan.slices)
        masks.append(scan.masks)
        context.append(start + (alone if scan.context is None else scan.context))
        owner.append(np.full(len(scan.slices), number))
        labels.append(scan.labels)
        hashes.append(scan.hashes)
        start += len(scan.slices)
    for name, parts in (("slices", slices), ("masks", masks), ("context", context), ("owner", owner)):
        write_through(folder / f"{name}.npy", partial(np.save, arr=np.concatenate(parts)))
    write_through(folder / "labels.npy", partial(np.save, arr=np.stack(labels).astype(np.float32)))
    write_whole(folder / _HASHES, json.dumps(hashes) + "\n")


class SliceBatches(Sampler[list[int]]):
    """Batches with a number of slices from every scan, drawn again each epoch, in random order.

    The draw depends only on the seed and the epoch, so a resumed run draws the same batches. If n processes train
    together, each takes every n-th batch. An incomplete last batch is dropped unless it is the only one.

    Args:
        owner: Scan that each slice belongs to, (slice,).
        per_scan: Number of slices per scan. 0 for all.
        batch: Number of slices per batch.
        seed: Random seed of the draws.
    """

    def __init__(self, owner: IntArray, per_scan: int, batch: int, seed: int) -> None:
        _, starts = np.unique(owner, return_index=True)
        self._groups = np.split(np.arange(len(owner)), starts[1:])
        self._per_scan = per_scan
        self._batch = batch
        self._seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        drawn = sum(self._size(group) for group in self._groups)
        processes = _processes()[1]
        if batches := max(1, drawn // self._batch) // processes:
            return batches
        raise TrainingError(
            f"{drawn} slices an epoch do not give each of {processes} processes a batch of {self._batch}. Lower "
            "loop.batch, or train in fewer processes."
        )

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch to draw for, as Lightning does."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        rank, processes = _processes()
        drawn = self.draw()
        for number in range(len(self)):
            start = (number * processes + rank) * self._batch
            yield drawn[start : start + self._batch].tolist()

    def draw(self) -> IntArray:
        """Return all slices of the epoch in the order of the batches."""
        rng = np.random.default_rng([self._seed, self.epoch])
        return rng.permutation(
            np.concatenate([rng.choice(group, self._size(group), replace=False) for group in self._groups])
        )

    def _size(self, group: IntArray) -> int:
        return min(self._per_scan, len(group)) if self._per_scan else len(group)


class ScanBatches(SliceBatches):
    """Batches of whole scans, each with a number of its slices drawn again each epoch, in random order.

    A batch holds as many scans as surely fit, at least one, with the slices of a scan in order. All else is as in
    `SliceBatches`.
    """

    def __init__(self, owner: IntArray, per_scan: int, batch: int, seed: int) -> None:
        super().__init__(owner, per_scan, batch, seed)
        self._scans = max(1, batch // max(self._size(group) for group in self._groups))

    def __len__(self) -> int:
        processes = _processes()[1]
        if batches := max(1, len(self._groups) // self._scans) // processes:
            return batches
        raise TrainingError(
            f"{len(self._groups)} scans do not give each of {processes} processes a batch of {self._scans} scans. "
            "Lower loop.batch, or train in fewer processes."
        )

    def __iter__(self) -> Iterator[list[int]]:
        rank, processes = _processes()
        rng = np.random.default_rng([self._seed, self.epoch])
        drawn = [np.sort(rng.choice(group, self._size(group), replace=False)) for group in self._groups]
        order = rng.permutation(len(drawn))
        for number in range(len(self)):
            start = (number * processes + rank) * self._scans
            yield np.concatenate([drawn[scan] for scan in order[start : start + self._scans]]).tolist()


def _processes() -> tuple[int, int]:
    """Return the number of this process among those that train together, and how many these are."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1


def training_loader(
    store: SliceDataset, per_scan: int, batch: int, seed: int, workers: int = 0, whole_scans: bool = False
) -> DataLoader[Batch]:
    """Return a loader of batches with randomly drawn slices, fetched by `workers` additional processes."""
    batches = ScanBatches if whole_scans else SliceBatches
    return DataLoader(
        store,
        sampler=batches(store.owner, per_scan, batch, seed),
        batch_size=None,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
    )


def validation_loader(store: SliceDataset, batch: int, whole_scans: bool = False) -> DataLoader[Batch]:
    """Return a loader of all slices in order, in batches of a number of slices or of one scan each."""
    if whole_scans:
        scans = [np.flatnonzero(store.owner == scan).tolist() for scan in np.unique(store.owner)]
        return DataLoader(store, sampler=scans, batch_size=None)
    return DataLoader(store, sampler=BatchSampler(SequentialSampler(store), batch, drop_last=False), batch_size=None)
