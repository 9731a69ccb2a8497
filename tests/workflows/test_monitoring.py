"""Drift of results over time, by groups."""

import csv
from pathlib import Path

import numpy as np
import pytest

from lgeqa.batch import OutputFolder
from lgeqa.control_chart import BASELINE
from lgeqa.errors import CohortError, OutputError, UsageError
from lgeqa.records import Acquisition, ScanResult
from lgeqa.reporting.drift import QUANTITIES, Moment, follow, own_fact, value_of
from lgeqa.workflows.monitoring import MonitorRequest, monitor
from tests.factories.command import lgeqa
from tests.results import decided, measured, unassessed


def results(n: int = 60, change: int = 40) -> list[ScanResult]:
    """Return scans whose sharpness falls from number `change` on, on two scanners in turn."""
    rng = np.random.default_rng(0)
    return [
        decided(
            f"scan-{number:03}",
            p_sharpness=float(np.clip(rng.normal(0.8 if number < change else 0.3, 0.05), 0, 1)),
            p_quality=float(rng.uniform(0.6, 0.9)),
            measures=measured(float(rng.uniform(0.2, 0.8))),
            acquisition=Acquisition(scanner="A" if number % 2 else "B"),
            finished_at=f"2026-01-01T{number // 60:02}:{number % 60:02}:00+00:00",
        )
        for number in range(n)
    ]


def run(folder: Path, scans: list[ScanResult]) -> Path:
    out = OutputFolder(folder)
    for scan in scans:
        out.save(scan)
    return folder


def test_change_is_named_with_its_first_scan(tmp_path: Path) -> None:
    [group] = monitor(MonitorRequest([run(tmp_path / "run", results())]), tmp_path / "drift")
    assert (group.name, group.n_scans) == ("all scans", 60)
    assert [series.quantity for series in group.series] == list(QUANTITIES)
    [alarm] = [text for text in group.alarms if "sharpness" in text]
    assert alarm.startswith("Probability of sharpness: Outside its limits since scan-04")
    assert "0.8" in alarm
    rows = list(csv.DictReader((tmp_path / "drift" / "drift.csv").read_text().splitlines()))
    sharp = [row for row in rows if row["quantity"] == "p_sharpness"]
    assert len(sharp) == 60
    assert {row["outside"] for row in sharp[:30]} == {""}
    assert sharp[-1]["outside"] == "true"
    assert float(sharp[-1]["average"]) < float(sharp[-1]["low"])
    page = (tmp_path / "drift" / "drift.html").read_text()
    assert page.count("<svg") == len(QUANTITIES)
    assert page.count('class="outside"') == len(group.alarms)
    assert page.index("Probability of sharpness") < page.index("Within its limits")


def test_groups_are_judged_apart(tmp_path: Path) -> None:
    groups = monitor(MonitorRequest([run(tmp_path, results())], by=("scanner",), baseline=10))
    assert [(group.name, group.n_scans) for group in groups] == [("A", 30), ("B", 30)]


def test_table_gives_groups_and_order(tmp_path: Path) -> None:
    scans = results()
    folder = run(tmp_path / "run", scans)
    table = tmp_path / "about.csv"
    lines = [f"{scan.scan_id},Oslo,2025-{12 - number // 6:02}" for number, scan in enumerate(scans[:-1])]
    table.write_text("\n".join(["scan_id,site,date", *lines]) + "\n")
    groups = {group.name: group for group in monitor(MonitorRequest([folder], table, ("site",)))}
    assert {name: group.n_scans for name, group in groups.items()} == {"Oslo": 59, "site unknown": 1}
    first = groups["Oslo"].series[0].moments[0]
    assert (first.when, first.result.scan_id) == ("2025-03", "scan-054")


def test_deidentified_scans_need_a_table_with_dates(tmp_path: Path) -> None:
    scans = [scan.model_copy(update={"finished_at": "", "source": ""}) for scan in results()]
    folder = run(tmp_path / "run", scans)
    with pytest.raises(UsageError, match="scan-000: is de-identified, so its record holds no time"):
        monitor(MonitorRequest([folder]))
    table = tmp_path / "dates.csv"
    rows = (f"{scan.scan_id},2026-01-{1 + number // 2:02}" for number, scan in enumerate(scans))
    table.write_text("\n".join(["scan_id,date", *rows]), encoding="utf-8")
    [group] = monitor(MonitorRequest([folder], table))
    assert group.n_scans == 60


def test_few_scans_have_no_chart(tmp_path: Path) -> None:
    [group] = monitor(MonitorRequest([run(tmp_path, results(20))]))
    assert group.alarms == []
    assert not any(series.chart for series in group.series)


