"""`lgeqa assess --dicom` on DICOM series and other scans."""

from pathlib import Path

import pytest
from pydicom import dcmread

from lgeqa import extras
from lgeqa.records import ScanResult
from tests.factories.command import lgeqa
from tests.factories.dicom_series import ATTRIBUTES, toy_series
from tests.toy import SLOPES, toy_bundle, toy_scan

FILES = {"heat_map.dcm", "pdf.dcm", "seg.dcm", "sr.dcm"}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_bundle(tmp_path_factory.mktemp("toy"), maps=SLOPES)


def _record(out: Path, scan_id: str) -> ScanResult:
    return ScanResult.model_validate_json((out / "scans" / f"{scan_id}.json").read_bytes())


def _made(out: Path) -> set[str]:
    return {path.name for path in (out / "dicom" / "series").glob("*.dcm")}


def test_other_scans_keep_their_results_and_say_why(bundle: Path, tmp_path: Path) -> None:
    toy_series(tmp_path / "in" / "series")
    toy_scan(tmp_path / "in" / "volume.nrrd", 2)
    out = tmp_path / "out"
    done = lgeqa("assess", tmp_path / "in", "-o", out, "--dicom", "--bundle", bundle)
    assert done.returncode == 0, done.stderr
    assert _made(out) == FILES
    assert [path.name for path in (out / "dicom").iterdir()] == ["series"]
    record = _record(out, "volume")
    assert (record.status, len(record.warnings)) == ("assessed", 1)
    assert record.warnings[0].startswith("No DICOM results were written: ")
    assert "volume.nrrd: is not a DICOM series" in record.warnings[0]
    assert done.stderr.splitlines() == [f"volume: {record.warnings[0]}"]


def test_patient_is_in_the_dicom_files_alone(bundle: Path, tmp_path: Path) -> None:
    toy_series(tmp_path / "series")
    done = lgeqa("assess", tmp_path / "series", "-o", tmp_path / "out", "--dicom", "--bundle", bundle)
    assert done.returncode == 0, done.stderr
    others = [path for path in (tmp_path / "out").rglob("*") if path.is_file() and path.suffix != ".dcm"]
    assert {"results.csv", "report.html", "series.json"} <= {path.name for path in others}
    content = b"".join(path.read_bytes() for path in others) + (done.stdout + done.stderr).encode()
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "StudyInstanceUID"):
        assert str(ATTRIBUTES[keyword]).encode() not in content


@pytest.mark.slow
def test_dicom_results_follow_the_decision(bundle: Path, tmp_path: Path) -> None:
    toy_series(tmp_path / "series")
    out = tmp_path / "out"
    command = ("assess", tmp_path / "series", "-o", out, "--bundle", bundle)
    assert "1/1 series" in lgeqa(*command).stdout
    assert not (out / "dicom").exists()
    assert "1/1 series" in lgeqa(*command, "--dicom").stdout
    first = dcmread(out / "dicom" / "series" / "sr.dcm").SOPInstanceUID
    assert "1/1 kept series" in lgeqa(*command, "--dicom").stdout
    assert "1/1 kept series" in lgeqa(*command, "--threshold", "0.3").stdout
    assert _made(out) == set()
    assert "1/1 series" in lgeqa(*command, "--threshold", "0.3", "--dicom").stdout
    assert _made(out) == FILES
    assert dcmread(out / "dicom" / "series" / "sr.dcm").SOPInstanceUID != first


def test_dicom_results_are_no_scans_and_fresh_removes_them(bundle: Path, tmp_path: Path) -> None:
    toy_series(tmp_path / "series")
    out = tmp_path / "series" / "out"
    command = ("assess", tmp_path / "series", "-o", out, "--bundle", bundle)
    assert lgeqa(*command, "--dicom").returncode == 0
    again = lgeqa(*command, "--fresh")
    assert (again.returncode, again.stdout.splitlines()[0].split(":")[0]) == (0, "1/1 series"), again.stderr
    assert _made(out) == set()


def test_files_of_the_user_beside_dicom_results_stay(bundle: Path, tmp_path: Path) -> None:
    toy_series(tmp_path / "series")
    command = ("assess", tmp_path / "series", "-o", tmp_path / "out", "--bundle", bundle)
    assert lgeqa(*command, "--dicom").returncode == 0
    own = tmp_path / "out" / "dicom" / "series" / "own.dcm"
    own.touch()
    refused = lgeqa(*command, "--fresh")
    assert (refused.returncode, "own.dcm: was not written by lgeqa" in refused.stderr) == (2, True)
    assert lgeqa(*command, "--force").returncode == 0
    assert _made(tmp_path / "out") == {"own.dcm"}


def test_dicom_needs_an_output_folder(bundle: Path, tmp_path: Path) -> None:
    done = lgeqa("assess", toy_scan(tmp_path / "a.nrrd"), "--dicom", "--bundle", bundle)
    assert (done.returncode, "--dicom: needs an output folder" in done.stderr) == (2, True)


def test_missing_extra_is_named_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(extras.EXTRAS, "dicom", ("no_such_module",))
    done = lgeqa("assess", toy_scan(tmp_path / "a.nrrd"), "-o", tmp_path / "out", "--dicom")
    assert (done.returncode, 'pip install "lgeqa[dicom]"' in done.stderr) == (2, True)
    assert not (tmp_path / "out").exists()
