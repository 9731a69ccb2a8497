"""HiResCAM: which places of a slice a logit came from (Draelos and Carin, arXiv 2011.08891; the paper's Fig. 2)."""

import torch
from torch import Tensor

from lgeqa.attributes import NAMES
from lgeqa.networks.quality import QualityNetwork


def hirescam(network: QualityNetwork, slices: Tensor, scale: str) -> Tensor:
    """Gradient of a logit with respect to the last feature maps, times the maps, summed over channels.

    map(y, x) = sum over channels c of A_c(y, x) * d logit / d A_c(y, x)

    The maps A are averaged over their places before the heads see them, so the gradient is the same at every place:
    that of the pooled feature, divided by the number of places. Only the encoder and the heads are used.

    Completeness: with a linear head on the pooled features, the sum of a map is its logit minus the head's bias. A
    ReLU head is linear around each slice, so there the sum of a map is its logit minus what the biases give: the sum
    over all of the head's biases b of b * d logit / d b. For `quality` that counts the biases of all four heads.

    Args:
        network: its encoder in evaluation mode; nothing of it is changed, and no gradients are left in it.
        slices: (slice, 1, row, column), prepared as in training; 128 x 128 give 4 x 4 maps.
        scale: one of `attributes.NAMES`.

    Returns:
        (slice, row, column), the encoder's last grid, in logits: above 0 what speaks for diagnostic, below 0 what
        speaks against it.

    Raises:
        ValueError: there is no such scale, or the encoder is in training mode, where slices depend on each other and
            looking would change its running means.
    """
    if scale not in NAMES:
        raise ValueError(f"scale = {scale!r} is none of {', '.join(NAMES)}")
    if network.encoder.training:
        raise ValueError("hirescam needs the network in evaluation mode; call network.eval()")
    with torch.inference_mode(False):
        with torch.no_grad():
            maps = network.encoder.stages(slices)[-1]
        with torch.enable_grad():
            pooled = maps.mean(dim=(2, 3)).requires_grad_()
            logits = network.heads(pooled)[:, NAMES.index(scale)]
            (gradient,) = torch.autograd.grad(logits.sum(), pooled)
    places = maps.shape[2] * maps.shape[3]
    return torch.einsum("schw,sc->shw", maps, gradient) / places
