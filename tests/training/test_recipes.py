from collections.abc import Callable

import pytest
import torch
from torch import nn
from torchmetrics import Metric

from lgeqa.scales import SCALE_NAMES
from lgeqa.training.augmentation import Augmentation
from lgeqa.training.intensity_augmentation import Intensity
from lgeqa.training.loop import LoopSettings, Recipe
from lgeqa.training.losses import contrastive_loss
from lgeqa.training.networks import ContrastiveNetwork, Detector, Encoder, QualityNetwork
from lgeqa.training.slice_store import Batch
from lgeqa.training.strategies import BaselineRecipe, ContrastiveRecipe, DetectorRecipe


class Fixed(nn.Module):
    """Gives the same logits whatever it sees."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits)

    def forward(self, slices: torch.Tensor) -> torch.Tensor:
        return self.logits


def detector(logits: torch.Tensor) -> DetectorRecipe:
    recipe = DetectorRecipe(Detector(8), LoopSettings(), 16, 1.0, Intensity())
    recipe.network = Fixed(logits)
    return recipe


def mask() -> torch.Tensor:
    field = torch.zeros(2, 1, 16, 16)
    field[:, :, 4:8] = 1
    return field


def test_the_detector_loss_falls_to_nothing_on_the_true_mask() -> None:
    batch = {"slice": torch.zeros(2, 1, 16, 16), "mask": mask()}
    right = detector(40 * mask() - 20).losses(batch)
    wrong = detector(20 - 40 * mask()).losses(batch)
    assert set(right) == {"dice", "bce"}
    assert torch.stack(list(right.values())).sum().item() < 1e-3
    assert wrong["dice"].item() > 0.9
    assert wrong["bce"].item() > 10


def test_detector_gets_changed_intensities_and_unchanged_masks() -> None:
    settings = LoopSettings(augmentation=Augmentation(probability=0))
    batch = {"slice": torch.rand(2, 3, 16, 16), "mask": mask()}
    seen = []
    for intensity in (Intensity(), Intensity(probability=1, noise=0.5)):
        recipe = DetectorRecipe(Detector(8, 3), settings, 16, 1.0, intensity)
        seen.append(recipe.augmented(batch, torch.Generator().manual_seed(0)))
    torch.testing.assert_close(seen[0]["slice"], batch["slice"])
    assert (seen[1]["slice"] - batch["slice"]).abs().max() > 0.1
    assert torch.equal(seen[1]["mask"], batch["mask"])
    again, other = (recipe.augmented(batch, torch.Generator().manual_seed(seed))["slice"] for seed in (0, 1))
    assert torch.equal(again, seen[1]["slice"])
    assert not torch.equal(other, again)


def test_detector_validation_is_the_dice_over_all_batches() -> None:
    shifted = torch.zeros(2, 1, 16, 16)
    shifted[:, :, 6:10] = 1
    nothing = torch.zeros(2, 1, 16, 16)
    recipe = detector(2 * shifted - 1)
    overlap = recipe.validate({"slice": nothing, "mask": mask()})["validation/dice"]
    assert isinstance(overlap, Metric)
    assert overlap.compute().item() == pytest.approx(0.5)
    # As much again is found where there is nothing: 2 * 64 of 128 + 128 and then of 128 + 256 pixels.
    recipe.validate({"slice": nothing, "mask": nothing})
    assert overlap.compute().item() == pytest.approx(2 * 64 / (128 + 256))


def test_baseline_validation_is_the_squared_error_of_each_scale() -> None:
    recipe = BaselineRecipe(QualityNetwork(width=8), LoopSettings(), 128)
    recipe.network = Fixed(torch.tensor([[20.0, -20.0, 0.0, 0.0]]))  # type: ignore[assignment]
    found = recipe.validate({"slice": torch.zeros(1, 1, 128, 128), "label": torch.tensor([[1.0, 1.0, 1.0, 0.0]])})
    for name, error in {**dict(zip(SCALE_NAMES, (0.0, 1.0, 0.25, 0.25), strict=True)), "": 0.375}.items():
        mean = found[f"validation/mse_{name}".rstrip("_")]
        assert isinstance(mean, Metric)
        assert mean.compute().item() == pytest.approx(error, abs=1e-6)


class Projected(nn.Module):
    """Projects a slice to the circle by its mean, twice as far for each further scale."""

    def forward(self, slices: torch.Tensor) -> torch.Tensor:
        angles = slices.mean(dim=(1, 2, 3)) * torch.tensor([[1.0], [2.0], [4.0], [8.0]])
        return torch.stack([angles.cos(), angles.sin()], dim=-1)


def test_contrastive_validation_is_equation_5_on_both_views() -> None:
    recipe = ContrastiveRecipe(ContrastiveNetwork(Encoder(8)), LoopSettings(), 8, temperature=0.5)
    recipe.network = Projected()
    slices = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0)) + torch.arange(5.0)[:, None, None, None]
    labels = torch.tensor([[0.0, 0, 1, 0], [1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 1], [1, 1, 1, 0]])
    found = recipe.validate({"slice": slices, "label": labels})["validation/contrastive"]
    assert isinstance(found, torch.Tensor)
    expected = sum(
        contrastive_loss(projected.repeat(2, 1), labels[:, scale].long().repeat(2), 0.5).item()
        for scale, projected in enumerate(Projected()(slices))
    )
    assert found.item() == pytest.approx(expected, rel=1e-6)


def watched(recipe: Recipe, network: nn.Module, batch: Batch) -> float:
    recipe.network = network
    with torch.no_grad():
        found = recipe.validate(batch)[recipe.watched]
    return float(found.compute() if isinstance(found, Metric) else found)


def test_the_best_epoch_is_the_one_with_the_right_answers() -> None:
    """Each recipe watches a figure that tells right from wrong, and knows which way is better."""
    labels = torch.tensor([[1.0] * 4, [0.0] * 4])
    pixels = {"slice": torch.zeros(2, 1, 16, 16), "mask": mask()}
    scores = {"slice": torch.zeros(2, 1, 128, 128), "label": labels}
    apart, together = (torch.tensor([0.0, angle])[:, None, None, None] for angle in (0.4, 0.0))
    cases: list[tuple[Callable[[], Recipe], tuple[nn.Module, Batch], tuple[nn.Module, Batch]]] = [
        (lambda: detector(mask()), (Fixed(40 * mask() - 20), pixels), (Fixed(20 - 40 * mask()), pixels)),
        (
            lambda: BaselineRecipe(QualityNetwork(width=8), LoopSettings(), 128),
            (Fixed(40 * labels - 20), scores),
            (Fixed(20 - 40 * labels), scores),
        ),
        (
            lambda: ContrastiveRecipe(ContrastiveNetwork(Encoder(8)), LoopSettings(), 8, temperature=0.5),
            (Projected(), {"slice": apart, "label": labels}),
            (Projected(), {"slice": together, "label": labels}),
        ),
    ]
    for make, right, wrong in cases:
        recipe = make()
        gain = watched(make(), *right) - watched(make(), *wrong)
        assert (gain if recipe.better == "max" else -gain) > 0.1, type(recipe).__name__
