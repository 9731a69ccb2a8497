import json
from pathlib import Path

import pytest

from lgeqa.cohort import LABEL, read_cohort
from lgeqa.errors import CohortError

HEADER = "scan,patient,image,mask,reader,myocardium_nulling,sharpness,enhancement,quality\n"


def write(root: Path, *rows: str, header: str = HEADER) -> Path:
    (root / "scores.csv").write_text(header + "\n".join(rows) + "\n")
    return root


def test_rows_of_a_scan_are_its_readers(tmp_path: Path) -> None:
    write(
        tmp_path,
        "b,p1,b/data.nrrd,b/m.nrrd,ann,1,2,3,4",
        "b,p1,b/data.nrrd,b/m.nrrd,bob,5,4,3.5,2",
        "a,p1,a.nrrd,,,,,,",
    )
    a, b = read_cohort(tmp_path)
    assert (a.scan_id, a.mask, a.scores) == ("a", None, {})
    assert b.scores == {"ann": (1, 2, 3, 4), "bob": (5, 4, 3.5, 2)}
    assert (b.patient, b.image, b.mask) == ("p1", tmp_path / "b/data.nrrd", tmp_path / "b/m.nrrd")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,p,i,m,ann,6,2,3,4", "line 2: myocardium_nulling is 6; scores run from 1 to 5"),
        ("a,p,i,m,ann,1,0.5,3,4", "sharpness is 0.5"),
        ("a,p,i,m,ann,1,2,good,4", "enhancement is 'good', not a number"),
        ("a,p,i,m,ann,1,2,3,nan", "quality is nan"),
    ],
)
def test_scores_off_the_scale_are_refused(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(CohortError, match=message):
        read_cohort(write(tmp_path, row))


def test_a_scan_has_one_patient(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="line 3: scan a stands with two patients"):
        read_cohort(write(tmp_path, "a,p1,i,m,ann,1,2,3,4", "a,p2,i,m,bob,1,2,3,4"))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match=r"lacks the column\(s\) quality"):
        read_cohort(write(tmp_path, "a,p,i,m,ann,1,2,3", header=HEADER.replace(",quality", "")))


def authors(root: Path, labels: dict[str, object]) -> Path:
    for scan_id in ("x1", "x2"):
        (root / scan_id).mkdir()
        (root / scan_id / "data.nrrd").touch()
    (root / "x1" / "shrinkwrap.nrrd").touch()
    (root / "labels.json").write_text(json.dumps(labels))
    return root


SCORES = {
    "quality_for_fibrosis_assessment": 4.0,
    "sharpness": 3.0,
    "myocardium_nulling": 2.5,
    "enhancement_of_aorta_and_valves": 2.0,
}


def test_the_authors_layout(tmp_path: Path) -> None:
    old_key = {k: v for k, v in SCORES.items() if "enhancement" not in k} | {"enhancement_of_fibrous_tissue": 1.0}
    authors(tmp_path, {"x1": {"label": SCORES, "labeler": {"ann": old_key}}, "x2": {"label": 0}})
    first, second = read_cohort(tmp_path)
    assert first.scores == {LABEL: (2.5, 3.0, 2.0, 4.0), "ann": (2.5, 3.0, 1.0, 4.0)}
    assert first.mask == tmp_path / "x1/shrinkwrap.nrrd"
    assert (second.scores, second.mask, second.patient) == ({}, None, "x2")


def test_an_incomplete_reader_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="x1: reader ann has no score of quality"):
        read_cohort(authors(tmp_path, {"x1": {"labeler": {"ann": {k: v for k, v in SCORES.items() if "q" not in k}}}}))


def test_no_cohort(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match=r"holds neither scores.csv nor"):
        read_cohort(tmp_path)
    with pytest.raises(CohortError, match="nowhere: is not a folder"):
        read_cohort(tmp_path / "nowhere")
