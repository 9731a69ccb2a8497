import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import SimpleITK

from lgeqa.batch import BatchItem, ScanAssessor, dictionary_text, run, run_batch, table_text
from lgeqa.batch.fingerprint import fingerprint
from lgeqa.errors import OutputError
from lgeqa.inference.pipeline import AssessSettings
from lgeqa.io import Source
from lgeqa.operating_point import OperatingPoint
from lgeqa.records import ScanResult
from lgeqa.reporting import render
from lgeqa.results import CSV_COLUMNS
from lgeqa.workers import Answer, Limits, Task
from tests.batch.fakes import asked, attempt, source
from tests.factories.processes import are_gone, children_of
from tests.images import volume, write_volume
from tests.results import STAMP, assessed, unassessed


def _work_here(tasks: Iterable[Task], work: Callable[[Task], Answer], *_: object) -> Iterator[tuple[Task, Answer]]:
    return ((task, work(task)) for task in tasks)


def _run(folder: Path, *names: str, jobs: int = 0, **changes: Any) -> dict[str, BatchItem]:
    """Run over these scans in `jobs` other processes, or in this one, which saves their start."""
    sources = [source(folder, name) for name in names]
    with pytest.MonkeyPatch.context() as patch:
        if not jobs:
            patch.setattr(run, "work_through", _work_here)
        return {one.result.scan_id: one for one in run_batch(sources, attempt(folder, **changes), jobs)}


def _no_report(_: object) -> None:
    """Write no report on the results, which then have those of all scans in the folder."""


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "out" / "results.csv").open(encoding="utf-8-sig", newline="") as table:
        return list(csv.DictReader(table))


def test_no_scan_stops_the_run(tmp_path: Path) -> None:
    names = ("good-1", "bad", "empty", "maskless", "bug", "huge", "killed", "good-2")
    settled = _run(tmp_path, *names, jobs=2)
    assert {name: one.result.status for name, one in settled.items()} == {
        "good-1": "assessed",
        "bad": "failed",
        "empty": "not_assessable",
        "maskless": "not_assessable",
        "bug": "failed",
        "huge": "failed",
        "killed": "failed",
        "good-2": "assessed",
    }
    assert [row["scan_id"] for row in _rows(tmp_path)] == list(names)
    assert settled["bad"].result.message == "bad.nrrd: the file is empty."
    assert "fewer --jobs" in settled["huge"].result.message
    assert "signal 9" in settled["killed"].result.message


