from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lgeqa.errors import OutputError, TrainingError
from lgeqa.training import slice_store as module
from lgeqa.training.slice_store import (
    SliceBatches,
    SliceDataset,
    Slices,
    open_store,
    training_loader,
    validation_loader,
)


def scans(count: int = 3) -> Iterator[Slices]:
    for number in range(count):
        n = 4 + number
        field = np.full((n, 8, 8), number, np.float32)
        yield Slices(field, (field > 0).astype(np.uint8), np.full(4, number % 2, np.float32))


def store(folder: Path) -> SliceDataset:
    return open_store(folder, {"made": 1}, scans)


def test_slices_keep_their_owner_mask_and_labels(tmp_path: Path) -> None:
    held = store(tmp_path)
    assert len(held) == 4 + 5 + 6
    batch = held[[8, 2]]
    assert batch["scan"].tolist() == [1, 0]
    assert batch["slice"].mean(dim=(1, 2, 3)).tolist() == [1, 0]
    assert batch["mask"].mean(dim=(1, 2, 3)).tolist() == [1, 0]
    assert batch["label"].tolist() == [[1, 1, 1, 1], [0, 0, 0, 0]]
    assert batch["slice"].shape == batch["mask"].shape == (2, 1, 8, 8)
    everything = held[list(range(15))]
    assert (
        everything["slice"].mean(dim=(1, 2, 3)).tolist() == everything["scan"].tolist() == [0] * 4 + [1] * 5 + [2] * 6
    )
    assert {tensor.dtype for name, tensor in batch.items() if name != "scan"} == {torch.float32}


def test_some_scans_of_a_store_are_a_store(tmp_path: Path) -> None:
    def rising() -> Iterator[Slices]:
        for number, n in enumerate((2, 3, 2)):
            field = np.broadcast_to(np.arange(10 * number, 10 * number + n)[:, None, None], (n, 2, 2))
            context = np.arange(n)[:, None].repeat(2, axis=1)
            yield Slices(field.astype(np.float32), (field >= 20).astype(np.uint8), np.full(4, number), context)

    whole = open_store(tmp_path, {}, rising)
    part = SliceDataset(tmp_path, [0, 2])
    assert len(part) == 4
    assert part.owner.tolist() == [0, 0, 1, 1]
    assert part.labels[:, 0].tolist() == [0, 2]
    batch = part[[3, 0]]
    assert batch["slice"][:, :, 0, 0].tolist() == [[21, 21], [0, 0]]
    assert batch["mask"][:, 0, 0, 0].tolist() == [1, 0]
    assert batch["scan"].tolist() == [1, 0]
    assert batch["label"][:, 0].tolist() == [2, 0]
    everything = list(range(len(whole)))
    assert torch.equal(SliceDataset(tmp_path, [0, 1, 2])[everything]["slice"], whole[everything]["slice"])


def test_the_middle_of_slices_leaves_the_store_as_it_is(tmp_path: Path) -> None:
    def rising() -> Iterator[Slices]:
        field = np.arange(2 * 64).reshape(2, 8, 8)
        yield Slices(field.astype(np.float32), (field % 3).astype(np.uint8), np.zeros(4, np.float32))

    whole = open_store(tmp_path, {}, rising)
    middle = whole.middle(4)[[1, 0]]
    for name in ("slice", "mask"):
        assert torch.equal(middle[name], whole[[1, 0]][name][..., 2:6, 2:6])
    assert torch.equal(middle["label"], whole[[1, 0]]["label"])
    assert whole[[0]]["slice"].shape == (1, 1, 8, 8)


def test_neighbouring_slices_come_from_the_same_scan(tmp_path: Path) -> None:
    def rising() -> Iterator[Slices]:
        for first in (0, 10):
            field = np.broadcast_to(np.arange(first, first + 3, dtype=np.float16)[:, None, None], (3, 2, 2))
            context = np.array([[0, 0, 1], [0, 1, 2], [1, 2, 2]])
            yield Slices(field, (field > 0).astype(np.uint8), np.zeros(4, np.float32), context)

    batch = open_store(tmp_path, {"made": 1}, rising)[[0, 3, 4, 5]]
    seen = batch["slice"][:, :, 0, 0].tolist()
    assert seen == [[0, 0, 1], [10, 10, 11], [10, 11, 12], [11, 12, 12]]
    assert batch["slice"].dtype == torch.float32


