"""Network of the ordinal strategy, beyond the paper: the distribution of the score of 1 to 5 on each scale."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from lgeqa.scales import HIGHEST_SCORE, LOWEST_SCORE, SCALE_NAMES
from lgeqa.training.networks.encoder import WIDTH
from lgeqa.training.networks.quality import QualityFrom, QualityNetwork

#: Number of thresholds between the scores.
THRESHOLDS = HIGHEST_SCORE - LOWEST_SCORE


class OrdinalNetwork(QualityNetwork):
    r"""Quality network whose logit of a score of 3 or more, shifted, also gives the logits of 2, 4 and 5 or more.

    On each scale P(score > k) is :math:`\sigma(g + b_k)`, with one value g for each slice and one offset b for each of
    the four thresholds k, as in CORAL (Cao, Mirjalili and Raschka, Pattern Recognition Letters 140:325-331, 2020,
    10.1016/j.patrec.2020.11.008). There the offsets fall with k at the optimum of the loss. Here they always do, since
    each is the one before less a positive step. The offset of k = 2 is 0, so that g is the logit of a score of 3 or
    more.

    Args:
        quality_from: Input of the QA head, as in `QualityNetwork`.
        width: Number of channels of the encoder's first stage.
        channels: Number of slices that the encoder sees at once.

    Attributes:
        steps: Steps from one offset to the next before the softplus, (4 scales, 3). All steps begin with a length of 1.
    """

    def __init__(self, quality_from: QualityFrom = "logits", width: int = WIDTH, channels: int = 1) -> None:
        super().__init__(quality_from, width, channels)
        self.steps = nn.Parameter(torch.full((len(SCALE_NAMES), THRESHOLDS - 1), math.log(math.e - 1)))

    def level_logits(self, logits: Tensor) -> Tensor:
        """Return the logits of P(score > k) for k = 1 to 4, (slice, 4, 4), from those of P(score >= 3), (slice, 4)."""
        first, second, third = softplus(self.steps).unbind(dim=1)
        offsets = torch.stack([first, torch.zeros_like(first), -second, -second - third], dim=1)
        return logits[:, :, None] + offsets

    def further_outputs(self, _features: Tensor, logits: Tensor) -> dict[str, Tensor]:
        """Return `levels`: P(score > k) for k = 1 to 4 on each scale, (slice, 4, 4)."""
        return {"levels": torch.sigmoid(self.level_logits(logits))}
