"""Simulated cohorts: drawn, made, measured, written, resumed and made again."""

import csv
import json
from errno import ENOSPC
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK

from lgeqa.cohort import read_cohort
from lgeqa.errors import CohortError, ConfigError, OutputError, UsageError
from lgeqa.io import discover, read_mask, read_scan
from lgeqa.measures import Heart, compute_measures, measured_reader
from lgeqa.records import BoolArray, Scan
from lgeqa.scales import SCALE_NAMES
from lgeqa.simulation.artefacts import MECHANISMS, Artefact
from lgeqa.simulation.cohort_writing import read_recipe, write_cohort, write_scan
from lgeqa.simulation.recipe import CohortSettings, FromPhantom, FromScan, RealScan, ScanRecipe, draw_cohort
from lgeqa.simulation.synthesis import SimulatedScan, find_real_scans, make_scan
from tests.factories.heart import SPACING_MM, GeometricHeart, atrium
from tests.images import write_volume
from tests.simulation.patients import write_patient, write_unscorable_patient

sitk: Any = SimpleITK
SETTINGS = CohortSettings(n=3, seed=5, readers=2)
NOISY = Artefact(mechanism="white_noise", severity=15.0, seed=3)


def small(recipes: list[ScanRecipe]) -> list[ScanRecipe]:
    """Return the same recipes with phantoms of few, thick voxels, to be quick."""
    made = []
    for recipe in recipes:
        assert isinstance(recipe.source, FromPhantom)
        grid = {"shape": (12, 40, 50), "spacing_mm": (7.5, 2.5, 2.5), "first": (-6, -20, -25)}
        phantom = recipe.source.phantom.model_copy(update=grid)
        source = recipe.source.model_copy(update={"phantom": phantom})
        made.append(recipe.model_copy(update={"source": source}))
    return made


@pytest.fixture(scope="module")
def recipes() -> list[ScanRecipe]:
    return small(draw_cohort(SETTINGS))


