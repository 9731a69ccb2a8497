"""HiResCAM: which places of a slice a logit came from (Draelos and Carin, arXiv 2011.08891; the paper's Fig. 2).

Written out from forward operations alone, so that it is exported with the network and needs no PyTorch where scans are
assessed.
"""

import torch
from torch import Tensor, nn

from lgeqa.networks.quality import QualityNetwork


def hirescam(network: QualityNetwork, slices: Tensor) -> tuple[Tensor, Tensor]:
    """Logits, and for each the gradient with respect to the last feature maps, times the maps, summed over channels.

    map(y, x) = sum over channels c of A_c(y, x) * d logit / d A_c(y, x)

    The maps A are averaged over their places before the heads see them, so the gradient is the same at every place:
    that of the pooled feature, divided by the number of places. The quality head sees the attribute heads alone. With f
    the pooled features, and a_k the logit of attribute k, or the last hidden features of its head where the quality
    head sees these,

    d quality / d f = sum over attributes k of d quality / d a_k * d a_k / d f

    Completeness: a ReLU head is linear around each slice, so the sum of a map is its logit minus what the biases
    give: the sum over all of the head's biases b of b * d logit / d b. For `quality` that counts the biases of all
    four heads that it has passed. A head without ReLU is explained up to its last bias.

    Args:
        network: in evaluation mode, else slices depend on each other.
        slices: (slice, 1, row, column), prepared as in training; 128 x 128 give 4 x 4 maps.

    Returns:
        Logits (slice, 4), and maps (slice, 4, map row, map column) on the encoder's last grid, in logits: above 0 what
        speaks for diagnostic, below 0 what speaks against it. Both in the order of `attributes.NAMES`.
    """
    maps = network.encoder.stages(slices)[-1]
    pooled = maps.mean(dim=(2, 3))
    logits = network.heads(pooled)
    attributes = torch.stack([head_gradient(head, pooled) for head in network.attribute_heads], dim=1)
    gradients = torch.cat([attributes, quality_gradient(network, pooled)[:, None]], dim=1)  # (slice, 4, 512)
    places = maps.flatten(start_dim=2)
    return logits, (gradients @ places / places.shape[2]).reshape(-1, gradients.shape[1], *maps.shape[2:])


def quality_gradient(network: QualityNetwork, features: Tensor) -> Tensor:
    """Return the gradient of the quality logit with respect to the pooled features, through the heads: (slice, 512)."""
    heads: list[nn.Module]
    if network.quality_from == "logits":
        heads = list(network.attribute_heads)
    else:
        heads = [body for body, _ in network.attribute_parts()]
    outputs = [head(features) for head in heads]
    through = head_gradient(network.quality_head, torch.cat(outputs, dim=1)).chunk(len(heads), dim=1)
    terms = [head_gradient(head, features, outward) for head, outward in zip(heads, through, strict=True)]
    return torch.stack(terms).sum(dim=0)


def head_gradient(head: nn.Module, inputs: Tensor, outward: Tensor | None = None) -> Tensor:
    """Return the gradient with respect to a head's inputs, by the chain rule from its outputs inward.

    For linear layers W_1 to W_n with a ReLU between each two, whose inputs are z_1 to z_(n-1), and g the gradient with
    respect to the outputs:

    g W_n diag(z_(n-1) > 0) W_(n-1) ... diag(z_1 > 0) W_1

    Args:
        head: an `nn.Sequential` of `nn.Linear` and `nn.ReLU` in turn.
        inputs: (slice, features).
        outward: (slice, outputs) gradient with respect to the outputs; None for the gradient of a head's one logit.

    Returns:
        (slice, features).
    """
    assert isinstance(head, nn.Sequential)
    outputs: list[Tensor] = []
    for layer in head:
        outputs.append(layer(outputs[-1] if outputs else inputs))
    gradient = torch.ones_like(outputs[-1]) if outward is None else outward
    for layer, output in zip(reversed(head), reversed(outputs), strict=True):
        gradient = gradient @ layer.weight if isinstance(layer, nn.Linear) else gradient * (output > 0).to(output.dtype)
    return gradient
