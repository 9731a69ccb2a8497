"""`lgeqa measure`: image quality measures without a verdict."""

import csv
import json
from pathlib import Path

import pytest
from rich.console import Console

from lgeqa.cli.console import measures_table
from lgeqa.records import ScanResult
from tests.factories.command import lgeqa, lgeqa_apart
from tests.results import measured, unassessed
from tests.toy import toy_bundle, toy_mask, toy_scan


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_bundle(tmp_path_factory.mktemp("toy"))


def _record(out: Path, name: str) -> ScanResult:
    return ScanResult.model_validate_json((out / "scans" / f"{name}.json").read_bytes())


def _rows(table: Path) -> dict[str, dict[str, str]]:
    with table.open(encoding="utf-8-sig", newline="") as lines:
        return {row["scan_id"]: row for row in csv.DictReader(lines)}


def test_measures_are_written_without_a_verdict(bundle: Path, tmp_path: Path) -> None:
    toy_scan(tmp_path / "in" / "a.nrrd", 1)
    toy_scan(tmp_path / "in" / "dark.nrrd", 2, atrium=False)
    out = tmp_path / "out"

    done = lgeqa_apart("measure", tmp_path / "in", "-o", out, "--bundle", bundle)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == f"Report: {out / 'report.html'}"
    record, rows = _record(out, "a"), _rows(out / "measures.csv")
    columns = json.loads((out / "measures.json").read_text(encoding="utf-8"))
    assert (record.status, record.verdict, record.slices) == ("measured", None, ())
    assert record.measures is not None
    assert float(rows["a"]["asnr"]) == pytest.approx(record.measures.values["asnr"], rel=1e-5)
    assert [rows["dark"][name] for name in ("status", "asnr", "slice_mm")] == ["measured", "", "2.5"]
    assert list(rows["a"]) == list(columns)[:-1]
    assert [path.stem for path in (out / "pictures").iterdir()] == ["a"]


def test_measured_scans_are_kept(bundle: Path, tmp_path: Path) -> None:
    toy_scan(tmp_path / "in" / "a.nrrd", 1)
    toy_scan(tmp_path / "in" / "dark.nrrd", 2, atrium=False)
    command = ("measure", tmp_path / "in", "-o", tmp_path / "out", "--bundle", bundle)
    lgeqa(*command)
    again = lgeqa(*command)
    assert [line.split(":")[0] for line in again.stdout.splitlines()[:2]] == ["1/2 kept a", "2/2 kept dark"]


def test_assessing_replaces_measured_records(bundle: Path, tmp_path: Path) -> None:
    options = (toy_scan(tmp_path / "a.nrrd"), "-o", tmp_path / "out", "--bundle", bundle)
    lgeqa("measure", *options)
    assert lgeqa("assess", *options).returncode == 0
    assert _record(tmp_path / "out", "a").status == "assessed"


def test_without_out_nothing_is_written(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan, scratch = toy_scan(tmp_path / "a.nrrd"), tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    before = sorted(tmp_path.rglob("*"))

    done = lgeqa("measure", scan, "--bundle", bundle, cwd=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("1/1 a: measured, poor: Contrast of the atrial wall")
    assert sorted(path for path in tmp_path.rglob("*") if path.name != ".ses") == before  # ONNX Runtime leaves it


def test_masks_beside_the_scans_are_used(bundle: Path, tmp_path: Path) -> None:
    scan, out = tmp_path / "a" / "data.nrrd", tmp_path / "out"
    toy_scan(scan, atrium=False)
    toy_mask(scan.with_name("shrinkwrap.nrrd"))
    assert lgeqa("measure", scan.parent, "-o", out, "--bundle", bundle, "--given-masks").returncode == 0
    assert _record(out, "a").mask_source == "supplied"
    assert _rows(out / "measures.csv")["a"]["atrium_height_mm"] == "50.0"


def test_quiet_prints_errors_only(bundle: Path, tmp_path: Path) -> None:
    toy_scan(tmp_path / "a.nrrd")
    (tmp_path / "void.nrrd").touch()
    done = lgeqa("measure", tmp_path, "--bundle", bundle, "--quiet")
    assert (done.returncode, done.stdout) == (3, "")
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["void"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("measure",), "Missing"),
        (("measure", "x.nrrd", "--jobs", "0"), "jobs"),
        (("measure", "x.nrrd", "--bundle", "no-such"), "no-such"),
        (("measure", "x.nrrd", "-o", "taken/out"), "taken"),
    ],
)
def test_wrong_use_is_2(arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    (tmp_path / "x.nrrd").touch()
    done = lgeqa(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr


def test_the_table_names_poor_measures_and_errors() -> None:
    values = measured(0.5, asnr=1.0, nulling_ratio=None)
    unseen = unassessed("c", status="measured", measures=measured(), message="No left atrium was found.")
    results = [unassessed("a", status="measured", measures=values), unassessed("b"), unseen]
    console = Console(width=100, color_system=None)
    with console.capture() as capture:
        console.print(measures_table(results))
    heading, first, second, third = capture.get().splitlines()
    assert heading.split() == ["Scan", "Wall", "CNR", "SNR", "Edges", "mm", "Nulling", "Poor"]
    assert first.split()[2:] == ["1.0", first.split()[3], "-", "Signal-to-noise", "ratio", "of", "blood"]
    assert second.split()[:5] == ["b", "-", "-", "-", "-"]
    assert "b.nrrd: the file is empty." in second
    assert third.rstrip().endswith("No left atrium was found.")
