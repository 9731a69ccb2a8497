"""The real command on a toy cohort and a toy bundle."""

import csv
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lgeqa.cohort import read_cohort, read_hashes, used_training_scans
from lgeqa.errors import CohortError, UsageError
from lgeqa.evaluation.record import Evaluation
from lgeqa.workflows.evaluation import EvaluationRequest, evaluate_bundle
from tests.factories.command import lgeqa, lgeqa_apart
from tests.toy import toy_bundle, toy_scan

HEADER = "scan,patient,image,mask,reader,myocardium_nulling,sharpness,enhancement,quality"
#: Scan, patient and what two readers said of its quality; the first six have an atrium.
SCANS = [
    ("a", "p1", 4, 2),
    ("b", "p1", 2, 2),
    ("c", "p2", 3, 4),
    ("d", "p3", 1, 3),
    ("e", "p3", 5, 5),
    ("f", "p4", 2, 1),
]


def toy_cohort(root: Path) -> Path:
    """Six scans, one with no atrium, and one that nobody scored."""
    rows = [HEADER]
    for number, (name, patient, truth, reading) in enumerate([*SCANS, ("dark", "p5", 4, 4)]):
        toy_scan(root / name / "data.nrrd", number, atrium=name != "dark")
        rows += [f"{name},{patient},{name}/data.nrrd,,truth,{truth},4,2,{truth}"]
        rows += [f"{name},{patient},{name}/data.nrrd,,reader-1,4,4,2,{reading}"]
    toy_scan(root / "bare" / "data.nrrd", 9)
    rows += ["bare,p6,bare/data.nrrd,,,,,,"]
    (root / "scores.csv").write_text("\n".join(rows) + "\n")
    return root


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluate")
    toy_bundle(folder / "bundle")
    toy_cohort(folder / "cohort")
    return folder


@pytest.fixture(scope="module")
def done(place: Path) -> subprocess.CompletedProcess[str]:
    return lgeqa_apart(
        "evaluate", place / "bundle", "--cohort", place / "cohort", "-o", place / "out", "--draws", "100", "--jobs", "1"
    )


def read(place: Path, out: str = "out") -> Evaluation:
    return Evaluation.model_validate_json((place / out / "evaluation.json").read_bytes())


@pytest.mark.slow
def test_it_ends_with_3_since_one_scan_has_no_atrium(place: Path, done: subprocess.CompletedProcess[str]) -> None:
    assert (done.returncode, done.stderr) == (3, "")
    lines = done.stdout.splitlines()
    assert lines[-1] == f"Report: {place / 'out' / 'evaluation.md'}"
    assert lines[-2] == "Left out: 2 scans"
    assert "Labels: scores before reader noise (truth), of simulated scans" in lines
    assert any(line.startswith("Caution: Fewer than 10 scans of a class, so the figures are rough") for line in lines)
    assert any(line.startswith("AUROC: ") and line.endswith("over slices") for line in lines)
    cautions = sum(line.startswith("Caution: ") for line in lines)
    assert len(lines) == 7 + 9 + 3 + cautions


def test_all_files_are_there(place: Path, done: subprocess.CompletedProcess[str]) -> None:
    assert {path.name for path in (place / "out").iterdir()} == {
        *("evaluation.json", "evaluation.md", "predictions.csv", "results.csv", "results.sqlite", "scans"),
        *("measures.csv", "measures.json"),
        *("roc.png", "precision-recall.png", "reliability.png"),
    }
    assert "NaN" not in (place / "out" / "evaluation.json").read_text()


def test_the_record_says_what_was_done(place: Path, done: subprocess.CompletedProcess[str]) -> None:
    made = read(place)
    assert (made.n_scans, made.n_patients, made.draws, made.seed) == (6, 4, 100, 0)
    why = {one.scan_id: one.why for one in made.excluded}
    assert set(why) == {"bare", "dark"}
    assert why["bare"].startswith("no label of quality by truth")
    assert "atrium" in why["dark"]
    assert made.part == "all; no split was given, so the bundle may have learnt from these patients"
    assert made.mask_source == "detected"