def test_failed_scans_have_no_values(tmp_path: Path) -> None:
    [group] = monitor(MonitorRequest([run(tmp_path, [*results(40), unassessed("zzz")])]))
    assert group.n_scans == 41
    assert {len(series.moments) for series in group.series} == {40}


@pytest.mark.parametrize(("by", "error"), [("site", "--by site: is not known. There are scanner, software, bundle.")])
def test_unknown_groups_are_refused(by: str, error: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=error):
        monitor(MonitorRequest([run(tmp_path, results(3))], by=(by,)))


def test_folder_and_table_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no results"):
        monitor(MonitorRequest([tmp_path / "nothing"]))
    table = tmp_path / "about.csv"
    table.write_text("scan,site\na,b\n")
    with pytest.raises(CohortError, match="no column scan_id, but scan, site"):
        monitor(MonitorRequest([run(tmp_path / "run", results(3))], table))
    assert not (tmp_path / "nothing").exists()


def test_command_prints_each_group(tmp_path: Path) -> None:
    done = lgeqa("monitor", run(tmp_path / "run", results()), "-o", tmp_path / "drift")
    assert done.returncode == 0
    first, *alarms, last = done.stdout.splitlines()
    assert first == "all scans, 60 scans"
    assert any("sharpness" in line for line in alarms)
    assert last == f"Page: {tmp_path / 'drift' / 'drift.html'}"


def test_scans_that_share_a_name_in_two_runs_both_count(tmp_path: Path) -> None:
    scan = results(1)[0]
    other = scan.model_copy(update={"input_sha256": "cd" * 32})
    runs = [run(tmp_path / "a", [scan]), run(tmp_path / "b", [other]), run(tmp_path / "c", [scan])]
    [group] = monitor(MonitorRequest(runs))
    assert group.n_scans == 2


def test_output_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "drift").touch()
    with pytest.raises(OutputError, match="drift"):
        monitor(MonitorRequest([run(tmp_path / "run", results(2))]), tmp_path / "drift")


def test_alarm_gives_place_and_change() -> None:
    scans = [decided(f"scan-{number}", p_sharpness=0.8 if number < 30 else 0.4) for number in range(33)]
    group = follow("all", [Moment(scan, f"2026-01-{number:02}") for number, scan in enumerate(scans)], BASELINE)
    [series] = [series for series in group.series if series.quantity == "p_sharpness"]
    assert series.alarm == ("Outside its limits since scan-30 (2026-01-30), scan 31 of 33; 0.80 before, 0.69 now.")


def test_scans_of_one_time_follow_by_name() -> None:
    group = follow("all", [Moment(decided(name), "2026") for name in ("b", "a")], BASELINE)
    assert [moment.result.scan_id for moment in group.series[0].moments] == ["a", "b"]


def test_only_accepted_scans_count_as_accepted() -> None:
    scans = [decided(p_quality=p, p_sharpness=p, p_enhancement=p, p_myocardium_nulling=p) for p in (0.9, 0.6, 0.1)]
    assert [scan.decision for scan in scans] == ["accept", "review", "repeat"]
    assert [value_of(scan, "accepted") for scan in scans] == [1, 0, 0]


def test_bundle_is_named_with_its_version() -> None:
    assert own_fact(decided(), "bundle") == "toy 0.1"
    assert own_fact(unassessed(bundle=None), "bundle") == "bundle unknown"


def test_baseline_of_the_request_sets_the_limits(tmp_path: Path) -> None:
    [group] = monitor(MonitorRequest([run(tmp_path / "run", results(20))], baseline=10), tmp_path / "new" / "drift")
    assert {series.chart and series.chart.baseline for series in group.series} == {10}
    rows = list(csv.DictReader((tmp_path / "new" / "drift" / "drift.csv").read_text().splitlines()))
    sharp = [row for row in rows if row["quantity"] == "p_sharpness"]
    assert [row["average"] != "" for row in sharp] == [False] * 10 + [True] * 10
    assert all(float(row["low"]) < float(row["high"]) for row in sharp[10:])


def test_table_with_gaps_or_without_the_group(tmp_path: Path) -> None:
    folder = run(tmp_path / "run", results(2))
    table = tmp_path / "about.csv"
    table.write_text("scan_id,site\nscan-000,\nscan-001,Oslo\n")
    assert [group.name for group in monitor(MonitorRequest([folder], table, ("site",)))] == ["Oslo", "site unknown"]
    with pytest.raises(UsageError, match=r"--by town: is not known\. .* and the columns of .*about\.csv"):
        monitor(MonitorRequest([folder], table, ("town",)))
