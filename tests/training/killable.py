"""A training that can be killed in the middle of an epoch: `python -m tests.training.killable STRATEGY RUN STEP`."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lgeqa.training.detector import DetectorConfig, train_detector
from lgeqa.training.loop import Recipe
from lgeqa.training.quality import STRATEGIES, Prepared
from lgeqa.training.slice_store import Batch, SliceDataset, Slices, open_store

#: Two steps an epoch.
LOOP: dict[str, Any] = {"epochs": 3, "batch": 2, "threads": 1}
LARS = {"optimiser": "lars", "learning_rate": 0.1, "warmup": 1, "keep": "last", "patience": 0}
#: In which step of the whole training, pre-training included, each is killed.
KILLED_AT = {
    "detector": (4,),
    "baseline": (4,),
    "multitask": (6,),
    "contrastive": (4, 8),
    "hybrid": (3, 9),
    "mil": (4,),
}


def train(strategy: str, run: Path) -> dict[str, torch.Tensor]:
    """Train on a few random slices, going on where there is something; the weights it ends with."""
    if strategy == "detector":
        data = store(run / "store", 64)
        config = DetectorConfig.of({"width": 4, "canvas": 64, "window": 48, "loop": LOOP})
        return train_detector(data, data, config, run, quiet=True).state_dict()
    data = store(run / "store", 128)
    chosen = STRATEGIES[strategy]
    values = {"weights": "random", "width": 8, "loop": LOOP} | (
        {"pretraining": LOOP | LARS} if chosen.pretrains else {}
    )
    return chosen.train(Prepared(data, data, data), chosen.config.of(values), run, True).state_dict()


def store(folder: Path, side: int) -> SliceDataset:
    """Four slices of two scans; bright ones are diagnostic."""

    def make() -> Iterator[Slices]:
        rng = np.random.default_rng(0)
        for number in range(2):
            slices = rng.random((2, side, side), np.float32) + number
            yield Slices(slices, (slices > number + 0.7).astype(np.uint8), np.full(4, number, np.float32))

    return open_store(folder, {}, make)


def kill_in(step: int) -> None:
    """From now on, the process dies in the training step of this number, as if by `kill -9`."""
    taken = 0
    whole = Recipe.training_step

    def killed(self: Recipe, batch: Batch, number: int) -> torch.Tensor:
        nonlocal taken
        taken += 1
        loss = whole(self, batch, number)
        if taken == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return loss

    Recipe.training_step = killed  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    kill_in(int(sys.argv[3]))
    train(sys.argv[1], Path(sys.argv[2]))