def test_the_figures_are_those_of_the_table(place: Path, done: subprocess.CompletedProcess[str]) -> None:
    with (place / "out" / "predictions.csv").open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["status"] == "assessed"]
    made = read(place)
    labels = np.array([row["label_quality"] == "diagnostic" for row in rows])
    calls = np.array([row["call_quality"] == "diagnostic" for row in rows])
    ranks = np.array([float(row["p_quality"]) for row in rows])
    assert labels.tolist() == [truth >= 3 for _, _, truth, _ in SCANS]
    wins = [(a > b) + (a == b) / 2 for a in ranks[labels] for b in ranks[~labels]]
    figures = made.scans["quality"].figures
    assert figures["auroc"].value == pytest.approx(sum(wins) / len(wins), abs=1e-6)
    assert figures["specificity"].value == pytest.approx((~calls[~labels]).mean())
    assert figures["brier"].value == pytest.approx(((ranks - labels) ** 2).mean(), abs=1e-5)
    assert made.scans["sharpness"].figures["auroc"].undefined == "no scan is non-diagnostic"
    reader = {(row.who, row.against): row.figures for row in made.comparisons}["reader-1", "truth"]
    assert reader["precision"].value == pytest.approx(2 / 3)  # c and e of c, d and e
    assert reader["specificity"].value == pytest.approx(2 / 3)


@pytest.mark.slow
def test_again_with_another_reader_keeps_the_records(place: Path, done: subprocess.CompletedProcess[str]) -> None:
    again = lgeqa(
        *("evaluate", place / "bundle", "--cohort", place / "cohort", "-o", place / "out2", "--draws", "100"),
        *("--reader", "reader-1", "--jobs", "1", "--seed", "7", "--quiet"),
    )
    assert (again.returncode, again.stdout) == (3, "")
    once_more = lgeqa(
        *("evaluate", place / "bundle", "--cohort", place / "cohort", "-o", place / "out2", "--draws", "100"),
    )
    assert once_more.stdout.splitlines()[0].startswith("1/7 kept a")
    assert read(place, "out2").label == "scores before reader noise (truth)"
    assert read(place, "out2").scans == read(place).scans


def test_a_scan_that_the_gate_refuses_is_judged(place: Path, tmp_path: Path) -> None:
    root = tmp_path / "thin"
    toy_scan(root / "a" / "data.nrrd", slices=slice(0, 10))
    (root / "scores.csv").write_text(f"{HEADER}\na,p1,a/data.nrrd,,truth,4,4,2,4\n")
    done = lgeqa("evaluate", place / "bundle", "--cohort", root, "-o", tmp_path / "out", "--draws", "100")
    assert done.returncode == 0, done.stderr
    assert read(tmp_path).n_scans == 1
    assert json.loads((tmp_path / "out" / "scans" / "a.json").read_bytes())["forced"]


@pytest.mark.slow
def test_a_part_of_a_split(place: Path, tmp_path: Path) -> None:
    split = {"p1": "test", "p2": "train", "p3": "test", "p4": "validation", "p5": "train", "p6": "train"}
    (tmp_path / "split.json").write_text(json.dumps(split))
    common = ("evaluate", place / "bundle", "--cohort", place / "cohort", "-q", "--split", tmp_path / "split.json")
    assert lgeqa(*common, "-o", tmp_path / "test", "--jobs", "1").returncode == 0
    made = read(tmp_path, "test")
    assert (made.n_scans, made.n_patients, made.excluded) == (4, 2, ())
    assert made.part == f"test of {tmp_path / 'split.json'}"
    assert lgeqa(*common, "--part", "validation", "-o", tmp_path / "one").returncode == 0
    assert read(tmp_path, "one").n_scans == 1
    (tmp_path / "split.json").write_text(json.dumps(dict.fromkeys(split, "train")))
    none = lgeqa(*common, "-o", tmp_path / "none")
    assert none.returncode == 2
    assert "gives no patient of the cohort to the part 'test'" in none.stderr


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--reader", "ann"), "No scan has a label of quality by the reader 'ann'; scores are by reader-1, truth"),
        (("--part", "test"), "--part test needs a split"),
        (("--cohort", "{cohort}"), "a/data.nrrd: is in the cohorts twice"),
        (("--cohort", "{cohort}/nowhere"), "nowhere: is not there"),
    ],
)
def test_wrong_use_ends_with_2(more: tuple[str, str], message: str, place: Path, tmp_path: Path) -> None:
    given = [word.format(cohort=place / "cohort") for word in more]
    failed = lgeqa("evaluate", place / "bundle", "--cohort", place / "cohort", "-o", tmp_path / "out", *given)
    assert failed.returncode == 2
    assert message in failed.stderr
    assert not (tmp_path / "out").exists()


def test_no_bundle_ends_with_2(place: Path, tmp_path: Path) -> None:
    failed = lgeqa("evaluate", tmp_path / "gone", "--cohort", place / "cohort", "-o", tmp_path / "out")
    assert failed.returncode == 2
    assert "Name the folder of a bundle" in failed.stderr


def test_given_masks_are_used(place: Path, tmp_path: Path) -> None:
    """No scan of the cohort has a mask, so none can be assessed."""
    failed = lgeqa(
        *("evaluate", place / "bundle", "--cohort", place / "cohort", "-o", tmp_path / "out", "-q"),
        *("--given-masks", "--jobs", "1"),
    )
    assert failed.returncode == 2
    assert "None of 7 scans has a label of quality by 'truth' and could be assessed." in failed.stderr
    assert "has no mask beside it" in failed.stderr


