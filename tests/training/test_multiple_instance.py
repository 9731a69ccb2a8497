"""The multiple-instance strategy: attention over the slices of a scan, its batches, and what the export keeps."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torchmetrics import Metric

from lgeqa.errors import TrainingError
from lgeqa.inference.bundle.bundle import QualityOutputs
from lgeqa.inference.scan_scores import pooled_probabilities
from lgeqa.training.augmentation import Augmentation
from lgeqa.training.loop import LoopSettings
from lgeqa.training.losses import scoring_loss
from lgeqa.training.networks import MultipleInstanceNetwork, pool_by_attention
from lgeqa.training.networks.hirescam import hirescam
from lgeqa.training.onnx_export import _for_use, check_parity, export_onnx
from lgeqa.training.slice_store import Batch, ScanBatches, validation_loader
from lgeqa.training.strategies import MultipleInstanceRecipe, pooled_answers
from tests.training.killable import store
from tests.training.test_export import run

SCANS = torch.tensor([4, 9, 4, 9, 9, 2])


def network(quality_from: str = "logits", seed: int = 0) -> MultipleInstanceNetwork:
    torch.manual_seed(seed)
    made = MultipleInstanceNetwork(quality_from, width=4)  # type: ignore[arg-type]
    nn.init.normal_(made.attention_weight.weight, std=3)
    return made.eval()


def test_gated_attention_equals_a_loop_over_features() -> None:
    made = network()
    features = torch.randn(3, made.encoder.features, generator=torch.Generator().manual_seed(0))
    made.requires_grad_(requires_grad=False)
    content, gate, weight = made.attention_content, made.attention_gate, made.attention_weight.weight[0].tolist()
    for slice_features, attention in zip(features, made.attention(features).tolist(), strict=True):
        total = 0.0
        for unit in range(len(weight)):
            v = float(content.weight[unit] @ slice_features + content.bias[unit])
            u = float(gate.weight[unit] @ slice_features + gate.bias[unit])
            total += weight[unit] * math.tanh(v) / (1 + math.exp(-u))
        assert attention == pytest.approx(total, abs=1e-3)


def test_pooling_equals_a_loop_over_bags() -> None:
    generator = torch.Generator().manual_seed(0)
    values, attention = torch.randn(6, 4, generator=generator), 3 * torch.randn(6, generator=generator)
    labels = SCANS[:, None].expand(6, 4).float()
    pooled, of_bags = pooled_answers(values, attention, labels, SCANS)
    assert of_bags[:, 0].tolist() == [2, 4, 9]
    for row, scan in zip(pooled, (2, 4, 9), strict=True):
        members = [i for i, other in enumerate(SCANS.tolist()) if other == scan]
        shares = [math.exp(attention[i].item()) for i in members]
        expected = sum(share * values[i] for share, i in zip(shares, members, strict=True)) / sum(shares)
        torch.testing.assert_close(row, expected)


@pytest.mark.parametrize("quality_from", ["logits", "features"])
def test_a_scan_s_logit_is_that_of_its_pooled_embedding(quality_from: str) -> None:
    """Pooling before the classifier, as by Ilse, and behind it agree, since all layers after the pooling are linear."""
    made = network(quality_from)
    features = torch.randn(5, made.encoder.features, generator=torch.Generator().manual_seed(0))
    weights = made.attention(features).softmax(dim=0)
    embeddings = [weights @ body(features) for body, _ in made.attribute_parts()]
    attributes = torch.cat([last(one) for (_, last), one in zip(made.attribute_parts(), embeddings, strict=True)])
    evidence = attributes if quality_from == "logits" else torch.cat(embeddings)
    expected = torch.cat([attributes, made.quality_head(evidence)])
    pooled = pool_by_attention(made.heads(features), made.attention(features), torch.zeros(5, dtype=torch.long))
    torch.testing.assert_close(pooled[0], expected, atol=1e-5, rtol=1e-4)


def test_the_losses_are_of_scans_and_of_pseudo_bags() -> None:
    labels = torch.rand(10, 4, generator=torch.Generator().manual_seed(0))[SCANS]
    labels[SCANS == 4, 1] = torch.nan
    batch = {"slice": torch.rand(6, 1, 32, 32), "label": labels, "scan": SCANS}
    made = network()
    one_tier = MultipleInstanceRecipe(made, LoopSettings(), 32, 0).losses(batch)
    dealt = torch.tensor([0, 1, 1, 0, 1, 0])
    two_tiers = MultipleInstanceRecipe(made, LoopSettings(), 32, 2).losses(batch | {"pseudo_bag": dealt})
    logits, attention = made.with_attention(batch["slice"])
    bags = {(scan, part) for scan, part in zip(SCANS.tolist(), dealt.tolist(), strict=True)}

    def loss(groups: list[list[int]]) -> float:
        rows = [pool_by_attention(logits[g], attention[g], torch.zeros(len(g), dtype=torch.long))[0] for g in groups]
        return scoring_loss(torch.stack(rows), torch.stack([labels[g[0]] for g in groups])).item()

    scans = [[i for i in range(6) if SCANS[i] == scan] for scan in (2, 4, 9)]
    parts = [[i for i in range(6) if (SCANS[i], dealt[i]) == bag] for bag in sorted(bags)]
    assert {name: term.item() for name, term in one_tier.items()} == {"bce": pytest.approx(loss(scans), rel=1e-5)}
    assert {name: term.item() for name, term in two_tiers.items()} == {
        "bce": pytest.approx(loss(scans), rel=1e-5),
        "pseudo_bags": pytest.approx(loss(parts), rel=1e-5),
    }


def test_slices_are_dealt_evenly_and_by_the_generator() -> None:
    settings = LoopSettings(augmentation=Augmentation(probability=0))
    recipe = MultipleInstanceRecipe(network(), settings, 32, 2)
    scans = torch.tensor([0, 1] * 6)
    batch = {"slice": torch.rand(12, 1, 32, 32), "mask": torch.zeros(12, 1, 32, 32), "scan": scans}
    dealt = [recipe.augmented(batch, torch.Generator().manual_seed(seed))["pseudo_bag"] for seed in (0, 0, 1)]
    assert torch.equal(dealt[0], dealt[1])
    assert not torch.equal(dealt[0], dealt[2])
    for scan in (0, 1):
        assert dealt[0][scans == scan].bincount().tolist() == [3, 3]
    one_tier = MultipleInstanceRecipe(network(), settings, 32, 0)
    assert "pseudo_bag" not in one_tier.augmented(batch, torch.Generator())


def test_batches_hold_whole_scans_or_some_slices_of_each() -> None:
    owner = np.repeat(np.arange(7), [3, 5, 4, 5, 2, 5, 1])
    batches = ScanBatches(owner, 0, 12, seed=0)
    assert len(batches) == 3  # two scans of up to five slices each; the seventh scan is left out
    drawn = list(batches)
    for batch in drawn:
        scans = np.unique(owner[batch])
        assert len(scans) == 2
        assert sorted(batch) == np.flatnonzero(np.isin(owner, scans)).tolist()
    assert list(batches) == drawn
    batches.set_epoch(1)
    assert list(batches) != drawn
    few = list(ScanBatches(owner, 2, 6, seed=0))
    assert [np.unique(owner[batch], return_counts=True)[1].max() for batch in few] == [2, 2]
    assert [len(np.unique(owner[batch])) for batch in few] == [3, 3]
    assert len(ScanBatches(owner, 0, 1, seed=0)) == 7


def test_each_process_gets_other_scans_or_a_clear_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = np.repeat(np.arange(6), 3)
    drawn = []
    for rank in (0, 1):
        monkeypatch.setattr("lgeqa.training.slice_store._processes", lambda rank=rank: (rank, 2))
        drawn.append([owner[batch].tolist() for batch in ScanBatches(owner, 0, 3, seed=0)])
    assert sorted(scan for batches in drawn for batch in batches for scan in set(batch)) == list(range(6))
    with pytest.raises(TrainingError, match=r"6 scans do not give each of 2 processes a batch of 6 scans. Lower"):
        len(ScanBatches(owner, 0, 18, seed=0))


def test_each_scan_is_validated_as_a_whole(tmp_path: Path) -> None:
    scans = [batch["scan"].tolist() for batch in validation_loader(store(tmp_path, 16), 1, whole_scans=True)]
    assert scans == [[0, 0], [1, 1]]


def test_what_is_exported_is_what_the_recipe_trains() -> None:
    made = network()
    slices = torch.rand(3, 1, 64, 64)
    module = _for_use(made)
    assert module.outputs == ("probabilities", "maps", "logits", "attention")
    with torch.inference_mode():
        probabilities, _, logits, attention = module(slices)
        torch.testing.assert_close((logits, attention), made.with_attention(slices))
        torch.testing.assert_close(probabilities, torch.sigmoid(logits))


@pytest.mark.slow
def test_export_and_assessment_give_the_scan_s_probability(tmp_path: Path) -> None:
    made = network()
    slices = torch.rand(9, 1, 64, 64) * torch.linspace(0.2, 3, 9)[:, None, None, None]
    export_onnx(made, (1, 64, 64), None, tmp_path / "mil.onnx")
    assert check_parity(made, tmp_path / "mil.onnx", slices) < 1e-4
    parts = (slices[:4].numpy(), slices[4:].numpy())
    outputs = {
        name: np.concatenate([run(tmp_path / "mil.onnx", part, name) for part in parts])
        for name in ("probabilities", "maps", "logits", "attention")
    }
    with torch.inference_mode():
        logits, attention = made.with_attention(slices)
        expected = torch.sigmoid(pool_by_attention(logits, attention, torch.zeros(9, dtype=torch.long)))[0]
        _, maps = hirescam(made, slices)
    assert attention.std() > 0.01
    assert (expected - torch.sigmoid(logits).mean(dim=0)).abs().max() > 1e-4
    found = QualityOutputs(**outputs)
    assert found.logits is not None
    assert found.attention is not None
    np.testing.assert_allclose(pooled_probabilities(found.logits, found.attention), expected, atol=1e-5)
    np.testing.assert_allclose(outputs["maps"], maps, atol=1e-4)


def test_maps_explain_the_logits_up_to_the_biases() -> None:
    """HiResCAM stays exact: a map equals the gradient of its logit times the feature maps."""
    made = network()
    leaf = made.encoder.stages(torch.rand(2, 1, 64, 64))[-1].detach().requires_grad_()
    logits = made.heads(leaf.mean(dim=(2, 3)))
    made.encoder.stages = lambda _: [leaf]  # type: ignore[method-assign, assignment]
    _, maps = hirescam(made, torch.zeros(2, 1, 64, 64))
    for scale in range(4):
        (gradient,) = torch.autograd.grad(logits[:, scale].sum(), leaf, retain_graph=True)
        torch.testing.assert_close(maps[:, scale], (gradient * leaf).sum(dim=1), atol=1e-6, rtol=1e-4)


class TwoSignals(nn.Module):
    """An encoder of two features, the mean signals of the upper and of the lower half of a slice."""

    features = 2

    def forward(self, slices: torch.Tensor) -> torch.Tensor:
        return torch.stack([half.mean(dim=(1, 2, 3)) for half in slices.chunk(2, dim=2)], dim=1)


@pytest.mark.slow
def test_the_one_slice_that_tells_is_found_among_many() -> None:
    """The upper half is bright or dark by the label on one slice, marked in the lower half, and at random on others."""
    torch.manual_seed(0)
    made = MultipleInstanceNetwork(width=4)
    made.encoder = TwoSignals()  # type: ignore[assignment]
    for name in ("attention_content", "attention_gate"):
        setattr(made, name, nn.Linear(2, 128))
    for head in made.attribute_heads:
        head[0] = nn.Linear(2, 128)  # type: ignore[operator]
    recipe = MultipleInstanceRecipe(made, LoopSettings(), 8, 0)
    rng = np.random.default_rng(0)
    scans, size = 32, 12
    labels = np.arange(scans) % 2
    telling = np.eye(size)[rng.integers(size, size=scans)]
    upper = np.where(telling, 2 * labels[:, None] - 1, rng.choice([-1, 1], (scans, size)))
    halves = np.stack([upper, telling], axis=-1).reshape(-1, 1, 2, 1).repeat(4, axis=2).repeat(8, axis=3)
    batch: Batch = {
        "slice": torch.from_numpy(halves.astype(np.float32)),
        "label": torch.from_numpy(np.repeat(labels, size).astype(np.float32))[:, None].expand(-1, 4),
        "scan": torch.arange(scans).repeat_interleave(size),
    }
    optimiser = torch.optim.Adam(made.parameters(), lr=1e-2)
    for _ in range(100):
        optimiser.zero_grad()
        recipe.losses(batch)["bce"].backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    with torch.inference_mode():
        logits, _ = recipe.answers(batch)
        _, attention = made.with_attention(batch["slice"])
        error = recipe.validate(batch)["validation/mse"]
    assert ((logits[:, 3] > 0).numpy() == labels).all()
    assert (attention.reshape(scans, size).argmax(dim=1).numpy() == telling.argmax(axis=1)).all()
    assert isinstance(error, Metric)
    assert error.compute().item() < 0.05