def test_bug_is_logged_without_the_content_of_the_scan(tmp_path: Path) -> None:
    settled = _run(tmp_path, "bug", "bad")
    assert settled["bug"].internal_error
    assert not settled["bad"].internal_error
    log = tmp_path / "out" / "faults.log"
    assert f"A bug in lgeqa, not of the scan (KeyError). Please report it with {log}." == settled["bug"].result.message
    text = log.read_text(encoding="utf-8")
    assert "fakes.py" in text
    assert "KeyError" in text
    assert "bad" not in text.splitlines()
    everything = [path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not any(b"\nDOE" in content or b"'DOE^JOHN'" in content for content in everything)


def test_disk_error_is_of_the_machine_and_names_no_path(tmp_path: Path) -> None:
    outcome = attempt(tmp_path)(source(tmp_path, "disk"))
    assert outcome.of_the_machine
    assert not outcome.trace
    expected = "The machine failed, not the scan (input/output error). See to its disk, and run again."
    assert outcome.result.message == expected


@pytest.mark.slow
def test_more_killed_scans_than_workers(tmp_path: Path) -> None:
    settled = _run(tmp_path, *(f"killed-{number}" for number in range(3)), "good", jobs=1)
    assert [one.result.status for one in settled.values()] == ["failed", "failed", "failed", "assessed"]


def test_scan_that_kills_its_process_is_reported_as_failed(tmp_path: Path) -> None:
    settled = _run(tmp_path, "killed", jobs=1)
    assert settled["killed"].result.status == "failed"
    assert "signal 9" in settled["killed"].result.message


@pytest.mark.slow
def test_a_scan_that_takes_too_long_is_reported(tmp_path: Path) -> None:
    sources = [source(tmp_path, name) for name in ("good", "hung")]
    settled = {one.result.scan_id: one for one in run_batch(sources, attempt(tmp_path), 2, Limits(seconds=20))}
    assert settled["good"].result.status == "assessed"
    assert settled["hung"].result.status == "failed"
    assert "longer than 20 s" in settled["hung"].result.message
    assert not settled["hung"].internal_error


def test_the_table_has_the_columns_of_the_contract(tmp_path: Path) -> None:
    _run(tmp_path, "good")
    (row,) = _rows(tmp_path)
    assert tuple(row) == CSV_COLUMNS
    assert row["probability"] == "0.8125"
    assert row["tie"] == "false"
    assert row["votes_total"] == "40"


def test_review_is_empty_unless_assessed() -> None:
    results = [assessed("fine"), assessed("doubtful", review=True), unassessed("none")]
    rows = csv.DictReader(table_text(results).splitlines())
    assert [row["review"] for row in rows] == ["false", "true", ""]


def test_a_run_keeps_the_table_of_measures(tmp_path: Path) -> None:
    _run(tmp_path, "good", "empty", "bad")
    out = tmp_path / "out"
    with (out / "measures.csv").open(encoding="utf-8-sig", newline="") as table:
        rows = {row["scan_id"]: row for row in csv.DictReader(table)}
    assert {name: row["status"] for name, row in rows.items()} == {
        "good": "assessed",
        "empty": "not_assessable",
        "bad": "failed",
    }
    assert (out / "measures.json").read_text(encoding="utf-8") == dictionary_text()


def test_the_record_is_the_result(tmp_path: Path) -> None:
    settled = _run(tmp_path, "good")
    text = (tmp_path / "out" / "scans" / "good.json").read_text(encoding="utf-8")
    assert ScanResult.model_validate_json(text) == settled["good"].result


def test_second_run_keeps_finished_and_retries_failed_scans(tmp_path: Path) -> None:
    names = ("good-1", "empty", "bad", "good-2")
    first = _run(tmp_path, *names)
    assert asked(tmp_path) == sorted(names)
    second = _run(tmp_path, *names)
    assert asked(tmp_path) == ["bad"]
    assert {name for name, one in second.items() if one.kept} == {"good-1", "empty", "good-2"}
    assert second["good-1"].result == first["good-1"].result
    assert [row["scan_id"] for row in _rows(tmp_path)] == list(names)


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": AssessSettings.of({"given_masks": True})},
        {"settings": AssessSettings.of({"force": True})},
        {"settings": AssessSettings.of({"measures_only": True})},
        {"stamp": STAMP.model_copy(update={"sha256": "1e" * 32})},
    ],
)
def test_other_settings_or_another_bundle_assess_again(tmp_path: Path, changes: dict[str, Any]) -> None:
    _run(tmp_path, "good")
    _run(tmp_path, "good", **changes)
    assert asked(tmp_path) == ["good", "good"]


def test_another_threshold_decides_again_without_assessing(tmp_path: Path) -> None:
    first = _run(tmp_path, "good", "empty")["good"].result
    asked(tmp_path)

    again = _run(tmp_path, "good", settings=AssessSettings.of({"threshold": 0.9}))

    assert asked(tmp_path) == []
    assert again["good"].kept
    result = again["good"].result
    assert (first.verdict, result.verdict, result.threshold) == ("diagnostic", "non-diagnostic", 0.9)
    assert result.votes_diagnostic == 0
    assert [(row["scan_id"], row["verdict"]) for row in _rows(tmp_path)] == [("good", "non-diagnostic")]
    assert attempt(tmp_path).out.load("good") == result


def test_another_operating_point_decides_all_records_again(tmp_path: Path) -> None:
    settings = AssessSettings(threshold=0.9, operating_point=OperatingPoint(accept_from=0.95, repeat_below=0.9))
    earlier = _run(tmp_path, "good-1")["good-1"].result

    list(run_batch([source(tmp_path, "good-2")], attempt(tmp_path, settings=settings), jobs=1, write_report=_no_report))

    assert earlier.decision == "review"
    decisions = [(row["scan_id"], row["decision"]) for row in _rows(tmp_path)]
    assert decisions == [("good-2", "review"), ("good-1", "repeat")]
    stored = attempt(tmp_path).out.load("good-1")
    assert stored is not None
    assert stored.operating_point == settings.operating_point


def test_another_version_of_lgeqa_assesses_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _run(tmp_path, "good")
    monkeypatch.setattr("lgeqa.batch.fingerprint.versions", lambda: {"lgeqa": "99"})
    _run(tmp_path, "good")
    assert asked(tmp_path) == ["good", "good"]


