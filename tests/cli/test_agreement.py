"""`lgeqa agreement` through the command line."""

import csv
import subprocess
from pathlib import Path

import pytest

from lgeqa.agreement.record import Agreement
from lgeqa.batch import OutputFolder
from lgeqa.cohort.table_io import COLUMNS
from tests.agreement.study import readings
from tests.agreement.test_readings import HEAD
from tests.evaluation.judged import record
from tests.factories import command
from tests.results import unassessed


def lgeqa(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return command.lgeqa("agreement", *arguments)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the ratings of a study, the same as a cohort with other names of files, and results."""
    place = tmp_path_factory.mktemp("agreement")
    rows = [HEAD]
    cohort = [",".join(COLUMNS)]
    for one in readings():
        scores = ",".join(f"{score:g}" for score in one.scores) if one.scores else ",,,"
        rows.append(
            f"{one.scan_id},{one.patient},{one.reader},{one.number},{scores},,{'' if one.scores else 'blurred'},9,"
        )
        if one.number == 1:
            cohort.append(f"{one.scan_id},{one.patient},images/i-{one.scan_id}.nrrd,,{one.reader},{scores}")
    (place / "ratings.csv").write_text("\n".join(rows) + "\n")
    (place / "scores.csv").write_text("\n".join(cohort) + "\n")
    out = OutputFolder(place / "assessed")
    for scan, p in (("agreed", 0.9), ("far", 0.2), ("both", 0.6)):
        source = str(place / "images" / f"i-{scan}.nrrd")
        out.save(record([[p] * 4], scan_id=scan).model_copy(update={"source": source}))
    out.save(unassessed("split"))
    return place


@pytest.fixture(scope="module")
def done(place: Path) -> subprocess.CompletedProcess[str]:
    given = ("--ratings", place / "ratings.csv", "--results", place / "assessed", "--draws", "100", "--seed", "4")
    return command.lgeqa_apart("agreement", *given, "-o", place / "out")


def read(place: Path, out: str = "out") -> Agreement:
    return Agreement.model_validate_json((place / out / "agreement.json").read_text())


def test_the_run_says_what_it_found(place: Path, done: subprocess.CompletedProcess[str]) -> None:
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[3].startswith("Quality for fibrosis assessment: Krippendorff's alpha ")
    assert lines[4:] == [
        "3 readers, 8 scans, 7 read by two or more; 4 to adjudicate",
        f"Report: {place / 'out' / 'agreement.html'}",
    ]


def test_the_files_hold_it(place: Path, done: subprocess.CompletedProcess[str]) -> None:
    made = read(place)

    assert (made.source, made.draws, made.seed, made.n_judged) == (str(place / "ratings.csv"), 100, 4, 3)
    assert made.bundle
    assert made.bundle.name == "toy"
    assert (place / "out" / "agreement.md").read_text().startswith("# Agreement of 3 readers\n")
    with (place / "out" / "adjudicate.csv").open(newline="") as lines:
        assert [row["scan"] for row in csv.DictReader(lines)] == ["refused", "both", "split", "far"]


def test_cohort_gives_first_readings_matched_by_file(place: Path) -> None:
    renamed = OutputFolder(place / "renamed")
    renamed.save(record([[0.9] * 4], scan_id="i-both").model_copy(update={"source": str(place / "images/i-both.nrrd")}))

    ended = lgeqa("--cohort", place, "--results", place / "renamed", "-o", place / "out2", "--draws", "100", "-q")

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    made = read(place, "out2")
    assert [(one.reader, one.scored, one.refused) for one in made.readers] == [
        ("ann", 6, 0),
        ("bob", 6, 0),
        ("cy", 6, 0),
    ]
    assert (made.n_judged, made.simulated) == (1, False)
    assert [one.verdict for one in made.disputes if one.scan_id == "both"] == ["diagnostic"]


def test_truth_is_no_reader_and_marks_a_simulated_cohort(tmp_path: Path) -> None:
    rows = [
        f"s{i},p{i},{i}.nrrd,,{reader},{i},2,3,{i}" for i in range(1, 5) for reader in ("truth", "reader-1", "reader-2")
    ]
    (tmp_path / "scores.csv").write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")

    assert lgeqa("--cohort", tmp_path, "-o", tmp_path / "out").returncode == 0

    made = read(tmp_path)
    assert ([one.reader for one in made.readers], made.simulated) == (["reader-1", "reader-2"], True)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((), "Got neither --cohort nor --ratings. Give one of them."),
        (("--cohort", "{place}", "--ratings", "{place}/ratings.csv"), "Got both --cohort and --ratings."),
        (("--ratings", "{place}/none.csv"), "none.csv: cannot be read (No such file or directory)"),
        (("--ratings", "{place}/scores.csv"), "scores.csv: lacks the column(s) reading, cannot_rate."),
        (("--ratings", "{place}/ratings.csv", "--results", "{place}/images"), "images: holds no scans/<scan>.json."),
        (("--ratings", "{place}/ratings.csv", "--results", "{place}/old"), "x.json: is not a record of a scan of this"),
        (
            ("--ratings", "{place}/ratings.csv", "--results", "{place}/others"),
            "others: none of its 1 records, such as 'nobody', is of a scan of",
        ),
    ],
)
def test_wrong_use_ends_with_2(place: Path, tmp_path: Path, given: tuple[str, ...], message: str) -> None:
    OutputFolder(place / "others").save(record([[0.5] * 4], scan_id="nobody"))
    (place / "old" / "scans").mkdir(parents=True, exist_ok=True)
    (place / "old" / "scans" / "x.json").write_text("{}")

    failed = lgeqa(*(word.format(place=place) for word in given), "-o", tmp_path / "out")

    assert failed.returncode == 2
    assert message in failed.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_ends_with_2(place: Path) -> None:
    failed = lgeqa("--ratings", place / "ratings.csv", "-o", place / "ratings.csv" / "out", "--draws", "100")

    assert failed.returncode == 2
    assert "out: cannot be written (not a directory)" in failed.stderr
