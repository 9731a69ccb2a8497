"""Import of a lab's table: which scans it finds, what it writes, and what it says is wrong."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset

from lgeqa.cohort import LabelRule, read_cohort
from lgeqa.errors import CohortError, OutputError, UsageError
from lgeqa.training.case_reading import read_case
from lgeqa.workflows.cohort_import import ImportedCohort, ImportRequest, import_cohort
from tests.images import volume, write_dicom_series, write_volume

COLUMNS = {"scan": "Scan", "quality": "LGE_score"}


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Two volumes, one in the authors' layout with a mask, and a DICOM series two folders deep."""
    write_volume(tmp_path / "scans/A one.nii.gz", volume(seed=1))
    write_volume(tmp_path / "scans/B/data.nrrd", volume(seed=2))
    write_volume(tmp_path / "scans/B/shrinkwrap.nrrd", (volume() > 0).astype(np.uint8))
    write_dicom_series(tmp_path / "scans/C/lge", volume(seed=3))
    return tmp_path / "scans"


def imported(
    scans: Path, table: str, columns: Mapping[str, str] = COLUMNS, masks: Path | None = None, encoding: str = "utf-8"
) -> ImportedCohort:
    path = scans.parent / "lab.csv"
    path.write_bytes(table.encode(encoding))
    return import_cohort(ImportRequest(path, scans, scans.parent / "cohort", columns, masks))


def problems(scans: Path, table: str, columns: Mapping[str, str] = COLUMNS, masks: Path | None = None) -> list[str]:
    with pytest.raises(CohortError) as error:
        imported(scans, table, columns, masks)
    assert not (scans.parent / "cohort").exists()
    return [line.removeprefix(f"{scans.parent / 'lab.csv'}") for line in str(error.value).splitlines()]


def test_a_labs_table_becomes_a_cohort(scans: Path) -> None:
    table = "Scan;Who;LGE_score;sharpness;Bemerkung\r\na ONE.nii.gz;Jürgen;2,5;;\r\nB;Jürgen;4;3;\r\nC;Jürgen;1;;\r\n"
    made = imported(scans, table, COLUMNS | {"reader": "Who"}, encoding="cp1252")
    assert made.table == scans.parent / "cohort" / "scores.csv"
    assert list(made.cases) == read_cohort(scans.parent / "cohort")
    assert [(case.scan_id, case.patient, list(case.scores)) for case in made.cases] == [
        (name, name, ["Jürgen"]) for name in ("A_one", "B", "C_lge")
    ]
    assert [case.image for case in made.cases] == [scans / "A one.nii.gz", scans / "B/data.nrrd", scans / "C/lge"]
    assert [repr(case.scores["Jürgen"]) for case in made.cases] == [
        "(nan, nan, nan, 2.5)",
        "(nan, 3.0, nan, 4.0)",
        "(nan, nan, nan, 1.0)",
    ]
    assert [case.mask for case in made.cases] == [None, scans / "B/shrinkwrap.nrrd", None]
    assert (made.readers, made.rule) == ({"Jürgen": 3}, LabelRule(reader="Jürgen"))
    assert made.scored == {"myocardium_nulling": 0, "sharpness": 1, "enhancement": 0, "quality": 3}
    assert sorted(path.name for path in scans.rglob("*") if path.is_file())[:2] == ["A one.nii.gz", "IM0000"]


def test_masks_are_found_by_the_names_of_the_scans(scans: Path) -> None:
    masks = scans / "masks"
    for name in ("A_one.nrrd", "B.nii.gz", "C.mha"):
        write_volume(masks / name, (volume() > 0).astype(np.uint8))
    made = imported(scans, "Scan,LGE_score\nA one,1\nB,2\nC,3\n", masks=masks)
    assert [case.mask and case.mask.name for case in made.cases] == ["A_one.nrrd", "B.nii.gz", "C.mha"]
    for case, seed in zip(made.cases, (1, 2, 3), strict=True):
        np.testing.assert_array_equal(read_case(case)[0].voxels, volume(seed=seed))
    assert len(made.cautions) == 1


def test_paths_below_the_table_are_relative(scans: Path) -> None:
    (scans.parent / "lab.csv").write_text("Scan,LGE_score\nB,2\n")
    import_cohort(ImportRequest(scans.parent / "lab.csv", scans, scans.parent, COLUMNS))
    row = (scans.parent / "scores.csv").read_text().splitlines()[1]
    assert row == "B,B,scans/B/data.nrrd,scans/B/shrinkwrap.nrrd,reader 1,,,,2,"


def test_each_reader_may_have_columns(scans: Path) -> None:
    columns = {"scan": "id", "patient": "pat", "quality@ann": "Q1", "sharpness@ann": "S1", "quality@bob": "Q2"}
    made = imported(scans, "id\tpat\tQ1\tS1\tQ2\nA one\tp\t4\t3\t2,5\nB\tp\t\t\t5\nC\tq\t\t\t\n", columns)
    first, second, third = (case.scores for case in made.cases)
    assert repr(first) == "{'ann': (nan, 3.0, nan, 4.0), 'bob': (nan, nan, nan, 2.5)}"
    assert repr(second) == "{'bob': (nan, nan, nan, 5.0)}"
    assert third == {}
    assert [case.patient for case in made.cases] == ["p", "p", "q"]
    assert made.rule == LabelRule(rule="median")