def test_a_changed_file_or_mask_is_assessed_again(tmp_path: Path) -> None:
    _run(tmp_path, "good", "other")
    (tmp_path / "good.nrrd").write_text("gold", encoding="utf-8")
    os.utime(tmp_path / "good.nrrd", ns=(1, 1))
    asked(tmp_path)
    _run(tmp_path, "good", "other")
    assert asked(tmp_path) == ["good"]


@pytest.mark.parametrize("suffix", [".nrrd", ".nhdr", ".mha", ".mhd"])
@pytest.mark.parametrize("part", ["scan", "mask"])
def test_a_detached_data_file_counts_whatever_its_name(part: str, suffix: str, tmp_path: Path) -> None:
    written = write_volume(tmp_path / {".nrrd": "good.nhdr", ".mha": "good.mhd"}.get(suffix, f"good{suffix}"), volume())
    header = written.rename(tmp_path / f"good{suffix}")
    data = tmp_path / "data" / "voxels.raw"
    data.parent.mkdir()
    (tmp_path / "good.raw").rename(data)
    header.write_bytes(header.read_bytes().replace(b"good.raw", b"data/voxels.raw"))
    if part == "scan":
        detached = Source("good", "volume", header, (header,))
    else:
        scan = source(tmp_path, "other").location
        detached = Source("good", "volume", scan, (scan,), header)
    first = fingerprint(detached, STAMP, AssessSettings.of({}))
    data.write_bytes(data.read_bytes() + b" ")
    assert fingerprint(detached, STAMP, AssessSettings.of({})) != first
    data.unlink()
    assert fingerprint(detached, STAMP, AssessSettings.of({})) == ""


def test_a_neighbour_of_a_detached_header_counts_for_nothing(tmp_path: Path) -> None:
    header = write_volume(tmp_path / "good.mhd", volume())
    detached = Source("good", "volume", header, (header,))
    first = fingerprint(detached, STAMP, AssessSettings.of({}))
    (tmp_path / "good.txt").write_text("notes")
    assert fingerprint(detached, STAMP, AssessSettings.of({})) == first != ""


def test_a_damaged_detached_header_counts_by_itself(tmp_path: Path) -> None:
    header = tmp_path / "good.mhd"
    header.touch()
    detached = Source("good", "volume", header, (header,))
    first = fingerprint(detached, STAMP, AssessSettings.of({}))
    header.write_text("other")
    assert "" != fingerprint(detached, STAMP, AssessSettings.of({})) != first != ""


@pytest.mark.parametrize("content", ["", "{", '{"scan_id": "good"}'])
def test_damaged_record_is_written_again(tmp_path: Path, content: str) -> None:
    _run(tmp_path, "good")
    record = tmp_path / "out" / "scans" / "good.json"
    before = record.read_bytes()
    record.write_text(content, encoding="utf-8")
    assert _run(tmp_path, "good")["good"].kept
    assert record.read_bytes() == before


def test_result_whose_record_was_deleted_is_taken_out(tmp_path: Path) -> None:
    names = ("good-1", "good-2", "good-3")
    _run(tmp_path, *names)
    for name in names[:2]:
        (tmp_path / "out" / "scans" / f"{name}.json").unlink()
    (redone,) = run_batch([source(tmp_path, names[0])], attempt(tmp_path), 1, write_report=_no_report)
    assert not redone.kept
    assert [row["scan_id"] for row in _rows(tmp_path)] == ["good-1", "good-3"]


def test_pictures_and_masks_of_every_scan_with_an_atrium(tmp_path: Path) -> None:
    names = ("good", "measured", "refused", "empty")
    _run(tmp_path, *names, pictures=True, masks=True)

    made = {folder: {path.stem for path in (tmp_path / "out" / folder).iterdir()} for folder in ("pictures", "masks")}

    assert made["pictures"] == made["masks"] == {"good", "measured", "refused"}
    assert all(one.kept for one in _run(tmp_path, *names, pictures=True, masks=True).values())


@pytest.mark.parametrize("name", ["measured", "refused"])
def test_a_scan_without_a_verdict_is_redone_for_pictures(name: str, tmp_path: Path) -> None:
    _run(tmp_path, name, pictures=True)
    (tmp_path / "out" / "pictures" / f"{name}.js").unlink()
    assert _run(tmp_path, name)[name].kept
    assert not _run(tmp_path, name, pictures=True)[name].kept


