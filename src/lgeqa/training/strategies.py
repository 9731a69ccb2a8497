"""The recipes: the losses that each strategy minimises."""

from typing import Any, Final

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torchmetrics import MeanMetric, Metric, MetricCollection
from torchmetrics.classification import BinaryF1Score

from lgeqa.scales import SCALE_NAMES
from lgeqa.training.intensity_augmentation import Intensity, change
from lgeqa.training.loop import LoopSettings, Recipe
from lgeqa.training.losses import (
    blood_pool_loss,
    contrastive_classes,
    contrastive_loss,
    ordinal_loss,
    scoring_loss,
)
from lgeqa.training.networks import (
    ContrastiveNetwork,
    Detector,
    HybridNetwork,
    MultipleInstanceNetwork,
    MultiTaskNetwork,
    OrdinalNetwork,
    QualityNetwork,
    pool_by_attention,
)
from lgeqa.training.slice_store import Batch

#: Validation error of each scale.
_ERRORS: Final = tuple(f"validation/mse_{name}" for name in SCALE_NAMES)


class DetectorRecipe(Recipe):
    """Stage 1 (section 3.1): Dice and cross-entropy on the blood-pool mask, with the best epoch by validation Dice."""

    watched = "validation/dice"
    better = "max"

    def __init__(
        self, network: Detector, settings: LoopSettings, window: int, zoom: float, intensity: Intensity
    ) -> None:
        super().__init__(network, settings, window, zoom)
        self._intensity = intensity
        # Counted over all slices, since a mean over batches would depend on how slices are batched.
        self._overlap = BinaryF1Score()

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the Dice loss over the batch and the binary cross-entropy."""
        logits = self.network(batch["slice"])
        return {
            "dice": blood_pool_loss(logits, batch["mask"]),
            "bce": binary_cross_entropy_with_logits(logits, batch["mask"]),
        }

    def augmented(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with moved slices that are also changed in intensity."""
        moved = super().augmented(batch, generator)
        return moved | {"slice": change(moved["slice"], self._intensity, generator)}

    def validate(self, batch: Batch) -> dict[str, Tensor | Metric]:
        """Return Dice at a threshold of 0.5 over all pixels of all validation slices (the F1 of pixels)."""
        self._overlap.update(self.network(batch["slice"]) > 0, batch["mask"] > 0)
        return {"validation/dice": self._overlap}


