"""Loading of a file of `integrations` with stand-ins for a program that the tests do not install."""

import sys
from collections.abc import Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

INTEGRATIONS = Path(__file__).parents[2] / "integrations"


def load(name: str, stand_ins: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Load a file by its path below `integrations`, with stand-ins for modules by their names."""
    for module, stand_in in stand_ins.items():
        monkeypatch.setitem(sys.modules, module, stand_in)
    path = INTEGRATIONS / name
    spec = spec_from_file_location(f"integration_{path.stem}", path)
    assert spec
    assert spec.loader
    loaded = module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded
