"""The MONAI Label app with lgeqa, and with stand-ins for MONAI Label, which needs another version of pydicom."""

from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

from lgeqa.io import discover, read_mask, read_scan
from tests.factories.command import LGEQA
from tests.integrations.stand_ins import load
from tests.toy import toy_bundle, toy_scan


class _App:
    def __init__(self, _folder: str, _studies: str, conf: dict[str, str], **_about: str) -> None:
        self.conf = conf
        self.infers = self.init_infers()

    def init_infers(self) -> dict[str, Any]:
        return {}


class _Task:
    def __init__(self, *about: Any) -> None:
        self.about = about


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    tasks = SimpleNamespace(InferTask=_Task, InferType=MagicMock())
    names = ("monailabel", "monailabel.interfaces", "monailabel.interfaces.tasks")
    stand_ins = {
        **{name: MagicMock() for name in names},
        "monailabel.interfaces.app": SimpleNamespace(MONAILabelApp=_App),
        "monailabel.interfaces.tasks.infer_v2": tasks,
    }
    return load("monai_label/main.py", stand_ins, monkeypatch)


@pytest.fixture
def model(module: ModuleType, tmp_path: Path) -> Any:
    conf = {"lgeqa": str(LGEQA), "bundle": str(toy_bundle(tmp_path / "toy"))}
    return module.MyApp("app", "studies", conf).infers["left_atrium"]


def test_model_gives_the_mask_and_the_record(model: Any, tmp_path: Path) -> None:
    image = toy_scan(tmp_path / "a.nrrd")
    file, record = model({"image": str(image)})
    [source] = discover([image])
    assert read_mask(Path(file), read_scan(source)).sum() > 1000
    Path(file).unlink()
    assert (record["scan_id"], record["status"]) == ("a", "assessed")


def test_scan_without_an_atrium_has_no_mask(model: Any, tmp_path: Path) -> None:
    file, record = model({"image": str(toy_scan(tmp_path / "a.nrrd", atrium=False))})
    assert (file, record["status"]) == (None, "not_assessable")


def test_error_of_lgeqa_is_that_of_the_model(model: Any, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="there is no such file or folder"):
        model({"image": str(tmp_path / "none.nrrd")})


def test_model_is_valid_if_the_command_exists(module: ModuleType, model: Any) -> None:
    assert model.is_valid()
    assert not module.LeftAtrium("no-such-command", "").is_valid()
