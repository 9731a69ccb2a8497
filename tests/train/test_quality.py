"""What each strategy hands to the loop; the training itself is left out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from lgeqa.networks import MultiTaskNetwork, QualityNetwork
from lgeqa.train.loop import LoopSettings, Recipe
from lgeqa.train.quality import STRATEGIES, Prepared
from lgeqa.train.recipes import BaselineRecipe, ContrastiveRecipe, HeadsRecipe, MultiTaskRecipe
from lgeqa.train.store import Store
from tests.train.killable import store

SMALL: dict[str, Any] = {"preparation": {"pixels": 64}, "loop": {"epochs": 2}}


@dataclass(frozen=True)
class Fit:
    """One call of the loop: its arguments, and the encoder that it was given."""

    recipe: Recipe
    training: Store
    validation: Store
    run: Path
    encoder: dict[str, torch.Tensor]


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[Fit]:
    """Calls of the loop, which trains nothing but adds 1 to the encoder's first weights."""
    calls: list[Fit] = []

    def fit(recipe: Recipe, training: Store, validation: Store, run: Path, quiet: bool) -> nn.Module:
        assert quiet
        network: nn.Module = recipe.network
        encoder = network.get_submodule("encoder")
        calls.append(Fit(recipe, training, validation, run, copied(encoder)))
        run.mkdir(parents=True, exist_ok=True)
        with torch.no_grad():
            encoder.get_parameter("resnet.conv1.weight").add_(1)
        return network

    monkeypatch.setattr("lgeqa.train.quality.fit", fit)
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
    return chosen.train(data, chosen.config.of(SMALL | {"weights": "random"} | values), run, True)


@pytest.mark.parametrize(("strategy", "kind"), [("baseline", BaselineRecipe), ("multitask", MultiTaskRecipe)])
def test_one_step_trains_what_the_settings_say(
    fits: list[Fit], prepared: Prepared, tmp_path: Path, strategy: str, kind: type[Recipe]
) -> None:
    network = train(strategy, prepared, tmp_path / "run")
    [call] = fits
    assert type(call.recipe) is kind
    assert call.recipe.network is network
    assert (call.recipe.settings, call.recipe.side) == (LoopSettings.of(SMALL["loop"]), 64)
    assert (call.training, call.validation, call.run) == (prepared.training, prepared.validation, tmp_path / "run")


def test_pretraining_comes_first_and_teaches_the_encoder_of_the_heads(
    fits: list[Fit], prepared: Prepared, tmp_path: Path
) -> None:
    first_step = {"epochs": 5, "learning_rate": 0.25}
    network = train("contrastive", prepared, tmp_path / "run", pretraining=first_step, temperature=0.5)
    first, second = fits
    assert type(first.recipe) is ContrastiveRecipe
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


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_first_weights_are_those_of_the_file_and_of_the_seed(
    fits: list[Fit], prepared: Prepared, tmp_path: Path, strategy: str
) -> None:
    torch.manual_seed(7)
    earlier = MultiTaskNetwork()
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