def test_masks_are_on_the_grid_of_the_file(tmp_path: Path) -> None:
    _run(tmp_path, "good", "empty", masks=True)
    assert [path.name for path in (tmp_path / "out" / "masks").iterdir()] == ["good.nrrd"]
    mask: Any = SimpleITK.ReadImage(str(tmp_path / "out" / "masks" / "good.nrrd"))
    assert mask.GetSize() == (4, 5, 6)
    assert mask.GetSpacing() == (1.25, 1.25, 2.5)


def test_masks_wanted_later_are_made_and_old_ones_removed(tmp_path: Path) -> None:
    mask = tmp_path / "out" / "masks" / "good.nrrd"
    _run(tmp_path, "good")
    assert not _run(tmp_path, "good", masks=True)["good"].kept
    assert mask.exists()
    assert _run(tmp_path, "good", masks=True)["good"].kept
    _run(tmp_path, "good", settings=AssessSettings.of({"force": True}))
    assert not mask.exists()


def test_bug_in_dicom_results_costs_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patient = "DOE^JOHN"

    def fail(*_: object) -> None:
        raise KeyError(patient)

    monkeypatch.setattr("lgeqa.dicom_results.write_dicom_results", fail)
    outcome = attempt(tmp_path, dicom=True)(source(tmp_path, "good"))
    assert (outcome.result.status, outcome.result.verdict) == ("assessed", "diagnostic")
    assert outcome.result.warnings[-1].startswith("No DICOM results were written: a bug in lgeqa (KeyError).")
    assert outcome.result.warnings[-1] in outcome.result.message
    assert "KeyError" in outcome.trace
    assert "DOE" not in outcome.trace + outcome.result.message


def test_pictures_are_kept_and_those_of_earlier_runs_removed(tmp_path: Path) -> None:
    out = attempt(tmp_path, pictures=True).out
    _run(tmp_path, "good", "empty", pictures=True)
    assert [path.name for path in (tmp_path / "out" / "pictures").iterdir()] == ["good.js"]
    found = out.load_pictures("good")
    assert found is not None
    assert [one.index for one in found.slices] == list(range(6))
    assert out.load_pictures("empty") is None
    _run(tmp_path, "good", settings=AssessSettings.of({"force": True}))
    assert out.load_pictures("good") is None


def test_record_without_wanted_pictures_is_made_again(tmp_path: Path) -> None:
    _run(tmp_path, "good", "empty")
    again = _run(tmp_path, "good", "empty", pictures=True)
    assert {name: one.kept for name, one in again.items()} == {"good": False, "empty": True}
    assert _run(tmp_path, "good", pictures=True)["good"].kept
    (tmp_path / "out" / "pictures" / "good.js").unlink()
    assert _run(tmp_path, "good")["good"].kept
    assert not _run(tmp_path, "good", pictures=True)["good"].kept


def test_pictures_of_another_form_are_none(tmp_path: Path) -> None:
    out = attempt(tmp_path, pictures=True).out
    _run(tmp_path, "good", pictures=True)
    out.pictures_path("good").write_text('{"pixels": 4}', encoding="utf-8")
    assert out.load_pictures("good") is None


def test_pictures_that_cannot_be_written_fail_their_scan(tmp_path: Path) -> None:
    (tmp_path / "out" / "pictures" / ".draft-good.js").mkdir(parents=True)
    result = _run(tmp_path, "good", pictures=True)["good"].result
    assert result.status == "failed"
    assert "good.js: cannot be written" in result.message


def test_pages_of_a_longer_report_are_removed_and_no_other_file(tmp_path: Path) -> None:
    out = attempt(tmp_path).out

    def write(n: int) -> set[str]:
        results = [assessed(f"scan {number}") for number in range(n)]
        out.write_report(render(results, out.load_pictures, STAMP, "", "", scans_a_page=1))
        return {path.name for path in (out.path / "report").glob("*")}

    assert write(3) == {f"scan {number}.html" for number in range(3)}
    (out.path / "report" / ".draft-scan 0.html").touch()
    (out.path / "report" / "notes.html").touch()
    assert write(2) == {"scan 0.html", "scan 1.html", "notes.html"}
    (out.path / "report" / "notes.html").unlink()
    assert write(1) == set()
    assert not (out.path / "report").exists()
    assert "1 scan ·" in out.report.read_text(encoding="utf-8")


