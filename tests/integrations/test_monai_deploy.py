"""The MONAI Deploy application with an exported bundle, and with stand-ins for the App SDK."""

from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

from lgeqa.workflows.monai_bundle import export_monai_bundle
from tests.integrations.stand_ins import load
from tests.toy import toy_bundle, toy_scan


class _Operator:
    def __init__(self, _fragment: Any, *_conditions: Any, name: str) -> None:
        self.name = name


class _Application:
    """An application with folders from its command line, which runs each operator once."""

    folders: SimpleNamespace

    def __init__(self) -> None:
        self.argv: list[str] = []
        self.operators: list[Any] = []

    @classmethod
    def init_app_context(cls, _argv: list[str]) -> SimpleNamespace:
        return cls.folders

    def add_operator(self, operator: Any) -> None:
        self.operators.append(operator)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    core = SimpleNamespace(
        Application=_Application, Operator=_Operator, **dict.fromkeys(("AppContext", "Fragment", "OperatorSpec"))
    )
    stand_ins = {"monai.deploy": MagicMock(), "monai.deploy.core": core, "monai.deploy.conditions": MagicMock()}
    return load("monai_deploy/app.py", stand_ins, monkeypatch)


def test_operator_assesses_the_scans_of_the_input_folder(app: ModuleType, tmp_path: Path) -> None:
    export_monai_bundle(toy_bundle(tmp_path / "toy"), tmp_path / "model")
    toy_scan(tmp_path / "input" / "a.nrrd")
    paths = {f"{name}_path": str(tmp_path / name) for name in ("input", "output", "model")}
    _Application.folders = SimpleNamespace(**paths)
    composed = app.LgeqaApp()
    composed.compose()
    [operator] = composed.operators
    operator.setup(MagicMock())
    operator.compute(None, None, None)
    assert operator.name == "lgeqa"
    assert [path.name for path in (tmp_path / "output" / "masks").iterdir()] == ["a.nrrd"]
