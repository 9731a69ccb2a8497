"""Stage 2: encoder, three attribute heads, and the QA head on their outputs (section 3.2)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from lgeqa.attributes import ATTRIBUTE_NAMES, NAMES
from lgeqa.networks.decoder import Decoder
from lgeqa.networks.encoder import Encoder


def attribute_head(features: int) -> nn.Sequential:
    """One attribute's classifier: 512-128-32-1 with ReLU."""
    return nn.Sequential(nn.Linear(features, 128), nn.ReLU(), nn.Linear(128, 32), nn.ReLU(), nn.Linear(32, 1))


class QualityNetwork(nn.Module):
    """Scores a slice on the four scales (section 3.2.1).

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


class MultiTaskNetwork(QualityNetwork):
    """Scores a slice, and finds the blood pool on it from the same features (section 3.2.2).

    Called like any quality network it scores only, so that is all that is exported.
    """

    def __init__(self) -> None:
        super().__init__()
        self.decoder = Decoder()

    def both(self, slices: Tensor) -> tuple[Tensor, Tensor]:  # (slice, 1, 128, 128)
        """Four logits, (slice, 4), and logits of the blood pool, (slice, 1, 128, 128)."""
        stages = self.encoder.stages(slices)
        return self.heads(stages[-1].mean(dim=(2, 3))), self.decoder(stages)


class ContrastiveNetwork(nn.Module):
    """The encoder with four projection heads, 512-128, one for each label (section 3.2.3).

    Args:
        encoder: whose features are to be learnt.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.projections = nn.ModuleList(nn.Linear(Encoder.features, 128) for _ in NAMES)

    def forward(self, slices: Tensor) -> Tensor:  # (slice, 1, 128, 128)
        """Projections of length 1, (scale, slice, 128), scales in the order of `attributes.NAMES`."""
        features = self.encoder(slices)
        return torch.stack([normalize(project(features), dim=1) for project in self.projections])