def test_pages_that_cannot_be_written_are_an_error(tmp_path: Path) -> None:
    out = attempt(tmp_path).out
    (out.path / "report").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        out.write_report(render([assessed("a"), assessed("b")], out.load_pictures, STAMP, "", "", scans_a_page=1))


@pytest.mark.slow
def test_a_killed_run_resumes(tmp_path: Path) -> None:
    scans = tmp_path / "out" / "scans"
    command = [sys.executable, "-m", "tests.batch.killable", str(tmp_path)]
    first = subprocess.Popen(command)
    while len(done := list(scans.glob("slow-*.json"))) < 2:
        assert first.poll() is None
        time.sleep(0.02)
    workers = children_of(first.pid)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert are_gone(workers)  # once they have ended their scans
    asked(tmp_path)
    subprocess.run(command, check=True)
    again = asked(tmp_path)
    assert len(again) == len(set(again))
    assert not set(again) & {path.stem for path in done}
    assert [row["status"] for row in _rows(tmp_path)] == ["assessed"] * 6
    assert not list(scans.glob(".*"))


def test_a_run_that_is_given_up_leaves_its_table_and_no_process(tmp_path: Path) -> None:
    sources = [source(tmp_path, f"slow-{number}") for number in range(6)]
    going = run_batch(sources, attempt(tmp_path), 2)
    next(going)
    going.close()
    assert len(_rows(tmp_path)) == 1
    time.sleep(0.5)
    assert len(asked(tmp_path)) < 6


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Set Python's handler of Ctrl-C, which a process in the background of a shell lacks."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_during_a_save_counts_the_scan_and_keeps_table_and_report_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = attempt(tmp_path)
    keep = run._keep

    def interrupted(result: ScanResult, trace: str, attempt: ScanAssessor) -> None:
        signal.raise_signal(signal.SIGINT)
        keep(result, trace, attempt)

    monkeypatch.setattr(run, "_keep", interrupted)
    reported: list[str] = []
    sources = [source(tmp_path, name) for name in ("good-1", "good-2")]
    running = run_batch(sources, one, 1, write_report=lambda results: reported.extend(r.scan_id for r in results))
    assert next(running).result == one.out.load("good-1")
    with pytest.raises(KeyboardInterrupt):
        next(running)
    assert reported == [row["scan_id"] for row in _rows(tmp_path)] == ["good-1"]


def test_tables_follow_the_run(tmp_path: Path) -> None:
    running = run_batch([source(tmp_path, "slow-1"), source(tmp_path, "good-2")], attempt(tmp_path), 2)
    first = next(running)
    assert [row["scan_id"] for row in _rows(tmp_path)] == [first.scan_id]
    list(running)
    assert [row["scan_id"] for row in _rows(tmp_path)] == ["slow-1", "good-2"]
    measures = (tmp_path / "out" / "measures.csv").read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in measures] == ["scan_id", "slow-1", "good-2"]


def test_results_that_are_no_longer_valid_leave_the_table(tmp_path: Path) -> None:
    names = ("good-1", "good-2", "other")
    _run(tmp_path, *names)
    for name in names:
        (tmp_path / f"{name}.nrrd").write_text("changed", encoding="utf-8")

    running = run_batch([source(tmp_path, name) for name in names[:2]], attempt(tmp_path), 1, write_report=_no_report)
    next(running)
    running.close()

    assert [row["scan_id"] for row in _rows(tmp_path)] == ["good-1", "other"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(OutputError, match=r"out/scans: cannot be written .*not a directory.* another output folder"):
        attempt(tmp_path)


def test_unwritable_record_ends_the_run_and_is_named(tmp_path: Path) -> None:
    one = attempt(tmp_path)
    (tmp_path / "out" / "scans" / "good.json").mkdir()
    with pytest.raises(OutputError, match=r"good\.json: cannot be written \(is a directory\)"):
        list(run_batch([source(tmp_path, "good")], one, 1))


def test_a_mask_that_cannot_be_written_fails_its_scan(tmp_path: Path) -> None:
    (tmp_path / "out" / "masks" / ".draft-good.nrrd").mkdir(parents=True)
    result = _run(tmp_path, "good", masks=True)["good"].result
    assert result.status == "failed"
    assert "good.nrrd: cannot be written" in result.message
