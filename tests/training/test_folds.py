"""`training/folds.py`: folds that keep out patients and mechanisms at once."""

import json
import runpy
import sys
from collections import Counter
from pathlib import Path

import pytest

from lgeqa.cohort import load_split, read_cohort
from lgeqa.scales import SCALE_NAMES
from lgeqa.simulation.artefacts import MECHANISMS, Artefact
from lgeqa.simulation.cohort_writing import read_recipe
from lgeqa.simulation.recipe import CohortSettings, FromScan, RealScan, ScanRecipe, draw_cohort
from lgeqa.table_text import csv_text

SCRIPT = Path(__file__).parents[2] / "training" / "folds.py"
FOLDS, PATIENTS = 5, 15


def recipe(patient: int, number: int) -> ScanRecipe:
    """Return the recipe of a scan without artefacts, for the number 0, or with the mechanism of this number."""
    scan = RealScan(scan_id=f"p{patient}", image="a", mask="b", image_sha256="", mask_sha256="")
    mechanism = MECHANISMS[number - 1]
    artefacts = (Artefact(mechanism=mechanism.name, severity=mechanism.at(0.5), seed=0),) if number else ()
    return ScanRecipe(
        scan_id=f"p{patient}-{number}",
        patient=f"p{patient}",
        source=FromScan(scan=scan),
        artefacts=artefacts,
        readers=0,
        reading_seed=0,
        versions={},
    )


@pytest.fixture(scope="module")
def folds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write recipes and scores without images, which the folds do not look at, and make the folds."""
    root = tmp_path_factory.mktemp("work")
    real = [recipe(patient, number) for patient in range(PATIENTS) for number in range(0, len(MECHANISMS) + 1, 3)]
    real += [recipe(0, number) for number in range(1, len(MECHANISMS) + 1) if number % 3]
    for cohort, recipes in (("real", real), ("phantoms", draw_cohort(CohortSettings(n=3)))):
        rows = []
        for number, one in enumerate(recipes):
            folder = root / cohort / one.scan_id
            folder.mkdir(parents=True)
            (folder / "recipe.json").write_text(one.model_dump_json(), encoding="utf-8")
            files = (f"{one.scan_id}/data.nrrd", f"{one.scan_id}/shrinkwrap.nrrd")
            rows.append((one.scan_id, one.patient, *files, "measured", 3, 3, 3, 2 + number % 2))
        columns = ("scan", "patient", "image", "mask", "reader", *SCALE_NAMES)
        (root / cohort / "scores.csv").write_text(csv_text(columns, rows), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        arguments = ["-o", root / "folds", root / "real", root / "phantoms", "--folds", FOLDS]
        patch.setattr(sys, "argv", ["folds.py", *map(str, arguments)])
        runpy.run_path(str(SCRIPT), run_name="__main__")
    return root / "folds"


def test_each_patient_and_each_mechanism_is_kept_out_once(folds: Path) -> None:
    patients: Counter[str] = Counter()
    mechanisms: Counter[str] = Counter()
    for number in range(FOLDS):
        folder = folds / f"fold-{number}"
        cases = read_cohort(folder / "scans.csv")
        split = load_split(folder / "split.json", cases)
        patients.update(patient for patient, part in split.items() if part == "test")
        mechanisms.update(json.loads((folder / "left-out.json").read_text(encoding="utf-8")))
        assert {part for patient, part in split.items() if patient.startswith("phantom")} == {"train"}
    assert patients == {f"p{number}": 1 for number in range(PATIENTS)}
    assert mechanisms == {mechanism.name: 1 for mechanism in MECHANISMS}


def test_no_scan_of_a_fold_has_a_mechanism_that_it_leaves_out(folds: Path) -> None:
    for number in range(FOLDS):
        folder = folds / f"fold-{number}"
        left_out = set(json.loads((folder / "left-out.json").read_text(encoding="utf-8")))
        drawn = {
            artefact.mechanism
            for case in read_cohort(folder / "scans.csv")
            for artefact in read_recipe(case.image.parent / "recipe.json").artefacts
        }
        assert not drawn & left_out
        others = {mechanism.name for mechanism in MECHANISMS} - left_out
        assert others <= drawn  # nothing else is dropped
