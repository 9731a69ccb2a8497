from dataclasses import replace
from pathlib import Path

import pytest

from lgeqa.cohort import read_cohort
from lgeqa.cohort.table_io import COLUMNS
from lgeqa.database import open_database
from lgeqa.errors import CohortError
from lgeqa.studies.errors import RatingError
from lgeqa.studies.export import scores_csv
from lgeqa.studies.management import make_study
from lgeqa.studies.models import writing
from lgeqa.studies.study_scans import scans_of_folder
from lgeqa.training.case_reading import read_case
from tests.images import volume, write_dicom_series, write_volume
from tests.studies.conftest import add_reader, rate_all

HEADER = ",".join(COLUMNS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two scans in the authors' layout."""
    for seed, name in enumerate("ab"):
        write_volume(tmp_path / name / "data.nrrd", volume((9, 9, 8), seed=seed))
    write_volume(tmp_path / "a" / "shrinkwrap.nrrd", volume((9, 9, 8)))
    return tmp_path


def test_each_scan_is_its_own_patient_and_keeps_its_mask(folder: Path) -> None:
    scans, left_out = scans_of_folder(folder)

    assert [(one.source.scan_id, one.patient) for one in scans] == [("a", "a"), ("b", "b")]
    assert [one.source.mask_path for one in scans] == [folder / "a/shrinkwrap.nrrd", None]
    assert len({one.sha256 for one in scans}) == 2
    assert left_out == []


def test_a_dicom_series_is_a_scan(folder: Path) -> None:
    files = write_dicom_series(folder / "c", volume((9, 9, 8), seed=5))

    last = scans_of_folder(folder)[0][-1]

    assert (last.source.kind, last.source.location, len(last.source.files)) == ("dicom", folder / "c", len(files))


def test_the_table_of_a_study_is_a_cohort_of_its_scans(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A volume, and two DICOM series of one folder with a mask for each, from the ratings to the voxels."""
    for seed in (5, 6):
        name = f"{seed}-{{:02}}".format
        write_dicom_series(folder / "upload" / "data", volume((9, 9, 8), seed=seed), name=name)
    place = tmp_path_factory.mktemp("export")
    with writing(open_database(place / "a.sqlite")) as session:
        study = make_study(session, "Pilot", scans_of_folder(folder)[0], repeat_share=0, seed=0)
        add_reader(session, study, "Ada")
        rate_all(session, study, 0, 4)
        (place / "scores.csv").write_text(scores_csv(study), encoding="utf-8")

    cases = [replace(case, mask=folder / "a/shrinkwrap.nrrd") for case in read_cohort(place)]

    assert [case.scores for case in cases] == [{"Ada": (4, 4, 4, 4)}] * 4
    voxels = [read_case(case)[0].voxels for case in cases]
    assert sorted(seed for one in voxels for seed in (0, 1, 5, 6) if (one == volume((9, 9, 8), seed=seed)).all()) == [
        0,
        1,
        5,
        6,
    ]


def test_a_cohort_names_names_patients_and_masks(folder: Path) -> None:
    (folder / "scores.csv").write_text(f"{HEADER}\nfirst,p,a/data.nrrd,m.nrrd,,,,,\nsecond,p,b/data.nrrd,,,,,,\n")

    scans, _ = scans_of_folder(folder)

    assert [(one.source.scan_id, one.patient) for one in scans] == [("first", "p"), ("second", "p")]
    assert [one.source.mask_path for one in scans] == [folder / "m.nrrd", None]


def test_a_cohort_that_cannot_be_used_is_refused(folder: Path) -> None:
    (folder / "scores.csv").write_text("scan,patient\n")

    with pytest.raises(CohortError, match="lacks the column"):
        scans_of_folder(folder)


def test_the_owners_table_names_patients(folder: Path) -> None:
    scans, _ = scans_of_folder(folder, "\ufeffscan,born,patient\na,1950,p1\nb,1960,p1\nelsewhere,1970,p2\n")

    assert [one.patient for one in scans] == ["p1", "p1"]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("scan;patient\na;p\n", r"lacks the column\(s\) scan, patient. It has scan;patient"),
        ("scan,patient\na,p\n", "does not say whose these scans are: b"),
        ("scan,patient\na,p\nb,\n", "does not say whose these scans are: b"),
        ("scan,patient\na,p\nb\n", "does not say whose these scans are: b"),
        ("scan,patient\na,p\na,q\nb,q\n", "the scan 'a' both 'p' and 'q'"),
    ],
)
def test_a_table_of_patients_that_cannot_be_used(folder: Path, table: str, told: str) -> None:
    with pytest.raises(RatingError, match=told):
        scans_of_folder(folder, table)


def test_many_scans_without_a_patient_are_counted(folder: Path) -> None:
    for name in "cdefgh":
        write_volume(folder / name / "data.nrrd", volume((9, 9, 8)))

    with pytest.raises(RatingError, match="a, b, c, d, e and 3 more"):
        scans_of_folder(folder, "scan,patient\n")


def test_what_cannot_be_read_is_left_out_with_the_reason(folder: Path) -> None:
    (folder / "b" / "data.nrrd").write_bytes(b"NRRD0004\nbroken")

    scans, left_out = scans_of_folder(folder)

    assert [one.source.scan_id for one in scans] == ["a"]
    assert len(left_out) == 1
    assert "b/data.nrrd" in left_out[0]


def test_a_folder_must_be_there_and_hold_scans(tmp_path: Path) -> None:
    with pytest.raises(RatingError, match="gone: is not a folder on the server's machine"):
        scans_of_folder(tmp_path / "gone")
    with pytest.raises(RatingError, match=r"^scans: is not a folder on the server's machine\. Give its whole path"):
        scans_of_folder(Path("scans"))
    with pytest.raises(RatingError, match="holds no scan that can be read"):
        scans_of_folder(tmp_path)
