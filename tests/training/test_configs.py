from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, get_args

import lightning
import numpy as np
import pytest

from lgeqa.config import Settings
from lgeqa.errors import ConfigError
from lgeqa.experiment.settings import ExperimentConfig
from lgeqa.strategies import SUMMARIES, StrategyName
from lgeqa.training import detector, quality
from lgeqa.training.detector import DetectorConfig, train_detector
from lgeqa.training.loop import LoopSettings, Recipe
from lgeqa.training.quality import STRATEGIES, ContrastiveConfig, Prepared, QualityConfig, pretraining_settings
from lgeqa.training.slice_store import SliceDataset, Slices, open_store, training_loader, validation_loader

KINDS: dict[str, type[Settings]] = {"detector": DetectorConfig} | {
    name: strategy.config for name, strategy in STRATEGIES.items()
}
SHIPPED = {prefix + name: kind for name, kind in KINDS.items() for prefix in ("", "quick-")}
SHIPPED_STUDIES = ("experiment", "quick-experiment")


def test_command_line_and_trainings_have_the_same_strategies() -> None:
    assert list(SUMMARIES) == list(STRATEGIES) == list(get_args(StrategyName))


def shipped(name: str) -> Path:
    return Path(str(resources.files("lgeqa"))) / "configs" / f"{name}.toml"


#: What the shipped files of stage 2 set beyond the paper's reading.
OURS: dict[str, Any] = {"preparation": {"margin_mm": 14.0}, "loop": {"augmentation": {"margin": 0.1}}}


@pytest.mark.parametrize("name", KINDS)
def test_shipped_settings_are_those_without_a_file(name: str) -> None:
    kind = KINDS[name]
    assert kind.from_toml(shipped(name)) == kind().changed(ours(kind), "ours")


def test_the_soft_strategy_learns_the_share_of_the_readers() -> None:
    assert STRATEGIES["soft"].config().label.rule == "soft"


def test_shipped_experiment_settings_are_the_defaults() -> None:
    found = ExperimentConfig.from_toml(shipped("experiment"))
    assert found == ExperimentConfig().changed(ours(ExperimentConfig), "ours")


@pytest.mark.parametrize("name", [*SHIPPED, *SHIPPED_STUDIES])
def test_every_shipped_file_of_stage_2_leaves_the_margin(name: str) -> None:
    kind = SHIPPED.get(name, ExperimentConfig)
    found = kind.from_toml(shipped(name))
    assert found == found.changed(ours(kind), "ours")


def ours(kind: type[Settings]) -> dict[str, Any]:
    if kind is DetectorConfig:
        return {}
    return OURS | ({"pretraining": OURS["loop"]} if "pretraining" in kind.model_fields else {})


def test_the_study_of_all_strategies_names_them() -> None:
    found = ExperimentConfig.from_toml(Path(__file__).parents[2] / "training" / "strategies.toml")
    assert found.strategies == tuple(STRATEGIES)
    assert (found.splits, found.iterations) == ("folds", 5)


def test_every_shipped_file_is_checked() -> None:
    assert {path.stem for path in shipped("x").parent.glob("*.toml")} == {*SHIPPED, *SHIPPED_STUDIES}


def store(folder: Path, side: int, channels: int) -> SliceDataset:
    """Four slices of two scans."""

    def make() -> Iterator[Slices]:
        rng = np.random.default_rng(0)
        for number in range(2):
            slices = rng.random((2, side, side), np.float32)
            context = np.zeros((2, channels), np.int64)
            yield Slices(slices, (slices > 0.7).astype(np.uint8), np.full(4, number, np.float32), context)

    scans = open_store(folder, {}, make)
    return scans.with_targets(scans.labels, np.tile([1, 0.5, 0, 0], (2, 4, 1)).astype(np.float32))


