"""LARS as the library has it, against a step written from You, Gitman and Ginsburg (arXiv 1708.03888, algorithm 1)."""

import math
from dataclasses import dataclass, field

import pytest
import torch
from pytorch_optimizer import LARS

RATE, MOMENTUM, TRUST = 0.5, 0.9, 1e-3

Numbers = list[float]


@dataclass
class Naive:
    """One parameter and its velocity, as flat lists; at a constant learning rate.

    local rate = trust * |w| / (|g| + decay * |w|) for weights of two dimensions or more, and 1 for biases and norms,
    which decay neither; v = momentum * v + local rate * (g + decay * w); w = w - rate * v.
    """

    values: Numbers
    dimensions: int
    decay: float
    velocity: Numbers = field(default_factory=list)

    def step(self, gradient: Numbers) -> None:
        local, decay = 1.0, 0.0
        if self.dimensions > 1:
            decay = self.decay
            size, slope = (math.sqrt(sum(x * x for x in line)) for line in (self.values, gradient))
            if size > 0 and slope + decay * size > 0:
                local = TRUST * size / (slope + decay * size)
        before = self.velocity or [0.0] * len(gradient)
        pushed = [local * (g + decay * w) for g, w in zip(gradient, self.values, strict=True)]
        self.velocity = [MOMENTUM * v + push for v, push in zip(before, pushed, strict=True)]
        self.values = [w - RATE * v for w, v in zip(self.values, self.velocity, strict=True)]


def walked(start: torch.Tensor, gradients: list[torch.Tensor], decay: float, together: bool) -> list[torch.Tensor]:
    """The parameter after each step of the library's, taken one by one or batched over parameters."""
    parameter = torch.nn.Parameter(start.clone())
    optimiser = LARS(
        [parameter], lr=RATE, momentum=MOMENTUM, weight_decay=decay, trust_coefficient=TRUST, foreach=together
    )
    seen = []
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimiser.step()
        seen.append(parameter.detach().clone())
    return seen


def check(start: torch.Tensor, gradients: list[torch.Tensor], decay: float, together: bool) -> None:
    twin = Naive(start.flatten().tolist(), start.ndim, decay)
    for found, gradient in zip(walked(start, gradients, decay, together), gradients, strict=True):
        twin.step(gradient.flatten().tolist())
        torch.testing.assert_close(found.flatten(), torch.tensor(twin.values), atol=1e-7, rtol=1e-5)


BOTH_WAYS = pytest.mark.parametrize("together", [False, True])


@BOTH_WAYS
@pytest.mark.parametrize("decay", [0.0, 1e-2])
@pytest.mark.parametrize("shape", [(5,), (1,), (3, 4), (2, 3, 3, 3)])
def test_steps_of_weights_and_vectors(shape: tuple[int, ...], decay: float, together: bool) -> None:
    generator = torch.Generator().manual_seed(len(shape))
    start = torch.randn(shape, generator=generator)
    gradients = [torch.randn(shape, generator=generator) * 10**scale for scale in (0, -2, 2, 1)]
    check(start, gradients, decay, together)


@BOTH_WAYS
@pytest.mark.parametrize("decay", [0.0, 1e-2])
def test_a_gradient_of_0_leaves_decay_and_momentum(decay: float, together: bool) -> None:
    start = torch.arange(1.0, 7.0).reshape(2, 3)
    check(start, [torch.zeros(2, 3), torch.ones(2, 3), torch.zeros(2, 3)], decay, together)


@BOTH_WAYS
def test_weights_of_0_are_pushed_by_the_plain_gradient(together: bool) -> None:
    start, gradient = torch.zeros(2, 3), torch.ones(2, 3)
    check(start, [gradient, gradient], 1e-2, together)
    torch.testing.assert_close(walked(start, [gradient], 1e-2, together)[0], -RATE * gradient)


@BOTH_WAYS
def test_the_length_of_a_weight_s_first_step_is_its_own_share(together: bool) -> None:
    """The point of LARS: without decay the first step is rate * trust * |w|, however large the gradient."""
    start = torch.randn(4, 4, generator=torch.Generator().manual_seed(0))
    for scale in (1e-4, 1.0, 1e4):
        [after] = walked(start, [torch.full((4, 4), scale)], 0.0, together)
        assert (after - start).norm().item() == pytest.approx(RATE * TRUST * start.norm().item(), rel=1e-3)
