"""Stage 2: encoder, three attribute heads, and the QA head on their outputs (section 3.2)."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from lgeqa.scales import ATTRIBUTE_NAMES, SCALE_NAMES
from lgeqa.training.networks.decoder import Decoder
from lgeqa.training.networks.encoder import WIDTH, Encoder

QualityFrom = Literal["logits", "features"]
#: Number of last hidden features of an attribute head.
HIDDEN = 32


def attribute_head(features: int) -> nn.Sequential:
    """Return the classifier of one attribute, 512-128-32-1 with ReLU."""
    return nn.Sequential(nn.Linear(features, 128), nn.ReLU(), nn.Linear(128, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))


class QualityNetwork(nn.Module):
    """Network that scores a slice on the four scales (section 3.2.1).

    Args:
        quality_from: Input of the QA head. `logits`, as in the paper, are the three attribute logits, so that all its
            information passes through them. `features` are the last hidden features of the three attribute heads, so
            that it can respond to noise without a trace in the attributes.
        width: Number of channels of the encoder's first stage.
        channels: Number of slices that the encoder sees at once, the current slice and its neighbours.
    """

    def __init__(self, quality_from: QualityFrom = "logits", width: int = WIDTH, channels: int = 1) -> None:
        super().__init__()
        self.quality_from = quality_from
        self.encoder = Encoder(width, channels)
        self.attribute_heads = nn.ModuleList(attribute_head(self.encoder.features) for _ in ATTRIBUTE_NAMES)
        self.quality_inputs = len(ATTRIBUTE_NAMES) * (1 if quality_from == "logits" else HIDDEN)
        self.quality_head = nn.Sequential(nn.Linear(self.quality_inputs, 20), nn.ReLU(), nn.Linear(20, 1))

    def heads(self, features: Tensor) -> Tensor:  # (slice, 512)
        """Return four logits, (slice, 4), in the order of `scales.SCALE_NAMES`."""
        hidden = [body(features) for body, _ in self.attribute_parts()]
        logits = [last(inputs) for (_, last), inputs in zip(self.attribute_parts(), hidden, strict=True)]
        attributes = torch.cat(logits, dim=1)
        evidence = attributes if self.quality_from == "logits" else torch.cat(hidden, dim=1)
        return torch.cat([attributes, self.quality_head(evidence)], dim=1)

    def attribute_parts(self) -> list[tuple[nn.Sequential, nn.Module]]:
        """Return each attribute head, split before its last layer."""
        return [(head[:-1], head[-1]) for head in self.attribute_heads]  # type: ignore[index]

    def forward(self, slices: Tensor) -> Tensor:
        """Return four logits, (slice, 4)."""
        return self.heads(self.encoder(slices))

    def further_outputs(self, _features: Tensor, _logits: Tensor) -> dict[str, Tensor]:
        """Return what an export gives beside probabilities and maps, by name.

        The arguments are the pooled features, (slice, 512), and the logits of these slices, (slice, 4).
        """
        return {}


class MultiTaskNetwork(QualityNetwork):
    """Network that scores a slice and segments its blood pool from the same features (section 3.2.2).

    Called like any quality network it only scores, so only the scores are exported.
    """

    def __init__(self, quality_from: QualityFrom = "logits", width: int = WIDTH, channels: int = 1) -> None:
        super().__init__(quality_from, width, channels)
        self.decoder = Decoder(width)

    def both(self, slices: Tensor) -> tuple[Tensor, Tensor]:
        """Return four logits, (slice, 4), and logits of the blood pool, (slice, 1, row, column)."""
        stages = self.encoder.stages(slices)
        return self.heads(stages[-1].mean(dim=(2, 3))), self.decoder(stages, *slices.shape[2:])


class ContrastiveNetwork(nn.Module):
    """Encoder with four projection heads, 512-128, one for each label (section 3.2.3).

    Args:
        encoder: Encoder that learns the features.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.projections = nn.ModuleList(nn.Linear(encoder.features, 128) for _ in SCALE_NAMES)

    def forward(self, slices: Tensor) -> Tensor:
        """Return projections of length 1, (scale, slice, 128), scales in the order of `scales.SCALE_NAMES`."""
        return self.project(self.encoder(slices))

    def project(self, features: Tensor) -> Tensor:  # (slice, 512)
        """Return the projections of pooled features, as `forward` does for slices."""
        return torch.stack([normalize(project(features), dim=1) for project in self.projections])


class HybridNetwork(ContrastiveNetwork):
    """Encoder with four projection heads, and a decoder that segments the blood pool (the paper's conclusion).

    Args:
        encoder: Encoder that learns the features.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__(encoder)
        self.decoder = Decoder(encoder.width)

    def both(self, slices: Tensor) -> tuple[Tensor, Tensor]:
        """Return projections, (scale, slice, 128), and logits of the blood pool, (slice, 1, row, column)."""
        stages = self.encoder.stages(slices)
        return self.project(stages[-1].mean(dim=(2, 3))), self.decoder(stages, *slices.shape[2:])
