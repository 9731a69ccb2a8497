"""Network of the multiple-instance strategy, which goes beyond the paper: attention over the slices of a scan."""

import torch
from torch import Tensor, nn

from lgeqa.training.networks.encoder import WIDTH
from lgeqa.training.networks.quality import QualityFrom, QualityNetwork

#: Number of hidden features of the attention.
ATTENTION = 128


class MultipleInstanceNetwork(QualityNetwork):
    r"""Quality network that also says how much each slice counts for its scan.

    The attention of a slice with the features x is :math:`a = w^T (\tanh(V x) \odot \sigma(U x))`, the gated attention
    of Ilse, Tomczak and Welling (Attention-based deep multiple instance learning, ICML 2018, arXiv 1802.04712). A
    softmax over the slices of a scan turns it into their weights. What is pooled are the last hidden features of the
    heads. The layers behind them are linear, the quality head too, so a scan's logit is the weighted mean of its
    slices' logits.

    Args:
        quality_from: Input of the QA head, as in `QualityNetwork`.
        width: Number of channels of the encoder's first stage.
        channels: Number of slices that the encoder sees at once.
    """

    def __init__(self, quality_from: QualityFrom = "logits", width: int = WIDTH, channels: int = 1) -> None:
        super().__init__(quality_from, width, channels)
        self.quality_head = nn.Sequential(nn.Linear(self.quality_inputs, 1))
        self.attention_content = nn.Linear(self.encoder.features, ATTENTION)
        self.attention_gate = nn.Linear(self.encoder.features, ATTENTION)
        self.attention_weight = nn.Linear(ATTENTION, 1, bias=False)

    def attention(self, features: Tensor) -> Tensor:  # (slice, features)
        """Return the attention of each slice before the softmax over its scan, (slice,)."""
        gated = torch.tanh(self.attention_content(features)) * torch.sigmoid(self.attention_gate(features))
        attention: Tensor = self.attention_weight(gated)[:, 0]
        return attention

    def with_attention(self, slices: Tensor) -> tuple[Tensor, Tensor]:
        """Return four logits, (slice, 4), and the attention before the softmax, (slice,)."""
        features = self.encoder(slices)
        return self.heads(features), self.attention(features)

    def further_outputs(self, features: Tensor, logits: Tensor) -> dict[str, Tensor]:
        """Return `logits`, (slice, 4), and `attention`: that of each slice before the softmax, (slice,)."""
        return {"logits": logits, "attention": self.attention(features)}


def pool_by_attention(values: Tensor, attention: Tensor, bags: Tensor) -> Tensor:
    """Return the mean of each bag's values, weighted by the softmax of the attention within the bag.

    Args:
        values: Values of the instances, (instance, values).
        attention: Attention of the instances before the softmax, (instance,).
        bags: Number of each instance's bag, from 0 without gaps, (instance,).

    Returns:
        Weighted means, (bag, values).
    """
    members = bags == torch.arange(int(bags.max()) + 1, device=bags.device)[:, None]
    weights = attention.expand(members.shape).masked_fill(~members, -torch.inf).softmax(dim=1)
    return weights @ values
