"""`lgeqa cohort`, in this process: what is printed, what is written, and the exit codes."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lgeqa import extras
from lgeqa.cli import app
from lgeqa.cohort import patients_of, read_split, save_split
from lgeqa.errors import CohortError, ConfigError, LgeqaError, MissingExtraError, OutputError, UsageError
from tests.cohort.made import Made, good_cohort


def lgeqa(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["cohort", *map(str, arguments)])


def fault(kind: type[LgeqaError], *arguments: str | Path) -> str:
    raised = lgeqa(*arguments).exception
    assert isinstance(raised, kind), raised
    return str(raised)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return good_cohort(tmp_path_factory.mktemp("cohort"), 20)


def test_a_good_cohort_ends_with_0(made: Made, tmp_path: Path) -> None:
    lgeqa("split", "--cohort", made.root, "-o", tmp_path)
    done = lgeqa("check", "--cohort", made.root, "--split", tmp_path / "split.json", "--reader", "ann")
    assert done.exit_code == 0
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    for line in (
        "20 scans of 20 patients",
        "20 with a label, for stage 2, by the rule: scores of ann",
        "ann 20",
        "part scans myocardium_nulling sharpness enhancement quality",
        "all 20 10 / 10 10 / 10 10 / 10 10 / 10",
        "train 16 8 / 8 8 / 8 8 / 8 8 / 8",
        "Cautions (2)",
        "Nothing prevents training.",
    ):
        assert line in lines


def test_import_prints_what_it_read(made: Made, tmp_path: Path) -> None:
    (tmp_path / "lab.csv").write_text("id;LGE\ns0;2,5\ns1;4\n")
    options = ("--scans", made.root, "--column", "scan=id", "--column", "quality=LGE", "--reader", "ann")
    done = lgeqa("import", tmp_path / "lab.csv", *options, "-o", tmp_path / "out")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[:4] == [
        f"{tmp_path}/out/scores.csv: 2 scans of 2 patients",
        "  2 with a mask",
        "  scans by reader: ann 2",
        "  scans by scale: myocardium_nulling 0, sharpness 0, enhancement 0, quality 2",
    ]
    assert lines[4].startswith(
        "  Labels: scores of ann, for 2 of 2 scored scans. Fewer on single scales: myocardium_nulling 0"
    )
    assert [line.split(",")[0] for line in lines[5:]] == [
        "Caution: The table names no patients",
        f"Caution: 18 scans below {made.root} are not in the table: s10",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("quality",), "--column 'quality': write it as NAME=THEIRS, for instance quality=LGE_score"),
        (("quality=A", "quality=B"), "--column 'quality=B': quality is 'A' already. Leave one out"),
    ],
)
def test_columns_that_cannot_be_read_are_refused(tmp_path: Path, options: tuple[str, ...], message: str) -> None:
    columns = [argument for option in options for argument in ("--column", option)]
    assert message in fault(UsageError, "import", tmp_path / "t.csv", "--scans", tmp_path, "-o", tmp_path, *columns)


def test_a_poor_cohort_ends_with_2_and_reports_all(tmp_path: Path) -> None:
    made = good_cohort(tmp_path)
    made.add("s8", "ann,9,1,1,1")
    (made.root / "s0/shrinkwrap.nrrd").unlink()
    done = lgeqa("check", "--cohort", made.table, "--rule", "majority")
    assert done.exit_code == 2
    assert "4 with a label, for stage 2, by the rule: the majority of the readers' scores" in done.stdout
    assert "Errors (2)\n  - " in done.stdout
    assert "line 10: myocardium_nulling is '9'" in done.stdout
    assert "s0/shrinkwrap.nrrd: cannot be read" in done.stdout
    assert done.stdout.endswith("\nCorrect the errors before training.\n")


@pytest.mark.parametrize("verb", [("check",), ("split", "-o", "out")])
def test_a_rule_in_conflict_is_refused(made: Made, verb: tuple[str, ...]) -> None:
    told = fault(ConfigError, *verb, "--cohort", made.root, "--rule", "mean", "--reader", "ann")
    assert f"lgeqa cohort {verb[0]}: " in told
    assert "reader = 'ann' names one" in told


def test_one_split_goes_to_a_file_or_a_folder(made: Made, tmp_path: Path) -> None:
    for output in (tmp_path / "ours.json", tmp_path / "folder"):
        done = lgeqa("split", "--cohort", made.root, "-o", output, "--test", "0.2", "--seed", "3")
        assert done.exit_code == 0
    assert (
        done.stdout == f"{tmp_path}/folder/split.json: 14 scans for train, 2 scans for validation, 4 scans for test\n"
    )
    assert read_split(tmp_path / "ours.json") == read_split(tmp_path / "folder" / "split.json")


def test_folds_test_each_patient_once(made: Made, tmp_path: Path) -> None:
    lgeqa("split", "--cohort", made.root, "-o", tmp_path, "--folds", "5", "--validation", "0.25")
    splits = [read_split(tmp_path / f"split-{number}.json") for number in range(5)]
    assert sorted(patient for split in splits for patient in patients_of(split, "test")) == sorted(splits[0])
    assert [len(patients_of(split, "validation")) for split in splits] == [4] * 5


def test_repeats_keep_one_test_part(made: Made, tmp_path: Path) -> None:
    save_split({"p-s2": "test", "p-s5": "test", "p-s6": "train"}, tmp_path / "old.json")
    lgeqa("split", "--cohort", made.root, "-o", tmp_path, "--repeats", "3", "--keep-test", tmp_path / "old.json")
    splits = [read_split(path) for path in sorted(tmp_path.glob("split-*.json"))]
    assert [patients_of(split, "test") for split in splits] == [{"p-s2", "p-s5"}] * 3


def test_splits_are_stratified_by_the_label_of_the_rule(made: Made, tmp_path: Path) -> None:
    lgeqa("split", "--cohort", made.root, "-o", tmp_path, "--folds", "10", "--reader", "ann")
    for number in range(10):
        tested = patients_of(read_split(tmp_path / f"split-{number}.json"), "test")
        assert sum(int(patient.removeprefix("p-s")) % 2 for patient in tested) == 1


def test_another_split_in_its_place_is_refused(made: Made, tmp_path: Path) -> None:
    asked = ("split", "--cohort", made.root, "-o", tmp_path / "split.json")
    assert lgeqa(*asked).exit_code == lgeqa(*asked).exit_code == 0
    assert "split.json: holds something else already" in fault(OutputError, *asked, "--seed", "1")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--folds", "5", "--repeats", "2"), "--folds 5 and --repeats 2 exclude each other"),
        (("--folds", "5", "--test", "0.1"), "--folds 5 and --test 0.1 exclude each other"),
        (("--folds", "5", "--keep-test", "s.json"), "--folds 5 and --keep-test s.json exclude each other"),
        (("--test", "0.1", "--keep-test", "s.json"), "--test 0.1 and --keep-test s.json exclude each other"),
    ],
)
def test_options_that_exclude_each_other(made: Made, options: tuple[str, ...], message: str) -> None:
    assert message in fault(UsageError, "split", "--cohort", made.root, "-o", "out", *options)


def test_one_file_for_several_splits_is_refused(made: Made) -> None:
    told = fault(UsageError, "split", "--cohort", made.root, "-o", "all.json", "--repeats", "2")
    assert told == "-o all.json: is one file, and there are 2 splits. Name a folder."


def test_too_few_patients_are_reported(made: Made, tmp_path: Path) -> None:
    told = fault(CohortError, "split", "--cohort", made.root, "-o", tmp_path / "out", "--folds", "30")
    assert "20 patients cannot be split into 30 folds" in told
    assert not (tmp_path / "out").exists()


def test_a_rule_without_labels_spreads_nothing_and_is_refused(made: Made) -> None:
    told = fault(CohortError, "split", "--cohort", made.root, "-o", "out", "--reader", "bob")
    assert told.startswith("No scan has a label of quality by the reader 'bob'; scores are by ann, truth.")


def test_splitting_needs_its_extra(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "EXTRAS", {"train": ("no_such_module",)})
    assert "splitting a cohort needs no_such_module" in fault(
        MissingExtraError, "split", "--cohort", made.root, "-o", "out"
    )
