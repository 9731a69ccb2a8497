"""Which scans a bundle has seen in training, by hashes that name nobody."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lgeqa.cohort import Case, origins, read_cohort, read_hashes, scan_hashes, seen_message, seen_scans, source_of
from lgeqa.io import read_scan, voxels_sha256
from lgeqa.simulation.recipe import CohortSettings, draw_cohort
from lgeqa.simulation.synthesis import find_real_scans
from tests.cohort.made import good_cohort


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    return read_cohort(good_cohort(tmp_path_factory.mktemp("cohort")).root)


def test_hash_is_the_start_of_that_of_the_voxels(cases: list[Case]) -> None:
    scan = read_scan(source_of(cases[0]))
    assert scan_hashes(cases[0], scan) == read_hashes(cases[0]) == (voxels_sha256(scan)[:16],)
    assert len({read_hashes(case) for case in cases}) == len(cases)


def test_simulated_scan_has_the_hash_of_its_origin_too(cases: list[Case], tmp_path: Path) -> None:
    """The recipe is as `lgeqa simulate` draws it from the real scan."""
    real = cases[0]
    recipe = draw_cohort(CohortSettings(n=1, seed=1), find_real_scans(real.image.parent.parent)[:1])[0]
    for name in ("data.nrrd", "shrinkwrap.nrrd"):  # of another scan, as it would be after artefacts
        (tmp_path / name).write_bytes(cases[1].image.with_name(name).read_bytes())
    (tmp_path / "recipe.json").write_text(recipe.model_dump_json())
    simulated = replace(real, image=tmp_path / "data.nrrd")

    hashes = read_hashes(simulated)

    assert hashes == (*read_hashes(cases[1]), *read_hashes(real))
    assert origins([hashes, read_hashes(real), ()]) == read_hashes(real)


@pytest.mark.parametrize("recipe", ["{", "[]", '{"source": {"kind": "phantom"}}', '{"source": {"scan": {}}}'])
def test_recipe_without_an_origin_leaves_the_own_hash(cases: list[Case], tmp_path: Path, recipe: str) -> None:
    (tmp_path / "data.nrrd").write_bytes(cases[0].image.read_bytes())
    (tmp_path / "recipe.json").write_text(recipe)
    assert read_hashes(replace(cases[0], image=tmp_path / "data.nrrd")) == read_hashes(cases[0])


def test_scan_that_cannot_be_read_has_no_hash(cases: list[Case], tmp_path: Path) -> None:
    (tmp_path / "data.nrrd").write_text("no scan")
    assert read_hashes(replace(cases[0], image=tmp_path / "data.nrrd")) == ()


def test_all_scans_of_a_seen_patient_are_seen() -> None:
    a, b, c, d = (
        Case(name, patient, Path(name), None) for name, patient in (("a", "p"), ("b", "p"), ("c", "q"), ("d", "r"))
    )
    cohort = [(a, ("1",)), (b, ("2", "9")), (c, ("3",)), (d, ())]
    assert seen_scans([a, c, d], cohort, {"detector": ["9"], "quality": []}) == {"detector": ("a",), "quality": ()}
    assert seen_scans([b, c, d], cohort, {"quality": ["1", "3"]}) == {"quality": ("b", "c")}


def test_message_names_stages_counts_and_scans() -> None:
    seen = {"detector": ("b", "a"), "quality": ("a",)}
    assert seen_message(seen, 5) == (
        "The detector was trained on 2 of the 5 test scans or on other scans of their patients (a, b); the quality "
        "network was trained on 1 of the 5 test scans or on other scans of their patients (a)"
    )
    assert seen_message({"detector": ()}, 5) == seen_message({}, 5) == ""


def test_default_bundle_knows_the_public_scans(real_folder: Path) -> None:
    manifest = json.loads((Path(__file__).parents[2] / "src/lgeqa/inference/bundle/default/bundle.json").read_text())
    learnt = manifest["training_scans"]
    assert {name: len(scans) for name, scans in learnt.items()} == {"detector": 70, "quality": 70 + 40}  # phantoms
    for case in read_cohort(real_folder)[:2]:
        assert set(read_hashes(case)) <= set(learnt["detector"]) & set(learnt["quality"])
