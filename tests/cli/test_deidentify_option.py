"""`--deidentify`: results in which nothing identifies a patient, and the folder of the key and the names."""

import base64
import csv
import gzip
import re
import stat
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydicom import dcmread

from lgeqa.records import ScanResult
from lgeqa.secret_key import SecretKey
from tests.factories.command import lgeqa
from tests.factories.dicom_series import ATTRIBUTES, toy_series
from tests.factories.identifiers import is_marked, marked_scans
from tests.toy import SLOPES, toy_bundle, toy_scan

KINDS = ("heat_map", "pdf", "seg", "sr")
#: Long text in base64, in which a mark of four characters may occur by chance.
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{100,}={0,2}")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_bundle(tmp_path_factory.mktemp("toy"), maps=SLOPES)


def records(out: Path) -> dict[str, ScanResult]:
    paths = (out / "scans").glob("*.json")
    return {path.stem: ScanResult.model_validate_json(path.read_bytes()) for path in paths}


def names(secrets: Path) -> dict[str, str]:
    """Return the sources in `names.csv` by pseudonym."""
    with (secrets / "names.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["scan"]: row["source"] for row in csv.DictReader(file)}


def contents(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, and what is compressed or in base64 within it."""
    content = path.read_bytes()
    yield _BASE64.sub(b"", content)
    for start in re.finditer(rb"stream\r?\n", content):  # of a PDF
        try:
            yield zlib.decompressobj().decompress(content[start.end() :])
        except zlib.error:
            continue
    for text in _BASE64.findall(content):
        decoded = base64.b64decode(text[: len(text) // 4 * 4])
        yield gzip.decompress(decoded) if decoded.startswith(b"\x1f\x8b") else decoded
    if path.suffix == ".nrrd":
        yield gzip.decompress(content.partition(b"\n\n")[2])


@pytest.mark.slow
def test_no_file_holds_an_identifier(bundle: Path, tmp_path: Path) -> None:
    marked = marked_scans(tmp_path / "in")
    assert all(is_marked(bytes(path)) for path in marked)
    assert sum(bool(is_marked(next(contents(path)))) for path in marked) > len(marked) / 3
    out, log = tmp_path / "out", tmp_path / "log"
    options = ("--deidentify", "--dicom", "--masks", "--bundle", bundle, "--log", log)
    done = lgeqa("assess", tmp_path / "in", "-o", out, *options)
    assert done.returncode == 3, done.stderr

    results = records(out)
    assert sorted(result.status for result in results.values()) == ["assessed"] * 4 + ["failed"] * 2 + [
        "not_assessable"
    ]
    assert len(list(out.glob("dicom/*/*.dcm"))) == len(KINDS)
    assert len(list((out / "masks").iterdir())) == 4
    files = [path for path in out.rglob("*") if path.is_file()]
    leaks = {(path.name, mark) for path in [*files, log] for content in contents(path) for mark in is_marked(content)}
    assert leaks == set()
    assert [path for path in files if is_marked(bytes(path.relative_to(tmp_path)))] == []
    assert is_marked((done.stdout + done.stderr).encode()) == []
    today = datetime.now(UTC)
    days = [f"{today:{form}}".encode() for form in ("%Y%m%d", "%Y-%m-%d")]
    assert [path.name for path in files for content in contents(path) for day in days if day in content] == []


@pytest.mark.slow
def test_secrets_folder_says_what_pseudonyms_and_messages_stand_for(bundle: Path, tmp_path: Path) -> None:
    marked_scans(tmp_path / "in")
    out, secrets = tmp_path / "out", tmp_path / "out-secrets"
    lgeqa("assess", tmp_path / "in", "-o", out, "--deidentify", "--dicom", "--bundle", bundle)
    sources = names(secrets)
    assert set(sources) == set(records(out))
    assert all(Path(source).exists() for source in sources.values())
    messages = (secrets / "messages.log").read_text(encoding="utf-8")
    assert "the modality of the DICOM series is 'ZZTOP'" in messages
    assert "the images have no FrameOfReferenceUID" in messages
    failed = next(result for result in records(out).values() if result.status == "failed")
    assert "messages.log" in failed.message
    assert f"{failed.scan_id}: {sources[failed.scan_id]}" in messages
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets.iterdir() if path.suffix} == {0o600}
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700


@pytest.mark.slow
def test_references_and_pseudonyms_follow_from_the_key(bundle: Path, tmp_path: Path) -> None:
    toy_series(tmp_path / "in")
    for out, secrets in (("a", "one"), ("b", "one"), ("c", "two")):
        options = ("--deidentify", "--secrets", tmp_path / secrets, "--dicom", "--bundle", bundle)
        assert lgeqa("assess", tmp_path / "in", "-o", tmp_path / out, *options).returncode == 0
    [folder] = (tmp_path / "a" / "dicom").iterdir()
    again = tmp_path / "b" / "dicom" / folder.name
    [other] = (tmp_path / "c" / "dicom").iterdir()
    assert folder.name != other.name
    key = SecretKey(bytes.fromhex((tmp_path / "one" / "key").read_text(encoding="ascii")))
    patient = key.pseudonym("patient", str(ATTRIBUTES["PatientID"]))
    for kind in KINDS:
        stored = dcmread(folder / f"{kind}.dcm")
        assert stored.StudyInstanceUID == key.uid(str(ATTRIBUTES["StudyInstanceUID"]))
        assert (stored.PatientID, stored.PatientName, stored.PatientBirthDate) == (patient, f"{patient}^", "")
        assert (stored.PatientIdentityRemoved, stored.LongitudinalTemporalInformationModified) == ("YES", "REMOVED")
        assert stored.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
        assert dcmread(again / f"{kind}.dcm").SOPInstanceUID == stored.SOPInstanceUID
        assert dcmread(other / f"{kind}.dcm").SOPInstanceUID != stored.SOPInstanceUID


def test_stopped_run_continues(bundle: Path, tmp_path: Path) -> None:
    for seed in (1, 2):
        toy_scan(tmp_path / "in" / f"Doe{seed}.nrrd", seed)
    out = tmp_path / "out"
    command = ("assess", tmp_path / "in", "-o", out, "--deidentify", "--bundle", bundle)
    assert lgeqa(*command).returncode == 0
    first, second = sorted((out / "scans").iterdir())
    kept = first.read_bytes()
    second.unlink()  # as if the run had been killed
    toy_scan(tmp_path / "in" / "Roe.nrrd", 3)
    done = lgeqa(*command)
    assert [" kept scan-" in line for line in done.stdout.splitlines()[:3]] == [True, False, False], done.stdout
    assert first.read_bytes() == kept
    assert len(records(out)) == len(names(tmp_path / "out-secrets")) == 3


def test_measures_are_deidentified(bundle: Path, tmp_path: Path) -> None:
    scan = toy_scan(tmp_path / "Doe.nrrd")
    out = tmp_path / "out"
    done = lgeqa("measure", scan, "-o", out, "--deidentify", "--bundle", bundle)
    assert done.returncode == 0, done.stderr
    assert f"Key and names of the scans: {out}-secrets" in done.stderr
    [result] = records(out).values()
    assert (result.status, result.source, result.finished_at) == ("measured", "", "")
    assert not [path for path in out.rglob("*") if path.is_file() and b"Doe" in path.read_bytes()]


def test_results_with_and_without_names_are_not_mixed(bundle: Path, tmp_path: Path) -> None:
    scan, out = toy_scan(tmp_path / "Doe.nrrd"), tmp_path / "out"
    command = ("assess", scan, "-o", out, "--bundle", bundle)
    assert lgeqa(*command).returncode == 0
    refused = lgeqa(*command, "--deidentify")
    assert (refused.returncode, "holds results with names, such as 'Doe'" in refused.stderr) == (2, True)
    assert lgeqa(*command, "--deidentify", "--fresh").returncode == 0
    assert "Doe" not in records(out)
    refused = lgeqa(*command)
    assert (refused.returncode, "holds de-identified results" in refused.stderr) == (2, True)


def test_scan_that_is_named_like_a_pseudonym_is_still_named(bundle: Path, tmp_path: Path) -> None:
    scan, out = toy_scan(tmp_path / "scan-0123456789ab.nrrd"), tmp_path / "out"
    command = ("assess", scan, "-o", out, "--bundle", bundle)
    assert lgeqa(*command).returncode == 0
    refused = lgeqa(*command, "--deidentify")
    assert (refused.returncode, "holds results with names" in refused.stderr) == (2, True)


def test_results_stay_if_the_key_is_damaged(bundle: Path, tmp_path: Path) -> None:
    scan, out = toy_scan(tmp_path / "Doe.nrrd"), tmp_path / "out"
    command = ("assess", scan, "-o", out, "--bundle", bundle, "--deidentify")
    assert lgeqa(*command).returncode == 0
    (tmp_path / "out-secrets" / "key").write_text("secret", encoding="ascii")
    refused = lgeqa(*command, "--fresh")
    assert (refused.returncode, "is no key of lgeqa" in refused.stderr) == (2, True)
    assert "secret\n" not in refused.stderr
    assert len(records(out)) == 1


def test_settings_of_a_file_deidentify(bundle: Path, tmp_path: Path) -> None:
    settings = tmp_path / "site.toml"
    settings.write_text('deidentify = true\nsecrets = "site"\n', encoding="utf-8")
    scan, out = toy_scan(tmp_path / "Doe.nrrd"), tmp_path / "out"
    done = lgeqa("assess", scan, "-o", out, "--bundle", bundle, "--config", settings)
    assert done.returncode == 0, done.stderr
    assert set(names(tmp_path / "site")) == set(records(out))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--deidentify",), "--deidentify: needs an output folder"),
        (("-o", "out", "--secrets", "x"), "--secrets: names the folder for --deidentify"),
        (("-o", "out", "--deidentify", "--secrets", "out/x"), "is in the output folder"),
    ],
)
def test_options_that_do_not_go_together(options: tuple[str, ...], says: str, bundle: Path, tmp_path: Path) -> None:
    placed = [tmp_path / option if option.startswith(("out", "x")) else option for option in options]
    done = lgeqa("assess", toy_scan(tmp_path / "a.nrrd"), *placed, "--bundle", bundle)
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "out").exists()
