import tomllib
from pathlib import Path

import pytest

from lgeqa import extras
from lgeqa.errors import MissingExtraError


def test_the_table_names_the_extras_of_the_package() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(extras.EXTRAS) == set(project["optional-dependencies"]) - {"test", "dev", "all"}


def test_an_extra_that_is_there_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "EXTRAS", {"train": ("json",)})
    extras.require("train", feature="training")


def test_missing_extra_names_feature_module_and_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "EXTRAS", {"train": ("json", "no_such_module")})
    with pytest.raises(MissingExtraError, match=r'^training needs no_such_module, .* pip install "lgeqa\[train\]"$'):
        extras.require("train", feature="training")