def one_step(recipe: Recipe, training: SliceDataset, validation: SliceDataset, _run: Path, _quiet: bool) -> None:
    """In the place of `fit`: one step of training and one of validation."""
    settings = recipe.settings
    trainer = lightning.Trainer(
        max_steps=1,
        accelerator="cpu",
        precision=settings.precision,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    before = [parameter.detach().clone() for parameter in recipe.parameters()]
    whole = recipe.whole_scans
    trainer.fit(
        recipe,
        training_loader(training, 0, settings.batch, 0, whole_scans=whole),
        validation_loader(validation, settings.batch, whole),
    )
    assert recipe.watched in trainer.callback_metrics
    assert any((old != new).any() for old, new in zip(before, recipe.parameters(), strict=True))


@pytest.mark.filterwarnings("ignore")  # Lightning warns of its own dependencies, and of loaders without workers
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_settings_run_for_a_step(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector, "fit", one_step)
    monkeypatch.setattr(quality, "fit", one_step)
    config = SHIPPED[name].from_toml(shipped(name), {"weights": "random", "width": 8})
    if isinstance(config, DetectorConfig):
        data = store(tmp_path / "store", config.canvas, len(config.preparation.context_mm))
        train_detector(data, data, config, tmp_path, quiet=True)
    else:
        assert isinstance(config, QualityConfig)
        data = store(tmp_path / "store", config.preparation.pixels, 1)
        strategy = STRATEGIES[name.removeprefix("quick-")]
        (tmp_path / "pretraining").mkdir()
        strategy.train(Prepared(data, data, data), config, tmp_path, True)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"warmup": 4, "epochs": 4}, "warmup = 4 leaves nothing of epochs = 4"),
        ({"weight_decay": 0.1}, r'weight_decay = 0.1 is for optimiser = "lars" only'),
    ],
)
def test_settings_that_do_not_go_together_are_refused(values: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        LoopSettings.of(values)


def test_windows_need_the_field_of_the_atrium() -> None:
    values = {"preparation": {"field": "full"}, "loop": {"augmentation": {"window": 0.75}}}
    with pytest.raises(ConfigError, match=r'window = 0.75 needs preparation.field = "atrium"'):
        QualityConfig.of(values)


def test_imagenet_weights_need_a_whole_resnet34() -> None:
    with pytest.raises(ConfigError) as refused:
        QualityConfig.of({"width": 16})
    assert str(refused.value).endswith(': width = 16 needs weights = "random", or a file of this width')
    assert len(str(refused.value)) < 120


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"loop.epoch = 3: is not known. Did you mean epochs\?"):
        DetectorConfig.from_toml(shipped("detector"), {"loop": {"epoch": 3}})


class Many(Settings):
    """Settings with others in a list."""

    loops: tuple[LoopSettings, ...] = ()


@pytest.mark.parametrize(
    ("kind", "values", "told"),
    [
        (
            DetectorConfig,
            {"loop": {"colour": 3}},
            r"loop.colour = 3: is not known. There are epochs, batch, .*tracking\.",
        ),
        (DetectorConfig, {"widths": 3}, r"widths = 3: is not known. Did you mean width\?"),
        (DetectorConfig, {"loop": {"augmentation": {"flips": 1}}}, r"flips = 1: is not known. Did you mean flip\?"),
        (Many, {"loops": [{"epoch": 3}]}, r"loops.0.epoch = 3: is not known. Did you mean epochs\?"),
    ],
)
def test_an_unknown_setting_is_reported_with_the_known_ones(
    kind: type[Settings], values: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        kind.of(values)


def test_a_change_without_a_file_leaves_the_rest_of_its_table() -> None:
    from lgeqa.workflows.training import read_settings

    changed = read_settings(ContrastiveConfig, None, {"pretraining": {"epochs": 20}, "weights": "random"})
    assert changed.pretraining == pretraining_settings().model_copy(update={"epochs": 20})
    assert not read_settings(DetectorConfig, None, {"loop": {"epochs": 3}}).loop.augmentation.flip
    with pytest.raises(ConfigError, match=r"--set: pretraining: warmup = 100 leaves nothing of epochs = 100"):
        read_settings(ContrastiveConfig, None, {"pretraining": {"warmup": 100}})


def test_changes_are_laid_over_the_file_table_by_table() -> None:
    found = QualityConfig.from_toml(shipped("baseline"), {"loop": {"epochs": 3}, "weights": "random"})
    assert (found.loop.epochs, found.loop.batch, found.weights) == (3, 128, "random")


def test_a_missing_and_a_broken_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.toml: cannot be read"):
        DetectorConfig.from_toml(tmp_path / "none.toml")
    (tmp_path / "broken.toml").write_text("width = ")
    with pytest.raises(ConfigError, match=r"broken.toml: is not valid TOML"):
        DetectorConfig.from_toml(tmp_path / "broken.toml")
