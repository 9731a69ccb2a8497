"""Equations 2 to 5 against twins written straight from the formulas."""

import math

import pytest
import torch
from torch.nn.functional import normalize

from lgeqa.scales import SCALE_NAMES
from lgeqa.training.loop import LoopSettings
from lgeqa.training.losses import blood_pool_loss, contrastive_classes, contrastive_loss, scoring_loss
from lgeqa.training.networks import ContrastiveNetwork, Encoder, HybridNetwork, MultiTaskNetwork
from lgeqa.training.strategies import ContrastiveRecipe, HybridRecipe, MultiTaskRecipe


def naive_dice(probabilities: list[float], mask: list[int]) -> float:
    """Equation 2: one minus twice the overlap over the sum of both."""
    overlap = sum(p * m for p, m in zip(probabilities, mask, strict=True))
    return 1 - 2 * overlap / (sum(probabilities) + sum(mask))


def naive_contrastive(z: list[list[float]], labels: list[int], tau: float) -> float:
    """Equation 4, term by term; the mean over the anchors that have a positive."""
    anchors = []
    for i in range(len(z)):
        positives = [p for p in range(len(z)) if p != i and labels[p] == labels[i]]
        if not positives:
            continue
        dots = [sum(a * b for a, b in zip(z[i], other, strict=True)) / tau for other in z]
        denominator = sum(math.exp(dots[a]) for a in range(len(z)) if a != i)
        anchors.append(-sum(math.log(math.exp(dots[p]) / denominator) for p in positives) / len(positives))
    return sum(anchors) / len(anchors)


def projections(views: int, features: int, seed: int) -> torch.Tensor:
    return normalize(torch.randn(views, features, generator=torch.Generator().manual_seed(seed)), dim=1)


@pytest.mark.parametrize("slices", [1, 3])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_equation_2(slices: int, share: float) -> None:
    generator = torch.Generator().manual_seed(slices)
    logits = torch.randn(slices, 1, 8, 8, generator=generator)
    masks = (torch.rand(slices, 1, 8, 8, generator=generator) < share).float()
    expected = naive_dice(torch.sigmoid(logits).flatten().tolist(), masks.flatten().int().tolist())
    assert blood_pool_loss(logits, masks).item() == pytest.approx(expected, abs=1e-5)


def test_equation_2_on_an_empty_mask_wants_no_blood_pool() -> None:
    empty = torch.zeros(2, 1, 8, 8)
    assert blood_pool_loss(torch.full_like(empty, 9.0), empty).item() == pytest.approx(1, abs=1e-4)
    assert blood_pool_loss(torch.full_like(empty, -30.0), empty).item() == pytest.approx(0, abs=1e-4)


def test_equation_3_is_the_sum_of_1_and_2() -> None:
    torch.manual_seed(0)
    network = MultiTaskNetwork(width=8).eval()
    recipe = MultiTaskRecipe(network, LoopSettings(), 128)
    batch = {
        "slice": torch.rand(2, 1, 128, 128),
        "mask": (torch.rand(2, 1, 128, 128) > 0.7).float(),
        "label": torch.tensor([[0.0, 1, 1, 0], [1, 1, 0, 1]]),
    }
    scores, blood_pool = network.both(batch["slice"])
    expected = scoring_loss(scores, batch["label"]) + blood_pool_loss(blood_pool, batch["mask"])
    terms = recipe.losses(batch)
    assert set(terms) == {"bce", "dice"}
    assert sum(terms.values()).item() == pytest.approx(expected.item(), rel=1e-5)  # type: ignore[union-attr]


@pytest.mark.parametrize("tau", [0.07, 1.0])
@pytest.mark.parametrize(
    "labels",
    [
        pytest.param([0, 1, 0, 1, 0, 1], id="two views of three slices"),
        pytest.param([0, 0, 0, 1], id="an anchor with no positive"),
        pytest.param([1, 1, 1, 1, 1], id="a batch of one class"),
        pytest.param([0, 2, 3, 0, 2, 3], id="slices without a label"),
        pytest.param([1, 1], id="one slice"),
    ],
)
def test_equation_4(labels: list[int], tau: float) -> None:
    z = projections(len(labels), 5, seed=len(labels))
    expected = naive_contrastive(z.tolist(), labels, tau)
    assert contrastive_loss(z, torch.tensor(labels), tau).item() == pytest.approx(expected, rel=1e-4)


def test_equation_4_in_closed_form() -> None:
    """Four orthogonal projections, in two classes: each anchor has one positive among three equal shares."""
    assert contrastive_loss(torch.eye(4), torch.tensor([0, 0, 1, 1]), 0.5).item() == pytest.approx(math.log(3))


