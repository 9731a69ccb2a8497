"""Stage 2: encoder, three attribute heads, and the QA head on their outputs (section 3.2)."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from lgeqa.attributes import ATTRIBUTE_NAMES, NAMES
from lgeqa.networks.decoder import Decoder
from lgeqa.networks.encoder import WIDTH, Encoder

QualityFrom = Literal["logits", "features"]
#: Last hidden features of an attribute head.
HIDDEN = 32


def attribute_head(features: int) -> nn.Sequential:
    """One attribute's classifier: 512-128-32-1 with ReLU."""
    return nn.Sequential(nn.Linear(features, 128), nn.ReLU(), nn.Linear(128, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))


class QualityNetwork(nn.Module):
    """Scores a slice on the four scales (section 3.2.1).

    Args:
        quality_from: Input of the QA head. `logits`, the paper's: the three attribute logits, so that what it finds
            must pass through them. `features`: the last hidden features of the three attribute heads, so that noise
            without a trace in the attributes can reach it.
        width: Channels of the encoder's first stage.
    """

    def __init__(self, quality_from: QualityFrom = "logits", width: int = WIDTH) -> None:
        super().__init__()
        self.quality_from = quality_from
        self.encoder = Encoder(width)
        self.attribute_heads = nn.ModuleList(attribute_head(self.encoder.features) for _ in ATTRIBUTE_NAMES)
        inputs = len(ATTRIBUTE_NAMES) * (1 if quality_from == "logits" else HIDDEN)
        self.quality_head = nn.Sequential(nn.Linear(inputs, 20), nn.ReLU(), nn.Linear(20, 1))

    def heads(self, features: Tensor) -> Tensor:  # (slice, 512)
        """Four logits, (slice, 4), in the order of `attributes.NAMES`."""
        hidden = [body(features) for body, _ in self.attribute_parts()]
        logits = [last(inputs) for (_, last), inputs in zip(self.attribute_parts(), hidden, strict=True)]
        attributes = torch.cat(logits, dim=1)
        seen = attributes if self.quality_from == "logits" else torch.cat(hidden, dim=1)
        return torch.cat([attributes, self.quality_head(seen)], dim=1)

    def attribute_parts(self) -> list[tuple[nn.Sequential, nn.Module]]:
        """Return each attribute head, divided before its last layer."""
        return [(head[:-1], head[-1]) for head in self.attribute_heads]  # type: ignore[index]

    def forward(self, slices: Tensor) -> Tensor:
        """Four logits, (slice, 4)."""
        return self.heads(self.encoder(slices))


class MultiTaskNetwork(QualityNetwork):
    """Scores a slice, and finds the blood pool on it from the same features (section 3.2.2).

    Called like any quality network it scores only, so that is all that is exported.
    """

    def __init__(self, quality_from: QualityFrom = "logits", width: int = WIDTH) -> None:
        super().__init__(quality_from, width)
        self.decoder = Decoder(width)

    def both(self, slices: Tensor) -> tuple[Tensor, Tensor]:
        """Return four logits, (slice, 4), and logits of the blood pool, (slice, 1, row, column)."""
        stages = self.encoder.stages(slices)
        return self.heads(stages[-1].mean(dim=(2, 3))), self.decoder(stages, *slices.shape[2:])


class ContrastiveNetwork(nn.Module):
    """The encoder with four projection heads, 512-128, one for each label (section 3.2.3).

    Args:
        encoder: whose features are to be learnt.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.projections = nn.ModuleList(nn.Linear(encoder.features, 128) for _ in NAMES)

    def forward(self, slices: Tensor) -> Tensor:
        """Projections of length 1, (scale, slice, 128), scales in the order of `attributes.NAMES`."""
        return self.project(self.encoder(slices))

    def project(self, features: Tensor) -> Tensor:  # (slice, 512)
        """Return the same projections of pooled features."""
        return torch.stack([normalize(project(features), dim=1) for project in self.projections])


class HybridNetwork(ContrastiveNetwork):
    """The encoder with four projection heads, and the decoder that finds the blood pool (the paper's conclusion).

    Args:
        encoder: whose features are to be learnt.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__(encoder)
        self.decoder = Decoder(encoder.width)

    def both(self, slices: Tensor) -> tuple[Tensor, Tensor]:
        """Return projections, (scale, slice, 128), and logits of the blood pool, (slice, 1, row, column)."""
        stages = self.encoder.stages(slices)
        return self.project(stages[-1].mean(dim=(2, 3))), self.decoder(stages, *slices.shape[2:])
