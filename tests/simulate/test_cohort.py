"""Simulated cohorts: drawn, made, written, resumed and made again."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK

from lgeqa.cohort import read_cohort
from lgeqa.errors import CohortError, OutputError
from lgeqa.read import discover, read_mask, read_scan
from lgeqa.simulate.cohort import read_recipe, write_cohort, write_scan
from lgeqa.simulate.make import find_real_scans, grey_levels, make_scan
from lgeqa.simulate.recipe import CohortSettings, FromPhantom, FromScan, ScanRecipe, draw_cohort
from tests.images import write_volume
from tests.simulate.chest import SPACING_MM, chest

sitk: Any = SimpleITK
SETTINGS = CohortSettings(n=3, seed=5, readers=2)


def small(recipes: list[ScanRecipe]) -> list[ScanRecipe]:
    """The same recipes with phantoms of few, thick voxels, to be quick."""
    made = []
    for recipe in recipes:
        assert isinstance(recipe.source, FromPhantom)
        grid = {"shape": (12, 40, 50), "spacing_mm": (7.5, 2.5, 2.5), "first": (-6, -20, -25)}
        phantom = recipe.source.phantom.model_copy(update=grid)
        made.append(recipe.model_copy(update={"source": FromPhantom(phantom=phantom)}))
    return made


@pytest.fixture(scope="module")
def recipes() -> list[ScanRecipe]:
    return small(draw_cohort(SETTINGS))


@pytest.fixture(scope="module")
def cohort(recipes: list[ScanRecipe], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cohort")
    assert [written.kept for written in write_cohort(recipes, out)] == [False] * 3
    return out


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Two patients in the authors' layout, stored with flipped axes as many files are."""
    for number in range(2):
        place, scene = tmp_path / "real" / f"patient {number}", chest(seed=number)
        write_volume(place / "data.nrrd", scene.voxels, spacing_mm=SPACING_MM, axes="RAS")
        write_volume(place / "shrinkwrap.nrrd", scene.atrium.astype(np.uint8), spacing_mm=SPACING_MM, axes="RAS")
    return tmp_path / "real"


def test_a_recipe_depends_on_the_seed_and_the_number_alone(recipes: list[ScanRecipe]) -> None:
    assert small(draw_cohort(CohortSettings(n=2, seed=5, readers=2))) == recipes[:2]
    assert small(draw_cohort(CohortSettings(n=3, seed=6, readers=2))) != recipes
    assert small(draw_cohort(CohortSettings(n=3, seed=5, scores="independent", readers=2))) != recipes
    assert len({recipe.faults.model_dump_json() for recipe in recipes}) == 3


def test_layout_and_tables(cohort: Path, recipes: list[ScanRecipe]) -> None:
    cases = read_cohort(cohort)
    assert [case.scan_id for case in cases] == [recipe.scan_id for recipe in recipes]
    for case, recipe in zip(cases, recipes, strict=True):
        assert case.patient == recipe.patient
        assert set(case.scores) == {"truth", "reader-1", "reader-2"}
        assert case.scores["truth"] == tuple(recipe.scores.row())
        assert case.scores["reader-2"] == tuple(recipe.readings["reader-2"].row())
    with (cohort / "scores.csv").open() as lines:
        assert len(list(csv.DictReader(lines))) == 9


def test_labels_in_the_authors_format(cohort: Path, recipes: list[ScanRecipe]) -> None:
    labels = json.loads((cohort / "labels.json").read_text())
    first = recipes[0]
    entry = labels[first.scan_id]
    assert entry["label"]["enhancement_of_aorta_and_valves"] == first.scores.enhancement
    assert entry["label"]["quality_for_fibrosis_assessment"] == first.scores.quality
    assert entry["labeler"]["reader-1"]["sharpness"] == first.readings["reader-1"].sharpness
    assert entry["spacings"] == [2.5, 2.5, 7.5]
    mask = sitk.GetArrayFromImage(sitk.ReadImage(str(cohort / first.scan_id / "shrinkwrap.nrrd")))
    low, high = entry["segmented_region_indices"]
    assert mask[low].any()
    assert mask[high].any()
    assert not mask[:low].any()
    assert not mask[high + 1 :].any()


def test_the_very_same_scan_again_from_its_recipe(cohort: Path, recipes: list[ScanRecipe], tmp_path: Path) -> None:
    place = cohort / recipes[1].scan_id
    recipe = read_recipe(place / "recipe.json")
    assert recipe == recipes[1]
    write_scan(recipe, tmp_path)
    for name in ("data.nrrd", "shrinkwrap.nrrd", "recipe.json"):
        assert (tmp_path / recipe.scan_id / name).read_bytes() == (place / name).read_bytes()


def test_written_where_it_lies(cohort: Path, recipes: list[ScanRecipe]) -> None:
    image = sitk.ReadImage(str(cohort / recipes[0].scan_id / "data.nrrd"))
    made = make_scan(recipes[0])
    assert image.GetPixelIDTypeAsString() == "16-bit signed integer"
    assert image.GetSpacing() == (2.5, 2.5, 7.5)
    assert image.GetOrigin() == (-62.5, -50.0, -45.0)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), made.voxels)


