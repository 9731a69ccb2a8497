"""`lgeqa simulate` through the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lgeqa.cli import app
from tests.images import write_volume
from tests.simulate.chest import SPACING_MM, chest


@pytest.fixture
def real(tmp_path: Path) -> Path:
    scene, place = chest(), tmp_path / "real" / "p1"
    write_volume(place / "data.nrrd", scene.voxels, spacing_mm=SPACING_MM)
    write_volume(place / "shrinkwrap.nrrd", scene.atrium.astype(np.uint8), spacing_mm=SPACING_MM)
    return tmp_path / "real"


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["simulate", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_makes_a_cohort_and_says_so(real: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    lines = run("-o", out, "--n", 2, "--from", real, "--readers", 3, "--seed", 4).splitlines()
    assert lines[0].startswith("1/2 p1-sim-000: myocardium_nulling ")
    assert lines[-1] == f"2 scans in {out}; scores in {out / 'scores.csv'}"
    assert len((out / "scores.csv").read_text().splitlines()) == 1 + 2 * 4
    kept = run("-o", out, "--n", 2, "--from", real, "--readers", 3, "--seed", 4).splitlines()
    assert kept[1].startswith("2/2 kept p1-sim-001: ")
    assert run("-o", out, "--n", 2, "--from", real, "--readers", 3, "--seed", 4, "--quiet") == ""


def test_makes_one_scan_again(real: Path, tmp_path: Path) -> None:
    run("-o", tmp_path / "a", "--n", 1, "--from", real)
    recipe = tmp_path / "a" / "p1-sim-000" / "recipe.json"
    assert run("-o", tmp_path / "b", "--again", recipe, "--from", real).startswith("p1-sim-000: ")
    image = (tmp_path / "a" / "p1-sim-000" / "data.nrrd").read_bytes()
    assert (tmp_path / "b" / "p1-sim-000" / "data.nrrd").read_bytes() == image


def test_says_when_a_recipe_is_of_another_version(real: Path, tmp_path: Path) -> None:
    run("-o", tmp_path / "a", "--n", 1, "--from", real)
    recipe = json.loads((tmp_path / "a" / "p1-sim-000" / "recipe.json").read_text())
    recipe["versions"]["numpy"] = "0.9"
    (tmp_path / "old.json").write_text(json.dumps(recipe))
    assert "was made with numpy 0.9" in run("-o", tmp_path / "b", "--again", tmp_path / "old.json", "--from", real)
