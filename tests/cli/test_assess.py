"""The command line as a whole: what it prints and writes, and how it ends."""

import csv
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from lgeqa.records import ScanResult
from lgeqa.results import CSV_COLUMNS
from tests.factories.command import LGEQA, lgeqa, lgeqa_apart
from tests.toy import SLOPES, toy_bundle, toy_scan


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_bundle(tmp_path_factory.mktemp("toy"))


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Two good scans, one with no atrium and one empty file."""
    folder = tmp_path / "scans of 'today' – ärzte"
    toy_scan(folder / "one" / "data.nrrd", 1)
    toy_scan(folder / "two.nii.gz", 2)
    toy_scan(folder / "dark.mha", 3, atrium=False)
    (folder / "void.nrrd").touch()
    return folder


def test_a_mixed_folder(scans: Path, bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = lgeqa_apart("assess", scans, "-o", out, "--bundle", bundle, "--masks")
    assert done.returncode == 3, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) == 6
    assert lines[-1] == f"Report: {out / 'report.html'}"
    assert lines[-2].startswith("4 scans: 2 non-diagnostic, 1 not assessable, 1 failed")
    with (out / "results.csv").open(encoding="utf-8-sig", newline="") as table:
        rows = {row["scan_id"]: row for row in csv.DictReader(table)}
    assert {name: row["status"] for name, row in rows.items()} == {
        "one": "assessed",
        "two": "assessed",
        "dark": "not_assessable",
        "void": "failed",
    }
    assert all(tuple(row) == CSV_COLUMNS for row in rows.values())
    record = ScanResult.model_validate_json((out / "scans" / "one.json").read_bytes())
    assert record.votes_total == record.n_slices == len(record.slices) == int(rows["one"]["votes_total"])
    assert record.bundle is not None
    assert record.bundle.name == "toy"
    assert len(record.input_sha256) == 64
    assert record.versions["lgeqa"]
    assert sorted(path.name for path in (out / "masks").iterdir()) == ["one.nrrd", "two.nrrd"]
    assert "void" in (out / "report.html").read_text(encoding="utf-8")
    with (out / "measures.csv").open(encoding="utf-8-sig", newline="") as table:
        assert {row["scan_id"]: row["status"] for row in csv.DictReader(table)} == {
            name: row["status"] for name, row in rows.items()
        }
    assert "asnr" in json.loads((out / "measures.json").read_text(encoding="utf-8"))


def test_a_refused_scan_is_recorded_with_the_reason(scans: Path, bundle: Path, tmp_path: Path) -> None:
    done = lgeqa("assess", scans / "dark.mha", "-o", tmp_path / "out", "--bundle", bundle, "--force")
    assert done.returncode == 3, done.stderr
    record = ScanResult.model_validate_json((tmp_path / "out" / "scans" / "dark.json").read_bytes())
    assert (record.status, record.verdict, record.forced) == ("not_assessable", None, False)
    assert record.findings[0].severity == "refused"
    assert record.findings[0].seen in record.message
    assert record.message in done.stdout
    assert record.measures is not None


def test_force_gives_a_refused_scan_a_verdict(bundle: Path, tmp_path: Path) -> None:
    scan = toy_scan(tmp_path / "thin.nrrd", slices=slice(0, 10))
    command = ("assess", scan, "-o", tmp_path / "out", "--bundle", bundle)
    assert lgeqa(*command).returncode == 3
    done = lgeqa(*command, "--force")
    assert done.returncode == 0, done.stderr
    record = ScanResult.model_validate_json((tmp_path / "out" / "scans" / "thin.json").read_bytes())
    assert (record.status, record.forced, record.review) == ("assessed", True, True)
    assert record.findings[0].severity == "refused"


def test_second_run_into_a_folder_ignores_its_masks(bundle: Path, tmp_path: Path) -> None:
    toy_scan(tmp_path / "a.nrrd", 1)
    toy_scan(tmp_path / "b.nrrd", 2)
    first = lgeqa("assess", ".", "-o", "out", "--bundle", bundle, "--masks", cwd=tmp_path)
    again = lgeqa("assess", ".", "-o", "out", "--bundle", bundle, "--masks", cwd=tmp_path)
    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    assert [line.split(":")[0] for line in again.stdout.splitlines()[:2]] == ["1/2 kept a", "2/2 kept b"]


def test_quiet_prints_trouble_only(scans: Path, bundle: Path, tmp_path: Path) -> None:
    good = lgeqa("assess", scans / "two.nii.gz", "-o", tmp_path / "good", "--bundle", bundle, "--quiet")
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    mixed = lgeqa("assess", scans, "-o", tmp_path / "mixed", "--bundle", bundle, "--quiet")
    assert mixed.returncode == 3
    assert mixed.stdout == ""
    assert {line.split(":")[0] for line in mixed.stderr.splitlines()} == {"dark", "void"}


def test_given_masks_and_threshold_reach_the_assessment(scans: Path, bundle: Path, tmp_path: Path) -> None:
    options = ("--bundle", bundle, "--given-masks", "--threshold", "0.01")
    assert lgeqa("assess", scans / "two.nii.gz", "-o", tmp_path / "none", *options).returncode == 3
    scan = scans / "one"
    done = lgeqa("assess", scan, "-o", tmp_path / "detected", "--bundle", bundle, "--masks", "--threshold", "0.01")
    assert done.returncode == 0, done.stderr
    (tmp_path / "detected" / "masks" / "one.nrrd").rename(scan / "shrinkwrap.nrrd")
    assert lgeqa("assess", scan, "-o", tmp_path / "given", *options).returncode == 0
    given, detected = (
        ScanResult.model_validate_json((tmp_path / name / "scans" / "one.json").read_bytes())
        for name in ("given", "detected")
    )
    assert (given.mask_source, detected.mask_source) == ("supplied", "detected")
    assert given.threshold == 0.01
    assert given.verdict == "diagnostic"
    assert given.slices == detected.slices


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("assess",), "Missing"),
        (("assess", "x.nrrd", "--masks"), "--masks: needs an output folder"),
        (("assess", "x.nrrd", "--fresh"), "--fresh: needs an output folder"),
        (("assess", "x.nrrd", "--json", "--csv"), "--json and --csv"),
        (("assess", "x.nrrd", "--log", "taken/log", "--bundle", "no-such"), "taken/log"),
        (("assess", "x.nrrd", "-o", "out", "--threshold", "1.5"), "threshold = 1.5"),
        (("assess", "x.nrrd", "-o", "out", "--jobs", "0"), "jobs"),
        (("assess", "x.nrrd", "-o", "out", "--bundle", "no-such"), "no-such"),
        (("assess", "x.nrrd", "-o", "taken/out"), "taken"),
        (("asess",), "asess"),
    ],
)
def test_wrong_use_is_2_and_says_what_is_wrong(arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    (tmp_path / "x.nrrd").touch()
    done = lgeqa(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", ["assess", "measure"])
@pytest.mark.parametrize(
    ("path", "says"), [("nowhere.nrrd", "there is no such file or folder"), ("empty", "no scan was found in it")]
)
def test_a_path_without_a_scan_is_wrong_use_and_leaves_nothing(
    verb: str, path: str, says: str, bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    done = lgeqa(verb, path, "-o", "out", "--bundle", bundle, cwd=tmp_path)
    assert done.returncode == 2
    assert path in done.stderr
    assert says in done.stderr
    assert not (tmp_path / "out").exists()


def test_results_of_other_scans_stay(bundle: Path, tmp_path: Path) -> None:
    toy_scan(tmp_path / "monday" / "a.nrrd", 1)
    toy_scan(tmp_path / "tuesday" / "b.nrrd", 2)
    for day in ("monday", "tuesday"):
        done = lgeqa("assess", day, "-o", "out", "--bundle", bundle, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert "Added to 1 result of earlier runs into out, which the tables and the report hold, too." in done.stdout
    rows = (tmp_path / "out" / "results.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert [row.split(",")[0] for row in rows] == ["b", "a"]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert ">a<" in page
    assert ">b<" in page


def test_another_scan_of_the_same_name_is_not_replaced(bundle: Path, tmp_path: Path) -> None:
    for day, seed in (("monday", 1), ("tuesday", 2)):
        toy_scan(tmp_path / day / "a.nrrd", seed)
    assert lgeqa("assess", "monday", "-o", "out", "--bundle", bundle, cwd=tmp_path).returncode == 0
    before = (tmp_path / "out" / "scans" / "a.json").read_bytes()
    refused = lgeqa("assess", "tuesday", "-o", "out", "--bundle", bundle, cwd=tmp_path)
    assert refused.returncode == 2
    assert "holds the result of another scan that is called 'a'" in refused.stderr
    assert (tmp_path / "out" / "scans" / "a.json").read_bytes() == before
    (tmp_path / "monday").rename(tmp_path / "moved")
    assert lgeqa("assess", "moved", "-o", "out", "--bundle", bundle, cwd=tmp_path).returncode == 0


def test_results_of_two_bundles_are_not_mixed(bundle: Path, tmp_path: Path) -> None:
    toy_scan(tmp_path / "monday" / "a.nrrd", 1)
    toy_scan(tmp_path / "tuesday" / "b.nrrd", 2)
    other = toy_bundle(tmp_path / "other", maps=SLOPES)
    assert lgeqa("assess", "monday", "-o", "out", "--bundle", bundle, cwd=tmp_path).returncode == 0
    refused = lgeqa("assess", "tuesday", "-o", "out", "--bundle", other, cwd=tmp_path)
    assert refused.returncode == 2
    assert "holds results of 1 other scans by another bundle, such as 'a'" in refused.stderr


@pytest.mark.slow
def test_ctrl_c_stops_says_how_to_continue_and_leaves_the_table(bundle: Path, tmp_path: Path) -> None:
    for number in range(60):
        toy_scan(tmp_path / "in" / f"{number}.nrrd", number)
    command = (LGEQA, "assess", tmp_path / "in", "-o", tmp_path / "out", "--bundle", bundle, "--jobs", "1")
    run = subprocess.Popen(
        [*map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Tests that run in the background of a shell are started with Ctrl-C ignored, and would hand that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    )
    while not list((tmp_path / "out" / "scans").glob("*.json")):
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGINT)
    output, errors = run.communicate(timeout=200)
    assert run.returncode == 130
    assert "of 60 scans are done. Run the command again with the same OUT to continue." in errors
    assert "Traceback" not in errors
    done = len(list((tmp_path / "out" / "scans").glob("*.json")))
    rows = (tmp_path / "out" / "results.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert 0 < len(rows) == done < 60
    assert output.splitlines()[-1] == f"Report: {tmp_path / 'out' / 'report.html'}"
    assert f"{done} scan" in output
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert all(path.stem in report for path in (tmp_path / "out" / "scans").glob("*.json"))


def test_version_and_info() -> None:
    assert lgeqa_apart("--version").stdout.startswith("lgeqa 0.")
    facts = json.loads(lgeqa("info", "--json").stdout)
    assert set(facts) == {"versions", "bundle", "extras"}
    assert "onnxruntime" in lgeqa("info").stdout
