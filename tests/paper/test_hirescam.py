"""HiResCAM written out in forward operations, against autograd, Captum and the formula; in PyTorch and as exported."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from captum.attr import LayerGradientXActivation
from torch import Tensor, nn

from lgeqa.scales import SCALE_NAMES
from lgeqa.training.networks import QualityNetwork
from lgeqa.training.networks.hirescam import head_gradient, hirescam
from lgeqa.training.onnx_export import export_onnx

SCALES = range(len(SCALE_NAMES))


@pytest.fixture(scope="module", params=["logits", "features"])
def network(request: pytest.FixtureRequest) -> QualityNetwork:
    """Random weights, the heads' scaled so that logits are of the size of trained ones."""
    torch.manual_seed(4)
    network = QualityNetwork(request.param, width=8)
    with torch.no_grad():
        for head in (*network.attribute_heads, network.quality_head):
            for parameter in head.parameters():
                parameter.mul_(3)
    return network.eval()


@pytest.fixture(scope="module")
def slices() -> Tensor:
    return torch.rand(3, 1, 128, 128, generator=torch.Generator().manual_seed(1)) * 2


@pytest.fixture(scope="module")
def found(network: QualityNetwork, slices: Tensor) -> Tensor:
    with torch.inference_mode():
        return hirescam(network, slices)[1]


def captum(network: QualityNetwork, slices: Tensor, scale: int) -> Tensor:
    twin = LayerGradientXActivation(network, network.encoder.resnet.layer4).attribute(slices, target=scale)
    total: Tensor = twin.sum(dim=1).detach()
    return total


def naive(network: QualityNetwork, maps: Tensor, scale: int) -> Tensor:
    """The definition: the gradient at every place and channel of a slice's (feature, 4, 4) maps, times the maps."""
    leaf = maps[None].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network.heads(leaf.mean(dim=(2, 3)))[0, scale], leaf)
    found = torch.zeros(maps.shape[1:])
    for channel in range(maps.shape[0]):
        for row in range(maps.shape[1]):
            for column in range(maps.shape[2]):
                found[row, column] += gradient[0, channel, row, column] * maps[channel, row, column]
    return found


@pytest.mark.parametrize("scale", SCALES)
def test_it_is_captums_gradient_times_activation(
    network: QualityNetwork, slices: Tensor, found: Tensor, scale: int
) -> None:
    assert found.shape == (3, 4, 4, 4)
    assert found[:, scale].abs().max() > 0.01  # else the tolerance would say nothing
    torch.testing.assert_close(found[:, scale], captum(network, slices, scale), atol=1e-5, rtol=1e-5)


@pytest.mark.slow
def test_as_exported_it_is_captums_too(network: QualityNetwork, slices: Tensor, tmp_path: Path) -> None:
    export_onnx(network, (1, 128, 128), None, tmp_path / "quality.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "quality.onnx", providers=["CPUExecutionProvider"])

    probabilities, maps = session.run(["probabilities", "maps"], {"slices": slices.numpy()})

    for scale in SCALES:
        np.testing.assert_allclose(maps[:, scale], captum(network, slices, scale).numpy(), atol=1e-4, rtol=0)
    with torch.inference_mode():
        np.testing.assert_allclose(probabilities, torch.sigmoid(network(slices)).numpy(), atol=1e-5)


@pytest.mark.parametrize("scale", SCALES)
def test_it_is_what_the_formula_says(network: QualityNetwork, slices: Tensor, found: Tensor, scale: int) -> None:
    maps = network.encoder.stages(slices[:1])[-1].detach()

    torch.testing.assert_close(found[0, scale], naive(network, maps[0], scale), atol=5e-5, rtol=1e-4)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_gradient_of_a_head_is_autograds(layers: int) -> None:
    torch.manual_seed(layers)
    widths = [7, *[11, 5][: layers - 1], 1]
    parts: list[nn.Module] = []
    for i in range(layers):
        parts += [nn.Linear(widths[i], widths[i + 1]), nn.ReLU()]
    head = nn.Sequential(*parts[:-1])
    inputs = torch.randn(6, 7, requires_grad=True)

    (expected,) = torch.autograd.grad(head(inputs).sum(), inputs)

    torch.testing.assert_close(head_gradient(head, inputs), expected)


def test_gradient_of_outputs_starts_from_a_given_one() -> None:
    torch.manual_seed(3)
    body = nn.Sequential(nn.Linear(7, 11), nn.ReLU(), nn.Linear(11, 5), nn.ReLU())
    inputs, outward = torch.randn(6, 7, requires_grad=True), torch.randn(6, 5)

    (expected,) = torch.autograd.grad(body(inputs), inputs, outward)

    torch.testing.assert_close(head_gradient(body, inputs, outward), expected)


def test_the_logits_are_the_networks(network: QualityNetwork, slices: Tensor) -> None:
    torch.testing.assert_close(hirescam(network, slices)[0], network(slices))


@pytest.mark.parametrize("scale", SCALES)
def test_a_map_adds_up_to_its_logit_but_for_the_biases(
    network: QualityNetwork, slices: Tensor, found: Tensor, scale: int
) -> None:
    biases = [value for name, value in network.named_parameters() if "head" in name and name.endswith("bias")]
    for place in range(3):
        logit = network(slices[place : place + 1])[0, scale]
        gradients = torch.autograd.grad(logit, biases, materialize_grads=True)
        given = torch.stack([(b * g).sum() for b, g in zip(biases, gradients, strict=True)]).sum()

        torch.testing.assert_close(found[place, scale].sum(), (logit - given).detach(), atol=1e-5, rtol=1e-4)


def test_a_dead_head_looks_nowhere(slices: Tensor) -> None:
    torch.manual_seed(0)
    network = QualityNetwork(width=8).eval()
    with torch.no_grad():
        network.get_parameter("attribute_heads.1.0.bias").fill_(-1e6)

    maps = hirescam(network, slices)[1]

    assert torch.equal(maps[:, SCALE_NAMES.index("sharpness")], torch.zeros(3, 4, 4))
    assert maps[:, SCALE_NAMES.index("enhancement")].abs().sum() > 0


def test_a_slice_alone_is_explained_as_among_others(network: QualityNetwork, slices: Tensor, found: Tensor) -> None:
    alone = hirescam(network, slices[1:2])[1]

    assert alone.shape == (1, 4, 4, 4)
    torch.testing.assert_close(alone, found[1:2], atol=1e-5, rtol=1e-4)


def test_other_slices_give_other_grids(network: QualityNetwork) -> None:
    assert hirescam(network, torch.rand(2, 1, 160, 96))[1].shape == (2, 4, 5, 3)
