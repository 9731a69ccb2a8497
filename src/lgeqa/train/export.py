"""From trained networks to ONNX files, in full precision or 8-bit."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor, nn

from lgeqa.errors import TrainingError
from lgeqa.records import FloatArray

#: What a full-precision export may move a probability by.
PARITY = 1e-3
INPUT = "slices"
OUTPUT = "probabilities"


class _Probabilities(nn.Module):
    """A network whose logits are passed through the sigmoid."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, slices: Tensor) -> Tensor:
        return torch.sigmoid(self.network(slices))


def export_onnx(network: nn.Module, shape: tuple[int, int, int], multiple: int | None, path: Path) -> None:
    """Write a network as ONNX in full precision.

    Args:
        network: takes (slice, channel, row, column) and gives logits; put into evaluation mode.
        shape: (channels, rows, columns) of an example.
        multiple: rows and columns may be any multiple of this; None if they are fixed.
        path: the file.
    """
    module = _Probabilities(network.eval().cpu())
    dynamic: dict[int, Any] = {0: torch.export.Dim("slice", min=1, max=4096)}
    if multiple:
        dynamic |= {2: multiple * torch.export.Dim("rows", max=256), 3: multiple * torch.export.Dim("columns", max=256)}
    with warnings.catch_warnings():
        # The exporter warns of its own deprecated calls.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module,
            (torch.zeros(3, *shape),),
            dynamic_shapes=(dynamic,),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamo=True,
            verbose=False,
            optimize=True,
        )
    assert program is not None
    program.save(str(path), external_data=False)


def check_parity(network: nn.Module, path: Path, slices: Tensor) -> float:
    """How far a full-precision export moves a probability, at the most.

    Args:
        network: as it was trained.
        path: its ONNX file.
        slices: (slice, channel, row, column).

    Raises:
        TrainingError: by more than `PARITY`.
    """
    with torch.inference_mode():
        expected = torch.sigmoid(network.eval().cpu()(slices)).numpy()
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    moved = float(np.abs(session.run([OUTPUT], {INPUT: slices.numpy()})[0] - expected).max())
    if not moved <= PARITY:
        raise TrainingError(
            f"{path}: gives probabilities that differ by {moved:.2g} from those of PyTorch; {PARITY:g} is allowed. The "
            "weights are kept; please report the versions that `lgeqa info` tells."
        )
    return moved


def quantise(source: Path, path: Path, calibration: list[FloatArray], scratch: Path) -> None:
    """Turn weights and activations into 8-bit integers, with ranges found on real slices.

    Args:
        source: full-precision ONNX file.
        path: the 8-bit file.
        calibration: batches (slice, channel, row, column) of prepared slices.
        scratch: folder for an intermediate file.
    """
    folded = scratch / "folded.onnx"
    quant_pre_process(str(source), str(folded), skip_symbolic_shape=True)
    quantize_static(
        str(folded),
        str(path),
        _Calibration(calibration),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        reduce_range=False,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )


class _Calibration(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, batches: list[FloatArray]) -> None:
        self._left: Iterator[FloatArray] = iter(batches)

    def get_next(self) -> dict[str, FloatArray] | None:
        batch = next(self._left, None)
        return None if batch is None else {INPUT: batch}
