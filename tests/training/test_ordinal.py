"""The ordinal strategy: its loss, its distribution of scores, and what is left of both after the export."""

import math
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from lgeqa.training.loop import LoopSettings
from lgeqa.training.losses import ordinal_loss
from lgeqa.training.networks import OrdinalNetwork
from lgeqa.training.onnx_export import _for_use, check_parity, export_onnx
from lgeqa.training.strategies import OrdinalRecipe


def network(seed: int = 0) -> OrdinalNetwork:
    """A network whose steps differ between scales and thresholds."""
    torch.manual_seed(seed)
    made = OrdinalNetwork(width=8)
    torch.nn.init.normal_(made.steps)
    return made.eval()


def naive(logits: torch.Tensor, levels: torch.Tensor) -> float:
    """Loop over slices and scales with a score, and sum over thresholds."""
    terms = []
    for of_slice, targets in zip(logits.tolist(), levels.tolist(), strict=True):
        for of_scale, thresholds in zip(of_slice, targets, strict=True):
            if math.isnan(thresholds[0]):
                continue
            total = 0.0
            for logit, target in zip(of_scale, thresholds, strict=True):
                p = 1 / (1 + math.exp(-logit))
                total -= target * math.log(p) + (1 - target) * math.log(1 - p)
            terms.append(total)
    return sum(terms) / len(terms)


def test_the_loss_of_coral_by_hand() -> None:
    """A score of 3 at logits of P(score > k) of ln 3, 0, -ln 3 and -ln 3: three quarters, a half and a quarter each."""
    logits = torch.tensor([math.log(3), 0, -math.log(3), -math.log(3)]).expand(1, 4, 4)
    levels = torch.tensor([1.0, 1, 0, 0]).expand(1, 4, 4)
    assert ordinal_loss(logits, levels).item() == pytest.approx(3 * math.log(4 / 3) + math.log(2), rel=1e-6)


def test_the_loss_of_coral_equals_a_loop() -> None:
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(size=(5, 4, 4)).astype(np.float32)).requires_grad_()
    levels = torch.from_numpy(rng.random((5, 4, 4)).astype(np.float32))
    levels[1, 2], levels[3] = torch.nan, torch.nan
    loss = ordinal_loss(logits, levels)
    assert loss.item() == pytest.approx(naive(logits, levels), rel=1e-5)
    loss.backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert logits.grad[3].abs().max() == 0
    assert logits.grad.isfinite().all()


def test_without_any_score_the_loss_is_nothing() -> None:
    logits = torch.ones(2, 4, 4, requires_grad=True)
    ordinal_loss(logits, torch.full((2, 4, 4), torch.nan)).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert logits.grad.abs().max() == 0


def test_levels_fall_and_hold_the_probability_of_three() -> None:
    logits = torch.randn(7, 4, generator=torch.Generator().manual_seed(0))
    levels = torch.sigmoid(network().level_logits(logits))
    assert (levels.diff(dim=2) < 0).all()
    torch.testing.assert_close(levels[:, :, 1], torch.sigmoid(logits))
    fresh = OrdinalNetwork(width=8).level_logits(torch.zeros(1, 4))
    torch.testing.assert_close(fresh, torch.tensor([1.0, 0, -1, -2]).expand(1, 4, 4))


def test_the_levels_are_exported_beside_the_probabilities() -> None:
    made = network()
    module = _for_use(made)
    assert module.outputs == ("probabilities", "maps", "levels")
    with torch.inference_mode():
        probabilities, _, levels = module(torch.rand(3, 1, 64, 64))
    torch.testing.assert_close(levels, torch.sigmoid(made.level_logits(torch.logit(probabilities))))


@pytest.mark.slow
def test_the_export_gives_the_levels(tmp_path: Path) -> None:
    made = network()
    slices = torch.rand(3, 1, 64, 64)
    export_onnx(made, (1, 64, 64), None, tmp_path / "ordinal.onnx")
    assert check_parity(made, tmp_path / "ordinal.onnx", slices) < 1e-4
    session = onnxruntime.InferenceSession(tmp_path / "ordinal.onnx", providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()] == ["probabilities", "maps", "levels"]
    probabilities, levels = session.run(["probabilities", "levels"], {"slices": slices.numpy()})
    with torch.inference_mode():
        expected = torch.sigmoid(made.level_logits(made(slices)))
    np.testing.assert_allclose(levels, expected, atol=1e-5)
    np.testing.assert_allclose(levels[:, :, 1], probabilities, atol=1e-6)


@pytest.mark.slow
def test_scores_apart_are_learnt_apart() -> None:
    """Bright slices of scores 1, 3 and 5: the probability of 3 or more cannot tell the last two, the levels can."""
    recipe = OrdinalRecipe(network(), LoopSettings(), 32)
    made = recipe.network.train()
    optimiser = torch.optim.Adam(made.parameters(), lr=3e-3)
    scores = torch.tensor([1.0, 3, 5]).repeat(4)
    noise = torch.rand(12, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    levels = (scores[:, None, None] - torch.arange(1, 5)).clamp(0, 1).expand(12, 4, 4)
    batch = {"slice": noise + scores[:, None, None, None], "level": levels}
    for _ in range(60):
        optimiser.zero_grad()
        recipe.losses(batch)["coral"].backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    with torch.inference_mode():
        expected = 1 + torch.sigmoid(made.level_logits(made(batch["slice"]))).sum(dim=2)[:, 3]
    for score in (1, 3, 5):
        assert expected[scores == score].mean().item() == pytest.approx(score, abs=0.6)
