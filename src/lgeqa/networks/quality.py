"""Stage 2: encoder, three attribute heads, and the QA head on their outputs (section 3.2.1)."""

import torch
from torch import Tensor, nn

from lgeqa.attributes import ATTRIBUTE_NAMES
from lgeqa.networks.encoder import Encoder


def attribute_head(features: int) -> nn.Sequential:
    """One attribute's classifier: 512-128-32-1 with ReLU."""
    return nn.Sequential(nn.Linear(features, 128), nn.ReLU(), nn.Linear(128, 32), nn.ReLU(), nn.Linear(32, 1))


class QualityNetwork(nn.Module):
    """Scores a slice on the four scales.

    The QA head sees nothing but the three attribute logits, so what it finds must pass through them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.attribute_heads = nn.ModuleList(attribute_head(Encoder.features) for _ in ATTRIBUTE_NAMES)
        self.quality_head = nn.Sequential(nn.Linear(len(ATTRIBUTE_NAMES), 20), nn.ReLU(), nn.Linear(20, 1))

    def heads(self, features: Tensor) -> Tensor:  # (slice, 512)
        """Four logits, (slice, 4), in the order of `attributes.NAMES`."""
        attributes = torch.cat([head(features) for head in self.attribute_heads], dim=1)
        return torch.cat([attributes, self.quality_head(attributes)], dim=1)

    def forward(self, slices: Tensor) -> Tensor:  # (slice, 1, 128, 128)
        """Four logits, (slice, 4)."""
        return self.heads(self.encoder(slices))
