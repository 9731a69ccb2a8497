from pathlib import Path

import pytest

from lgeqa.errors import UsageError
from lgeqa.evaluation.training_log import read_metrics


def log(run: Path, version: int, *rows: str) -> None:
    folder = run / "logs" / f"version_{version}"
    folder.mkdir(parents=True)
    (folder / "metrics.csv").write_text("\n".join(["epoch,step,train/loss,validation/mse", *rows]) + "\n")


def test_rows_of_an_epoch_are_joined(tmp_path: Path) -> None:
    log(tmp_path, 0, "0,7,,0.5", "0,7,1.5,", "1,15,,0.25", "1,15,1.25,")

    assert read_metrics(tmp_path) == {
        0: {"validation/mse": 0.5, "train/loss": 1.5},
        1: {"validation/mse": 0.25, "train/loss": 1.25},
    }


def test_a_later_log_replaces_all_from_its_first_epoch_on(tmp_path: Path) -> None:
    log(tmp_path, 0, "0,7,1.0,0.5", "1,15,0.9,0.4", "2,23,0.8,0.3", "3,31,,0.2")
    log(tmp_path, 1, "2,23,0.7,", "2,23,,0.1")

    assert read_metrics(tmp_path) == {
        0: {"train/loss": 1.0, "validation/mse": 0.5},
        1: {"train/loss": 0.9, "validation/mse": 0.4},
        2: {"train/loss": 0.7, "validation/mse": 0.1},
    }


def test_logs_are_joined_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for version in range(12):
        log(tmp_path, version, f"{version},7,{version}.5,")

    assert read_metrics(tmp_path) == {epoch: {"train/loss": epoch + 0.5} for epoch in range(12)}


def test_a_log_that_holds_nothing_takes_nothing_away(tmp_path: Path) -> None:
    log(tmp_path, 0, "0,7,1.0,0.5")
    log(tmp_path, 1)
    (tmp_path / "logs/version_2").mkdir()

    assert list(read_metrics(tmp_path)) == [0]


def test_a_folder_without_logs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"{tmp_path.name}: holds no logs"):
        read_metrics(tmp_path)


def test_what_lightning_writes_can_be_read(tmp_path: Path) -> None:
    from lightning.pytorch.loggers import CSVLogger

    for _ in range(2):  # the run is taken up once
        logger = CSVLogger(tmp_path, "logs")
        logger.log_metrics({"validation/mse": 0.5, "epoch": 0}, step=7)
        logger.log_metrics({"train/loss": 1.5, "epoch": 0}, step=7)
        logger.save()

    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == ["version_0", "version_1"]
    assert read_metrics(tmp_path) == {0: {"validation/mse": 0.5, "train/loss": 1.5}}
