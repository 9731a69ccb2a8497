"""Settings of the acquisition in the JSON file beside a NIfTI file."""

import json
from pathlib import Path

import pytest

from lgeqa.io import discover, read_scan
from lgeqa.io.json_sidecar import read_json_sidecar
from lgeqa.records import Acquisition
from tests.factories.command import lgeqa
from tests.toy import toy_bundle, toy_scan

FULL = {
    "InversionTime": 0.27,
    "MagneticFieldStrength": 1.5,
    "Manufacturer": "Siemens",
    "ManufacturersModelName": "Aera",
    "SoftwareVersions": "syngo MR E11",
    "PatientName": "Nobody",
}
EXPECTED = Acquisition(inversion_time_ms=270.0, field_strength_t=1.5, scanner="Siemens Aera", software="syngo MR E11")


def _beside(volume: Path, text: str) -> Path:
    volume.with_name(f"{volume.name.partition('.')[0]}.json").write_text(text, encoding="utf-8")
    return volume


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "A.NII"])
def test_settings_of_a_nifti_file_are_read(tmp_path: Path, name: str) -> None:
    volume = _beside(toy_scan(tmp_path / "made.nii").rename(tmp_path / name), json.dumps(FULL))
    [source] = discover([volume])
    assert read_scan(source).acquisition == EXPECTED


def test_other_formats_have_no_sidecar(tmp_path: Path) -> None:
    assert read_json_sidecar(_beside(tmp_path / "a.nrrd", json.dumps(FULL))) is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "nothing", '{"Manufacturer": 3, "InversionTime": true}', "[" * 100_000, "{}" + " " * 2**21]
)
def test_sidecar_without_settings_counts_as_none(tmp_path: Path, text: str) -> None:
    assert read_json_sidecar(_beside(tmp_path / "a.nii", text)) is None


@pytest.mark.parametrize("value", [0, -1, 5.1, 270, "0.3", None, [0.3], True])
def test_implausible_inversion_time_counts_as_missing(tmp_path: Path, value: object) -> None:
    volume = _beside(tmp_path / "a.nii.gz", json.dumps({"InversionTime": value, "MagneticFieldStrength": 3}))
    assert read_json_sidecar(volume) == Acquisition(field_strength_t=3.0)


def test_long_text_is_cut_and_on_one_line(tmp_path: Path) -> None:
    found = read_json_sidecar(_beside(tmp_path / "a.nii", json.dumps({"SoftwareVersions": "a\nb" + "c" * 100})))
    assert found == Acquisition(software="a b" + "c" * 61)


def test_changed_sidecar_makes_the_record_anew(tmp_path: Path) -> None:
    volume, bundle = toy_scan(tmp_path / "a.nii.gz"), toy_bundle(tmp_path / "toy")
    command = ("assess", volume, "-o", tmp_path / "out", "--bundle", bundle)
    assert "1/1 a" in lgeqa(*command).stdout
    assert "1/1 kept a" in lgeqa(*command).stdout
    _beside(volume, json.dumps(FULL))
    assert "1/1 a" in lgeqa(*command).stdout
    record = json.loads((tmp_path / "out" / "scans" / "a.json").read_text(encoding="utf-8"))
    assert record["acquisition"]["inversion_time_ms"] == 270.0
