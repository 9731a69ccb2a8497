import csv
import io
import json
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from lgeqa.cohort import LabelRule, read_cohort, scores_of
from lgeqa.scales import SCALE_NAMES
from lgeqa.studies.export import RATING_COLUMNS, history_csv, labels_json, ratings_csv, scores_csv
from lgeqa.studies.models import Reading, Study
from lgeqa.studies.ratings import save_rating
from tests.studies.conftest import add_reader, rate_all, sent


@pytest.fixture
def rated(session: Session, study: Study) -> Study:
    """Two readers: Ada gives 4 first and 2 the second time, Bo 3; Bo cannot rate scan-1."""
    for name in ("Ada", "Bo"):
        add_reader(session, study, name)
    rate_all(session, study, 0, 4)
    rate_all(session, study, 1, 3)
    for one in study.readers[0].readings:
        if one.round == 2:
            save_rating(session, 1, one.number, sent(f"again-{one.id:04}", (2, 2, 2, 2), known=1))
    again = sent("again-0099", None, cannot_rate='no "atrium", it seems', comment="<b>a\nb</b>", reader_id=2, known=1)
    save_rating(session, 2, reading(study, 1, "scan-1").number, again)
    return study


def reading(study: Study, reader: int, scan_id: str) -> Reading:
    return next(one for one in study.readers[reader].readings if one.scan.scan_id == scan_id and one.round == 1)


def rows(table: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table)))


def test_training_reads_first_readings_of_every_reader(rated: Study, tmp_path: Path) -> None:
    rated.scans[0].mask = "/scans/0-mask.nrrd"
    path = tmp_path / "scores.csv"
    path.write_text(scores_csv(rated), encoding="utf-8")

    cases = read_cohort(path)

    four, three = (4.0,) * 4, (3.0,) * 4
    assert [(one.scan_id, one.patient, str(one.image)) for one in cases] == [
        (f"scan-{number}", f"p{number}", f"/scans/{number}.nrrd") for number in range(4)
    ]
    assert [one.mask for one in cases] == [Path("/scans/0-mask.nrrd"), None, None, None]
    assert [one.scores for one in cases] == [
        {"Ada": four} if one.scan_id == "scan-1" else {"Ada": four, "Bo": three} for one in cases
    ]
    assert scores_of(cases[0], LabelRule(rule="mean")).tolist() == [3.5] * 4


def test_the_authors_layout_holds_the_same_scores(rated: Study, tmp_path: Path) -> None:
    for scan in rated.scans:
        (tmp_path / scan.scan_id).mkdir()
        (tmp_path / scan.scan_id / "data.nrrd").touch()
    (tmp_path / "labels.json").write_text(labels_json(rated), encoding="utf-8")
    (tmp_path / "scores.csv").write_text(scores_csv(rated), encoding="utf-8")
    by_table = {one.scan_id: one.scores for one in read_cohort(tmp_path)}
    (tmp_path / "scores.csv").unlink()

    assert {one.scan_id: one.scores for one in read_cohort(tmp_path)} == by_table
    assert json.loads(labels_json(rated))["scan-0"]["label"] == 0


def test_second_readings_are_only_in_the_table_of_ratings(rated: Study) -> None:
    table = rows(ratings_csv(rated))

    assert tuple(table[0]) == RATING_COLUMNS
    assert len(table) == 12
    second = [one for one in table if (one["reader"], one["reading"]) == ("Ada", "2")]
    assert [[one[name] for name in SCALE_NAMES] for one in second] == [["2"] * 4] * 2
    assert {one["reading"] for one in table} == {"1", "2"}
    assert len({(one["scan"], one["reader"], one["reading"]) for one in table}) == 12


def test_scores_of_scales_are_not_mixed_up(session: Session, study: Study) -> None:
    add_reader(session, study, "Ada")
    save_rating(session, 1, 1, sent(scores=(1, 2, 3, 4), seconds=41.26))
    scan_id = study.readers[0].readings[0].scan.scan_id

    [row] = rows(ratings_csv(study))
    scored = [one for one in rows(scores_csv(study)) if one["quality"]]

    assert (row["scan"], row["seconds"]) == (scan_id, "41.3")
    assert [row[name] for name in SCALE_NAMES] == ["1", "2", "3", "4"]
    assert [[one[name] for name in ("scan", *SCALE_NAMES)] for one in scored] == [[scan_id, "1", "2", "3", "4"]]
    assert list(json.loads(labels_json(study))[scan_id]["labeler"]["Ada"].values()) == [1.0, 2.0, 3.0, 4.0]


def test_what_cannot_be_rated_keeps_its_reason_and_comment(rated: Study) -> None:
    [row] = [one for one in rows(ratings_csv(rated)) if one["cannot_rate"]]

    assert (row["scan"], row["reader"], row["quality"]) == ("scan-1", "Bo", "")
    assert (row["cannot_rate"], row["comment"]) == ('no "atrium", it seems', "<b>a\nb</b>")


def test_the_history_has_every_save(rated: Study) -> None:
    table = rows(history_csv(rated))

    assert len(table) == 12 + 3
    again = [one for one in table if (one["scan"], one["reader"], one["reading"]) == ("scan-1", "Bo", "1")]
    assert [(one["version"], one["quality"]) for one in again] == [("1", "3"), ("2", "")]


def test_a_study_without_ratings_is_a_cohort_without_scores(study: Study, tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(scores_csv(study), encoding="utf-8")

    assert [one.scores for one in read_cohort(path)] == [{}] * 4


@pytest.mark.parametrize("comment", ["one\rtwo", "one\r\ntwo", "\r=1", 'a "quote", and a comma'])
def test_comment_of_any_line_ends_is_one_cell(session: Session, study: Study, comment: str) -> None:
    add_reader(session, study, "Ada")
    for one in study.readers[0].readings:
        save_rating(session, 1, one.number, sent(f"save-{one.id:04}", (2, 2, 2, 2), comment=comment))

    table = rows(ratings_csv(study))

    assert {row["reader"] for row in table} == {"Ada"}
    assert {row["comment"] for row in table} == {comment.replace("\r\n", "\n").replace("\r", "\n")}
