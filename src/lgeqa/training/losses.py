"""The losses of equations 1 to 5 of the paper."""

import torch
from monai.losses import DiceLoss
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

_dice = DiceLoss(sigmoid=True, batch=True)


def scoring_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return equation 1: binary cross-entropy over the three attributes and quality, mean over the four.

    The mean is over the labels that are there. It is 0, with gradients of 0, if there are none.

    Args:
        logits: Logits (slice, 4) in the order of `scales.SCALE_NAMES`.
        labels: Labels (slice, 4) from 0 to 1, or NaN without a score.
    """
    given = ~labels.isnan()
    terms = binary_cross_entropy_with_logits(
        logits, labels.nan_to_num(), weight=given.to(logits.dtype), reduction="sum"
    )
    return terms / given.sum().clamp(min=1)


def ordinal_loss(logits: Tensor, levels: Tensor) -> Tensor:
    """Return the loss of CORAL: binary cross-entropy at each threshold, summed over the thresholds of a scale.

    It is the mean over slices and scales with a score. Source: Cao, Mirjalili and Raschka, Pattern Recognition Letters
    140:325-331, 2020, 10.1016/j.patrec.2020.11.008, equation 4 with equal weights.

    Args:
        logits: Logits of P(score > k) for k = 1 to 4, (slice, 4 scales, 4 thresholds).
        levels: Targets from `cohort.levels_of` of the same shape, NaN without a score.
    """
    return scoring_loss(logits, levels) * logits.shape[-1]


def blood_pool_loss(logits: Tensor, masks: Tensor) -> Tensor:
    r"""Return equation 2: Dice loss, :math:`1 - 2\sum p m / (\sum p + \sum m)`, over all pixels of the batch at once.

    Slices without an atrium then count through their false positives, and no slice causes a division by zero.

    Args:
        logits: Logits (slice, 1, row, column).
        masks: Masks of the same shape, 0 or 1.
    """
    loss: Tensor = _dice(logits, masks)
    return loss


def contrastive_loss(projections: Tensor, labels: Tensor, temperature: float) -> Tensor:
    r"""Return equation 4 divided by the number of anchors, so that its size does not depend on the batch.

    For the anchor i it is the mean over its positives p of :math:`-\log(e^{z_i z_p / \tau} / \sum_{a \ne i}
    e^{z_i z_a / \tau})`. Positives are all other projections with the anchor's label. An anchor without any, which
    occurs only in a batch of single views, has no loss and is left out of the mean. A batch of one class has a loss
    like any other.

    Args:
        projections: Projections of length 1, (view, features).
        labels: Classes as integers, (view,).
        temperature: Temperature :math:`\tau`.

    Raises:
        ValueError: No anchor has a positive.
    """
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    positive = (labels[:, None] == labels[None]) & ~itself
    count = positive.sum(dim=1)
    anchors = count > 0
    if not anchors.any():
        raise ValueError(f"none of the {len(labels)} projections has another one of its label")
    similarity = (projections @ projections.T / temperature).masked_fill(itself, -torch.inf)
    log_share = similarity - similarity.logsumexp(dim=1, keepdim=True)
    of_positives = log_share.masked_fill(~positive, 0).sum(dim=1)
    return -(of_positives[anchors] / count[anchors]).mean()


def contrastive_classes(labels: Tensor) -> Tensor:
    """Return the classes of views for equation 4: the nearer of 0 and 1, or a unique class without a label.

    Args:
        labels: Labels from 0 to 1, or NaN without a score, (slice,). One half belongs to class 1.

    Returns:
        Classes as integers, (slice,). A slice without a label has a class that no other slice has.
    """
    alone = torch.arange(2, 2 + len(labels), device=labels.device)
    return torch.where(labels.isnan(), alone, (labels >= 0.5).long())
