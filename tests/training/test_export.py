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
from lgeqa.training import onnx_export as export_module
from lgeqa.training.networks import Detector, MultiTaskNetwork, QualityNetwork
from lgeqa.training.networks.hirescam import hirescam
from lgeqa.training.onnx_export import check_parity, export_onnx, quantise


def run(path: Path, slices: npt.NDArray[np.float32], output: str = "probabilities") -> npt.NDArray[np.float32]:
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    found: npt.NDArray[np.float32] = session.run([output], {"slices": slices})[0]
    return found


def outputs(path: Path) -> list[str]:
    return [output.name for output in onnx.load(path).graph.output]


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
@pytest.mark.slow
def test_the_quality_network_in_full_precision(quality: QualityNetwork, full: Path, n: int) -> None:
    given = slices(n, 128, 128)
    expected = eager(quality, given)
    assert expected.std() > 0.01
    np.testing.assert_allclose(run(full, given), expected, atol=1e-4)
    assert outputs(full) == ["probabilities", "maps"]
    with torch.inference_mode():
        np.testing.assert_allclose(
            run(full, given, "maps"), hirescam(quality, torch.from_numpy(given))[1].numpy(), atol=1e-4
        )


@pytest.mark.slow
@pytest.mark.parametrize("kind", [QualityNetwork, MultiTaskNetwork])
def test_second_export_of_equal_layers_equals_a_fresh_one(kind: type[QualityNetwork], tmp_path: Path) -> None:
    first, second = kind(), kind()
    export_onnx(first, (1, 128, 128), None, tmp_path / "first.onnx")
    export_onnx(second, (1, 128, 128), None, tmp_path / "second.onnx")
    given = torch.from_numpy(slices(3, 128, 128))
    for network, name in ((first, "first.onnx"), (second, "second.onnx")):
        assert check_parity(network, tmp_path / name, given) < 1e-5
    export_module._trace.cache_clear()
    export_onnx(second, (1, 128, 128), None, tmp_path / "fresh.onnx")
    assert (tmp_path / "fresh.onnx").read_bytes() == (tmp_path / "second.onnx").read_bytes()
    assert (tmp_path / "first.onnx").read_bytes() != (tmp_path / "second.onnx").read_bytes()


def test_an_export_is_held_to_its_network(quality: QualityNetwork, full: Path) -> None:
    given = torch.from_numpy(slices(4, 128, 128))
    assert check_parity(quality.train(), full, given) < 1e-5
    assert not quality.training
    other = QualityNetwork()
    with pytest.raises(
        TrainingError, match=r"quality.onnx: gives probabilities that differ by 0\.\d+ .*0.001 is allowed"
    ):
        check_parity(other, full, given)


def test_the_maps_of_an_export_are_held_to_its_network_too(quality: QualityNetwork, full: Path, tmp_path: Path) -> None:
    model = onnx.load(full)
    division = next(node for node in reversed(model.graph.node) if node.op_type == "Div")
    division.op_type = "Mul"  # by the number of places, where the maps should be divided by it
    onnx.save(model, tmp_path / "wrong.onnx")
    with pytest.raises(TrainingError, match=r"wrong.onnx: gives maps that differ by \d.* 0.001 is allowed"):
        check_parity(quality, tmp_path / "wrong.onnx", torch.from_numpy(slices(4, 128, 128)))


