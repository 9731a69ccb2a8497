import pytest
import torch
from torch import nn

from lgeqa.networks import Detector, QualityNetwork
from lgeqa.train.loop import LoopSettings
from lgeqa.train.recipes import BaselineRecipe, DetectorRecipe


class Fixed(nn.Module):
    """Gives the same logits whatever it sees."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits)

    def forward(self, slices: torch.Tensor) -> torch.Tensor:
        return self.logits


def detector(logits: torch.Tensor) -> DetectorRecipe:
    recipe = DetectorRecipe(Detector(8), LoopSettings(), 16, 1.0)
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


def test_detector_validation_is_the_hard_dice() -> None:
    shifted = torch.zeros(2, 1, 16, 16)
    shifted[:, :, 6:10] = 1
    found = detector(2 * shifted - 1).validate({"slice": torch.zeros(2, 1, 16, 16), "mask": mask()})
    assert found["validation/dice"].item() == pytest.approx(0.5)


def test_slices_without_atrium_count_as_right_where_none_is_found() -> None:
    nothing = {"slice": torch.zeros(2, 1, 16, 16), "mask": torch.zeros(2, 1, 16, 16)}
    assert detector(-torch.ones(2, 1, 16, 16)).validate(nothing)["validation/dice"].item() == 1
    assert detector(2 * mask() - 1).validate(nothing)["validation/dice"].item() == 0


def test_baseline_validation_is_the_squared_error_of_each_scale() -> None:
    recipe = BaselineRecipe(QualityNetwork(), LoopSettings(), 128)
    recipe.network = Fixed(torch.tensor([[20.0, -20.0, 0.0, 0.0]]))
    found = recipe.validate({"slice": torch.zeros(1, 1, 128, 128), "label": torch.tensor([[1.0, 1.0, 1.0, 0.0]])})
    errors = [
        found[f"validation/mse_{name}"].item() for name in ("myocardium_nulling", "sharpness", "enhancement", "quality")
    ]
    assert errors == pytest.approx([0, 1, 0.25, 0.25], abs=1e-6)
    assert found["validation/mse"].item() == pytest.approx(0.375)
