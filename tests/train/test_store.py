from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lgeqa.train.store import Slices, SliceSampler, Store, open_store, training_loader, validation_loader


def scans(count: int = 3) -> Iterator[Slices]:
    for number in range(count):
        n = 4 + number
        field = np.full((n, 8, 8), number, np.float32)
        yield Slices(field, (field > 0).astype(np.uint8), np.full(4, number % 2, np.float32))


def store(folder: Path) -> Store:
    return open_store(folder, {"made": 1}, scans)


def test_slices_keep_their_owner_mask_and_labels(tmp_path: Path) -> None:
    held = store(tmp_path)
    assert len(held) == 4 + 5 + 6
    item = held[8]
    assert item["scan"] == 1
    assert (item["slice"] == 1).all()
    assert (item["mask"] == 1).all()
    assert item["label"].tolist() == [1, 1, 1, 1]
    assert item["slice"].shape == (1, 8, 8)


def test_a_store_is_made_once_for_a_key(tmp_path: Path) -> None:
    store(tmp_path)

    def fail() -> Iterator[Slices]:
        raise AssertionError("made again")
        yield  # type: ignore[unreachable]

    open_store(tmp_path, {"made": 1}, fail)
    assert len(open_store(tmp_path, {"made": 2}, lambda: scans(1))) == 4


def test_a_store_cut_short_is_made_anew(tmp_path: Path) -> None:
    def break_off() -> Iterator[Slices]:
        yield from scans(1)
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        open_store(tmp_path, {"made": 1}, break_off)
    assert len(store(tmp_path)) == 15


def test_the_sampler_draws_slices_of_every_scan_anew_each_epoch(tmp_path: Path) -> None:
    owner = store(tmp_path).owner
    sampler = SliceSampler(owner, 2, seed=0)
    first, again = list(sampler), list(sampler)
    assert first == again
    assert sorted(owner[first].tolist()) == [0, 0, 1, 1, 2, 2]
    assert len(set(first)) == len(sampler) == 6
    sampler.set_epoch(1)
    assert list(sampler) != first


def test_all_slices_are_drawn_where_none_are_counted(tmp_path: Path) -> None:
    assert sorted(SliceSampler(store(tmp_path).owner, 0, seed=0)) == list(range(15))


def test_a_last_batch_that_is_not_full_is_dropped_unless_it_is_the_only_one(tmp_path: Path) -> None:
    held = store(tmp_path)
    assert [len(batch["slice"]) for batch in training_loader(held, 0, 6, seed=0)] == [6, 6]
    assert [len(batch["slice"]) for batch in training_loader(held, 0, 60, seed=0)] == [15]
    assert sum(len(batch["slice"]) for batch in validation_loader(held, 6)) == 15
