"""What each strategy hands to the loop, which is left out here, and the slices that it learns from."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from lgeqa.cohort import Case, LabelRule, Scores, labels_of, levels_of, read_cohort
from lgeqa.errors import CohortError
from lgeqa.preprocessing import QualityPreparation, prepare_for_quality
from lgeqa.simulation.cohort_writing import write_cohort
from lgeqa.simulation.recipe import CohortSettings, draw_cohort
from lgeqa.training.case_reading import read_case
from lgeqa.training.loop import LoopSettings, Recipe
from lgeqa.training.networks import MultiTaskNetwork, QualityNetwork
from lgeqa.training.quality import STRATEGIES, Prepared, quality_store, with_targets_of
from lgeqa.training.slice_store import SliceDataset
from lgeqa.training.strategies import (
    BaselineRecipe,
    ContrastiveRecipe,
    HeadsRecipe,
    HybridRecipe,
    MultipleInstanceRecipe,
    MultiTaskRecipe,
    OrdinalRecipe,
)
from tests.training.killable import store

SMALL: dict[str, Any] = {"preparation": {"pixels": 64}, "loop": {"epochs": 2}}


@dataclass(frozen=True)
class Fit:
    """One call of the loop: its arguments, and the encoder that it was given."""

    recipe: Recipe
    training: SliceDataset
    validation: SliceDataset
    run: Path
    encoder: dict[str, torch.Tensor]


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[Fit]:
    """Calls of the loop, which trains nothing but adds 1 to the encoder's first weights."""
    calls: list[Fit] = []

    def fit(recipe: Recipe, training: SliceDataset, validation: SliceDataset, run: Path, quiet: bool) -> nn.Module:
        assert quiet
        network: nn.Module = recipe.network
        encoder = network.get_submodule("encoder")
        calls.append(Fit(recipe, training, validation, run, copied(encoder)))
        run.mkdir(parents=True, exist_ok=True)
        with torch.no_grad():
            encoder.get_parameter("resnet.conv1.weight").add_(1)
        return network

    monkeypatch.setattr("lgeqa.training.quality.fit", fit)
    return calls


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    return Prepared(*(store(tmp_path / name, 64) for name in ("training", "validation", "pretraining")))


