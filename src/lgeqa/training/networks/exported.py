"""A quality network that can be trained on, with the weights of a bundle's ONNX file.

The exports fold each batch normalisation into the convolution before it, and 8-bit exports round the weights of
convolutions. So the weights that a bundle runs with are in its ONNX file already, and no second copy can disagree.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from lgeqa.errors import ConfigError
from lgeqa.training.networks.quality import HIDDEN, QualityNetwork

_PREFIX = "network."
Values = dict[str, npt.NDArray[np.floating]]


def quality_network_of(path: Path) -> QualityNetwork:
    """Return the quality network of an ONNX file that `export_onnx` or `quantise` wrote, in evaluation mode.

    Its batch normalisations only add the folded offsets. They must stay in evaluation mode, since the statistics of the
    first training are not in the file.

    Raises:
        ConfigError: The file holds another network.
    """
    weights = _weights(onnx.load(path).graph)
    try:
        width = len(weights["encoder.resnet.conv1.weight"])
        inputs = weights["quality_head.0.weight"].shape[1]
        channels = weights["encoder.resnet.conv1.weight"].shape[1]
        network = QualityNetwork("features" if inputs % HIDDEN == 0 else "logits", width, channels)
        _fill(network, weights)
    except (KeyError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"{path}: is not a quality network that lgeqa exported ({error}). Start from a bundle that lgeqa wrote."
        ) from None
    return network.eval()


def _weights(graph: onnx.GraphProto) -> Values:
    """Return the weights and biases of convolutions and heads by their names in the network, 8-bit ones as numbers."""
    values: Values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in values:
            integers, scale, zero = (values[name] for name in node.input)
            along = (-1, *[1] * (integers.ndim - 1)) if scale.ndim else ()
            values[node.output[0]] = (integers.astype(np.float32) - zero.reshape(along)) * scale.reshape(along)
    weights = {name.removeprefix(_PREFIX): value for name, value in values.items() if name.startswith(_PREFIX)}
    for node in graph.node:
        if node.op_type == "Conv":
            # A quantised weight has the suffix `_DequantizeLinear_Output`.
            module = node.input[1].removeprefix(_PREFIX).split(".weight")[0]
            weights[f"{module}.weight"] = values[node.input[1]]
            if len(node.input) > 2:
                weights[f"{module}.bias"] = values[node.input[2]]
    return weights


def _fill(network: QualityNetwork, weights: Values) -> None:
    """Fill a network in place.

    Raises:
        KeyError: A weight is missing.
        RuntimeError: A weight has another shape.
    """
    state = network.state_dict()
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            state[f"{name}.weight"] = _tensor(weights[f"{name}.weight"])
            offset = weights.get(f"{name}.bias")
            state |= _identity(_norm_after(name), module.out_channels, None if offset is None else _tensor(offset))
        elif isinstance(module, nn.Linear):
            state |= {f"{name}.{part}": _tensor(weights[f"{name}.{part}"]) for part in ("weight", "bias")}
    network.load_state_dict(state)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_var.fill_(1 - module.eps)  # type: ignore[union-attr]


def _identity(name: str, channels: int, offset: Tensor | None) -> dict[str, Tensor]:
    """Return the state of a batch normalisation that only adds `offset`."""
    return {
        f"{name}.weight": torch.ones(channels),
        f"{name}.bias": torch.zeros(channels) if offset is None else offset,
        f"{name}.running_mean": torch.zeros(channels),
    }


def _norm_after(convolution: str) -> str:
    """Return the name of the batch normalisation after a convolution of the ResNet."""
    *parents, last = convolution.split(".")
    return ".".join([*parents, "1" if last == "0" else last.replace("conv", "bn")])


def _tensor(values: npt.NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(np.array(values, np.float32))