def test_several_processes_make_the_same(cohort: Path, recipes: list[ScanRecipe], tmp_path: Path) -> None:
    assert len(list(write_cohort(recipes, tmp_path, jobs=2))) == 3
    for file in sorted(cohort.rglob("*.*")):
        assert (tmp_path / file.relative_to(cohort)).read_bytes() == file.read_bytes()
    assert len(list(tmp_path.iterdir())) == 5  # no leftovers


def test_a_stopped_run_goes_on(recipes: list[ScanRecipe], tmp_path: Path) -> None:
    run = write_cohort(recipes, tmp_path)
    next(run)
    run.close()
    assert not (tmp_path / "scores.csv").exists()
    assert [written.kept for written in write_cohort(recipes, tmp_path)] == [True, False, False]
    assert len(read_cohort(tmp_path)) == 3


def test_real_scans_in_turn(real: Path, tmp_path: Path) -> None:
    scans = find_real_scans(real)
    recipes = draw_cohort(SETTINGS, scans)
    assert [recipe.patient for recipe in recipes] == [scans[0].scan_id, scans[1].scan_id, scans[0].scan_id]
    assert len({recipe.scan_id for recipe in recipes}) == 3
    assert len(list(write_cohort(recipes, tmp_path / "out", real))) == 3
    source = next(source for source in discover([real]) if source.scan_id == scans[0].scan_id)
    assert source.mask_path
    before = read_scan(source)
    found = discover([tmp_path / "out"])
    after = read_scan(next(source for source in found if source.scan_id == recipes[0].scan_id))
    assert after.spacing_mm == pytest.approx(before.spacing_mm)
    assert after.slice_positions_mm == pytest.approx(before.slice_positions_mm)
    mask = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out" / recipes[0].scan_id / "shrinkwrap.nrrd")))
    np.testing.assert_array_equal(mask, read_mask(source.mask_path, before))
    assert str(tmp_path) not in (tmp_path / "out" / recipes[0].scan_id / "recipe.json").read_text()


def test_real_scans_in_a_full_field(real: Path) -> None:
    [recipe] = draw_cohort(CohortSettings(n=1, field="full"), find_real_scans(real))
    assert isinstance(recipe.source, FromScan)
    assert recipe.source.thorax
    grid = {"shape": (10, 90, 120), "spacing_mm": (7.5, 4.0, 4.0), "first": (-5, -45, -60)}
    phantom = recipe.source.thorax.phantom.model_copy(update=grid)
    thorax = recipe.source.thorax.model_copy(update={"phantom": phantom})
    source = recipe.source.model_copy(update={"thorax": thorax})
    made = make_scan(recipe.model_copy(update={"source": source}), real)
    assert made.voxels.shape == (8, 90, 120)
    assert made.grid.spacing_mm == (4.0, 4.0, 2.5)
    assert made.atrium.any()


def test_grey_levels_use_the_range() -> None:
    voxels = np.random.default_rng(0).uniform(0, 0.01, (4, 32, 32)).astype(np.float32)
    levels = grey_levels(voxels)
    assert levels.dtype == np.int16
    assert levels.max() == pytest.approx(1000, abs=5)
    assert np.corrcoef(levels.ravel(), voxels.ravel())[0, 1] > 0.9999


def test_refuses_another_cohort_s_folder(cohort: Path, recipes: list[ScanRecipe]) -> None:
    other = recipes[0].model_copy(update={"scores": recipes[0].scores.model_copy(update={"quality": 2.5})})
    with pytest.raises(OutputError, match=f"{recipes[0].scan_id}: holds a scan of this name"):
        write_scan(other, cohort)


def test_refuses_a_folder_that_is_a_file(recipes: list[ScanRecipe], tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError, match=r"out: cannot be made"):
        list(write_cohort(recipes, tmp_path / "out"))


def test_refuses_a_scan_s_folder_in_the_way(recipes: list[ScanRecipe], tmp_path: Path) -> None:
    (tmp_path / recipes[0].scan_id).mkdir()
    (tmp_path / recipes[0].scan_id / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=rf"{recipes[0].scan_id}: cannot be written"):
        list(write_cohort(recipes, tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [recipes[0].scan_id]


def test_refuses_a_folder_without_scans(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="holds no scan with a mask"):
        find_real_scans(tmp_path)


def test_refuses_a_real_scan_that_is_missing_or_changed(real: Path, tmp_path: Path) -> None:
    [recipe] = draw_cohort(CohortSettings(n=1), find_real_scans(real))
    with pytest.raises(CohortError, match="Name the folder that it lies in"):
        make_scan(recipe)
    with pytest.raises(CohortError, match=r"data\.nrrd: is not there"):
        make_scan(recipe, tmp_path)
    assert isinstance(recipe.source, FromScan)
    image = real / recipe.source.scan.image
    image.write_bytes(image.read_bytes() + b" ")
    with pytest.raises(CohortError, match=r"data\.nrrd: is not the file that .* was made from"):
        make_scan(recipe, real)


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "cannot be read"), ("{", "is no recipe of a scan"), ('{"scan_id": "a/b"}', "scan_id: String should match")],
)
def test_refuses_what_is_no_recipe(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "recipe.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(CohortError, match=message):
        read_recipe(path)