def test_a_store_is_made_once_for_a_key(tmp_path: Path) -> None:
    store(tmp_path)

    def fail() -> Iterator[Slices]:
        raise AssertionError("made again")
        yield  # type: ignore[unreachable]

    open_store(tmp_path, {"made": 1}, fail)
    open_store(tmp_path / "other", {"one": 1, "two": 2}, scans)
    open_store(tmp_path / "other", {"two": 2, "one": 1}, fail)
    assert len(open_store(tmp_path, {"made": 2}, lambda: scans(1))) == 4


def test_a_store_cut_short_is_made_again(tmp_path: Path) -> None:
    def break_off() -> Iterator[Slices]:
        yield from scans(1)
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        open_store(tmp_path, {"made": 1}, break_off)
    assert len(store(tmp_path)) == 15


def test_a_store_that_was_partly_written_over_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(tmp_path)
    save = np.save

    def full(path: Path, arr: np.ndarray) -> None:
        if "masks" in path.name:
            raise OSError("58392576 requested and 0 written")  # numpy tells it so
        save(path, arr)

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OutputError, match=r"masks.npy: cannot be written \(58392576 requested"):
        open_store(tmp_path, {"made": 2}, lambda: scans(1))
    monkeypatch.undo()
    assert len(store(tmp_path)) == len(store(tmp_path).slices) == 15


def test_other_processes_wait_for_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def meanwhile(_: float) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(module, "is_main", lambda: True)
            store(tmp_path)

    def fail() -> Iterator[Slices]:
        raise AssertionError("made by a process that is not the main one")
        yield  # type: ignore[unreachable]

    monkeypatch.setattr(module, "is_main", lambda: False)
    monkeypatch.setattr("time.sleep", meanwhile)
    assert len(open_store(tmp_path, {"made": 1}, fail)) == 15


def test_slices_of_every_scan_are_redrawn_each_epoch(tmp_path: Path) -> None:
    owner = store(tmp_path).owner
    batches = SliceBatches(owner, 2, 3, seed=0)
    first, again = list(batches), list(batches)
    assert first == again
    assert [len(batch) for batch in first] == [3, 3]
    assert len(batches) == 2
    drawn = [index for batch in first for index in batch]
    assert sorted(owner[drawn].tolist()) == [0, 0, 1, 1, 2, 2]
    assert len(set(drawn)) == 6
    assert owner[drawn].tolist() != sorted(owner[drawn])
    other = list(SliceBatches(owner, 2, 3, seed=1))
    assert other != first
    assert list(training_loader(store(tmp_path), 2, 3, seed=1).sampler) == other
    batches.set_epoch(1)
    assert list(batches) != first


def test_all_slices_are_drawn_where_none_are_counted(tmp_path: Path) -> None:
    assert sorted(SliceBatches(store(tmp_path).owner, 0, 5, seed=0).draw().tolist()) == list(range(15))


def test_processes_that_train_together_share_an_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = store(tmp_path).owner
    alone = list(SliceBatches(owner, 0, 3, seed=0))
    shares = []
    for rank in (0, 1):
        monkeypatch.setattr("lgeqa.training.slice_store._processes", lambda rank=rank: (rank, 2))
        shares.append(list(SliceBatches(owner, 0, 3, seed=0)))
    assert shares == [alone[0:4:2], alone[1:4:2]]
    with pytest.raises(TrainingError, match=r"15 slices an epoch do not give each of 2 processes a batch of 9\. Lower"):
        list(SliceBatches(owner, 0, 9, seed=0))


def test_incomplete_last_batch_is_dropped_unless_alone(tmp_path: Path) -> None:
    held = store(tmp_path)
    assert [len(batch["slice"]) for batch in training_loader(held, 0, 6, seed=0)] == [6, 6]
    assert [len(batch["slice"]) for batch in training_loader(held, 0, 60, seed=0)] == [15]
    assert sum(len(batch["slice"]) for batch in validation_loader(held, 6)) == 15


def test_a_store_of_another_version_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code that prepares slices may have changed."""
    store(tmp_path)
    monkeypatch.setattr(module, "versions", lambda: {"lgeqa": "99"})
    assert len(open_store(tmp_path, {"made": 1}, lambda: scans(1))) == 4


def test_hashes_are_those_of_the_scans_used(tmp_path: Path) -> None:
    made = [replace(scan, hashes=(f"{number}", "real")) for number, scan in enumerate(scans())]
    assert open_store(tmp_path, {}, lambda: made).hashes == [("0", "real"), ("1", "real"), ("2", "real")]
    assert SliceDataset(tmp_path, [2]).hashes == [("2", "real")]
    (tmp_path / "hashes.json").unlink()
    assert SliceDataset(tmp_path, [2]).hashes == [()]
