"""The recipes: what each strategy minimises."""

import torch
from monai.losses import DiceLoss
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torchmetrics import Metric
from torchmetrics.classification import BinaryF1Score

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
        # Counted over all slices: the mean over batches would hang on how slices fall into them.
        self._overlap = BinaryF1Score()

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Dice loss over the batch, and binary cross-entropy."""
        logits = self.network(batch["slice"])
        return {
            "dice": self._dice(logits, batch["mask"]),
            "bce": binary_cross_entropy_with_logits(logits, batch["mask"]),
        }

    def validate(self, batch: Batch) -> dict[str, Tensor | Metric]:
        """Dice at t = 0.5 over all pixels of all validation slices (the F1 of pixels)."""
        self._overlap.update(self.network(batch["slice"]) > 0, batch["mask"] > 0)
        return {"validation/dice": self._overlap}


class BaselineRecipe(Recipe):
    """Baseline QA (section 3.2.1): equation 1; best by the validation error of section 4.3."""

    watched = "validation/mse"
    better = "min"

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Equation 1."""
        return {"bce": scoring_loss(self.network(batch["slice"]), batch["label"])}

    def validate(self, batch: Batch) -> dict[str, Tensor | Metric]:
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
