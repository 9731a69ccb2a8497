"""`lgeqa simulate` through the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lgeqa.cli import app
from lgeqa.cohort import read_cohort
from lgeqa.errors import ConfigError, UsageError
from lgeqa.simulation.artefacts import BY_NAME
from tests.factories.heart import GeometricHeart
from tests.simulation.patients import write_patient, write_unscorable_patient

#: Options that leave white noise, which the geometric heart bears, as the only mechanism.
ONLY_NOISE = [word for name in BY_NAME if name != "white_noise" for word in ("--without", name)]


@pytest.fixture
def real(tmp_path: Path) -> Path:
    heart = GeometricHeart(wall=120, aortic_wall=130, noise=8, blur_mm=1)
    return write_patient(tmp_path / "real" / "p1", heart).parent


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["simulate", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_makes_a_cohort_and_says_so(real: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ("-o", out, "--n", 2, "--from", real, "--readers", 3, "--seed", 4, *ONLY_NOISE)
    lines = run(*options).splitlines()
    assert lines[0].startswith("1/2 p1-sim-000: myocardium_nulling ")
    assert lines[-1] == f"2 scans in {out}; scores in {out / 'scores.csv'}"
    assert len((out / "scores.csv").read_text().splitlines()) == 1 + 2 * 5
    kept = run(*options).splitlines()
    assert kept[1].startswith("2/2 kept p1-sim-001: ")
    assert run(*options, "--quiet") == ""


def test_copies_untouched_scans_with_their_scores(real: Path, tmp_path: Path) -> None:
    lines = run("-o", tmp_path / "out", "--from", real, "--artefacts", "none").splitlines()
    [case] = read_cohort(tmp_path / "out")
    assert f"quality {case.scores['measured'][3]:g}" in lines[0]
    recipe = json.loads((tmp_path / "out/p1-sim-000/recipe.json").read_text())
    assert recipe["artefacts"] == recipe["distractors"] == []
    with pytest.raises(UsageError, match="Ask for 1 or fewer"):
        run("-o", tmp_path / "out", "--n", 2, "--from", real, "--artefacts", "none")


def test_leaves_mechanisms_out_and_adds_distractors(real: Path, tmp_path: Path) -> None:
    run("-o", tmp_path / "out", "--n", 5, "--from", real, "--distractors", *ONLY_NOISE)
    recipes = [json.loads(path.read_text()) for path in (tmp_path / "out").glob("*/recipe.json")]
    assert {artefact["mechanism"] for recipe in recipes for artefact in recipe["artefacts"]} == {"white_noise"}
    assert any(recipe["distractors"] for recipe in recipes)


def test_refuses_an_unknown_mechanism(real: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"whitenoise is not a mechanism\. There are .*white_noise"):
        run("-o", tmp_path / "out", "--from", real, "--without", "whitenoise")
    assert not (tmp_path / "out").exists()


def test_says_why_a_scan_has_no_scores(tmp_path: Path) -> None:
    real = write_unscorable_patient(tmp_path / "real" / "p1").parent
    output = " ".join(run("-o", tmp_path / "out", "--from", real, "--artefacts", "none").split())
    assert "p1-sim-000: has no scores." in output
    assert "aortic_wall_contrast: The descending aorta was not found" in output
    assert "Its row in the table is without scores." in output
    assert (tmp_path / "out/scores.csv").read_text().splitlines()[1].endswith("shrinkwrap.nrrd,,,,,")


def test_makes_one_scan_again(real: Path, tmp_path: Path) -> None:
    run("-o", tmp_path / "a", "--n", 1, "--from", real)
    recipe = tmp_path / "a" / "p1-sim-000" / "recipe.json"
    assert run("-o", tmp_path / "b", "--again", recipe, "--from", real).startswith("p1-sim-000: ")
    image = (tmp_path / "a" / "p1-sim-000" / "data.nrrd").read_bytes()
    assert (tmp_path / "b" / "p1-sim-000" / "data.nrrd").read_bytes() == image


def test_says_when_a_recipe_is_of_another_version(real: Path, tmp_path: Path) -> None:
    run("-o", tmp_path / "a", "--n", 1, "--from", real, "--artefacts", "none")
    recipe = json.loads((tmp_path / "a" / "p1-sim-000" / "recipe.json").read_text())
    recipe["versions"]["numpy"] = "0.9"
    (tmp_path / "old.json").write_text(json.dumps(recipe))
    assert "was made with numpy 0.9" in run("-o", tmp_path / "b", "--again", tmp_path / "old.json", "--from", real)
