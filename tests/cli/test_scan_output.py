"""Output of `lgeqa assess` and `lgeqa measure` for programs, their logs, settings files and output folders."""

import csv
import json
from pathlib import Path

import pytest

from lgeqa.records import ScanResult
from tests.factories.command import lgeqa, lgeqa_apart
from tests.toy import toy_bundle, toy_scan


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_bundle(tmp_path_factory.mktemp("toy"))


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A scan with an atrium, and an empty file with a name of some patient."""
    toy_scan(tmp_path / "in" / "ärzte.nrrd", 1)
    (tmp_path / "in" / "doe-jane.nrrd").touch()
    return tmp_path / "in"


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_one_scan_without_out_is_a_block_and_writes_nothing(bundle: Path, tmp_path: Path) -> None:
    scan = toy_scan(tmp_path / "a.nrrd")
    before = sorted(tmp_path.rglob("*"))
    done = lgeqa("assess", scan, "--bundle", bundle, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].split() == ["a", "review"]
    names = [line.split("  ")[0] for line in done.stdout.splitlines()[1:] if line[:1].isalpha()]
    assert [name for name in names if name in {"Why", "Votes", "Sharpness", "Seconds"}] == [
        *("Why", "Votes", "Sharpness", "Seconds"),
    ]
    assert sorted(path for path in tmp_path.rglob("*") if path.name != ".ses") == before  # ONNX Runtime leaves it


def test_several_scans_without_out_are_lines(scans: Path, bundle: Path) -> None:
    done = lgeqa("assess", scans, "--bundle", bundle)
    assert done.returncode == 3
    assert sorted(line.split(" ")[1] for line in done.stdout.splitlines()[:2]) == ["doe-jane:", "ärzte:"]
    assert done.stdout.splitlines()[2].startswith("2 scans: 1 non-diagnostic, 1 failed")


@pytest.mark.parametrize("out", [False, True])
def test_json_alone_is_on_standard_output(out: bool, scans: Path, bundle: Path, tmp_path: Path) -> None:
    done = lgeqa_apart("assess", scans, "--json", "--bundle", bundle, *(("-o", tmp_path / "out") if out else ()))
    assert done.returncode == 3
    records = [ScanResult.model_validate(record) for record in json.loads(done.stdout)]
    assert [record.scan_id for record in records] == ["doe-jane", "ärzte"]
    lines = done.stderr.splitlines()
    assert sorted(line.split(" ")[0] for line in lines[:2]) == ["1/2", "2/2"]
    assert lines[2:] == ([f"Report: {tmp_path / 'out' / 'report.html'}"] if out else [])
    assert (tmp_path / "out" / "results.csv").exists() is out


def test_csv_is_the_table_of_the_folder(scans: Path, bundle: Path, tmp_path: Path) -> None:
    done = lgeqa("assess", scans, "--csv", "--bundle", bundle, "-o", tmp_path / "out", "-q")
    assert done.stdout == (tmp_path / "out" / "results.csv").read_text(encoding="utf-8-sig")
    failed, scored = _rows(done.stdout)
    record = ScanResult.model_validate_json((tmp_path / "out" / "scans" / "ärzte.json").read_bytes())
    assert (scored["source"], scored["input_sha256"]) == (str(scans / "ärzte.nrrd"), record.input_sha256)
    assert (scored["bundle_name"], float(scored["threshold"])) == ("toy", record.threshold)
    assert scored["votes_total"] == str(record.votes_total)
    assert (failed["votes_total"], failed["input_sha256"], failed["bundle_name"]) == ("", "", "toy")


def test_measures_as_csv(scans: Path, bundle: Path) -> None:
    done = lgeqa("measure", scans, "--csv", "--bundle", bundle, "-q")
    assert [row["status"] for row in _rows(done.stdout)] == ["failed", "measured"]


@pytest.mark.parametrize("name", ["results.csv", "measures.csv"])
def test_tables_open_in_excel_as_utf_8(name: str, scans: Path, bundle: Path, tmp_path: Path) -> None:
    lgeqa("assess", scans, "--bundle", bundle, "-o", tmp_path / "out")
    assert (tmp_path / "out" / name).read_bytes().startswith("\ufeffscan_id,".encode())


def test_log_holds_outcomes_and_no_names(scans: Path, bundle: Path, tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    lgeqa("assess", scans, "--bundle", bundle, "--log", log, "--threshold", "0.25")
    lgeqa("assess", tmp_path / "nowhere", "--bundle", bundle, "--log", log)
    text = log.read_text(encoding="utf-8")
    entries = [line.partition(" ")[2] for line in text.splitlines()]
    assert entries[0].startswith("lgeqa assess, lgeqa=0.")
    assert "threshold=0.25" in entries[1]
    assert entries[2] == "2 scans"
    assert {entry.split(" ")[1] for entry in entries[3:5]} == {"failed", "diagnostic"}
    assert entries[5] == "exit code 3"
    assert entries[-1] == "exit code 2"
    assert not [word for word in ("doe", "ärzte", str(tmp_path)) if word in text]


def test_settings_come_from_a_toml_file_unless_given(bundle: Path, tmp_path: Path) -> None:
    scan = toy_scan(tmp_path / "a.nrrd")
    (tmp_path / "site").mkdir()
    bundle_link = tmp_path / "site" / "model"
    toy_bundle(bundle_link)
    config = tmp_path / "site" / "site.toml"
    config.write_text('bundle = "model"\nthreshold = 0.01\njobs = 1\n', encoding="utf-8")

    def threshold(*options: str) -> object:
        done = lgeqa("assess", scan, "--config", config, "--json", "-q", *options)
        assert done.returncode == 0, done.stderr
        [record] = json.loads(done.stdout)
        return record["bundle"]["name"], record["threshold"]

    assert threshold() == ("toy", 0.01)
    assert threshold("--threshold", "0.3") == ("toy", 0.3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("treshold = 0.5", "Did you mean threshold?"),
        ("threshold = 2", "threshold = 2"),
        ("jobs = 0", "jobs"),
        ("jobs = ", "not valid TOML"),
    ],
)
def test_wrong_settings_are_named(text: str, says: str, tmp_path: Path) -> None:
    config = tmp_path / "site.toml"
    config.write_text(text, encoding="utf-8")
    done = lgeqa("assess", __file__, "--config", config)
    assert done.returncode == 2
    assert says in done.stderr


def test_fresh_removes_results_of_other_scans(bundle: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        toy_scan(tmp_path / name / f"{name}.nrrd", seed)
    command = ("-o", "out", "--bundle", bundle, "--masks")
    lgeqa("assess", "a", *command, cwd=tmp_path)
    (tmp_path / "out" / "report").mkdir()
    (tmp_path / "out" / "report" / ".draft-a.html").touch()
    page = '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<!-- lgeqa {} -->\n'
    (tmp_path / "out" / "report" / "a.html").write_text(page, encoding="utf-8")
    (tmp_path / "out" / "pictures" / ".draft-x.js").touch()
    done = lgeqa("assess", "b", *command, "--fresh", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    left = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file())
    tables = ["measures.csv", "measures.json", "results.csv", "results.sqlite"]
    results = sorted([*tables, "pictures/b.js", "report.html", "scans/b.json"])
    assert left == sorted([".lock", "masks/b.nrrd", *results])


@pytest.mark.parametrize(
    "foreign",
    ["notes.txt", "scans/notes.json", "masks/mine.nrrd", "pictures/x.png", "report/x.html", "sub/report.html"],
)
def test_fresh_refuses_a_folder_with_foreign_files(foreign: str, bundle: Path, tmp_path: Path) -> None:
    scan, out = toy_scan(tmp_path / "a.nrrd"), tmp_path / "out"
    lgeqa("assess", scan, "-o", out, "--bundle", bundle)
    (out / foreign).parent.mkdir(exist_ok=True)
    (out / foreign).write_text('{"a": 1}', encoding="utf-8")
    done = lgeqa("assess", scan, "-o", out, "--bundle", bundle, "--fresh")
    assert done.returncode == 2
    assert f"{out / foreign}: was not written by lgeqa" in done.stderr
    assert (out / "scans" / "a.json").exists()


def test_former_spelling_of_an_option_works_and_says_so(tmp_path: Path) -> None:
    for words in (("--output", "split"), ("--output=split",)):
        done = lgeqa("cohort", "split", "--cohort", "nowhere", *words, cwd=tmp_path)
        assert done.returncode == 2
        assert "--output is now called --out. The old name works until version 0.2." in done.stderr
        assert "nowhere: is not there" in done.stderr


def test_completion_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")  # the shell of the tests may be none
    assert "_LGEQA_COMPLETE=complete_bash" in lgeqa_apart("--show-completion", "bash").stdout


def test_operating_point_comes_from_the_settings_file(bundle: Path, tmp_path: Path) -> None:
    config = tmp_path / "point.toml"
    config.write_text("[operating_point]\naccept_from = 0.97\nrepeat_below = 0.96\n", encoding="utf-8")
    scan = toy_scan(tmp_path / "a.nrrd")
    [record] = json.loads(lgeqa("assess", scan, "--bundle", bundle, "--config", config, "--json", "-q").stdout)
    assert record["operating_point"]["repeat_below"] == 0.96
