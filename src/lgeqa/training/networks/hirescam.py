"""HiResCAM: attribution of a logit to places of a slice (Draelos and Carin, arXiv 2011.08891; the paper's Fig. 2).

It consists of forward operations only, so that it is exported with the network and assessment of scans does not need
PyTorch.
"""

import torch
from torch import Tensor, nn

from lgeqa.training.networks.quality import QualityNetwork


def hirescam(network: QualityNetwork, slices: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits and the attribution map of each.

    A map is the gradient of its logit with respect to the last feature maps, times these maps, summed over channels:

    map(y, x) = sum over channels c of A_c(y, x) * d logit / d A_c(y, x)

    The maps A are averaged over their places before the heads see them, so the gradient is the same at every place:
    the gradient with respect to the pooled feature, divided by the number of places. The quality head sees only the
    attribute heads. With f the pooled features, and a_k the logit of attribute k, or the last hidden features of its
    head if the quality head sees these,

    d quality / d f = sum over attributes k of d quality / d a_k * d a_k / d f

    Completeness: a ReLU head is linear around each slice, so the sum of a map is its logit minus the contribution of
    the biases, which is the sum over all biases b of the head of b * d logit / d b. For `quality` this includes the
    biases of all four heads that the signal has passed. A head without ReLU is explained up to its last bias.

    Args:
        network: Network in evaluation mode, since slices depend on each other in training mode.
        slices: Slices prepared as in training, (slice, channel, row, column). 128 x 128 pixels give 4 x 4 maps.

    Returns:
        Logits (slice, 4), and maps (slice, 4, map row, map column) on the encoder's last grid, in logits. Values
        above 0 speak for diagnostic, values below 0 against it. Both are in the order of `scales.SCALE_NAMES`.
    """
    logits, maps, _ = hirescam_and_features(network, slices)
    return logits, maps


def hirescam_and_features(network: QualityNetwork, slices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the logits and maps of `hirescam`, and the pooled features (slice, 512)."""
    maps = network.encoder.stages(slices)[-1]
    pooled = maps.mean(dim=(2, 3))
    logits = network.heads(pooled)
    attributes = torch.stack([head_gradient(head, pooled) for head in network.attribute_heads], dim=1)
    gradients = torch.cat([attributes, quality_gradient(network, pooled)[:, None]], dim=1)  # (slice, 4, 512)
    places = maps.flatten(start_dim=2)
    heat = (gradients @ places / places.shape[2]).reshape(-1, gradients.shape[1], *maps.shape[2:])
    return logits, heat, pooled


def quality_gradient(network: QualityNetwork, features: Tensor) -> Tensor:
    """Return the gradient of the quality logit with respect to the pooled features, (slice, 512), through the heads."""
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
    """Return the gradient with respect to a head's inputs, by the chain rule from its outputs backwards.

    For linear layers W_1 to W_n with ReLUs in between, whose inputs are z_1 to z_(n-1), and the gradient g with respect
    to the outputs it is:

    g W_n diag(z_(n-1) > 0) W_(n-1) ... diag(z_1 > 0) W_1

    Args:
        head: Alternating `nn.Linear` and `nn.ReLU` in an `nn.Sequential`.
        inputs: Inputs of the head, (slice, features).
        outward: Gradient with respect to the outputs, (slice, outputs). None for the gradient of a single logit.

    Returns:
        Gradient (slice, features).
    """
    assert isinstance(head, nn.Sequential)
    outputs: list[Tensor] = []
    for layer in head:
        outputs.append(layer(outputs[-1] if outputs else inputs))
    gradient = torch.ones_like(outputs[-1]) if outward is None else outward
    for layer, output in zip(reversed(head), reversed(outputs), strict=True):
        gradient = gradient @ layer.weight if isinstance(layer, nn.Linear) else gradient * (output > 0).to(output.dtype)
    return gradient
