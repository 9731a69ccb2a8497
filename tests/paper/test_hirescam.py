import pytest
import torch
from captum.attr import LayerGradientXActivation
from torch import Tensor, nn

from lgeqa.attributes import NAMES
from lgeqa.networks import QualityNetwork
from lgeqa.networks.hirescam import hirescam


@pytest.fixture(scope="module")
def network() -> QualityNetwork:
    """Random weights, the heads' scaled so that logits are of the size of trained ones."""
    torch.manual_seed(4)
    network = QualityNetwork()
    with torch.no_grad():
        for head in (*network.attribute_heads, network.quality_head):
            for parameter in head.parameters():
                parameter.mul_(3)
    return network.eval()


@pytest.fixture(scope="module")
def slices() -> Tensor:
    return torch.rand(3, 1, 128, 128, generator=torch.Generator().manual_seed(1)) * 2


def naive(network: QualityNetwork, maps: Tensor, scale: int) -> Tensor:
    """The definition: the gradient at every place and channel of a slice's (512, 4, 4) maps, times the maps."""
    leaf = maps[None].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network.heads(leaf.mean(dim=(2, 3)))[0, scale], leaf)
    found = torch.zeros(maps.shape[1:])
    for channel in range(maps.shape[0]):
        for row in range(maps.shape[1]):
            for column in range(maps.shape[2]):
                found[row, column] += gradient[0, channel, row, column] * maps[channel, row, column]
    return found


@pytest.mark.parametrize("place", range(4))
def test_it_is_captums_gradient_times_activation(network: QualityNetwork, slices: Tensor, place: int) -> None:
    twin = LayerGradientXActivation(network, network.encoder.resnet.layer4).attribute(slices, target=place)

    found = hirescam(network, slices, NAMES[place])

    assert found.shape == (3, 4, 4)
    assert found.abs().max() > 0.01  # else the tolerance would say nothing
    torch.testing.assert_close(found, twin.sum(dim=1).detach(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("place", range(4))
def test_it_is_what_the_formula_says(network: QualityNetwork, slices: Tensor, place: int) -> None:
    maps = network.encoder.stages(slices[:1])[-1].detach()

    found = hirescam(network, slices[:1], NAMES[place])

    torch.testing.assert_close(found[0], naive(network, maps[0], place), atol=1e-5, rtol=1e-4)


class LinearHeads(QualityNetwork):
    """Every logit is linear in the pooled features."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(512, 4)

    def heads(self, features: Tensor) -> Tensor:
        logits: Tensor = self.linear(features)
        return logits


@pytest.mark.parametrize("place", range(4))
def test_a_linear_head_is_explained_completely(slices: Tensor, place: int) -> None:
    torch.manual_seed(2)
    linear = LinearHeads().eval()

    found = hirescam(linear, slices, NAMES[place])

    expected = (linear(slices) - linear.linear.bias)[:, place].detach()
    torch.testing.assert_close(found.sum(dim=(1, 2)), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("place", range(4))
def test_a_relu_head_is_explained_up_to_its_biases(network: QualityNetwork, slices: Tensor, place: int) -> None:
    biases = [value for name, value in network.named_parameters() if "head" in name and name.endswith("bias")]
    for single in (slices[:1], slices[1:2], slices[2:]):
        logit = network(single)[0, place]
        gradients = torch.autograd.grad(logit, biases, materialize_grads=True)
        given = torch.stack([(b * g).sum() for b, g in zip(biases, gradients, strict=True)]).sum()

        found = hirescam(network, single, NAMES[place]).sum()

        torch.testing.assert_close(found, (logit - given).detach(), atol=1e-5, rtol=1e-4)


def test_a_dead_head_looks_nowhere(slices: Tensor) -> None:
    torch.manual_seed(0)
    network = QualityNetwork().eval()
    with torch.no_grad():
        network.get_parameter("attribute_heads.1.0.bias").fill_(-1e6)

    assert torch.equal(hirescam(network, slices, "sharpness"), torch.zeros(3, 4, 4))
    assert hirescam(network, slices, "enhancement").abs().sum() > 0


def test_a_slice_alone_is_explained_as_among_others(network: QualityNetwork, slices: Tensor) -> None:
    alone = hirescam(network, slices[1:2], "quality")

    assert alone.shape == (1, 4, 4)
    torch.testing.assert_close(alone, hirescam(network, slices, "quality")[1:2], atol=1e-5, rtol=1e-4)


def test_other_slices_give_other_grids(network: QualityNetwork) -> None:
    assert hirescam(network, torch.rand(2, 1, 160, 96), "quality").shape == (2, 5, 3)


def test_nothing_of_the_network_changes(network: QualityNetwork, slices: Tensor) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    learning = [parameter.requires_grad for parameter in network.parameters()]
    network.attribute_heads.train()

    hirescam(network, slices, "quality")

    assert network.attribute_heads.training
    assert not network.encoder.training
    network.eval()
    assert all(parameter.grad is None for parameter in network.parameters())
    assert [parameter.requires_grad for parameter in network.parameters()] == learning
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_frozen_network_in_use_is_explained_too(mode: type[torch.no_grad], slices: Tensor) -> None:
    torch.manual_seed(0)
    network = QualityNetwork().eval()
    expected = hirescam(network, slices, "quality")
    network.requires_grad_(False)

    with mode():
        found = hirescam(network, slices.clone(), "quality")

    torch.testing.assert_close(found, expected)
    assert not found.requires_grad
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_an_unknown_scale_is_refused(network: QualityNetwork, slices: Tensor) -> None:
    with pytest.raises(ValueError, match="scale = 'contrast' is none of myocardium_nulling, sharpness"):
        hirescam(network, slices, "contrast")


def test_training_mode_is_refused(slices: Tensor) -> None:
    network = QualityNetwork().train()

    with pytest.raises(ValueError, match=r"evaluation mode; call network\.eval\(\)"):
        hirescam(network, slices, "quality")

    assert network.training
