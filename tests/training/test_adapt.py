"""Training on from a bundle: its settings, its network, and what of it learns."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lgeqa.errors import ConfigError
from lgeqa.inference.bundle import open_bundle
from lgeqa.inference.bundle.build import Description, write_bundle
from lgeqa.inference.bundle.manifest import Manifest
from lgeqa.preprocessing import QualityPreparation
from lgeqa.training.loop import LoopSettings
from lgeqa.training.networks import QualityNetwork
from lgeqa.training.onnx_export import export_onnx
from lgeqa.training.quality import AdaptConfig, Prepared, QualityConfig, find_strategy
from lgeqa.training.run import _scans_of_start
from lgeqa.training.strategies import AdaptRecipe
from lgeqa.workflows.training import TrainingRequest, _stage_2_settings
from tests.inference.bundle.test_bundle import ABOUT
from tests.toy import toy_bundle
from tests.training.killable import store

# Lightning warns of its own dependencies, and of loaders without workers.
pytestmark = pytest.mark.filterwarnings("ignore")

PREPARATION = QualityPreparation(pixels=64, field_mm=105, margin_mm=12)
ONE_EPOCH: dict[str, Any] = {"epochs": 1, "batch": 4, "threads": 1}


@pytest.fixture(scope="module")
def network() -> QualityNetwork:
    torch.manual_seed(0)
    return QualityNetwork("features", 4).eval()


@pytest.fixture(scope="module")
def bundle(network: QualityNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle with a small quality network."""
    folder = tmp_path_factory.mktemp("bundle")
    export_onnx(network, (1, 64, 64), None, folder / "network.onnx")
    toy = open_bundle(toy_bundle(folder / "toy")).manifest.detector
    settings = {
        "detector": {"preparation": toy.preparation.model_dump(), "rule": toy.rule.model_dump()},
        "quality": {"preparation": PREPARATION.model_dump()},
    }
    made: Manifest = write_bundle(
        folder / "bundle", folder / "toy" / toy.file, folder / "network.onnx", settings, Description.of(ABOUT)
    )
    assert made.quality.preparation == PREPARATION
    return folder / "bundle"


def request(bundle: Path, changes: dict[str, Any], config: str | None = None) -> TrainingRequest:
    return TrainingRequest("adapt", [Path()], Path("out"), config, changes, start=bundle)


@pytest.mark.slow
def test_settings_of_the_network_come_from_the_bundle(bundle: Path) -> None:
    settings, detector = _stage_2_settings(request(bundle, {"encoder_rate": 0.5}))
    assert isinstance(settings, AdaptConfig)
    assert (settings.preparation, settings.width, settings.quality_from) == (PREPARATION, 4, "features")
    assert (settings.encoder_rate, settings.weights, detector) == (0.5, bundle, bundle)


def test_settings_that_the_bundle_decides_are_refused(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"width: is decided by the bundle to go on from. Leave it out"):
        _stage_2_settings(request(bundle, {"width": 8}))
    (tmp_path / "mine.toml").write_text("[preparation]\npixels = 32\n")
    with pytest.raises(ConfigError, match=r"preparation: is decided by the bundle"):
        _stage_2_settings(request(bundle, {}, str(tmp_path / "mine.toml")))


@pytest.mark.parametrize("encoder_rate", [0.0, 0.1])
def test_encoder_learns_at_its_own_rate(
    bundle: Path, network: QualityNetwork, tmp_path: Path, encoder_rate: float
) -> None:
    settings, _ = _stage_2_settings(request(bundle, {"encoder_rate": encoder_rate, "loop": ONE_EPOCH}))
    slices = store(tmp_path / "slices", 64)
    adapted = find_strategy("adapt").train(Prepared(slices, slices, slices), settings, tmp_path / "run", True)

    inputs = torch.rand(4, 1, 64, 64)
    with torch.inference_mode():
        before, after = network.encoder(inputs), adapted.encoder(inputs)
    assert torch.allclose(before, after, atol=1e-4) is (encoder_rate == 0)
    heads = zip(network.quality_head.parameters(), adapted.quality_head.parameters(), strict=True)
    assert not all(torch.equal(old, new) for old, new in heads)


def test_rates_and_statistics_of_the_encoder(network: QualityNetwork) -> None:
    recipe = AdaptRecipe(network, LoopSettings(learning_rate=0.2), 64, 0.25)
    heads, encoder = recipe.configure_optimizers()["optimizer"].param_groups
    assert (heads["lr"], encoder["lr"]) == (0.2, 0.05)
    assert len(heads["params"]) + len(encoder["params"]) == len(list(network.parameters()))

    def statistics() -> list[Tensor]:
        return [values.clone() for name, values in network.named_buffers() if "running" in name]

    before = statistics()
    recipe.train()
    recipe.on_train_epoch_start()
    network(torch.rand(4, 1, 64, 64))
    assert all(np.array_equal(old, new) for old, new in zip(before, statistics(), strict=True))


def test_scans_of_the_start_count_as_seen() -> None:
    assert _scans_of_start(AdaptConfig()) == open_bundle().manifest.training_scans["quality"] != ()
    assert _scans_of_start(QualityConfig()) == ()