def test_cautions_say_what_deserves_a_look(scans: Path) -> None:
    (scans / "bad.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"bad")
    made = imported(scans, "Scan,LGE_score\nA one,1\nB,2\n")
    first, *others = (text.split(":")[0] for text in made.cautions)
    assert first.startswith("The table names no patients, so each scan counts as a patient of its own. If a person was")
    assert others == [
        "1 of 2 scans have no mask",
        f"1 scans below {scans} are not in the table",
        f"1 paths below {scans} cannot be used; the first",
    ]


def test_everything_that_is_wrong_is_told_at_once(scans: Path) -> None:
    write_dicom_series(scans / "C/cine", volume(seed=4))
    table = (
        "Scan;P;LGE_score;Sharp\nA one;p;7;good\nB;p;2\nB;p;2;3\nB;q;3;3\nD;p;3;3\nC;p;3;3\n;p;3;3\nA one.nrrd;p;2;3\n"
    )
    told = problems(scans, table, COLUMNS | {"patient": "P", "sharpness": "Sharp"})
    expected = (
        ", line 2: Sharp is 'good', LGE_score is '7'. Scores are numbers from 1 to 5: correct them, or leave the cell",
        ", line 3: has 3 cells for 4 columns. Correct the line.",
        ", line 8: Scan is empty. Every row needs the name of its scan.",
        ", line 5: scan 'B' has the patients p and q. Correct one.",
        ", line 5: scan 'B' has scores of reader 'reader 1' in an earlier row too. Keep one, or name the readers with",
        f", line 6: scan 'D' is not below {scans}, which has 4 scans, such as ",
        f", line 7: scan 'C' fits 2 scans below {scans}: C_cine, C_lge. Write one of these names, or the number of",
        f", line 9: scan 'A one.nrrd' is not below {scans}, which has 4 scans, such as A_one. Correct one.",
    )
    assert len(told) == len(expected)
    for line in expected:
        assert any(text.startswith(line) for text in told), line


def test_a_series_is_chosen_by_its_column(scans: Path) -> None:
    def number(dataset: Dataset, _: int) -> None:
        dataset.SeriesNumber = int(dataset.SeriesInstanceUID)

    for uid in ("7", "8"):
        name = f"{uid}-{{}}".format
        write_dicom_series(scans / "D", volume(seed=int(uid)), series_uid=uid, name=name, edit=number)
    columns = COLUMNS | {"series": "Folge"}
    made = imported(scans, "Scan,Folge,LGE_score\nD,8,2\nB,,3\n", columns)
    case = made.cases[1]
    mask = write_volume(scans / "mask.nrrd", (volume() > 0).astype(np.uint8))
    scan, _ = read_case(type(case)(case.scan_id, case.patient, case.image, mask, series=case.series))
    np.testing.assert_array_equal(scan.voxels, volume(seed=8))


@pytest.mark.parametrize(
    ("table", "columns", "message"),
    [
        ("Scan,Q\nB,2\n", COLUMNS, r"lacks the column\(s\) 'LGE_score' \(for quality\). It has 'Scan', 'Q'. Correct"),
        ("Scan,Q\nB,2\n", {"quality": "Q"}, "has no column for the names of the scans. .* --column scan=THEIR_NAME"),
        ("scan,Q\nB,2\n", {}, "has no column for scores. .* --column quality=THEIR_NAME"),
        ("scan,Q,Q\nB,2,2\n", {"quality": "Q"}, r"has the column\(s\) 'Q' twice. Rename one"),
        ("Scan,LGE_score\n", COLUMNS, "has no row. Give one for each scan"),
    ],
)
def test_tables_that_do_not_fit_are_refused(scans: Path, table: str, columns: Mapping[str, str], message: str) -> None:
    with pytest.raises(CohortError, match=rf"lab\.csv: {message}"):
        imported(scans, table, columns)


def test_unknown_canonical_names_are_refused(scans: Path) -> None:
    with pytest.raises(UsageError, match="--column qualty=Q: 'qualty' is not a column of a cohort"):
        imported(scans, "scan,Q\nB,2\n", {"qualty": "Q"})


def test_masks_must_be_clear(scans: Path) -> None:
    masks = scans.parent / "masks"
    masks.mkdir()
    told = problems(scans, "Scan,LGE_score\nB,2\n", masks=masks)
    assert told[0].startswith(
        f"{masks}: has no mask of any scan of the table. Masks are named after the scans, such as B"
    )
    for name in ("B.nrrd", "B.nii"):
        (masks / name).touch()
    told = problems(scans, "Scan,LGE_score\nB,2\n", masks=masks)
    assert told == [f"{masks}: has several masks of the scan 'B', B.nii and B.nrrd. Keep one."]


def test_another_table_in_its_place_is_kept(scans: Path) -> None:
    for _ in range(2):
        imported(scans, "Scan,LGE_score\nB,2\n")
    with pytest.raises(OutputError, match=r"scores\.csv: holds another table already. Name another folder"):
        imported(scans, "Scan,LGE_score\nB,3\n")
