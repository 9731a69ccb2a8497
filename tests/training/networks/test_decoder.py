import pytest
import torch

from lgeqa.training.networks import ContrastiveNetwork, Encoder, MultiTaskNetwork, QualityNetwork


@pytest.mark.parametrize(("rows", "columns"), [(128, 128), (104, 104), (97, 70)])
def test_the_decoder_gives_a_logit_for_each_pixel(rows: int, columns: int) -> None:
    network = MultiTaskNetwork(width=8).eval()
    scores, blood_pool = network.both(torch.rand(2, 1, rows, columns))
    assert scores.shape == (2, 4)
    assert blood_pool.shape == (2, 1, rows, columns)


def test_the_decoder_sees_every_stage_of_the_encoder() -> None:
    torch.manual_seed(0)
    network = MultiTaskNetwork(width=8).eval()
    stages = [stage.detach().requires_grad_() for stage in network.encoder.stages(torch.rand(1, 1, 128, 128))]
    network.decoder(stages, 128, 128).square().sum().backward()
    assert all(stage.grad is not None and stage.grad.abs().max() > 0 for stage in stages)


def test_the_blood_pool_teaches_the_shared_encoder() -> None:
    torch.manual_seed(0)
    network = MultiTaskNetwork(width=8).eval()
    _, blood_pool = network.both(torch.rand(1, 1, 64, 64))
    [gradient] = torch.autograd.grad(blood_pool.square().sum(), [network.encoder.resnet.conv1.weight])
    assert gradient.abs().max() > 0


def test_a_multi_task_network_scores_as_its_baseline_part_does() -> None:
    torch.manual_seed(0)
    network = MultiTaskNetwork(width=8).eval()
    baseline = QualityNetwork(width=8).eval()
    own = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith("decoder.")}
    baseline.load_state_dict(own)
    slices = torch.rand(2, 1, 128, 128)
    torch.testing.assert_close(network(slices), baseline(slices))
    torch.testing.assert_close(network.both(slices)[0], baseline(slices))


def test_projections_have_length_1_and_differ_between_scales() -> None:
    found = ContrastiveNetwork(Encoder(8)).eval()(torch.rand(3, 1, 128, 128))
    assert found.shape == (4, 3, 128)
    torch.testing.assert_close(found.norm(dim=2), torch.ones(4, 3))
    assert (found[0] - found[1]).abs().max() > 0.01