@pytest.fixture(scope="module")
def cohort(recipes: list[ScanRecipe], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cohort")
    assert [written.kept for written in write_cohort(recipes, out)] == [False] * 3
    return out


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two patients in the authors' layout, in few whole grey levels, stored with flipped axes as many files are."""
    folder = tmp_path_factory.mktemp("real")
    for number in range(2):
        heart = GeometricHeart(blood=60 + number, wall=70, aortic_wall=80, septum=66, blur_mm=1, noise=5, seed=number)
        write_patient(folder / f"p{number}", heart, axes="RAS")
    return folder


@pytest.fixture(scope="module")
def untouched(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cohort of both patients as they are."""
    out = tmp_path_factory.mktemp("untouched")
    recipes = draw_cohort(CohortSettings(artefacts="none"), find_real_scans(real))
    assert len(list(write_cohort(recipes, out, real))) == 2
    return out


def read_both(folder: Path, scan_id: str) -> tuple[Scan, BoolArray]:
    """Read a scan of a folder and its mask."""
    source = next(source for source in discover([folder]) if source.scan_id == scan_id)
    assert source.mask_path
    scan = read_scan(source)
    return scan, read_mask(source.mask_path, scan)


def changed(recipe: ScanRecipe, **changes: object) -> ScanRecipe:
    return ScanRecipe.model_validate(recipe.model_dump() | changes)


def test_recipe_depends_on_seed_and_number_alone(recipes: list[ScanRecipe]) -> None:
    assert small(draw_cohort(CohortSettings(n=2, seed=5, readers=2))) == recipes[:2]
    assert small(draw_cohort(CohortSettings(n=3, seed=6, readers=2))) != recipes
    assert len({recipe.reading_seed for recipe in recipes}) == 3


def test_settings_decide_what_is_drawn() -> None:
    def drawn(**changes: object) -> list[ScanRecipe]:
        return draw_cohort(CohortSettings.model_validate({"n": 12, **changes}))

    assert any(recipe.artefacts for recipe in drawn())
    assert not any(recipe.artefacts for recipe in drawn(artefacts="none"))
    assert not any(recipe.distractors for recipe in drawn())
    assert any(recipe.distractors for recipe in drawn(distractors=True))
    assert {recipe.readers for recipe in drawn(readers=4)} == {4}


def test_left_out_mechanisms_are_never_drawn() -> None:
    left = "white_noise", "breathing"
    rest = tuple(mechanism.name for mechanism in MECHANISMS if mechanism.name not in left)

    def drawn(without: tuple[str, ...]) -> set[str]:
        recipes = draw_cohort(CohortSettings(n=60, without=without))
        return {artefact.mechanism for recipe in recipes for artefact in recipe.artefacts}

    assert drawn(rest) == set(left)
    assert not drawn(left) & set(left)


@pytest.mark.parametrize(
    ("without", "message"),
    [
        (("white_noise", "green_noise"), r"green_noise is not a mechanism\. There are .*white_noise"),
        (tuple(mechanism.name for mechanism in MECHANISMS), "no mechanism is left"),
    ],
)
def test_refuses_what_cannot_be_left_out(without: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        CohortSettings.of({"without": without})


def test_number_of_scans_is_that_of_the_real_ones() -> None:
    scans = [RealScan(scan_id=name, image="", mask="", image_sha256="", mask_sha256="") for name in ("a", "b", "c")]
    assert len(draw_cohort(CohortSettings(), scans)) == 3
    assert len(draw_cohort(CohortSettings(artefacts="none"))) == 50
    assert len(draw_cohort(CohortSettings(n=4), scans)) == 4
    assert len(draw_cohort(CohortSettings(n=4, artefacts="none", field="full"), scans)) == 4
    assert len(draw_cohort(CohortSettings(n=4, artefacts="none", distractors=True), scans)) == 4
    with pytest.raises(UsageError, match=r"4 scans were asked for.*Ask for 3 or fewer"):
        draw_cohort(CohortSettings(n=4, artefacts="none"), scans)


def test_untouched_scans_equal_their_base(real: Path, untouched: Path) -> None:
    for patient in ("p0", "p1"):
        before, mask = read_both(real, patient)
        after, copied = read_both(untouched, f"{patient}-sim-000")
        np.testing.assert_array_equal(after.voxels, before.voxels)
        np.testing.assert_array_equal(copied, mask)
        assert after.spacing_mm == pytest.approx(before.spacing_mm)
        assert after.slice_positions_mm == pytest.approx(before.slice_positions_mm)


def test_tables_hold_measured_scores_truth_and_readings(real: Path, untouched: Path) -> None:
    cases = read_cohort(untouched)
    assert [case.patient for case in cases] == ["p0", "p1"]
    for case in cases:
        scan, mask = read_both(real, case.patient)
        measures = compute_measures(scan, Heart(scan.voxels, mask, scan.spacing_mm))
        measured = np.array([measured_reader().scores(measures.values)[name] for name in SCALE_NAMES], float)
        assert set(case.scores) == {"measured", "truth", "reader-1", "reader-2"}
        np.testing.assert_allclose(case.scores["measured"], measured - 0.005, atol=0.00501)
        assert case.scores["truth"] == tuple(np.floor(measured))
        assert set(case.scores["reader-2"]) <= {1, 2, 3, 4, 5}
        stored = json.loads(case.image.with_name("measures.json").read_text())
        assert stored["values"] == pytest.approx(measures.values)
    assert cases[0].scores["reader-1"] != cases[0].scores["reader-2"] or cases[1].scores != cases[0].scores
    with (untouched / "scores.csv").open() as lines:
        assert len(list(csv.DictReader(lines))) == 2 * 4


def test_labels_in_the_authors_format(untouched: Path) -> None:
    labels = json.loads((untouched / "labels.json").read_text())
    case = read_cohort(untouched)[0]
    entry = labels[case.scan_id]
    assert tuple(entry["label"].values()) == case.scores["truth"]
    assert list(entry["label"])[2:] == ["enhancement_of_aorta_and_valves", "quality_for_fibrosis_assessment"]
    assert set(entry["labeler"]) == {"reader-1", "reader-2"}
    assert entry["spacings"] == [0.625, 0.625, 2.5]
    mask = sitk.GetArrayFromImage(sitk.ReadImage(str(untouched / case.scan_id / "shrinkwrap.nrrd")))
    assert entry["segmented_region_indices"] == np.flatnonzero(mask.any(axis=(1, 2)))[[0, -1]].tolist()


def test_scores_are_those_of_the_written_image(real: Path, tmp_path: Path) -> None:
    [recipe, _] = draw_cohort(CohortSettings(artefacts="none"), find_real_scans(real))
    written = write_scan(changed(recipe, artefacts=(NOISY,)), tmp_path, real)
    scan, mask = read_both(tmp_path, recipe.scan_id)
    base, _ = read_both(real, "p0")
    assert np.abs(scan.voxels - base.voxels).max() > 10
    np.testing.assert_array_equal(scan.voxels, np.rint(scan.voxels))
    values = compute_measures(scan, Heart(scan.voxels, mask, scan.spacing_mm)).values
    assert written.measures.values == values
    assert written.scores()["truth"]["quality"] == int(measured_reader().scores(values)["quality"] or 0)


def test_distractors_change_the_image_and_not_the_scores(real: Path) -> None:
    settings = CohortSettings(n=6, distractors=True, artefacts="none")
    recipe = next(recipe for recipe in draw_cohort(settings, find_real_scans(real)) if recipe.distractors)
    plain, other = make_scan(changed(recipe, distractors=()), real), make_scan(recipe, real)
    assert other.measures == plain.measures
    assert other.voxels.shape != plain.voxels.shape or (other.voxels != plain.voxels).any()
    assert other.atrium.shape == other.voxels.shape


def test_a_changed_field_stays_where_it_was(real: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crop by 2 slices, 8 rows and 4 columns moves the origin of the file by as much."""
    [recipe] = draw_cohort(CohortSettings(n=1, distractors=True, artefacts="none", seed=1), find_real_scans(real))
    plain = make_scan(changed(recipe, distractors=()), real)

    def cut(volume: Any, _: Any) -> Any:
        first_mm = tuple(float(n * step) for n, step in zip((2, 8, 4), volume.spacing_mm, strict=True))
        window = slice(2, None), slice(8, None), slice(4, None)
        return type(volume)(volume.voxels[window], volume.atrium[window], volume.spacing_mm, first_mm)

    monkeypatch.setattr("lgeqa.simulation.synthesis.apply_distractors", cut)
    other = make_scan(changed(recipe, distractors=({"kind": "gain", "amount": 1, "seed": 0},)), real)
    assert other.grid.size == tuple(n - m for n, m in zip(plain.grid.size, (4, 8, 2), strict=True))
    assert other.grid.spacing_mm == plain.grid.spacing_mm
    offset = np.subtract(other.grid.origin_mm, plain.grid.origin_mm)
    np.testing.assert_allclose(offset, (4 * 0.625, 8 * 0.625, 2 * 2.5))


def test_fractions_of_a_real_scan_are_kept(tmp_path: Path) -> None:
    voxels = GeometricHeart(blood=0.6, lung=0.05, muscle=0.2, wall=0.2, noise=0.05).voxels()
    write_volume(tmp_path / "p" / "data.nrrd", voxels, spacing_mm=SPACING_MM)
    write_volume(tmp_path / "p" / "shrinkwrap.nrrd", atrium().astype(np.uint8), spacing_mm=SPACING_MM)
    [recipe] = draw_cohort(CohortSettings(artefacts="none"), find_real_scans(tmp_path))
    np.testing.assert_array_equal(make_scan(recipe, tmp_path).voxels, voxels)


def test_scan_that_cannot_be_scored_has_a_row_without_scores(tmp_path: Path) -> None:
    write_unscorable_patient(tmp_path / "real/p")
    recipes = draw_cohort(CohortSettings(artefacts="none"), find_real_scans(tmp_path / "real"))
    [written] = write_cohort(recipes, tmp_path / "out", tmp_path / "real")
    assert written.scores() == {}
    [case] = read_cohort(tmp_path / "out")
    assert case.scores == {}
    assert json.loads((tmp_path / "out/labels.json").read_text()) == {}


def test_very_same_scan_again_from_its_recipe(cohort: Path, recipes: list[ScanRecipe], tmp_path: Path) -> None:
    place = cohort / recipes[1].scan_id
    recipe = read_recipe(place / "recipe.json")
    assert recipe == recipes[1]
    write_scan(recipe, tmp_path)
    for name in ("data.nrrd", "shrinkwrap.nrrd", "recipe.json", "measures.json"):
        assert (tmp_path / recipe.scan_id / name).read_bytes() == (place / name).read_bytes()


def test_file_holds_the_scan_where_it_lies(cohort: Path, recipes: list[ScanRecipe]) -> None:
    image = sitk.ReadImage(str(cohort / recipes[0].scan_id / "data.nrrd"))
    made = make_scan(recipes[0])
    assert image.GetPixelIDTypeAsString() == "16-bit signed integer"
    assert image.GetSpacing() == (2.5, 2.5, 7.5)
    assert image.GetOrigin() == (-62.5, -50.0, -45.0)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), made.voxels)


