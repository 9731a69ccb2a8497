"""`lgeqa assess --shard` and `lgeqa merge` against one run over all scans."""

import csv
import os
from pathlib import Path

import pytest

from lgeqa.batch import OutputFolder, ResultStore
from tests.factories.command import lgeqa
from tests.toy import toy_bundle, toy_scan

N = 5
#: Files that a merge makes as one run over all scans makes them.
FILES = ("results.csv", "measures.csv", "measures.json")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with scans in `in`, all of them assessed into `whole`, and in two shards into `1` and `2`."""
    folder = tmp_path_factory.mktemp("merge")
    toy_bundle(folder / "bundle")
    for seed in range(N):
        toy_scan(folder / "in" / f"scan-{seed}.nrrd", seed)
    assess(folder, "whole")
    assess(folder, "1", "--shard", "1/2", "--masks")
    assess(folder, "2", "--shard", "2/2", "--masks")
    return folder


def assess(folder: Path, out: str, *options: str) -> None:
    done = lgeqa("assess", folder / "in", "-o", folder / out, "--bundle", folder / "bundle", *options)
    assert done.returncode == 0, done.stderr


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(encoding="utf-8-sig", newline="") as table:
        return list(csv.DictReader(table))


def test_shards_merge_into_the_tables_of_one_run(place: Path) -> None:
    done = lgeqa("merge", place / "2", place / "1", "-o", place / "all", "--bundle", place / "bundle")

    assert done.returncode == 0, done.stderr
    assert [len(rows(place / name)) for name in ("1", "2")] == [3, 2]
    for name in FILES:
        assert (place / "all" / name).read_bytes() == (place / "whole" / name).read_bytes()
    for folder, suffix in {"scans": "json", "pictures": "js", "masks": "nrrd"}.items():
        assert len(list((place / "all" / folder).glob(f"*.{suffix}"))) == N
    assert all(f"scan-{seed}" in (place / "all" / "report.html").read_text(encoding="utf-8") for seed in range(N))
    assert f"{N} scans: " in done.stdout


def test_merged_folder_is_that_of_a_run(place: Path) -> None:
    for _ in range(2):  # the second time nothing changes
        lgeqa("merge", place / "1", place / "2", "-o", place / "again", "--bundle", place / "bundle")
    command = ("assess", place / "in", "-o", place / "again", "--bundle", place / "bundle")

    assert [line.split()[1] for line in lgeqa(*command).stdout.splitlines()[:N]] == ["kept"] * N


def test_missing_shard_is_noticed(place: Path) -> None:
    done = lgeqa("merge", place / "2", "-o", place / "half", "--bundle", place / "bundle")

    assert done.returncode == 3
    assert "At least 2 scans of the shards are missing. Finish these shards, or name all shards" in done.stderr
    assert [row["scan_id"] for row in rows(place / "half")] == ["scan-1", "scan-3"]


def test_other_runs_come_one_after_another(place: Path, tmp_path: Path) -> None:
    for name in "ba":
        toy_scan(tmp_path / name / f"of-{name}.nrrd", 1)
        lgeqa("assess", tmp_path / name, "-o", tmp_path / f"out-{name}", "--bundle", place / "bundle")

    runs = (tmp_path / "out-b", tmp_path / "out-a", place / "1")
    done = lgeqa("merge", *runs, "-o", tmp_path / "all", "--bundle", place / "bundle")

    assert done.returncode == 0
    assert [row["scan_id"] for row in rows(tmp_path / "all")] == ["of-b", "of-a", "scan-0", "scan-2", "scan-4"]


def test_newer_result_replaces_that_of_an_earlier_merge(place: Path, tmp_path: Path) -> None:
    scan = toy_scan(tmp_path / "in" / "one.nrrd", 1)
    runs = (tmp_path / "in", "-o", tmp_path / "run", "--bundle", place / "bundle")
    merge = ("merge", tmp_path / "run", "-o", tmp_path / "all", "--bundle", place / "bundle")
    for seed in (1, 2):
        toy_scan(scan, seed)
        os.utime(scan, ns=(seed, seed))
        assert lgeqa("assess", *runs).returncode == 0
        assert lgeqa(*merge).returncode == 0
    assert rows(tmp_path / "all") == rows(tmp_path / "run")


def test_results_that_were_taken_out_or_are_out_of_date_are_not_merged(place: Path, tmp_path: Path) -> None:
    for seed in range(3):
        toy_scan(tmp_path / "in" / f"one-{seed}.nrrd", seed)
    bundle = ("--bundle", place / "bundle")
    lgeqa("assess", tmp_path / "in", "-o", tmp_path / "run", *bundle)
    (tmp_path / "run" / "scans" / "one-0.json").unlink()
    with ResultStore(OutputFolder(tmp_path / "run")) as store:
        store.arrange({"one-1": 0, "one-2": 1}, ("one-2",), with_others=True)  # as a run that was killed leaves it

    lgeqa("merge", tmp_path / "run", "-o", tmp_path / "all", *bundle)

    assert [row["scan_id"] for row in rows(tmp_path / "all")] == ["one-2"]


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2"])
def test_shard_that_is_none_is_refused(place: Path, text: str) -> None:
    done = lgeqa("assess", place / "in", "-o", place / "none", "--bundle", place / "bundle", f"--shard={text}")

    assert done.returncode == 2
    assert f"--shard {text}: is no shard. Give its number, from 1, and their count, such as 2/8." in done.stderr


def test_more_shards_than_scans_are_empty_runs(place: Path, tmp_path: Path) -> None:
    bundle = ("--bundle", place / "bundle")
    done = lgeqa("assess", place / "in", "-o", tmp_path / "9", *bundle, "--shard", "9/9")

    assert done.returncode == 0, done.stderr
    assert rows(tmp_path / "9") == []
    assert lgeqa("merge", place / "whole", tmp_path / "9", "-o", tmp_path / "all", *bundle).returncode == 0


def test_what_cannot_be_merged_is_said(place: Path, tmp_path: Path) -> None:
    bundle = ("--bundle", place / "bundle")
    toy_scan(tmp_path / "in" / "scan-0.nrrd", 1)
    lgeqa("assess", tmp_path / "in", "-o", tmp_path / "other", *bundle)
    lgeqa("assess", tmp_path / "in", "-o", tmp_path / "nameless", *bundle, "--deidentify")
    wrong = {
        (tmp_path / "in",): "holds no results. Name output folders",
        (place / "1", tmp_path / "all"): "is the folder for all results as well",
        (place / "1", tmp_path / "other"): "its result of 'scan-0' is another one than that in",
        (place / "1", tmp_path / "nameless"): "some of the runs are de-identified, and others are not",
    }
    (tmp_path / "all" / "scans").mkdir(parents=True)
    for runs, message in wrong.items():
        done = lgeqa("merge", *runs, "-o", tmp_path / "all", *bundle)
        assert (done.returncode, message in done.stderr) == (2, True), done.stderr
    done = lgeqa("merge", place / "1", "-o", tmp_path / "all")
    assert done.returncode == 2
    assert "holds results by another bundle, such as 'scan-" in done.stderr
    with ResultStore(OutputFolder(tmp_path / "all")) as store:
        assert len(store) == 0