def copied(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def train(strategy: str, data: Prepared, run: Path, **values: Any) -> QualityNetwork:
    chosen = STRATEGIES[strategy]
    return chosen.train(data, chosen.config.of(SMALL | {"weights": "random", "width": 8} | values), run, True)


@pytest.mark.parametrize(
    ("strategy", "kind"),
    [
        ("baseline", BaselineRecipe),
        ("multitask", MultiTaskRecipe),
        ("soft", BaselineRecipe),
        ("ordinal", OrdinalRecipe),
        ("mil", MultipleInstanceRecipe),
    ],
)
def test_one_step_trains_what_the_settings_say(
    fits: list[Fit], prepared: Prepared, tmp_path: Path, strategy: str, kind: type[Recipe]
) -> None:
    network = train(strategy, prepared, tmp_path / "run")
    [call] = fits
    assert type(call.recipe) is kind
    assert call.recipe.network is network
    assert type(network) is STRATEGIES[strategy].network
    assert (call.recipe.settings, call.recipe.side) == (LoopSettings.of(SMALL["loop"]), 64)
    assert (call.training, call.validation, call.run) == (prepared.training, prepared.validation, tmp_path / "run")


@pytest.mark.parametrize(("strategy", "kind"), [("contrastive", ContrastiveRecipe), ("hybrid", HybridRecipe)])
def test_pretraining_comes_first_and_gives_the_encoder(
    fits: list[Fit], prepared: Prepared, tmp_path: Path, strategy: str, kind: type[ContrastiveRecipe]
) -> None:
    first_step = {"epochs": 5, "learning_rate": 0.25}
    network = train(strategy, prepared, tmp_path / "run", pretraining=first_step, temperature=0.5)
    first, second = fits
    assert type(first.recipe) is kind
    assert (first.recipe.settings, first.recipe.side) == (LoopSettings.of(first_step), 64)
    assert (first.training, first.validation) == (prepared.pretraining, prepared.validation)
    assert first.run == tmp_path / "run" / "pretraining"
    assert type(second.recipe) is HeadsRecipe
    assert second.recipe.network is network
    assert second.recipe.settings == LoopSettings.of(SMALL["loop"])
    assert (second.training, second.validation, second.run) == (
        prepared.training,
        prepared.validation,
        tmp_path / "run",
    )
    learnt = load_file(tmp_path / "run" / "pretraining" / "encoder.safetensors")
    assert same(learnt, second.encoder)
    assert not same(learnt, first.encoder)


def test_a_first_step_that_is_done_is_read_and_not_done_again(
    fits: list[Fit], prepared: Prepared, tmp_path: Path
) -> None:
    train("contrastive", prepared, tmp_path / "run")
    train("contrastive", prepared, tmp_path / "run")
    assert [type(call.recipe) for call in fits] == [ContrastiveRecipe, HeadsRecipe, HeadsRecipe]
    assert same(fits[1].encoder, fits[2].encoder)


def test_only_the_main_process_writes_the_encoder(
    fits: list[Fit], prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lgeqa.training.quality.is_main", lambda: False)
    train("contrastive", prepared, tmp_path / "run")
    first, second = fits
    assert list(first.run.iterdir()) == []
    assert not same(first.encoder, second.encoder)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_first_weights_are_those_of_the_file_and_of_the_seed(
    fits: list[Fit], prepared: Prepared, tmp_path: Path, strategy: str
) -> None:
    torch.manual_seed(7)
    earlier = MultiTaskNetwork(width=8)
    save_file(copied(earlier), tmp_path / "network.safetensors")

    def first(run: str, seed: int, weights: str) -> Fit:
        train(strategy, prepared, tmp_path / run, weights=weights, loop=SMALL["loop"] | {"seed": seed})
        call, *_ = fits
        fits.clear()
        return call

    assert same(first("named", 0, str(tmp_path / "network.safetensors")).encoder, copied(earlier.encoder))
    one, again, other = (first(f"{number}", seed, "random") for number, seed in enumerate((0, 0, 1)))
    assert same(one.encoder, again.encoder)
    assert not same(one.encoder, other.encoder)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_encoder_sees_as_many_slices_as_the_settings_say(
    fits: list[Fit], prepared: Prepared, tmp_path: Path, strategy: str
) -> None:
    preparation = SMALL["preparation"] | {"context_mm": [-5.0, 0.0, 5.0]}
    network = train(strategy, prepared, tmp_path / "run", preparation=preparation)
    assert network.encoder.resnet.conv1.in_channels == 3


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_quality_head_sees_what_the_settings_say(
    fits: list[Fit], prepared: Prepared, tmp_path: Path, strategy: str
) -> None:
    for choice, inputs in (("logits", 3), ("features", 96)):
        network = train(strategy, prepared, tmp_path / choice, quality_from=choice)
        assert network.quality_from == choice
        assert fits[-1].recipe.network is network
        assert network.quality_head[0].in_features == inputs


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A phantom, scored by its making."""
    folder = tmp_path_factory.mktemp("cohort")
    for _ in write_cohort(draw_cohort(CohortSettings(n=1, seed=3)), folder):
        pass
    [made] = read_cohort(folder)
    return made


def test_slices_and_masks_are_stored_in_the_form_of_the_network(case: Case, tmp_path: Path) -> None:
    preparation, rule = QualityPreparation(pixels=64), LabelRule(reader="truth")
    held = quality_store([case, case], preparation, rule, tmp_path)
    scan, atrium = read_case(case)
    prepared = prepare_for_quality(scan.voxels, atrium, scan.spacing_mm, preparation)
    assert held.owner.tolist() == [0] * len(prepared) + [1] * len(prepared)
    assert torch.equal(held[held.owner.nonzero()[0].tolist()]["slice"][:, 0], torch.from_numpy(prepared))
    assert held.labels.tolist() == [labels_of(case, rule).tolist()] * 2
    # The pool keeps its area: no rim is lost or won where pixels of another size cut it.
    area = atrium.sum() * scan.spacing_mm[1] * scan.spacing_mm[2]
    pixel = preparation.field_mm / 64
    assert held.masks[held.owner == 0].sum() * pixel**2 == pytest.approx(area, rel=0.02)


def test_slices_are_stored_with_their_neighbours(case: Case, tmp_path: Path) -> None:
    _, atrium = read_case(case)
    n = int(atrium.any(axis=(1, 2)).sum())
    preparation = QualityPreparation(pixels=32, context_mm=(-2.5, 0.0, 2.5))
    held = quality_store([case, case], preparation, LabelRule(reader="truth"), tmp_path)
    seen = held[list(range(2 * n))]["slice"]
    assert seen.shape == (2 * n, 3, 32, 32)
    own = seen[:, 1]
    assert torch.equal(own, torch.from_numpy(np.array(held.slices)))
    for first in (0, n):  # a scan's neighbours are its own
        assert torch.equal(seen[first : first + n, 0], own[[first, *range(first, first + n - 1)]])
        assert torch.equal(seen[first : first + n, 2], own[[*range(first + 1, first + n), first + n - 1]])


def test_ordinal_targets_come_with_the_slices(case: Case, tmp_path: Path) -> None:
    scores: tuple[dict[str, Scores], ...] = ({"ann": (1.0, 2.5, 3.0, 5.0), "bob": (1.0, 4.0, 3.0, 1.0)}, {})
    cases = [replace(case, scores=given) for given in scores]
    rule = LabelRule(rule="soft")
    held = quality_store(cases, QualityPreparation(pixels=32), rule, tmp_path)
    batch = held[[0, len(held) - 1]]
    assert torch.equal(batch["level"][0], torch.from_numpy(levels_of(cases[0], rule)))
    assert batch["label"][0].tolist() == [0, 0.5, 1, 0.5]
    assert batch["level"][1].isnan().all()
    other = with_targets_of(SliceDataset(tmp_path, [1]), [cases[0]], LabelRule(reader="ann"))
    assert other[[0]]["label"].tolist() == [[0, 0, 1, 1]]
    assert other[[0]]["level"][0, 1].tolist() == [1, 0.5, 0, 0]


def test_store_is_rebuilt_for_other_preparation_or_labels(case: Case, tmp_path: Path) -> None:
    def made(case: Case, reader: str = "truth", pixels: int = 64) -> SliceDataset:
        return quality_store([case], QualityPreparation(pixels=pixels), LabelRule(reader=reader), tmp_path)

    scored = replace(case, scores={"truth": (5.0,) * 4, "reader-1": (1.0, 5.0, 5.0, 1.0)})
    assert made(scored).labels.tolist() == [[1, 1, 1, 1]]
    assert made(scored, "reader-1").labels.tolist() == [[0, 1, 1, 0]]
    assert made(replace(scored, scores={"reader-1": (5.0,) * 4}), "reader-1").labels.tolist() == [[1, 1, 1, 1]]
    assert np.isnan(made(scored, "nobody").labels).all()
    assert made(scored, "nobody", pixels=32).slices.shape[1:] == (32, 32)


def test_graded_labels_are_stored_as_probabilities(case: Case, tmp_path: Path) -> None:
    scores: tuple[dict[str, Scores], ...] = ({"measured": (3.0, 3.6, 2.4, 5.0)}, {"truth": (5.0,) * 4})
    cases = [replace(case, scores=given) for given in scores]
    held = quality_store(cases, QualityPreparation(pixels=64), LabelRule(rule="graded", reader="measured"), tmp_path)
    np.testing.assert_allclose(held.labels[0], [0.5, 0.8413, 0.1587, 0.9996], atol=1e-4)
    assert np.isnan(held.labels[1]).all()


def test_a_case_without_a_mask_is_reported(case: Case) -> None:
    with pytest.raises(CohortError, match=r"data.nrrd: has no mask, and training needs one"):
        read_case(replace(case, mask=None))
