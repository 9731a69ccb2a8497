import pytest
import torch
from torch import nn

from lgeqa.training.networks import MultiTaskNetwork, QualityFrom, QualityNetwork


def network(quality_from: QualityFrom = "logits") -> QualityNetwork:
    torch.manual_seed(0)
    return QualityNetwork(quality_from).eval()


def widths(head: nn.Module) -> list[int]:
    return [layer.out_features for layer in head.modules() if isinstance(layer, nn.Linear)]


def test_quality_reads_the_three_attribute_logits_only() -> None:
    """The QA head of section 3.2.1: 3-20-1 on the concatenated outputs, and nothing else."""
    net = network()
    features = torch.randn(5, 512)
    logits = net.heads(features)
    assert logits.shape == (5, 4)
    torch.testing.assert_close(logits[:, 3:], net.quality_head(logits[:, :3]))
    for place, head in enumerate(net.attribute_heads):
        torch.testing.assert_close(logits[:, place : place + 1], head(features))
    assert widths(net.attribute_heads[0]) == [128, 32, 1]
    assert widths(net.quality_head) == [20, 1]


@pytest.mark.parametrize("name", ["attribute_heads.0", "attribute_heads.2", "quality_head"])
def test_heads_have_a_relu_between_their_layers(name: str) -> None:
    head = network().get_submodule(name)
    kinds = [type(layer) for layer in head.children()]
    assert kinds == [nn.Linear, *[nn.ReLU, nn.Linear] * (len(kinds) // 2)]


def test_quality_reads_the_last_features_of_the_attribute_heads() -> None:
    net = network("features")
    features = torch.randn(5, 512)
    logits = net.heads(features)
    hidden = torch.cat([nn.Sequential(*list(head.children())[:-1])(features) for head in net.attribute_heads], dim=1)
    assert hidden.shape == (5, 96)
    torch.testing.assert_close(logits[:, 3:], net.quality_head(hidden))
    torch.testing.assert_close(logits[:, :3], network().heads(features)[:, :3])
    with torch.no_grad():
        for head in net.attribute_heads:
            head.get_parameter("4.weight").zero_()
    assert net.heads(features)[:, 3].std() > 0.001  # the attribute logits are constant now
    assert widths(net.quality_head) == [20, 1]


def test_the_encoder_is_resnet34_pooled() -> None:
    net = network()
    slices = torch.randn(2, 1, 128, 128)
    maps = net.encoder.stages(slices)
    assert [tuple(found.shape[1:]) for found in maps] == [
        (64, 64, 64),
        (64, 32, 32),
        (128, 16, 16),
        (256, 8, 8),
        (512, 4, 4),
    ]
    torch.testing.assert_close(net.encoder(slices), net.encoder.resnet(slices), atol=1e-5, rtol=1e-5)
    assert sum(p.numel() for p in net.encoder.parameters()) == 21_284_672 - 2 * 64 * 49


def test_narrow_encoder_has_fewer_channels_at_each_stage() -> None:
    net = MultiTaskNetwork(width=8).eval()
    slices = torch.randn(2, 1, 128, 128)
    assert [found.shape[1] for found in net.encoder.stages(slices)] == [8, 8, 16, 32, 64]
    assert net.encoder(slices).shape == (2, net.encoder.features)
    scores, blood_pool = net.both(slices)
    assert scores.shape == (2, 4)
    assert blood_pool.shape == slices.shape


def test_slices_do_not_see_each_other() -> None:
    net = network()
    slices = torch.randn(3, 1, 128, 128)
    torch.testing.assert_close(net(slices)[1:2], net(slices[1:2]), atol=1e-5, rtol=1e-4)
