"""The command `calibrate` on a toy cohort and a toy bundle."""

import json
from pathlib import Path

import numpy as np
import pytest

from lgeqa.evaluation.calibration_report import CalibrationReport
from lgeqa.inference.bundle import open_bundle
from lgeqa.inference.pipeline import AssessSettings
from lgeqa.operating_point import Costs, OperatingPoint
from tests.factories.command import lgeqa
from tests.inference.bundle.test_bundle import change
from tests.toy import toy_bundle, toy_scan

pytestmark = pytest.mark.slow

N = 22


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the toy bundle and a cohort of scans, half of them good, scored on quality alone."""
    folder = tmp_path_factory.mktemp("calibrate")
    change(toy_bundle(folder / "bundle"), training_scans={"quality": ["seen-before"]})
    rows = ["scan;patient;image;mask;reader;myocardium_nulling;sharpness;enhancement;quality"]
    for number in range(N):
        toy_scan(folder / "cohort" / f"{number}.nrrd", number)
        rows.append(f"s{number};p{number};{number}.nrrd;;Anna;;;;{4 if number % 2 else 2},5")
    (folder / "cohort" / "scores.csv").write_text("\n".join(rows) + "\n")
    return folder


def calibrate(place: Path, out: str, bundle: str = "bundle", *options: str) -> tuple[int, str, str]:
    done = lgeqa(
        "calibrate", "--cohort", place / "cohort", "--bundle", place / bundle, "-o", place / out, "--draws", "100",
        "--jobs", "1", *options,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_command_writes_a_bundle_that_assesses(place: Path) -> None:
    code, out, err = calibrate(place, "made")
    assert (code, err) == (0, "")
    assert "Labels: scores of Anna" in out
    assert f"Bundle: {place / 'made' / 'bundle'} (use it with --bundle)" in out
    assert "Caution: Sharpness" not in out

    manifest = open_bundle(place / "made" / "bundle").manifest
    assert manifest.name == "toy-calibrated"
    assert manifest.quality.calibration is not None
    assert manifest.quality.calibration.data.startswith(f"{N} scans of {N} patients; labels: scores of Anna")
    scans = manifest.training_scans["quality"]
    assert "seen-before" in scans
    assert len(scans) == N + 1  # those of the calibration are seen now, too
    report = CalibrationReport.model_validate_json((place / "made" / "calibration.json").read_bytes())
    assert (report.n_scans, report.threshold) == (N, manifest.threshold)
    assert (report.after["quality"].n, report.after["sharpness"].n) == (N, 0)
    page = (place / "made" / "calibration.md").read_text()
    assert "## Scan by scan" in page
    assert "| Calibration error (lower is better) |" in page

    done = lgeqa("assess", place / "cohort" / "0.nrrd", "--bundle", place / "made" / "bundle", "-o", place / "assessed")
    assert done.returncode == 0
    [record] = (place / "assessed" / "scans").glob("*.json")
    assert json.loads(record.read_text())["threshold"] == pytest.approx(manifest.threshold)

    code, _, err = calibrate(place, "made")
    assert (code, err.split(": ", 2)[-1]) == (2, "exists already. Name a new folder with --out, or remove it.\n")
    code, _, err = calibrate(place, "again", "made/bundle")
    assert code == 2
    assert "is calibrated already, on 22 scans" in err
    assert not (place / "again").exists()


def test_operating_point_follows_from_costs(place: Path) -> None:
    code, out, _ = calibrate(place, "priced", "bundle", "--missed", "20", "--needless", "4")
    assert code == 0
    assert "Scans are accepted from a probability of .95, to be repeated below .25, and otherwise for review" in out
    bundle = open_bundle(place / "priced" / "bundle")
    assert bundle.manifest.operating_point == OperatingPoint.of_costs(Costs(missed=20, needless=4))
    calibration = bundle.manifest.quality.calibration
    assert calibration is not None
    assert calibration.kept_out is not None
    assert len(calibration.kept_out.probabilities) == N
    assert "## Decisions" in (place / "priced" / "bundle" / "MODEL_CARD.md").read_text()
    assert "| poor ones accepted |" in (place / "priced" / "calibration.md").read_text()

    done = lgeqa(
        "operating-point", "--bundle", place / "priced" / "bundle", "--missed", "10", "-o", place / "site.toml"
    )

    assert done.returncode == 0
    assert "Of 100 scans like these, " in done.stdout
    settings = AssessSettings.from_toml(place / "site.toml")
    assert settings.operating_point == OperatingPoint.of_costs(Costs(missed=10))


def test_operating_point_needs_scored_scans(place: Path) -> None:
    done = lgeqa("operating-point", "--bundle", place / "bundle")
    assert done.returncode == 2
    assert "Calibrate it with lgeqa calibrate" in done.stderr
    calibrate(place, "promised")
    done = lgeqa("operating-point", "--bundle", place / "promised" / "bundle", "--risk", "0.05")
    assert done.returncode == 2
    assert "A risk of 0.05 needs at least 19 scans of each class" in done.stderr


def test_bundle_that_weighs_slices_is_calibrated_on_scans(place: Path) -> None:
    toy_bundle(place / "weighing", attention=True)
    assert calibrate(place, "weighed", "weighing")[0] == 0
    manifest = open_bundle(place / "weighed" / "bundle").manifest
    assert manifest.quality.calibration is not None
    quality = manifest.quality.calibration.maps["quality"]

    records = []
    for name, bundle in (("before", "weighing"), ("after", "weighed/bundle")):
        done = lgeqa("assess", place / "cohort" / "0.nrrd", "--bundle", place / bundle, "-o", place / name)
        assert done.returncode == 0
        [record] = (place / name / "scans").glob("*.json")
        records.append(json.loads(record.read_text()))
    before, after = (np.array([record["probability"], record["reference"]["p_quality_if_lower"]]) for record in records)
    np.testing.assert_allclose(after, quality.apply(before), rtol=1e-4)
    assert abs(after[0] - before[0]) > 0.01
    reaches = records[1]["probability"] >= manifest.threshold
    assert records[1]["verdict"] == ("diagnostic" if reaches else "non-diagnostic")


def test_too_few_scans_make_no_bundle(place: Path) -> None:
    table = (place / "cohort" / "scores.csv").read_text().splitlines()
    (place / "cohort" / "few.csv").write_text("\n".join(table[:12]) + "\n")
    done = lgeqa(
        "calibrate", "--cohort", place / "cohort" / "few.csv", "--bundle", place / "bundle", "-o", place / "few",
        "--jobs", "1",
    )  # fmt: skip
    assert done.returncode == 2
    assert "11 scans of 11 patients could be assessed, 5 of them diagnostic" in done.stderr
    assert not (place / "few" / "bundle").exists()
