"""Prepared slices of a cohort, made once and kept on disk, and the batches drawn from them."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, Sampler, SequentialSampler

from lgeqa.errors import TrainingError
from lgeqa.records import FloatArray, IntArray
from lgeqa.train.processes import is_main
from lgeqa.writing import telling, write_through, write_whole

Batch = dict[str, Tensor]


@dataclass(frozen=True)
class Slices:
    """Prepared slices of one scan.

    Attributes:
        slices: (slice, row, column), as the network sees them.
        masks: uint8 of the same shape, the blood pool.
        labels: (4,) 0 to 1 in the order of `attributes.NAMES`; NaN where there is no score.
        context: (slice, channel) indices of the slices that the network sees with each; None for each alone.
    """

    slices: npt.NDArray[np.floating]
    masks: npt.NDArray[np.uint8]
    labels: FloatArray
    context: IntArray | None = None


class Store(Dataset[Batch]):
    """Prepared slices of many scans, mapped from disk; an item is a whole batch.

    Args:
        folder: where they lie.
        scans: numbers of the scans to take, rising; None for all.

    Attributes:
        slices, masks: (slices on disk, row, column).
        rows: (slices,) where on disk each slice lies.
        context: (slices, channel) where on disk the slices lie that the network sees with each.
        owner: (slices,) number of the scan that a slice belongs to, among those taken.
        labels: (scans, 4).
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

    def __len__(self) -> int:
        return len(self.rows)

    def middle(self, side: int) -> Self:
        """Return the same slices, of which the middle `side` x `side` pixels alone are given."""
        first = (self.slices.shape[-1] - side) // 2
        seen = slice(first, first + side)
        other = copy(self)
        other.slices, other.masks = self.slices[:, seen, seen], self.masks[:, seen, seen]
        return other

    def __getitem__(self, indices: Sequence[int]) -> Batch:
        """The slices of `indices`: `slice` (n, channel, row, column), `mask` (n, 1, row, column), `label` (n, 4).

        All are float32; `scan` (n,) is the owner of each.
        """
        owner = self.owner[indices]
        return {
            "slice": torch.from_numpy(self.slices[self.context[indices]].astype(np.float32, copy=False)),
            "mask": torch.from_numpy(self.masks[self.rows[indices]][:, None].astype(np.float32)),
            "label": torch.from_numpy(self.labels[owner]),
            "scan": torch.from_numpy(owner),
        }


def open_store(folder: Path, key: dict[str, Any], make: Callable[[], Iterable[Slices]]) -> Store:
    """Open the store in `folder`, making it first unless it was made for the same key.

    Args:
        folder: where the store lies.
        key: all that the slices depend on; a store with another key is made anew.
        make: yields the slices of each scan, all slices of one shape.

    Raises:
        OutputError: it cannot be written.
    """
    stamp = folder / "store.json"
    wanted = json.dumps(key, sort_keys=True, default=str)

    def ready() -> bool:
        return stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted

    while not is_main() and not ready():
        time.sleep(1)  # the main process of the training makes it
    if not ready():
        _write(folder, make())
        # Written last, so that a store cut short is made anew.
        write_whole(stamp, wanted)
    return Store(folder)


def _write(folder: Path, scans: Iterable[Slices]) -> None:
    with telling(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "store.json").unlink(missing_ok=True)
    slices, masks, context, owner, labels = [], [], [], [], []
    start = 0
    for number, scan in enumerate(scans):
        alone = np.arange(len(scan.slices))[:, None]
        slices.append(scan.slices)
        masks.append(scan.masks)
        context.append(start + (alone if scan.context is None else scan.context))
        owner.append(np.full(len(scan.slices), number))
        labels.append(scan.labels)
        start += len(scan.slices)
    for name, parts in (("slices", slices), ("masks", masks), ("context", context), ("owner", owner)):
        write_through(folder / f"{name}.npy", partial(np.save, arr=np.concatenate(parts)))
    write_through(folder / "labels.npy", partial(np.save, arr=np.stack(labels).astype(np.float32)))


class SliceBatches(Sampler[list[int]]):
    """Batches of a number of slices of every scan, drawn anew each epoch, in a random order.

    The draw depends on the seed and the epoch alone, so a run that is taken up again draws the same. Where several
    processes train together each takes every so-manieth batch. An incomplete last batch is dropped unless it is the
    only one.

    Args:
        owner: (slices,) which scan a slice belongs to.
        per_scan: slices of each scan; 0 for all.
        batch: slices in a batch.
        seed: of the draws.
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
        """Choose the epoch to draw for; Lightning calls this."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        rank, processes = _processes()
        drawn = self.draw()
        for number in range(len(self)):
            start = (number * processes + rank) * self._batch
            yield drawn[start : start + self._batch].tolist()

    def draw(self) -> IntArray:
        """All slices of the epoch, in order."""
        rng = np.random.default_rng([self._seed, self.epoch])
        return rng.permutation(
            np.concatenate([rng.choice(group, self._size(group), replace=False) for group in self._groups])
        )

    def _size(self, group: IntArray) -> int:
        return min(self._per_scan, len(group)) if self._per_scan else len(group)


def _processes() -> tuple[int, int]:
    """The number of this process among those that train together, and how many they are."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1


def training_loader(store: Store, per_scan: int, batch: int, seed: int, workers: int = 0) -> DataLoader[Batch]:
    """Batches of randomly drawn slices, fetched by `workers` processes beside this one."""
    return DataLoader(
        store,
        sampler=SliceBatches(store.owner, per_scan, batch, seed),
        batch_size=None,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
    )


def validation_loader(store: Store, batch: int) -> DataLoader[Batch]:
    """All slices in order."""
    return DataLoader(store, sampler=BatchSampler(SequentialSampler(store), batch, drop_last=False), batch_size=None)
