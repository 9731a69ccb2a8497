"""What the loop promises whatever the strategy."""

import csv
import errno
import logging
import math
import os
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchmetrics import Metric

from lgeqa.errors import OutputError, TrainingError
from lgeqa.training.augmentation import Augmentation
from lgeqa.training.loop import LoopSettings, Recipe, fit, seeded_init
from lgeqa.training.progress import ProgressReporter, _duration
from lgeqa.training.slice_store import Batch, SliceDataset, Slices, open_store

# Lightning warns of its own dependencies, and of loaders without workers.
pytestmark = pytest.mark.filterwarnings("ignore")

QUICK: dict[str, Any] = {"epochs": 3, "batch": 2, "threads": 1, "learning_rate": 0.1, "patience": 0}


class Level(nn.Module):
    """One number, to be brought to the slices' mean."""

    def __init__(self) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.zeros(1))


class LevelRecipe(Recipe):
    """Learns the mean; `spoil` makes a step go wrong."""

    watched = "validation/error"
    better = "min"
    spoil: Any = None

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        if self.spoil:
            self.spoil(self)
        return {"error": (batch["slice"].mean() - self.network.level).square().sum()}

    def validate(self, batch: Batch) -> dict[str, Tensor | Metric]:
        return {"validation/error": (batch["slice"].mean() - self.network.level).square().sum()}


def recipe(**settings: Any) -> LevelRecipe:
    return LevelRecipe(Level(), LoopSettings.of(QUICK | settings), 8)


def store(folder: Path) -> SliceDataset:
    def make() -> Iterator[Slices]:
        yield Slices(np.ones((8, 8, 8), np.float32), np.zeros((8, 8, 8), np.uint8), np.zeros(4, np.float32))

    return open_store(folder / "store", {}, make)


def level(folder: Path, one: LevelRecipe) -> float:
    data = store(folder)
    return float(fit(one, data, data, folder, quiet=True).level)  # type: ignore[arg-type]


def test_the_last_or_the_best_epoch_is_kept(tmp_path: Path) -> None:
    oscillates = {"learning_rate": 0.3, "epochs": 2, "floor": 0.3}  # 1.11 after the first epoch, 1.48 after the second
    last = level(tmp_path / "last", recipe(keep="last", **oscillates))
    best = level(tmp_path / "best", recipe(keep="best", **oscillates))
    assert abs(1 - best) < 0.2 < abs(1 - last)


def test_validation_counts_slices_and_not_batches(tmp_path: Path) -> None:
    field = np.ones((3, 8, 8), np.float32)
    field[2] = 4
    scan = Slices(field, np.zeros((3, 8, 8), np.uint8), np.zeros(4, np.float32))
    data = open_store(tmp_path / "store", {}, lambda: [scan])
    one = recipe(epochs=1, learning_rate=1e-9, floor=0)
    fit(one, data, data, tmp_path, quiet=True)
    # Batches of 2 and 1: an error of 1 counts twice, and one of 16 once.
    assert float(one.trainer.callback_metrics["validation/error"]) == pytest.approx(6)


class Watching(LevelRecipe):
    """Notes the slices of each step by their value, and how the loss is computed."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(Level(), LoopSettings.of(QUICK | {"augmentation": {"probability": 0.0}} | settings), 8)
        self.steps: list[list[int]] = []
        self.autocast: set[bool] = set()
        self.moved_in_autocast: set[bool] = set()
        self.validated: list[int] = []

    def augmented(self, batch: Batch, generator: torch.Generator) -> Batch:
        self.moved_in_autocast.add(torch.is_autocast_enabled("cpu"))
        return super().augmented(batch, generator)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        self.steps.append(batch["slice"].mean(dim=(1, 2, 3)).round().int().tolist())
        self.autocast.add(torch.is_autocast_enabled("cpu"))
        return super().losses(batch)

    def validate(self, batch: Batch) -> dict[str, Tensor | Metric]:
        self.validated += batch["slice"].mean(dim=(1, 2, 3)).round().int().tolist()
        return super().validate(batch)


def numbered(folder: Path, *scans: range) -> SliceDataset:
    """A store whose slices hold the numbers of the scans' ranges."""

    def make() -> Iterator[Slices]:
        for scan in scans:
            field = np.broadcast_to(np.array(scan, np.float32)[:, None, None], (len(scan), 8, 8))
            yield Slices(field, np.zeros_like(field, np.uint8), np.zeros(4, np.float32))

    return open_store(folder, {}, make)


