"""Section 4.3: Adam from 0.001 with cosine annealing over the epochs."""

import math
from typing import Literal

import pytest
import torch
from torch import Tensor, nn
from torchmetrics import Metric

from lgeqa.training.loop import LoopSettings, Recipe
from lgeqa.training.slice_store import Batch


class Smallest(Recipe):
    watched = "validation/none"
    better: Literal["min", "max"] = "min"

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        raise NotImplementedError

    def validate(self, batch: Batch) -> dict[str, Tensor | Metric]:
        raise NotImplementedError


def naive(epoch: int, epochs: int, first: float, floor: float) -> float:
    return floor + (first - floor) * (1 + math.cos(math.pi * epoch / epochs)) / 2


@pytest.mark.parametrize(
    ("epochs", "first", "floor"), [(40, 1e-3, 1e-7), (1, 1e-3, 1e-7), (7, 0.5, 1e-7), (100, 1e-2, 0.0)]
)
def test_the_learning_rate_of_every_epoch(epochs: int, first: float, floor: float) -> None:
    settings = LoopSettings(epochs=epochs, learning_rate=first, floor=floor)
    made = Smallest(nn.Linear(2, 1), settings, 8).configure_optimizers()
    optimiser, schedule = made["optimizer"], made["lr_scheduler"]["scheduler"]

    assert isinstance(optimiser, torch.optim.Adam)
    assert made["lr_scheduler"]["interval"] == "epoch"
    for epoch in range(epochs + 1):
        assert optimiser.param_groups[0]["lr"] == pytest.approx(naive(epoch, epochs, first, floor), rel=1e-6, abs=1e-12)
        optimiser.step()
        schedule.step()


def test_the_paper_s_schedule_is_the_default() -> None:
    settings = LoopSettings()

    assert (settings.epochs, settings.learning_rate, settings.floor) == (40, 1e-3, 1e-7)
    assert naive(0, 40, 1e-3, 1e-7) == 1e-3
    assert naive(40, 40, 1e-3, 1e-7) == pytest.approx(1e-7)


def test_a_warm_up_rises_in_equal_steps_and_the_cosine_follows() -> None:
    settings = LoopSettings(epochs=10, learning_rate=0.5, warmup=3, optimiser="lars", weight_decay=1e-4)
    made = Smallest(nn.Linear(2, 1), settings, 8).configure_optimizers()
    optimiser, schedule = made["optimizer"], made["lr_scheduler"]["scheduler"]

    assert type(optimiser).__name__ == "LARS"
    [group] = optimiser.param_groups
    assert (group["momentum"], group["weight_decay"]) == (0.9, 1e-4)
    expected = [0.125, 0.25, 0.375, *(naive(epoch, 7, 0.5, 1e-7) for epoch in range(8))]
    for rate in expected:
        assert group["lr"] == pytest.approx(rate, rel=1e-6, abs=1e-12)
        optimiser.step()
        schedule.step()