def test_several_processes_make_the_same(cohort: Path, recipes: list[ScanRecipe], tmp_path: Path) -> None:
    assert len(list(write_cohort(recipes, tmp_path, jobs=2))) == 3
    for file in sorted(cohort.rglob("*.*")):
        again = tmp_path / file.relative_to(cohort)
        if file.name == "measures.json":  # sums by one thread and by several end a fit elsewhere
            values, others = (json.loads(path.read_text(encoding="utf-8"))["values"] for path in (file, again))
            assert others.keys() == values.keys()
            for name, value in values.items():
                assert others[name] == (value and pytest.approx(value, rel=1e-4)), name
        else:
            assert again.read_bytes() == file.read_bytes()
    assert len(list(tmp_path.iterdir())) == 5  # nothing is left over


def test_stopped_run_continues_without_measuring_again(
    recipes: list[ScanRecipe], cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_cohort(recipes, tmp_path)
    next(run)
    run.close()
    assert not (tmp_path / "scores.csv").exists()
    made: list[str] = []

    def note(recipe: ScanRecipe, folder: Path | None) -> SimulatedScan:
        made.append(recipe.scan_id)
        return make_scan(recipe, folder)

    monkeypatch.setattr("lgeqa.simulation.cohort_writing.make_scan", note)
    assert [written.kept for written in write_cohort(recipes, tmp_path)] == [True, False, False]
    assert made == [recipe.scan_id for recipe in recipes[1:]]
    assert (tmp_path / "scores.csv").read_bytes() == (cohort / "scores.csv").read_bytes()


def test_real_scans_in_turn(real: Path) -> None:
    scans = find_real_scans(real)
    recipes = draw_cohort(SETTINGS, scans)
    assert [recipe.patient for recipe in recipes] == ["p0", "p1", "p0"]
    assert [recipe.scan_id for recipe in recipes] == ["p0-sim-000", "p1-sim-000", "p0-sim-001"]
    assert str(real) not in recipes[0].model_dump_json()


@pytest.mark.slow
def test_real_scan_in_a_full_field_keeps_its_voxels(real: Path) -> None:
    [recipe] = draw_cohort(CohortSettings(n=1, field="full", artefacts="none"), find_real_scans(real))
    assert isinstance(recipe.source, FromScan)
    assert recipe.source.thorax
    grid = {"shape": (16, 90, 120), "spacing_mm": (7.5, 4.0, 4.0), "first": (-8, -45, -60)}
    phantom = recipe.source.thorax.phantom.model_copy(update=grid)
    placing = recipe.source.thorax.placing.model_copy(update={"scale": 1.0})
    source = FromScan(scan=recipe.source.scan, thorax=recipe.source.thorax.of({"phantom": phantom, "placing": placing}))
    made = make_scan(recipe.model_copy(update={"source": source}), real)
    base, mask = read_both(real, "p0")
    assert made.voxels.shape == (len(base.voxels), 576, 768)
    assert made.grid.spacing_mm == (0.625, 0.625, 2.5)
    assert made.grid.origin_mm[2] == pytest.approx(base.slice_positions_mm[0])
    assert made.atrium.sum() == mask.sum()
    np.testing.assert_array_equal(made.voxels[made.atrium], base.voxels[mask])


def test_refuses_another_cohort_s_folder(cohort: Path, recipes: list[ScanRecipe]) -> None:
    with pytest.raises(OutputError, match=f"{recipes[0].scan_id}: holds a scan of this name"):
        write_scan(changed(recipes[0], artefacts=(NOISY,)), cohort)


@pytest.mark.parametrize("name", ["measures.json", "shrinkwrap.nrrd"])
def test_refuses_a_scan_that_has_lost_a_file(name: str, recipes: list[ScanRecipe], tmp_path: Path) -> None:
    write_scan(recipes[0], tmp_path)
    (tmp_path / recipes[0].scan_id / name).unlink()
    with pytest.raises(OutputError, match=rf"{name}: cannot be read\. Remove .*phantom-0000"):
        write_scan(recipes[0], tmp_path)


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


def test_a_full_disk_is_reported(recipes: list[ScanRecipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr("lgeqa.io.volume_writer.Path.write_bytes", full)
    with pytest.raises(OutputError, match=r"phantom-0000: cannot be written \(no space left on device\)\. Make room"):
        write_scan(recipes[0], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_refuses_a_folder_without_scans(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="holds no scan with a mask"):
        find_real_scans(tmp_path)


def test_refuses_a_real_scan_that_is_missing_or_changed(tmp_path: Path) -> None:
    place = tmp_path / "real"
    write_patient(place / "p", GeometricHeart())
    [recipe] = draw_cohort(CohortSettings(n=1), find_real_scans(place))
    with pytest.raises(CohortError, match="Name the folder that it is in"):
        make_scan(recipe)
    with pytest.raises(CohortError, match=r"data\.nrrd: is not there"):
        make_scan(recipe, tmp_path)
    assert isinstance(recipe.source, FromScan)
    image = place / recipe.source.scan.image
    image.write_bytes(image.read_bytes() + b" ")
    with pytest.raises(CohortError, match=r"data\.nrrd: is not the file that .* was made from"):
        make_scan(recipe, place)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        ("{", "is not a recipe of a scan"),
        ('{"scan_id": "a/b"}', "scan_id: String should match"),
    ],
)
def test_refuses_what_is_no_recipe(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "recipe.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(CohortError, match=message):
        read_recipe(path)
