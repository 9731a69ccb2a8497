"""Dice as stage 1 is trained with (section 3.1): soft in the loss, hard at t = 0.5 in validation."""

import math
from typing import cast

import pytest
import torch
from torch import Tensor, nn
from torchmetrics import Metric

from lgeqa.training.intensity_augmentation import Intensity
from lgeqa.training.loop import LoopSettings
from lgeqa.training.networks import Detector
from lgeqa.training.strategies import DetectorRecipe

#: What keeps the loss defined where nothing is there, in the numerator and the denominator.
SMOOTH = 1e-5


def recipe() -> DetectorRecipe:
    """Its slices are the logits themselves."""
    return DetectorRecipe(cast("Detector", nn.Identity()), LoopSettings(), 8, 1.0, Intensity())


def drawn(slices: int, share: float, seed: int) -> dict[str, Tensor]:
    """Logits of every size, and masks of which `share` of the pixels are set."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(slices, 1, 6, 5, generator=generator) * 3
    return {"slice": logits, "mask": (torch.rand(slices, 1, 6, 5, generator=generator) < share).float()}


def pixels(batch: dict[str, Tensor]) -> list[tuple[float, float]]:
    """Logit and truth of every pixel of every slice."""
    return list(zip(batch["slice"].flatten().tolist(), batch["mask"].flatten().tolist(), strict=True))


def naive_soft(batch: dict[str, Tensor]) -> float:
    """1 - (2 sum(p g) + s) / (sum(p) + sum(g) + s) over all pixels of the batch together."""
    shared = found = held = 0.0
    for logit, truth in pixels(batch):
        probability = 1 / (1 + math.exp(-logit))
        shared += probability * truth
        found += probability
        held += truth
    return 1 - (2 * shared + SMOOTH) / (found + held + SMOOTH)


def naive_hard(batches: list[dict[str, Tensor]]) -> float:
    """2 |A and B| / (|A| + |B|) over all pixels of all batches; 0 where both are empty."""
    shared = found = held = 0
    for logit, truth in [pixel for batch in batches for pixel in pixels(batch)]:
        above = 1 / (1 + math.exp(-logit)) > 0.5
        shared += above and truth == 1
        found += above
        held += truth == 1
    return 2 * shared / (found + held) if found + held else 0.0


@pytest.mark.parametrize("slices", [1, 2, 5])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_soft_dice(slices: int, share: float) -> None:
    batch = drawn(slices, share, seed=slices)
    assert recipe().losses(batch)["dice"].item() == pytest.approx(naive_soft(batch), abs=1e-5)


def test_soft_dice_of_a_batch_with_an_empty_slice() -> None:
    """The sums run over the batch: an empty slice costs what is found on it, not a whole slice's loss."""
    batch = drawn(2, 0.5, seed=0)
    batch["mask"][0] = 0
    assert recipe().losses(batch)["dice"].item() == pytest.approx(naive_soft(batch), abs=1e-5)


def test_soft_dice_of_nothing_found_where_nothing_is() -> None:
    nothing = {"slice": torch.full((2, 1, 6, 5), -50.0), "mask": torch.zeros(2, 1, 6, 5)}
    assert recipe().losses(nothing)["dice"].item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_hard_dice_over_uneven_batches(share: float) -> None:
    batches = [drawn(slices, share, seed) for seed, slices in enumerate((3, 1, 2))]
    counting = recipe()
    for batch in batches:
        overlap = counting.validate(batch)["validation/dice"]
    assert isinstance(overlap, Metric)
    assert overlap.compute().item() == pytest.approx(naive_hard(batches), abs=1e-6)


def test_hard_dice_of_nothing_is_0() -> None:
    nothing = {"slice": torch.full((1, 1, 6, 5), -1.0), "mask": torch.zeros(1, 1, 6, 5)}
    overlap = recipe().validate(nothing)["validation/dice"]
    assert isinstance(overlap, Metric)
    assert overlap.compute().item() == naive_hard([nothing]) == 0
