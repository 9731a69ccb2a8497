"""The recipes: what each strategy minimises."""

import torch
from monai.losses import DiceLoss
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from lgeqa.attributes import NAMES
from lgeqa.networks import Detector
from lgeqa.train.loop import LoopSettings, Recipe
from lgeqa.train.store import Batch


class DetectorRecipe(Recipe):
    """Stage 1 (section 3.1): Dice and cross-entropy on the blood-pool mask; best by validation Dice."""

    watched = "validation/dice"
    better = "max"

    def __init__(self, network: Detector, settings: LoopSettings, window: int, zoom: float) -> None:
        super().__init__(network, settings, window, zoom)
        self._dice = DiceLoss(sigmoid=True, batch=True)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Dice loss over the batch, and binary cross-entropy."""
        logits = self.network(batch["slice"])
        return {
            "dice": self._dice(logits, batch["mask"]),
            "bce": binary_cross_entropy_with_logits(logits, batch["mask"]),
        }

    def validate(self, batch: Batch) -> dict[str, Tensor]:
        """Hard Dice over the batch at t = 0.5; 1 where there is no atrium and none was found."""
        found = self.network(batch["slice"]) > 0
        truth = batch["mask"] > 0
        total = found.sum() + truth.sum()
        return {"validation/dice": torch.where(total > 0, 2 * (found & truth).sum() / total, 1.0)}


class BaselineRecipe(Recipe):
    """Baseline QA (section 3.2.1): equation 1; best by the validation error of section 4.3."""

    watched = "validation/mse"
    better = "min"

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Equation 1."""
        return {"bce": scoring_loss(self.network(batch["slice"]), batch["label"])}

    def validate(self, batch: Batch) -> dict[str, Tensor]:
        """Mean squared error between probability and label of each scale, and over the four."""
        errors = (torch.sigmoid(self.network(batch["slice"])) - batch["label"]).square().mean(dim=0)
        each = {f"validation/mse_{name}": error for name, error in zip(NAMES, errors, strict=True)}
        return each | {"validation/mse": errors.mean()}


def scoring_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Equation 1: binary cross-entropy over the three attributes and quality, mean over the four.

    Args:
        logits: (slice, 4) in the order of `attributes.NAMES`.
        labels: (slice, 4), 0 or 1.
    """
    return binary_cross_entropy_with_logits(logits, labels)