@pytest.mark.slow
def test_scans_of_one_name_in_two_cohorts(place: Path, tmp_path: Path) -> None:
    root = tmp_path / "second"
    toy_scan(root / "a" / "data.nrrd", 4)
    (root / "scores.csv").write_text(f"{HEADER}\na,p1,a/data.nrrd,,truth,4,4,2,4\n")
    out = tmp_path / "out"
    done = lgeqa("evaluate", place / "bundle", "--cohort", place / "cohort", "--cohort", root, "-o", out, "--jobs", "1")
    assert done.returncode == 3
    made = read(tmp_path)
    assert (made.n_scans, made.n_patients) == (7, 4)
    assert {path.stem for path in (out / "scans").iterdir()} >= {"cohort_a", "second_a", "b"}


def knowing(place: Path, folder: Path, detector: str, quality: str) -> Path:
    """A bundle whose stages were trained on a scan of the cohort each."""
    cases = {case.scan_id: case for case in read_cohort(place / "cohort")}
    bundle = toy_bundle(folder / "knowing")
    manifest = json.loads((bundle / "bundle.json").read_text())
    manifest["training_scans"] = {"detector": read_hashes(cases[detector]), "quality": read_hashes(cases[quality])}
    (bundle / "bundle.json").write_text(json.dumps(manifest))
    return bundle


def split_of(folder: Path, tested: set[str]) -> Path:
    parts = {patient: "test" if patient in tested else "train" for patient in ("p1", "p2", "p3", "p4", "p5", "p6")}
    (folder / "split.json").write_text(json.dumps(parts))
    return folder / "split.json"


def test_test_patients_that_the_bundle_knows_are_refused(place: Path, tmp_path: Path) -> None:
    """The detector knows scan a, of patient p1, and the quality network scan e, of patient p3."""
    bundle = knowing(place, tmp_path, "a", "e")
    command = (
        "evaluate",
        bundle,
        "--cohort",
        place / "cohort",
        "--draws",
        "100",
        "--jobs",
        "1",
        "-o",
        tmp_path / "out",
    )
    split = split_of(tmp_path, {"p1", "p4"})

    refused = lgeqa(*command, "--split", split)
    assert refused.returncode == 2
    message = " ".join(refused.stderr.split())
    assert "the detector was trained on 2 of the 3 test scans".casefold() in message.casefold()
    assert "(a, b)" in message
    assert "evaluate all the same with --allow-seen" in message
    assert not (tmp_path / "out").exists()

    allowed = lgeqa(*command, "--split", split, "--allow-seen")
    assert allowed.returncode == 0
    assert "Warning: the detector was trained on 2 of the 3 test scans" in allowed.stdout
    assert Evaluation.model_validate_json((tmp_path / "out" / "evaluation.json").read_bytes()).seen == {
        "detector": ("a", "b"),
        "quality": (),
    }


def test_scans_seen_in_training_are_flagged_without_a_split(place: Path, tmp_path: Path) -> None:
    request = EvaluationRequest(knowing(place, tmp_path, "a", "e"), [place / "cohort"], tmp_path / "out", draws=100)
    seen = evaluate_bundle(replace(request, jobs=1)).evaluation.seen
    assert seen == {"detector": ("a", "b"), "quality": ("d", "e")}
    assert "**The detector was trained on 2 of the 8 test scans" in (tmp_path / "out" / "evaluation.md").read_text()


def test_detector_does_not_count_with_given_masks() -> None:
    learnt = {"detector": ("1",), "quality": ("2",)}
    assert used_training_scans(learnt, detected=True) == learnt
    assert used_training_scans(learnt, detected=False) == {"quality": ("2",)}


def test_stages_in_use_count_alone(place: Path, tmp_path: Path) -> None:
    """With given masks the detector is not used. The cohort has no masks, so that nothing can be assessed then."""
    request = EvaluationRequest(
        knowing(place, tmp_path, "a", "e"),
        [place / "cohort"],
        tmp_path / "out",
        split_of(tmp_path, {"p1"}),
        "test",
        given_masks=True,
        jobs=1,
    )
    with pytest.raises(CohortError, match="could be assessed"):
        evaluate_bundle(request)
    with pytest.raises(UsageError, match="The detector was trained on 2 of the 2 test scans"):
        evaluate_bundle(replace(request, given_masks=False))
    with pytest.raises(UsageError, match="The quality network was trained on 2 of the 2 test scans"):
        evaluate_bundle(replace(request, split=split_of(tmp_path, {"p3"})))