def test_a_batch_of_one_class_still_teaches() -> None:
    """Well-known implementations give zero for it, without a word."""
    z = projections(6, 8, seed=0).requires_grad_()
    contrastive_loss(z, torch.ones(6, dtype=torch.long), 0.07).backward()  # type: ignore[no-untyped-call]
    assert z.grad is not None
    assert z.grad.abs().max() > 1e-3


def test_equation_4_agrees_with_a_library_for_two_classes() -> None:
    from pytorch_metric_learning.losses import SupConLoss
    from pytorch_metric_learning.reducers import MeanReducer

    z, labels = projections(12, 16, seed=3), torch.arange(12) % 2
    expected = SupConLoss(temperature=0.07, reducer=MeanReducer())(z, labels)
    assert contrastive_loss(z, labels, 0.07).item() == pytest.approx(expected.item(), rel=1e-5)


def test_no_positive_at_all_is_reported() -> None:
    with pytest.raises(ValueError, match="none of the 3 projections"):
        contrastive_loss(torch.eye(3), torch.tensor([0, 1, 2]), 0.07)


def test_slices_without_a_label_are_alike_to_none() -> None:
    found = contrastive_classes(torch.tensor([1.0, torch.nan, 0.0, torch.nan, 1.0]))
    assert found.tolist()[::2] == [1, 0, 1]
    assert len(set(found.tolist())) == 4


def test_a_soft_label_is_of_the_nearer_class() -> None:
    assert contrastive_classes(torch.tensor([0.0, 0.2, 0.49, 0.5, 0.9, 1.0])).tolist() == [0, 0, 0, 1, 1, 1]


def test_equation_5_is_the_sum_over_the_four_labels() -> None:
    torch.manual_seed(0)
    network = ContrastiveNetwork(Encoder(8)).eval()
    recipe = ContrastiveRecipe(network, LoopSettings(), 128, temperature=0.07)
    slices = torch.rand(3, 1, 128, 128)
    labels = torch.tensor([[0.0, 1, torch.nan, 0], [1, 1, 0, 0], [1, 0, 0, 0]])
    terms = recipe.losses({"slice": slices.repeat(2, 1, 1, 1), "label": labels.repeat(2, 1)})
    assert set(terms) == {f"contrastive_{name}" for name in SCALE_NAMES}
    for name, projected, column in zip(SCALE_NAMES, network(slices.repeat(2, 1, 1, 1)), labels.T, strict=True):
        classes = [2 + i if math.isnan(value) else int(value) for i, value in enumerate(column.tolist())] * 2
        expected = naive_contrastive(projected.tolist(), classes, 0.07)
        assert terms[f"contrastive_{name}"].item() == pytest.approx(expected, rel=1e-4)


def test_hybrid_loss_is_equations_5_and_2_on_both_views() -> None:
    torch.manual_seed(0)
    network = HybridNetwork(Encoder(8)).eval()
    recipe = HybridRecipe(network, LoopSettings(), 64, temperature=0.07)
    slices, masks = torch.rand(4, 1, 64, 64), (torch.rand(4, 1, 64, 64) > 0.7).float()
    labels = torch.tensor([[0.0, 1, 1, 0], [1, 1, 0, 0]]).repeat(2, 1)
    terms = recipe.losses({"slice": slices, "mask": masks, "label": labels})
    alone = ContrastiveRecipe(network, LoopSettings(), 64, temperature=0.07)
    expected = alone.losses({"slice": slices, "label": labels})
    assert set(terms) == {*expected, "dice"}
    for name, term in expected.items():
        assert terms[name].item() == pytest.approx(term.item(), rel=1e-5)
    found = torch.sigmoid(network.decoder(network.encoder.stages(slices), *slices.shape[2:]))
    dice = 1 - 2 * (found * masks).sum() / (found.sum() + masks.sum())
    assert terms["dice"].item() == pytest.approx(dice.item(), abs=1e-4)
    total = torch.stack(list(terms.values())).sum()
    validated = recipe.validate({"slice": slices[:2], "mask": masks[:2], "label": labels[:2]})
    both = {"slice": slices[:2], "mask": masks[:2], "label": labels[:2]}
    twice = recipe.losses({name: torch.cat([tensor] * 2) for name, tensor in both.items()})
    assert validated["validation/hybrid"].item() == pytest.approx(sum(term.item() for term in twice.values()), rel=1e-5)  # type: ignore[operator]
    total.backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is not None for parameter in network.parameters())
