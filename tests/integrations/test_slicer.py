"""The 3D Slicer module with lgeqa, and with stand-ins for Slicer, which is not installed with the tests.

They show that the right files reach Slicer's functions, not that Slicer shows them.
"""

import csv
import os
import shutil
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

from lgeqa.io import discover, read_mask, read_scan
from tests.factories.command import LGEQA
from tests.integrations.stand_ins import load
from tests.toy import toy_bundle, toy_scan


class _Base:
    """A base class of a scripted module."""

    def __init__(self, parent: Any = None) -> None:
        self.parent, self.layout = parent, MagicMock()

    def setup(self) -> None:
        """Do nothing."""


class _Scene:
    """Functions of `slicer.util` for a volume on the disk, and what they were given."""

    def __init__(self, volume: Path) -> None:
        self.volume = volume
        self.tables: list[list[list[str]]] = []
        self.voxels: list[int] = []

    def save_node(self, _node: Any, path: str) -> None:
        shutil.copyfile(self.volume, path)

    def load_table(self, path: str) -> MagicMock:
        with Path(path).open(encoding="utf-8", newline="") as file:
            self.tables.append([*csv.reader(file)])
        return MagicMock()

    def load_segmentation(self, path: str) -> MagicMock:
        [source] = discover([self.volume])
        self.voxels.append(int(read_mask(Path(path), read_scan(source)).sum()))
        return MagicMock()


@pytest.fixture
def scene(tmp_path: Path) -> _Scene:
    return _Scene(toy_scan(tmp_path / "volume.nrrd"))


@pytest.fixture
def module(scene: _Scene, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    names = ("ScriptedLoadableModule", "ScriptedLoadableModuleWidget", "ScriptedLoadableModuleLogic")
    slicer = MagicMock()
    slicer.util = SimpleNamespace(
        saveNode=scene.save_node,
        loadTable=scene.load_table,
        loadSegmentation=scene.load_segmentation,
        startupEnvironment=lambda: dict(os.environ),
        tryWithErrorDisplay=lambda *_args, **_options: nullcontext(),
    )
    stand_ins = {
        "ctk": MagicMock(),
        "qt": MagicMock(),
        "slicer": slicer,
        "slicer.ScriptedLoadableModule": SimpleNamespace(**dict.fromkeys(names, _Base)),
    }
    return load("slicer/LgeQa/LgeQa.py", stand_ins, monkeypatch)


@pytest.fixture
def bundle(tmp_path: Path) -> str:
    return str(toy_bundle(tmp_path / "toy"))


def _volume() -> MagicMock:
    return MagicMock(GetName=lambda: "LGE")


def test_segmentation_and_table_reach_the_scene(module: ModuleType, scene: _Scene, bundle: str) -> None:
    record = module.LgeQaLogic().assess(_volume(), str(LGEQA), bundle)
    assert record["status"] == "assessed"
    assert scene.voxels[0] > 1000
    table = dict(scene.tables[0])
    assert (table["decision"], table["probability"]) == (record["decision"], f"{record['probability']:.3g}")
    assert set(record["reasons"]) == {value for name, value in scene.tables[0] if name == "reason"}
    assert table["asnr"] == f"{record['measures']['values']['asnr']:.3g}"


def test_refused_scan_has_a_table_and_no_segmentation(module: ModuleType, scene: _Scene, bundle: str) -> None:
    toy_scan(scene.volume, atrium=False)
    record = module.LgeQaLogic().assess(_volume(), str(LGEQA), bundle)
    assert (record["status"], scene.voxels) == ("not_assessable", [])
    assert ["status", "not_assessable"] in scene.tables[0]


def test_error_of_lgeqa_is_that_of_the_module(module: ModuleType, scene: _Scene, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"bundle\.json: cannot be read"):
        module.LgeQaLogic().assess(_volume(), str(LGEQA), str(tmp_path / "none"))
    assert scene.tables == []


@pytest.mark.parametrize(("volume", "command"), [(None, "lgeqa"), (MagicMock(), "")])
def test_missing_choice_is_named(module: ModuleType, volume: Any, command: str) -> None:
    with pytest.raises(ValueError, match="Choose a scan"):
        module.LgeQaLogic().assess(volume, command)


def test_button_shows_decision_and_reasons(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    record = {"decision": "review", "status": "assessed", "reasons": ["Too close to call."]}
    monkeypatch.setattr(module.LgeQaLogic, "assess", lambda *_: record)
    widget = module.LgeQaWidget()
    widget.setup()
    clicked, handler = module.qt.QPushButton().connect.call_args.args
    handler()
    settings = module.slicer.app.userSettings()
    assert [call.args[0] for call in settings.setValue.call_args_list] == ["LgeQa/Command", "LgeQa/Bundle"]
    assert (clicked, widget._decision.text) == ("clicked()", "review\nToo close to call.")


def test_module_describes_itself(module: ModuleType) -> None:
    parent = MagicMock()
    module.LgeQa(parent)
    assert parent.title == "LGE Quality"
    assert "not for diagnostic use" in parent.acknowledgementText
