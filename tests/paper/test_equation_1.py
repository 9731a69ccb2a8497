import math

import pytest
import torch

from lgeqa.training.losses import scoring_loss


def naive(logits: list[list[float]], labels: list[list[int]]) -> float:
    """Equation 1, written out: cross-entropy of each of the four, mean over the four and the slices."""
    terms = []
    for row, truth in zip(logits, labels, strict=True):
        for logit, label in zip(row, truth, strict=True):
            probability = 1 / (1 + math.exp(-logit))
            terms.append(-math.log(probability) if label else -math.log(1 - probability))
    return sum(terms) / len(terms)


@pytest.mark.parametrize("slices", [1, 2, 7])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_equation_1(slices: int, share: float) -> None:
    generator = torch.Generator().manual_seed(slices)
    logits = torch.randn(slices, 4, generator=generator) * 3
    labels = (torch.rand(slices, 4, generator=generator) < share).float()
    expected = naive(logits.tolist(), labels.int().tolist())
    assert scoring_loss(logits, labels).item() == pytest.approx(expected, rel=1e-5)


def test_even_odds_cost_log_2() -> None:
    assert scoring_loss(torch.zeros(3, 4), torch.ones(3, 4)).item() == pytest.approx(math.log(2))


def test_labels_that_are_missing_count_nothing() -> None:
    logits = torch.tensor([[0.3, -1.0, 2.0, 0.5], [1.0, 0.2, -0.4, -2.0]], requires_grad=True)
    labels = torch.tensor([[1.0, math.nan, math.nan, 0.0], [math.nan, math.nan, math.nan, 1.0]])
    loss = scoring_loss(logits, labels)
    assert loss.item() == pytest.approx(naive([[0.3, 0.5, -2.0]], [[1, 0, 1]]), rel=1e-5)
    loss.backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert (logits.grad != 0).tolist() == (~labels.isnan()).tolist()


def test_a_batch_without_labels_has_no_loss() -> None:
    logits = torch.ones(2, 4, requires_grad=True)
    loss = scoring_loss(logits, torch.full((2, 4), math.nan))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0
    assert logits.grad is not None
    assert logits.grad.abs().sum().item() == 0
