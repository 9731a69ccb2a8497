import json
from pathlib import Path
from typing import Any

import pytest

from lgeqa.cohort import LABEL, gather_cohort, read_cohort
from lgeqa.cohort.paper_layout import absent_images
from lgeqa.errors import CohortError

SCORES = {
    "quality_for_fibrosis_assessment": 4.0,
    "sharpness": 3.0,
    "myocardium_nulling": 2.5,
    "enhancement_of_aorta_and_valves": 2.0,
}


def authors(root: Path, labels: Any) -> Path:
    for scan_id in ("x1", "x2"):
        (root / scan_id).mkdir()
        (root / scan_id / "data.nrrd").touch()
    (root / "x1" / "shrinkwrap.nrrd").touch()
    (root / "labels.json").write_text(labels if isinstance(labels, str) else json.dumps(labels))
    return root


def without(key: str) -> dict[str, float]:
    return {name: score for name, score in SCORES.items() if name != key}


def test_the_authors_layout(tmp_path: Path) -> None:
    old_key = without("enhancement_of_aorta_and_valves") | {"enhancement_of_fibrous_tissue": 1.0}
    authors(tmp_path, {"x1": {"label": SCORES, "labeler": {"ann": old_key}}, "x2": {"label": 0}})
    first, second = read_cohort(tmp_path)
    assert first.scores == {LABEL: (2.5, 3.0, 2.0, 4.0), "ann": (2.5, 3.0, 1.0, 4.0)}
    assert first.mask == tmp_path / "x1/shrinkwrap.nrrd"
    assert (second.scores, second.mask, second.patient) == ({}, None, "x2")


def test_labels_may_be_missing(tmp_path: Path) -> None:
    (authors(tmp_path, {}) / "labels.json").unlink()
    assert [case.scores for case in read_cohort(tmp_path)] == [{}, {}]


@pytest.mark.parametrize("nothing", [0, None, {}, dict.fromkeys(SCORES)])
def test_a_reader_without_scores_did_not_score(tmp_path: Path, nothing: object) -> None:
    authors(tmp_path, {"x1": {"label": SCORES, "labeler": {"ann": nothing}}})
    assert list(read_cohort(tmp_path)[0].scores) == [LABEL]


def test_a_reader_may_score_single_scales(tmp_path: Path) -> None:
    authors(tmp_path, {"x1": {"labeler": {"ann": without("sharpness"), "bob": SCORES | {"sharpness": None}}}})
    assert {reader: repr(scores) for reader, scores in read_cohort(tmp_path)[0].scores.items()} == dict.fromkeys(
        ("ann", "bob"), "(2.5, nan, 2.0, 4.0)"
    )


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"x1": {"labeler": {"ann": SCORES | {"sharpness": []}}}}, r"x1, reader ann: sharpness is \[\]"),
        ({"x1": {"label": SCORES | {"sharpness": 9}}}, "x1, reader label: sharpness is 9"),
        ({"x1": {"labeler": {"ann": 3.5}}}, "x1, reader ann: 3.5 is not a JSON object of scores"),
        ({"x1": {"labeler": [1, 2]}}, r"x1: \[1, 2\] is not a JSON object of readers"),
        ({"x1": 4}, "x1: 4 is not a JSON object of readers"),
        ({"x1": {"labeler": {"label": SCORES}}}, "x1: a reader has the name 'label'"),
        ([1], r"is not a readable table of labels \(it holds a list"),
        ('{"x1": ', r"is not a readable table of labels \(Expecting value: line 1"),
        ('{"x1": {"label": 0}, "x1": {}}', r"is not a readable table of labels \('x1' is there twice"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(tmp_path: Path, labels: object, message: str) -> None:
    with pytest.raises(CohortError, match=rf"labels\.json\S* {message}"):
        read_cohort(authors(tmp_path, labels))


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    (authors(tmp_path, {}) / "labels.json").write_bytes('{"Jürgen": {}}'.encode("latin-1"))
    with pytest.raises(CohortError, match=r"labels.json: is not a readable table of labels \('utf-8' codec.* 0xfc"):
        read_cohort(tmp_path)


def test_all_errors_are_gathered_and_the_rest_is_read(tmp_path: Path) -> None:
    wrong = {"ann": SCORES | {"sharpness": 9}, "bob": 1, "cyd": SCORES}
    cases, faults = gather_cohort(
        authors(tmp_path, {"x1": {"labeler": wrong}, "x2": {"label": SCORES | {"sharpness": "x"}}})
    )
    assert [list(case.scores) for case in cases] == [["cyd"], []]
    assert [fault.partition("labels.json, ")[2].split(":")[0] for fault in faults] == [
        "x1, reader ann",
        "x1, reader bob",
        "x2, reader label",
    ]


def test_broken_labels_leave_the_scans(tmp_path: Path) -> None:
    cases, faults = gather_cohort(authors(tmp_path, "{"))
    assert [case.scan_id for case in cases] == ["x1", "x2"]
    assert len(faults) == 1


def test_scans_that_are_only_spoken_of(tmp_path: Path) -> None:
    authors(tmp_path, {"x1": {"label": SCORES}, "x9": {"label": SCORES}})
    (tmp_path / "x5").mkdir()
    (tmp_path / "x5" / "shrinkwrap.nrrd").touch()
    assert absent_images(tmp_path) == [tmp_path / "x5/data.nrrd", tmp_path / "x9/data.nrrd"]
    assert [case.scan_id for case in read_cohort(tmp_path)] == ["x1", "x2"]