def test_each_epoch_draws_from_every_scan_and_validates_on_all(tmp_path: Path) -> None:
    training, validation = (
        numbered(tmp_path / "training", range(10), range(10, 20)),
        numbered(tmp_path / "validation", range(50, 53)),
    )
    seen = []
    for run, seed in (("one", 0), ("again", 0), ("other", 1)):
        one = Watching(slices_per_scan=2, epochs=2, seed=seed)
        fit(one, training, validation, tmp_path / run, quiet=True)
        seen.append(one.steps)
        assert one.validated == [50, 51, 52] * 2  # once an epoch, and not before the first
    assert [len(step) for step in seen[0]] == [2, 2] * 2
    for first, second in (seen[0][:2], seen[0][2:]):
        assert sorted(number < 10 for number in first + second) == [False, False, True, True]
    assert seen[0] == seen[1] != seen[2]


def test_settings_of_precision_and_threads_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads_set: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", threads_set.append)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    data = numbered(tmp_path / "store", range(4))
    for precision, threads in (("32-true", 0), ("bf16-mixed", 3)):
        one = Watching(epochs=1, precision=precision, threads=threads)
        fit(one, data, data, tmp_path / precision, quiet=True)
        assert one.autocast == {precision == "bf16-mixed"}
        assert one.moved_in_autocast == {False}  # half a pixel is lost otherwise
    # Each training leaves the number as it was, so that the next one does not depend on it.
    assert threads_set == [7, 7, 3, 7]


def test_training_ends_in_evaluation_mode_without_notices(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.INFO)
    caplog.set_level(logging.INFO)
    data = store(tmp_path)
    assert not fit(recipe(epochs=1), data, data, tmp_path, quiet=True).training
    assert [record.name for record in caplog.records if record.name.startswith("lightning")] == []


def test_patience_stops_a_run_that_gets_no_better(tmp_path: Path) -> None:
    one = recipe(epochs=30, patience=2, learning_rate=3.0, floor=3.0)
    level(tmp_path, one)
    with (tmp_path / "logs" / "version_0" / "metrics.csv").open() as lines:
        told = [line["validation/error"] for line in csv.DictReader(lines)]
    errors = [float(error) for error in told if error]
    assert len(errors) == errors.index(min(errors)) + 1 + 2 < 30


def test_nan_loss_stops_with_the_last_checkpoint_intact(tmp_path: Path) -> None:
    one = recipe()

    def spoil(module: Recipe) -> None:
        if module.current_epoch == 1:
            with torch.no_grad():
                module.network.level.fill_(math.nan)

    one.spoil = spoil
    with pytest.raises(TrainingError, match=r"no number any more \(error nan\) at step 0 of epoch 2.*it is 0.1"):
        level(tmp_path, one)
    kept = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    assert kept["epoch"] == 0
    assert kept["state_dict"]["network.level"].isfinite()


def test_a_full_disk_stops_with_the_last_checkpoint_intact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    level(tmp_path, recipe(epochs=1))
    before = (tmp_path / "checkpoints" / "last.ckpt").read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("lightning.fabric.plugins.io.torch_io._atomic_save", full)
    with pytest.raises(OutputError, match=r"cannot be written \(the disk is full\).*start again to continue"):
        level(tmp_path, recipe(epochs=2))
    assert (tmp_path / "checkpoints" / "last.ckpt").read_bytes() == before


def test_a_lost_worker_is_reported(tmp_path: Path) -> None:
    one = recipe(workers=1)

    def spoil(module: Recipe) -> None:
        for worker in module.trainer.train_dataloader._iterator._workers:  # type: ignore[union-attr]
            os.kill(worker.pid, signal.SIGKILL)

    one.spoil = spoil
    with pytest.raises(TrainingError, match=r"a process that fetches data was lost.*fewer loop.workers"):
        level(tmp_path, one)


def test_other_errors_are_not_taken_for_a_lost_worker(tmp_path: Path) -> None:
    one = recipe()

    def spoil(_: Recipe) -> None:
        raise RuntimeError("a fault of the recipe")

    one.spoil = spoil
    with pytest.raises(RuntimeError, match="a fault of the recipe"):
        level(tmp_path, one)


