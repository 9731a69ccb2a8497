from importlib import resources
from pathlib import Path

import pytest

from lgeqa.config import Settings
from lgeqa.errors import ConfigError
from lgeqa.train.baseline import BaselineConfig
from lgeqa.train.detector import DetectorConfig

SHIPPED: dict[str, type[Settings]] = {"detector": DetectorConfig, "baseline": BaselineConfig}


def shipped(name: str) -> Path:
    return Path(str(resources.files("lgeqa"))) / "configs" / f"{name}.toml"


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_settings_are_those_without_a_file(name: str) -> None:
    kind = SHIPPED[name]
    assert kind.from_toml(shipped(name)) == kind()


def test_every_shipped_file_is_checked() -> None:
    assert {path.stem for path in shipped("x").parent.glob("*.toml")} == set(SHIPPED)


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"loop.epoch = 3: Extra inputs are not permitted"):
        DetectorConfig.from_toml(shipped("detector"), {"loop": {"epoch": 3}})


def test_changes_are_laid_over_the_file_table_by_table() -> None:
    found = BaselineConfig.from_toml(shipped("baseline"), {"loop": {"epochs": 3}, "weights": "random"})
    assert (found.loop.epochs, found.loop.batch, found.weights) == (3, 128, "random")


def test_a_missing_and_a_broken_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.toml: cannot be read"):
        DetectorConfig.from_toml(tmp_path / "none.toml")
    (tmp_path / "broken.toml").write_text("width = ")
    with pytest.raises(ConfigError, match=r"broken.toml: is not valid TOML"):
        DetectorConfig.from_toml(tmp_path / "broken.toml")
