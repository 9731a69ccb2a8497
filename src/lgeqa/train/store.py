"""Prepared slices of a cohort, made once and kept on disk, and the batches drawn from them."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from lgeqa.records import FloatArray

Batch = dict[str, Tensor]


@dataclass(frozen=True)
class Slices:
    """Prepared slices of one scan.

    Attributes:
        slices: (slice, row, column), as the network sees them.
        masks: uint8 of the same shape, the blood pool.
        labels: (4,) 0 or 1 in the order of `attributes.NAMES`; NaN where there is no score.
    """

    slices: FloatArray
    masks: npt.NDArray[np.uint8]
    labels: FloatArray


class Store(Dataset[Batch]):
    """Prepared slices of many scans, mapped from disk; item i is one slice.

    Attributes:
        owner: (slices,) which scan a slice belongs to.
        labels: (scans, 4).
    """

    def __init__(self, folder: Path) -> None:
        self.slices = np.load(folder / "slices.npy", mmap_mode="r")
        self.masks = np.load(folder / "masks.npy", mmap_mode="r")
        self.owner = np.load(folder / "owner.npy")
        self.labels = np.load(folder / "labels.npy")

    def __len__(self) -> int:
        return len(self.owner)

    def __getitem__(self, index: int) -> Batch:
        """One slice: `slice` and `mask` float32 (1, row, column), `label` (4,), `scan` its owner."""
        owner = self.owner[index]
        return {
            "slice": torch.from_numpy(self.slices[index].astype(np.float32))[None],
            "mask": torch.from_numpy(self.masks[index].astype(np.float32))[None],
            "label": torch.from_numpy(self.labels[owner]),
            "scan": torch.tensor(owner),
        }


def open_store(folder: Path, key: dict[str, Any], make: Callable[[], Iterable[Slices]]) -> Store:
    """Open the store in `folder`, making it first unless it was made for the same key.

    Args:
        folder: where the store lies.
        key: all that the slices depend on; a store with another key is made anew.
        make: yields the slices of each scan, all slices of one shape.
    """
    stamp = folder / "store.json"
    wanted = json.dumps(key, sort_keys=True, default=str)
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        _write(folder, make())
        # Written last, so that a store cut short is made anew.
        stamp.write_text(wanted, encoding="utf-8")
    return Store(folder)


def _write(folder: Path, scans: Iterable[Slices]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "store.json").unlink(missing_ok=True)
    slices, masks, owner, labels = [], [], [], []
    for number, scan in enumerate(scans):
        slices.append(scan.slices)
        masks.append(scan.masks)
        owner.append(np.full(len(scan.slices), number))
        labels.append(scan.labels)
    np.save(folder / "slices.npy", np.concatenate(slices))
    np.save(folder / "masks.npy", np.concatenate(masks))
    np.save(folder / "owner.npy", np.concatenate(owner))
    np.save(folder / "labels.npy", np.stack(labels).astype(np.float32))


class SliceSampler(Sampler[int]):
    """Draws a number of slices of every scan, anew each epoch, in a random order.

    The draw depends on the seed and the epoch alone, so a run that is taken up again draws the same.

    Args:
        owner: (slices,) which scan a slice belongs to.
        per_scan: slices of each scan; 0 for all.
        seed: of the draws.
    """

    def __init__(self, owner: Sequence[int] | npt.NDArray[np.int64], per_scan: int, seed: int) -> None:
        _, starts = np.unique(owner, return_index=True)
        self._groups = np.split(np.arange(len(owner)), starts[1:])
        self._per_scan = per_scan
        self._seed = seed
        self.epoch = 0

    def _size(self, group: npt.NDArray[np.int64]) -> int:
        return min(self._per_scan, len(group)) if self._per_scan else len(group)

    def __len__(self) -> int:
        return sum(self._size(group) for group in self._groups)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch to draw for; Lightning calls this."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng([self._seed, self.epoch])
        chosen = [rng.choice(group, self._size(group), replace=False) for group in self._groups]
        return iter(rng.permutation(np.concatenate(chosen)).tolist())


def training_loader(store: Store, per_scan: int, batch: int, seed: int) -> DataLoader[Batch]:
    """Batches of randomly drawn slices; an incomplete last batch is dropped unless it is the only one."""
    sampler = SliceSampler(store.owner, per_scan, seed)
    return DataLoader(store, batch_size=batch, sampler=sampler, drop_last=len(sampler) >= batch)


def validation_loader(store: Store, batch: int) -> DataLoader[Batch]:
    """All slices in order."""
    return DataLoader(store, batch_size=batch)