def test_initial_weights_follow_the_seed_and_keep_global_state() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    with seeded_init(1):
        one = torch.rand(1)
    after = torch.rand(1)
    with seeded_init(1):
        again = torch.rand(1)
    with seeded_init(2):
        other = torch.rand(1)
    assert after == expected
    assert one == again != other


def test_an_epoch_logs_how_much_of_it_was_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = recipe(epochs=1)
    level(tmp_path, one)
    little = float(one.trainer.callback_metrics["train/waiting"])
    fetch = SliceDataset.__getitem__

    def slow(self: SliceDataset, indices: list[int]) -> Batch:
        torch.linspace(0, 1, 30_000_000).sin_().sum().item()
        return fetch(self, indices)

    monkeypatch.setattr(SliceDataset, "__getitem__", slow)
    other = recipe(epochs=1)
    level(tmp_path / "slow", other)
    assert 0 <= little < float(other.trainer.callback_metrics["train/waiting"]) <= 1
    assert float(other.trainer.callback_metrics["train/waiting"]) > 0.5


def test_each_epoch_is_a_line_in_a_pipe(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = store(tmp_path)
    fit(recipe(epochs=2), data, data, tmp_path, quiet=False)
    lines = capfd.readouterr().err.splitlines()
    told = [line for line in lines if line.startswith("Level: epoch")]
    assert len(told) == 2
    assert told[0].startswith("Level: epoch 1 of 2, train/loss ")
    assert ", validation/error " in told[0]
    assert told[1].endswith(", 0 s left")
    fit(recipe(epochs=3), data, data, tmp_path, quiet=False)
    assert "Level: continues after epoch 2" in capfd.readouterr().err
    fit(recipe(epochs=4), data, data, tmp_path, quiet=True)
    assert "Level:" not in capfd.readouterr().err
    # Each time it was taken up has logs of its own, of CSV and of TensorBoard.
    logs = sorted((tmp_path / "logs").iterdir())
    assert [folder.name for folder in logs] == ["version_0", "version_1", "version_2"]
    assert all((folder / "metrics.csv").is_file() and list(folder.glob("events*")) for folder in logs)


def shown(epoch: int, monkeypatch: pytest.MonkeyPatch) -> tuple[ProgressReporter, Any]:
    """The bar of a training of 4 epochs of 5 steps that starts, or goes on, with this epoch, and its trainer."""
    monkeypatch.setattr("lgeqa.training.progress.perf_counter", iter((0.0, 10.0)).__next__)
    figures = {"train/loss": torch.tensor(0.5), "watched": torch.tensor(0.25)}
    trainer = SimpleNamespace(current_epoch=epoch, max_epochs=4, num_training_batches=5, callback_metrics=figures)
    one = ProgressReporter("Level")
    one.on_train_start(trainer, None)  # type: ignore[arg-type]
    return one, trainer


@pytest.mark.parametrize(("epoch", "left"), [(0, "30 s"), (2, "10 s")])
def test_time_left_is_estimated_from_epochs_since_the_start(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, epoch: int, left: str
) -> None:
    one, trainer = shown(epoch, monkeypatch)
    one.on_train_epoch_end(trainer, SimpleNamespace(watched="watched"))  # type: ignore[arg-type]
    lines = capfd.readouterr().err.splitlines()
    goes_on = ["Level: continues after epoch 2"] if epoch else []
    assert lines == [*goes_on, f"Level: epoch {epoch + 1} of 4, train/loss 0.5000, watched 0.2500, {left} left"]


def test_progress_bar_resumes_and_ends_for_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes what is captured for a terminal
    one, _ = shown(2, monkeypatch)
    [task] = one._bar.tasks
    assert (task.completed, task.total) == (10, 20)
    one.on_train_batch_end()
    assert task.completed == 11
    assert one._bar.live.is_started
    one.on_exception()
    assert not one._bar.live.is_started


@pytest.mark.parametrize(("seconds", "told"), [(4.2, "4 s"), (59.7, "60 s"), (700, "12 min"), (3900, "1 h 05 min")])
def test_how_long_it_takes(seconds: float, told: str) -> None:
    assert _duration(seconds) == told


def test_two_views_are_moved_apart() -> None:
    class TwoViews(LevelRecipe):
        views = 2

    one = TwoViews(Level(), LoopSettings.of(QUICK), 8)
    batch = {"slice": torch.rand(3, 1, 8, 8), "mask": torch.zeros(3, 1, 8, 8), "label": torch.rand(3, 4)}
    moved, again, later = (one.augmented(batch, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert moved["slice"].shape == (6, 1, 8, 8)
    assert torch.equal(moved["label"][:3], moved["label"][3:])
    assert (moved["slice"][:3] - moved["slice"][3:]).abs().max() > 0.01
    assert torch.equal(moved["slice"], again["slice"])
    assert not torch.equal(moved["slice"], later["slice"])


def test_a_window_is_cut_out_pixel_by_pixel() -> None:
    still = Augmentation(probability=0, window=0.75)
    cut = LevelRecipe(Level(), LoopSettings(augmentation=still), side=64)
    batch = {"slice": torch.rand(2, 1, 64, 64), "mask": (torch.rand(2, 1, 64, 64) > 0.5).float()}
    views = cut.augmented(batch, torch.Generator())
    torch.testing.assert_close(views["slice"], batch["slice"][..., 8:56, 8:56], atol=1e-5, rtol=0)
    torch.testing.assert_close(views["mask"], batch["mask"][..., 8:56, 8:56])


def test_a_moved_mask_has_no_values_between() -> None:
    mask = (torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    batch = {"slice": torch.rand(6, 1, 8, 8), "mask": mask}
    moved = recipe().augmented(batch, torch.Generator().manual_seed(0))["mask"]
    assert not torch.equal(moved, mask)
    assert set(moved.flatten().tolist()) == {0, 1}


def test_each_step_of_each_epoch_redraws_and_again_the_same(tmp_path: Path) -> None:
    """What a step draws hangs on seed, epoch and step alone: no two of a run are alike, and two runs are."""

    class Drawn(LevelRecipe):
        def augmented(self, batch: Batch, generator: torch.Generator) -> Batch:
            seeds.append(generator.initial_seed())
            return super().augmented(batch, generator)

    seeds: list[int] = []
    for run, seed in (("one", 0), ("again", 0), ("other", 1)):
        level(tmp_path / run, Drawn(Level(), LoopSettings.of(QUICK | {"seed": seed}), 8))
    one, again, other = seeds[:12], seeds[12:24], seeds[24:]
    assert one == again
    assert len(set(one + other)) == 24


class NormalisedRecipe(LevelRecipe):
    """Learns the mean of batch-normalised slices, whose statistics follow slowly."""

    def __init__(self, keeps_statistics: bool) -> None:
        super().__init__(Level(), LoopSettings.of(QUICK | {"epochs": 1, "augmentation": {"probability": 0}}), 8)
        self.network.norm = nn.BatchNorm2d(1)
        self.keeps_statistics = keeps_statistics

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        return {"error": (self.network.norm(batch["slice"]).mean() - self.network.level).square().sum()}


@pytest.mark.parametrize("keeps", [False, True])
def test_statistics_are_estimated_after_the_training(tmp_path: Path, keeps: bool) -> None:
    data = store(tmp_path)  # all pixels are 1
    network = fit(NormalisedRecipe(keeps), data, data, tmp_path, quiet=True)
    norm = network.get_submodule("norm")
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert (abs(norm.running_mean.item() - 1) < 1e-6) is not keeps
    assert norm.momentum == 0.1
    assert not network.training


def test_training_prints_nothing_but_its_progress(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither at the start nor resumed, nor on a machine of many cores or with SLURM, where Lightning has wishes."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "srun").touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("lightning.pytorch.trainer.connectors.data_connector.suggested_max_num_workers", lambda _: 16)
    data = store(tmp_path)
    for epochs in (1, 2):
        with warnings.catch_warnings(record=True) as caught:
            warnings.resetwarnings()
            warnings.filterwarnings("ignore", category=DeprecationWarning)
            fit(recipe(epochs=epochs), data, data, tmp_path, quiet=False)
        assert [str(warning.message) for warning in caught] == []
    output = capfd.readouterr()
    assert output.out == ""
    assert [line.split(",")[0] for line in output.err.splitlines()] == [
        "Level: epoch 1 of 1",
        "Level: continues after epoch 1",
        "Level: epoch 2 of 2",
    ]