def test_parity_is_the_largest_change_but_for_one_map_in_ten(
    quality: QualityNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = torch.from_numpy(slices(10, 128, 128))
    with torch.inference_mode():
        logits, maps = hirescam(quality.eval(), given)
    found = {"probabilities": torch.sigmoid(logits).numpy(), "maps": maps.numpy()}

    class Session:
        def __init__(self, *_: object, **__: object) -> None: ...

        def run(self, names: list[str], _: object) -> list[npt.NDArray[np.float32]]:
            return [found[name] + moved.get(name, np.float32(0)) for name in names]

    def by(n: int, amount: float, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
        offset = np.zeros((10, *shape), np.float32)
        offset[:n, 1:2] = amount
        return offset

    monkeypatch.setattr("lgeqa.training.onnx_export.onnxruntime.InferenceSession", Session)
    moved = {"probabilities": by(1, 5e-4, (4,)), "maps": by(1, 1.0, (4, 4, 4))}
    assert check_parity(quality, Path("some.onnx"), given) == pytest.approx(5e-4, rel=0.01)
    moved = {"probabilities": by(1, 2e-3, (4,))}
    with pytest.raises(TrainingError, match=r"gives probabilities that differ by 0\.002"):
        check_parity(quality, Path("some.onnx"), given)
    moved = {"maps": by(2, 1.0, (4, 4, 4))}
    with pytest.raises(TrainingError, match="gives maps that differ by 1"):
        check_parity(quality, Path("some.onnx"), given)


@pytest.mark.parametrize("shape", [(2, 48, 64), (1, 208, 80), (7, 64, 64)])
@pytest.mark.parametrize("context", [1, 3])
@pytest.mark.slow
def test_the_detector_takes_slices_of_any_padded_size(
    tmp_path: Path, shape: tuple[int, int, int], context: int
) -> None:
    torch.manual_seed(0)
    network = Detector(width=8, context=context)
    export_onnx(network, (context, 64, 64), 16, tmp_path / "detector.onnx")
    given = slices(*shape, context)
    np.testing.assert_allclose(run(tmp_path / "detector.onnx", given), eager(network, given), atol=1e-4)
    assert outputs(tmp_path / "detector.onnx") == ["probabilities"]


@pytest.fixture(scope="module")
def small(full: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "quality.onnx"
    quantise(full, path, [slices(n, 128, 128) for n in (16, 17)], path.parent)
    return path


def test_8_bit_weights_take_a_quarter_and_stay_close(quality: QualityNetwork, full: Path, small: Path) -> None:
    assert small.stat().st_size < 0.27 * full.stat().st_size
    weights = onnx.load(small).graph.initializer
    # Each channel has a range of its own.
    assert max(len(onnx.numpy_helper.to_array(weight).ravel()) for weight in weights if "scale" in weight.name) == 512
    rounded = [onnx.numpy_helper.to_array(weight) for weight in weights if len(weight.dims) == 4]
    assert {weight.dtype for weight in rounded} == {np.dtype(np.int8)}
    # 7 of 8 bits, so that sums of two products fit into 16 bits on every processor.
    assert max(abs(weight.astype(int)).max() for weight in rounded) == 64
    given = slices(5, 128, 128)
    np.testing.assert_allclose(run(small, given), eager(quality, given), atol=0.1)


@pytest.mark.slow
def test_first_and_last_convolution_of_an_8_bit_detector_are_in_float(tmp_path: Path) -> None:
    torch.manual_seed(0)
    full, small = tmp_path / "full.onnx", tmp_path / "small.onnx"
    export_onnx(Detector(context=1), (1, 32, 32), 16, full)
    quantise(full, small, [slices(2, 32, 32)], tmp_path)
    graph = onnx.load(small).graph
    in_float = {weight.name for weight in graph.initializer if weight.data_type == onnx.TensorProto.FLOAT}
    convolutions = [node.input[1] in in_float for node in graph.node if node.op_type == "Conv"]
    assert convolutions == [True, *[False] * (len(convolutions) - 2), True]


def test_8_bit_ranges_are_those_of_the_slices(small: Path) -> None:
    graph = onnx.load(small).graph
    first = next(node for node in graph.node if node.op_type == "QuantizeLinear" and node.input[0] == "slices")
    scale = next(weight for weight in graph.initializer if weight.name == first.input[1])
    assert onnx.numpy_helper.to_array(scale) == pytest.approx(2 / 255, rel=0.01)  # they are drawn from 0 to 2


def test_8_bit_maps_are_those_of_the_8_bit_probabilities(quality: QualityNetwork, small: Path, tmp_path: Path) -> None:
    """From the pooled features on all is float: put into the heads of PyTorch, they give the same output."""
    model = onnx.load(small)
    pooling = next(node for node in model.graph.node if node.op_type == "ReduceMean")
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in pooling.input[:1])
    onnx.save(model, tmp_path / "opened.onnx")
    given = slices(5, 128, 128)
    features = torch.from_numpy(run(tmp_path / "opened.onnx", given, pooling.input[0]))
    leaf = features.clone().requires_grad_()

    logits = quality.heads(leaf.mean(dim=(2, 3)))

    np.testing.assert_allclose(run(small, given), torch.sigmoid(logits).detach().numpy(), atol=1e-5)
    for scale in range(4):
        (gradient,) = torch.autograd.grad(logits[:, scale].sum(), leaf, retain_graph=True)
        expected = (gradient * features).sum(dim=1).numpy()
        assert np.abs(expected).max() > 1e-3
        np.testing.assert_allclose(run(small, given, "maps")[:, scale], expected, atol=1e-5)
