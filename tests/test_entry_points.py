"""Readers and strategies that installed packages add by an entry point."""

import json
import types
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import lgeqa
from lgeqa import strategies
from lgeqa.errors import ReadError, UsageError
from lgeqa.io import discover, suffixes
from lgeqa.io.limits import DEFAULT_LIMITS, Limits
from lgeqa.io.volume import read_volume, volume_files
from lgeqa.records import Grid
from lgeqa.training.quality import STRATEGIES, Strategy, find_strategy


def read_json(path: Path) -> tuple[npt.NDArray[Any], Grid]:
    """Read a volume that JSON holds as the sizes along (i, j, k) and a list of voxels."""
    content = json.loads(path.read_text())
    size = tuple(content["size"])
    voxels = np.array(content["voxels"], np.int16).reshape(size[::-1])
    return voxels, Grid(size, (1.0, 1.0, 2.5), (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1))


def read_wrongly(path: Path) -> tuple[npt.NDArray[Any], Grid]:
    voxels, grid = read_json(path)
    return voxels[..., :-1], grid


ADDED = Strategy("none", STRATEGIES["baseline"].config, STRATEGIES["baseline"].train)
NOT_A_STRATEGY = types.SimpleNamespace()


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    entries = EntryPoints(
        EntryPoint(name, f"{__name__}:{value}", group)
        for name, value, group in (
            (".json3d", "read_json", suffixes.READERS_GROUP),
            (".wrong", "read_wrongly", suffixes.READERS_GROUP),
            (".nrrd", "read_wrongly", suffixes.READERS_GROUP),
            ("mine", "ADDED", strategies.STRATEGIES_GROUP),
            ("broken", "NOT_A_STRATEGY", strategies.STRATEGIES_GROUP),
        )
    )
    for module in (suffixes, strategies):
        monkeypatch.setattr(module, "entry_points", lambda group: entries.select(group=group))
    suffixes._added.cache_clear()
    yield
    suffixes._added.cache_clear()


def _write(path: Path) -> Path:
    path.write_text(json.dumps({"size": [4, 3, 2], "voxels": list(range(24))}))
    return path


def test_added_reader_is_found_and_read(added: None, tmp_path: Path) -> None:
    path = _write(tmp_path / "scan.JSON3D")
    [source] = discover([tmp_path])
    assert (source.scan_id, source.kind) == ("scan", "volume")
    stack = read_volume(path, DEFAULT_LIMITS)
    assert stack.voxels[1, 2, 3] == 23
    assert stack.grid.spacing_mm == (1.0, 1.0, 2.5)
    assert volume_files(path) == (path,)


def test_without_its_package_the_file_is_not_a_volume(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"scan\.json3d: is not a volume by its name or content"):
        read_volume(_write(tmp_path / "scan.json3d"), DEFAULT_LIMITS)


def test_wrong_answer_of_a_reader_names_the_reader(added: None, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"its reader tests\.test_entry_points returns voxels of the shape \(2, 3, 3\)"):
        read_volume(_write(tmp_path / "scan.wrong"), DEFAULT_LIMITS)


def _zero_spacing(path: Path) -> tuple[npt.NDArray[Any], Grid]:
    voxels, grid = read_json(path)
    return voxels, replace(grid, spacing_mm=(0.0, 1.0, 2.5))


def _mirrored_twice(path: Path) -> tuple[npt.NDArray[Any], Grid]:
    voxels, grid = read_json(path)
    return voxels, replace(grid, direction=(1, 0, 0, 1, 0, 0, 0, 0, 1))


@pytest.mark.parametrize(
    ("reader", "limits", "message"),
    [
        (read_json, replace(DEFAULT_LIMITS, max_voxels=20), "voxels"),
        (_zero_spacing, DEFAULT_LIMITS, "spacing"),
        (_mirrored_twice, DEFAULT_LIMITS, "axes|direction|orientation"),
    ],
)
def test_grid_of_an_added_reader_is_checked(
    reader: suffixes.AddedReader, limits: Limits, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lgeqa.io.volume.added_reader", lambda _: reader)
    with pytest.raises(ReadError, match=f"scan.json3d: .*({message})"):
        read_volume(_write(tmp_path / "scan.json3d"), limits)


def test_added_reader_replaces_none_of_the_package(added: None, tmp_path: Path) -> None:
    assert suffixes.added_reader(tmp_path / "scan.nrrd") is None


def test_added_strategy_is_found_and_listed(added: None) -> None:
    assert find_strategy("mine") is ADDED
    assert strategies.summaries()["mine"] == f"Stage 2, mine: from the package {__name__}."
    assert list(strategies.summaries())[: len(STRATEGIES)] == list(STRATEGIES)


def test_entry_that_is_not_a_strategy_is_named(added: None, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'broken': .*NOT_A_STRATEGY is not a lgeqa\.training\.quality\.Strategy"):
        lgeqa.train("broken", tmp_path, tmp_path / "run")
    with pytest.raises(UsageError, match=r"'other' is not a strategy .* mil, mine, broken\."):
        find_strategy("other")