class BaselineRecipe(Recipe):
    """Baseline QA (section 3.2.1): equation 1, with the best epoch by the validation error of section 4.3."""

    watched = "validation/mse"
    better = "min"
    network: QualityNetwork

    def __init__(self, network: QualityNetwork, settings: LoopSettings, side: int) -> None:
        super().__init__(network, settings, side)
        # Counted over all labels that are there, since batches differ in how many these are.
        self._means = MetricCollection(
            {name: MeanMetric(nan_strategy="ignore") for name in (self.watched, *_ERRORS)}, compute_groups=False
        )

    def answers(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return logits of the items that the strategy scores, and their labels, both (item, 4)."""
        return self.network(batch["slice"]), batch["label"]

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the loss of equation 1."""
        return {"bce": scoring_loss(*self.answers(batch))}

    def validate(self, batch: Batch) -> dict[str, Tensor | Metric]:
        """Return the mean squared error between probability and label on each scale, and over all labels there are."""
        logits, labels = self.answers(batch)
        errors = (torch.sigmoid(logits) - labels).square()
        for name, values in {self.watched: errors, **dict(zip(_ERRORS, errors.T, strict=True))}.items():
            self._means[name].update(values)
        return dict(self._means.items())


class MultiTaskRecipe(BaselineRecipe):
    """Multi-Task QA (section 3.2.2): equation 3, the scores and the blood pool at once."""

    network: MultiTaskNetwork

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the two terms of equation 3: equation 1 and equation 2."""
        scores, blood_pool = self.network.both(batch["slice"])
        return {"bce": scoring_loss(scores, batch["label"]), "dice": blood_pool_loss(blood_pool, batch["mask"])}


class ContrastiveRecipe(Recipe):
    """The first step of section 3.2.3: the encoder learns by equation 5 on two views of each slice.

    Args:
        network: Encoder and projection heads.
        settings: Settings of the training loop.
        side: Rows and columns of a slice.
        temperature: Temperature of equation 4.
    """

    watched = "validation/contrastive"
    better = "min"
    views = 2

    def __init__(self, network: ContrastiveNetwork, settings: LoopSettings, side: int, temperature: float) -> None:
        super().__init__(network, settings, side)
        self._temperature = temperature

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the four terms of equation 5."""
        return self.contrastive_losses(self.network(batch["slice"]), batch["label"])

    def contrastive_losses(self, projections: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Return the four terms of equation 5.

        Args:
            projections: Projections of both views, (scale, slice of each view, features).
            labels: Labels of both views from 0 to 1, or NaN without a score, (slice of each view, 4).
        """
        # Both views have the same classes, so the only positive of a slice without a label is its other view.
        one_view = labels[: len(labels) // self.views]
        with torch.autocast(projections.device.type, enabled=False):
            return {
                f"contrastive_{name}": contrastive_loss(
                    projected.float(), contrastive_classes(column).repeat(self.views), self._temperature
                )
                for name, projected, column in zip(SCALE_NAMES, projections, one_view.T, strict=True)
            }

    def validate(self, batch: Batch) -> dict[str, Tensor | Metric]:
        """Return the loss with each slice, not augmented, as both of its views."""
        both = {name: torch.cat([tensor] * self.views) for name, tensor in batch.items()}
        return {self.watched: torch.stack(list(self.losses(both).values())).sum()}


class HybridRecipe(ContrastiveRecipe):
    """The first step of the hybrid strategy: equation 5, and equation 2 for the blood pool on both views.

    The paper's conclusion names such a combination but does not test it.
    """

    watched = "validation/hybrid"
    network: HybridNetwork

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the four terms of equation 5 and the term of equation 2."""
        projections, blood_pool = self.network.both(batch["slice"])
        return self.contrastive_losses(projections, batch["label"]) | {
            "dice": blood_pool_loss(blood_pool, batch["mask"])
        }


class HeadsRecipe(BaselineRecipe):
    """The second step of section 3.2.3 and of the hybrid strategy: equation 1 for the heads on a frozen encoder."""

    keeps_statistics = True

    def __init__(self, network: QualityNetwork, settings: LoopSettings, side: int) -> None:
        super().__init__(network, settings, side)
        network.encoder.requires_grad_(requires_grad=False)

    def on_train_epoch_start(self) -> None:
        """Keep the statistics that the encoder's batch normalisation has learnt."""
        self.network.encoder.eval()


class AdaptRecipe(BaselineRecipe):
    """Equation 1 for a trained network, whose encoder learns at a lower rate than its heads, or not at all.

    Args:
        network: Network of a bundle.
        settings: Settings of the training loop.
        side: Rows and columns of a slice.
        encoder_rate: Learning rate of the encoder as a share of the heads'. 0 to keep the encoder as it is.
    """

    keeps_statistics = True

    def __init__(self, network: QualityNetwork, settings: LoopSettings, side: int, encoder_rate: float) -> None:
        super().__init__(network, settings, side)
        self._encoder_rate = encoder_rate
        network.encoder.requires_grad_(requires_grad=encoder_rate > 0)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return the heads' parameters, and the encoder's with their lower learning rate if they learn."""
        encoder = list(self.network.encoder.parameters())
        heads = [p for name, p in self.network.named_parameters() if not name.startswith("encoder.")]
        slower = {"params": encoder, "lr": self._encoder_rate * self.settings.learning_rate}
        return [{"params": heads}, *([slower] if self._encoder_rate else [])]

    def on_train_epoch_start(self) -> None:
        """Keep the encoder's batch normalisation, whose statistics are folded into a bundle's weights."""
        self.network.encoder.eval()


class OrdinalRecipe(BaselineRecipe):
    """Ordinal strategy, beyond the paper: the loss of CORAL on the scores of 1 to 5.

    The best epoch is chosen as for the baseline, by the error of the probability of 3 or more.
    """

    network: OrdinalNetwork

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the loss of CORAL."""
        return {"coral": ordinal_loss(self.network.level_logits(self.network(batch["slice"])), batch["level"])}


class MultipleInstanceRecipe(BaselineRecipe):
    """Multiple-instance strategy, beyond the paper: equation 1 for scans, whose slices are pooled by attention.

    A batch holds whole scans, or as many slices of each of them as are drawn. With pseudo-bags, the slices of a scan
    are also dealt at random into several bags with the label of the scan. Their loss is the first tier of DTFD-MIL
    (Zhang et al., CVPR 2022, arXiv 2203.12081), and that of the scan the second. Both tiers share one attention here,
    so that the scan's own pooling is all that an assessment needs. HAMIL-QA (Sultan et al., MICCAI 2024, arXiv
    2407.07254) has two tiers too, patches of a slice and then slices; here the encoder's pooling over a whole slice
    takes the place of the first.

    Args:
        network: Network with attention.
        settings: Settings of the training loop.
        side: Rows and columns of a slice.
        pseudo_bags: Number of pseudo-bags of each scan. 0 for none.
    """

    whole_scans = True
    network: MultipleInstanceNetwork

    def __init__(self, network: MultipleInstanceNetwork, settings: LoopSettings, side: int, pseudo_bags: int) -> None:
        super().__init__(network, settings, side)
        self._pseudo_bags = pseudo_bags

    def answers(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the logits of the scans and their labels, both (scan, 4)."""
        logits, attention = self.network.with_attention(batch["slice"])
        return pooled_answers(logits, attention, batch["label"], batch["scan"])

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the loss of the scans, and that of the pseudo-bags if there are any."""
        logits, attention = self.network.with_attention(batch["slice"])
        of_scans = {"bce": scoring_loss(*pooled_answers(logits, attention, batch["label"], batch["scan"]))}
        if not self._pseudo_bags:
            return of_scans
        bags = batch["scan"] * self._pseudo_bags + batch["pseudo_bag"]
        return of_scans | {"pseudo_bags": scoring_loss(*pooled_answers(logits, attention, batch["label"], bags))}

    def augmented(self, batch: Batch, generator: torch.Generator) -> Batch:
        """Return the batch with moved slices, each of them dealt into a pseudo-bag of its scan."""
        moved = super().augmented(batch, generator)
        if not self._pseudo_bags:
            return moved
        scans = batch["scan"].cpu()
        order = torch.randperm(len(scans), generator=generator)
        dealt = torch.empty_like(order)
        for scan in torch.unique(scans):
            chosen = order[scans[order] == scan]
            dealt[chosen] = torch.arange(len(chosen)) % self._pseudo_bags
        return moved | {"pseudo_bag": dealt.to(batch["scan"].device)}


def pooled_answers(logits: Tensor, attention: Tensor, labels: Tensor, bags: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits of bags, pooled by attention, and their labels, both (bag, 4).

    Args:
        logits: Logits of the slices, (slice, 4).
        attention: Attention of the slices before the softmax, (slice,).
        labels: Labels of the slices, (slice, 4), alike within a bag.
        bags: Any number for each slice that only the slices of its bag share, (slice,).
    """
    _, numbers = torch.unique(bags, return_inverse=True)
    first = (numbers == torch.arange(int(numbers.max()) + 1, device=bags.device)[:, None]).int().argmax(dim=1)
    return pool_by_attention(logits, attention, numbers), labels[first]
