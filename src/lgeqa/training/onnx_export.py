"""Export of trained networks to ONNX files, in full precision or 8-bit."""

import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor, nn
from torch.onnx import ONNXProgram

from lgeqa.atomic_io import write_through
from lgeqa.errors import TrainingError
from lgeqa.inference.bundle.bundle import MAPS
from lgeqa.records import FloatArray
from lgeqa.scales import SCALE_NAMES
from lgeqa.training.networks import QualityNetwork
from lgeqa.training.networks.hirescam import hirescam_and_features

#: Largest accepted change of a probability by a full-precision export.
PARITY = 1e-3
INPUT = "slices"
OUTPUT = "probabilities"


class _Probabilities(nn.Module):
    """A network whose logits are passed through the sigmoid."""

    outputs = (OUTPUT,)

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, slices: Tensor) -> tuple[Tensor, ...]:
        return (torch.sigmoid(self.network(slices)),)


class _Explained(nn.Module):
    """A quality network that returns probabilities, the attribution maps of its logits, and its further outputs."""

    def __init__(self, network: QualityNetwork) -> None:
        super().__init__()
        self.network = network
        features, logits = torch.zeros(1, network.encoder.features), torch.zeros(1, len(SCALE_NAMES))
        self.outputs = (OUTPUT, MAPS, *network.further_outputs(features, logits))

    def forward(self, slices: Tensor) -> tuple[Tensor, ...]:
        logits, maps, features = hirescam_and_features(self.network, slices)
        return torch.sigmoid(logits), maps, *self.network.further_outputs(features, logits).values()


def _for_use(network: nn.Module) -> _Probabilities | _Explained:
    """Put a network into evaluation mode and wrap it for the export."""
    network.eval().cpu()
    return _Explained(network) if isinstance(network, QualityNetwork) else _Probabilities(network)


def export_onnx(network: nn.Module, shape: tuple[int, int, int], multiple: int | None, path: Path) -> None:
    """Write a network as ONNX in full precision, with the output `probabilities`.

    A quality network also has the output `maps`, and those that its `further_outputs` names.

    Args:
        network: Network that maps (slice, channel, row, column) to logits. It is put into evaluation mode.
        shape: Shape of an example, (channels, rows, columns).
        multiple: Number of which rows and columns may be any multiple. None if they are fixed.
        path: File to write.
    """
    module = _for_use(network)
    traced = _trace(_Traceable(repr(module), module), shape, multiple)
    program = ONNXProgram(traced.model.clone(), None)
    with warnings.catch_warnings():
        # Weights that only training uses are not in the graph.
        warnings.simplefilter("ignore")
        program.apply_weights(module.state_dict())
    program.optimize()
    write_through(path, lambda draft: program.save(str(draft), external_data=False))


@dataclass(frozen=True)
class _Traceable:
    """A module that equals any other module with the same layers.

    Attributes:
        layers: Text that differs between modules with different layers.
        module: The module itself.
    """

    layers: str
    module: _Probabilities | _Explained = field(compare=False)


@lru_cache(maxsize=2)
def _trace(traceable: _Traceable, shape: tuple[int, int, int], multiple: int | None) -> ONNXProgram:
    """Trace a module, which takes most of the time of an export.

    Modules with the same layers differ only in their weights, so they share a trace.
    """
    dynamic: dict[int, Any] = {0: torch.export.Dim("slice", min=1, max=4096)}
    if multiple:
        dynamic |= {2: multiple * torch.export.Dim("rows", max=256), 3: multiple * torch.export.Dim("columns", max=256)}
    # The exporter logs that torchvision is missing, which is not needed here.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # The exporter warns about its own deprecated calls.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            traceable.module,
            (torch.zeros(3, *shape),),
            dynamic_shapes=(dynamic,),
            input_names=[INPUT],
            output_names=list(traceable.module.outputs),
            dynamo=True,
            verbose=False,
            optimize=False,
        )
    assert program is not None
    return program


def check_parity(network: nn.Module, path: Path, slices: Tensor) -> float:
    """Return the largest change of a probability by a full-precision export.

    Args:
        network: Trained network.
        path: ONNX file of the network.
        slices: Slices to compare on, (slice, channel, row, column).

    Raises:
        TrainingError: A probability changes by more than `PARITY`, or the maps of more than a tenth of the slices do,
            or any further output does.
    """
    module = _for_use(network)
    with torch.inference_mode():
        expected = module(slices)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    outputs = session.run(list(module.outputs), {INPUT: slices.numpy()})
    changes = {}
    for name, output, reference in zip(module.outputs, outputs, expected, strict=True):
        by_slice = np.abs(output - reference.numpy()).reshape(len(output), -1).max(axis=1)
        # Rounding can turn a ReLU of a head on or off, which changes the map of a slice even in a correct export.
        changes[name] = float(np.quantile(by_slice, 0.9, method="lower") if name == MAPS else by_slice.max())
        if not changes[name] <= PARITY:
            raise TrainingError(
                f"{path}: gives {name} that differ by {changes[name]:.2g} from those of PyTorch; {PARITY:g} is allowed."
                " The weights are kept; please report the versions that `lgeqa info` prints."
            )
    return changes[OUTPUT]


def quantise(source: Path, path: Path, calibration: list[FloatArray], scratch: Path) -> None:
    """Quantise weights and activations to 8-bit integers, with ranges found on real slices.

    The layers after a global pooling take a ten-thousandth of the work and stay in float. Probabilities and maps are
    then exact for the pooled features that both start from. In a network without pooling, such as the detector, the
    first and the last convolution stay in float, which keep single hot voxels and the outline. Weights use 7 of the 8
    bits: processors without instructions for 8-bit networks add pairs of products in 16 bits, which would overflow,
    and so the results are the same on all.

    Args:
        source: ONNX file in full precision.
        path: File to write the 8-bit network to.
        calibration: Batches of prepared slices, (slice, channel, row, column).
        scratch: Folder for an intermediate file.
    """
    folded = scratch / "folded.onnx"
    quant_pre_process(str(source), str(folded), skip_symbolic_shape=True)
    quantize_static(
        str(folded),
        str(path),
        _Calibration(calibration),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
        nodes_to_exclude=_in_float(folded),
    )


def _in_float(path: Path) -> list[str]:
    """Return the names of the nodes of an ONNX file that stay in float."""
    nodes = onnx.load(path).graph.node
    needed = {name for node in nodes if node.op_type == "ReduceMean" for name in node.input[:1]}
    if not needed:
        convolutions = [node.name for node in nodes if node.op_type == "Conv"]
        return [convolutions[0], convolutions[-1]]
    after = []
    for node in reversed(nodes):  # nodes are stored in the order of execution
        if needed.isdisjoint(node.output):
            after.append(node.name)
        else:
            needed |= {*node.input}
    return after


class _Calibration(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, batches: list[FloatArray]) -> None:
        self._left: Iterator[FloatArray] = iter(batches)

    def get_next(self) -> dict[str, FloatArray] | None:
        batch = next(self._left, None)
        return None if batch is None else {INPUT: batch}
