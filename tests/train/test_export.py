"""Training world against assessing world: the same slices, the same probabilities."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from lgeqa.errors import TrainingError
from lgeqa.networks import Detector, QualityNetwork
from lgeqa.train.export import check_parity, export_onnx, quantise


def run(path: Path, slices: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    found: npt.NDArray[np.float32] = session.run(None, {"slices": slices})[0]
    return found


def eager(network: nn.Module, slices: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    with torch.inference_mode():
        found: npt.NDArray[np.float32] = torch.sigmoid(network.eval()(torch.from_numpy(slices))).numpy()
    return found


def slices(n: int, rows: int, columns: int, channels: int = 1) -> npt.NDArray[np.float32]:
    return np.random.default_rng(n).uniform(0, 2, (n, channels, rows, columns)).astype(np.float32)


@pytest.fixture(scope="module")
def quality() -> QualityNetwork:
    """A network whose probabilities differ between slices."""
    torch.manual_seed(0)
    network = QualityNetwork().train()
    for _ in range(3):
        network(torch.rand(8, 1, 128, 128) * 2)
    for head in network.attribute_heads:
        *_, last = head.parameters()
        nn.init.normal_(last, std=2.0)
    return network.eval()


@pytest.fixture(scope="module")
def full(quality: QualityNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "quality.onnx"
    export_onnx(quality, (1, 128, 128), None, path)
    return path


@pytest.mark.parametrize("n", [1, 5])
def test_the_quality_network_in_full_precision(quality: QualityNetwork, full: Path, n: int) -> None:
    given = slices(n, 128, 128)
    expected = eager(quality, given)
    assert expected.std() > 0.01
    np.testing.assert_allclose(run(full, given), expected, atol=1e-4)


def test_an_export_is_held_to_its_network(quality: QualityNetwork, full: Path) -> None:
    given = torch.from_numpy(slices(4, 128, 128))
    assert check_parity(quality, full, given) < 1e-5
    other = QualityNetwork()
    with pytest.raises(
        TrainingError, match=r"quality.onnx: gives probabilities that differ by 0\.\d+ .*0.001 is allowed"
    ):
        check_parity(other, full, given)


@pytest.mark.parametrize("shape", [(2, 48, 64), (1, 208, 80), (7, 64, 64)])
@pytest.mark.parametrize("context", [1, 3])
def test_the_detector_takes_slices_of_any_padded_size(
    tmp_path: Path, shape: tuple[int, int, int], context: int
) -> None:
    torch.manual_seed(0)
    network = Detector(width=8, context=context)
    export_onnx(network, (context, 64, 64), 16, tmp_path / "detector.onnx")
    given = slices(*shape, context)
    np.testing.assert_allclose(run(tmp_path / "detector.onnx", given), eager(network, given), atol=1e-4)


def test_8_bit_weights_take_a_quarter_and_stay_close(quality: QualityNetwork, full: Path, tmp_path: Path) -> None:
    quantise(full, tmp_path / "small.onnx", [slices(n, 128, 128) for n in (16, 17)], tmp_path)
    assert (tmp_path / "small.onnx").stat().st_size < 0.27 * full.stat().st_size
    kinds = {
        weight.data_type
        for weight in onnx.load(str(tmp_path / "small.onnx")).graph.initializer
        if len(weight.dims) == 4
    }
    assert kinds == {onnx.TensorProto.INT8}
    given = slices(5, 128, 128)
    np.testing.assert_allclose(run(tmp_path / "small.onnx", given), eager(quality, given), atol=0.1)
