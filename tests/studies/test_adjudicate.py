import csv
import io
import json
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from lgeqa.cohort import ADJUDICATED, read_cohort
from lgeqa.scales import SCALE_NAMES
from lgeqa.studies.adjudication import (
    SentAdjudication,
    find_scan,
    list_disputes,
    open_scan,
    readings_of_study,
    save_adjudication,
)
from lgeqa.studies.errors import ConflictError, NotFoundError, RatingError
from lgeqa.studies.export import adjudications_csv, labels_json, scores_csv
from lgeqa.studies.management import close_study, make_study, reopen_study
from lgeqa.studies.models import Study
from lgeqa.studies.ratings import save_rating
from tests.studies.conftest import add_reader, candidates, rate_all, sent
from tests.studies.test_export import reading


@pytest.fixture
def closed(session: Session, study: Study) -> Study:
    """Ada gives 4 to all, Bo 3; but to scan-2 Bo gives 2, and scan-1 he cannot rate. Two scans were read twice."""
    for name in ("Ada", "Bo"):
        add_reader(session, study, name)
    rate_all(session, study, 0, 4)
    rate_all(session, study, 1, 3)
    for scan, given in (("scan-2", sent("again-0002", (2, 2, 2, 2), reader_id=2, known=1)),
                        ("scan-1", sent("again-0001", None, cannot_rate="blurred", reader_id=2, known=1))):  # fmt: skip
        save_rating(session, 2, reading(study, 1, scan).number, given)
    close_study(study)
    return study


def agreed(save_id: str = "agree-001", scores: object = (4, 3, 2, 1), **more: object) -> SentAdjudication:
    given = dict(zip(SCALE_NAMES, scores, strict=True)) if isinstance(scores, tuple) else scores
    return SentAdjudication.model_validate({"save_id": save_id, "known": 0, "scores": given, **more})


def number_of(study: Study, scan_id: str) -> int:
    return next(scan.id for scan in study.scans if scan.scan_id == scan_id)


def test_readings_are_those_that_count(closed: Study) -> None:
    given = {(one.scan_id, one.reader, one.number): one.scores for one in readings_of_study(closed)}

    assert len(given) == 12
    assert [given[scan, "Bo", 1] for scan in ("scan-2", "scan-1")] == [(2, 2, 2, 2), None]
    assert sum(number == 2 for _, _, number in given) == 4
    assert {one.patient for one in readings_of_study(closed)} == {"p0", "p1", "p2", "p3"}


def test_scores_of_scales_are_not_mixed_up(session: Session, study: Study) -> None:
    add_reader(session, study, "Ada")
    save_rating(session, 1, 1, sent(scores=(1, 2, 3, 4)))
    close_study(study)

    assert [one.scores for one in readings_of_study(study)] == [(1, 2, 3, 4)]


def test_the_list_gives_the_reason_and_what_was_agreed_on(session: Session, closed: Study) -> None:
    save_adjudication(session, find_scan(session, closed, number_of(closed, "scan-2")), agreed())

    first, second = list_disputes(closed)

    assert (first.dispute.scan_id, first.number, first.agreed) == ("scan-1", number_of(closed, "scan-1"), None)
    assert first.dispute.reasons == ("Rated by Ada, and not ratable by Bo",)
    assert second.dispute.scan_id == "scan-2"
    assert second.agreed
    assert second.agreed.scores == dict(zip(SCALE_NAMES, (4, 3, 2, 1), strict=True))


def test_a_scan_shows_what_everybody_said(session: Session, closed: Study) -> None:
    seen = open_scan(closed, find_scan(session, closed, number_of(closed, "scan-1")))

    said = [(one.reader, one.reading, one.scores and one.scores["quality"], one.cannot_rate) for one in seen.said]
    assert said[:2] == [("Ada", 1, 4, ""), ("Bo", 1, None, "blurred")]
    assert all(number == 2 for _, number, _, _ in said[2:])
    assert (seen.scan_id, seen.agreed, len(seen.scales)) == ("scan-1", (), 4)


def test_every_consensus_is_kept_and_the_last_counts(session: Session, closed: Study) -> None:
    scan = find_scan(session, closed, number_of(closed, "scan-2"))
    save_adjudication(session, scan, agreed(comment="as Ada, it's sharp", panel="Ada, Bo"))
    save_adjudication(session, scan, agreed("agree-002", None, known=1, cannot_rate="no atrium"))

    assert [(one.version, one.cannot_rate, one.panel) for one in open_scan(closed, scan).agreed] == [
        (1, "", "Ada, Bo"),
        (2, "no atrium", ""),
    ]
    rows = list(csv.DictReader(io.StringIO(adjudications_csv(closed))))
    assert [(row["scan"], row["version"], row["quality"], row["cannot_rate"]) for row in rows] == [
        ("scan-2", "1", "1", ""),
        ("scan-2", "2", "", "no atrium"),
    ]
    assert rows[0]["comment"] == "as Ada, it's sharp"


def test_what_is_sent_twice_is_kept_once(session: Session, closed: Study) -> None:
    scan = find_scan(session, closed, number_of(closed, "scan-2"))
    first = save_adjudication(session, scan, agreed())

    assert save_adjudication(session, scan, agreed()) == first
    assert len(scan.adjudications) == 1
    with pytest.raises(ConflictError, match="save id 'agree-001' was used for something else"):
        save_adjudication(session, scan, agreed(scores=(1, 1, 1, 1)))
    with pytest.raises(ConflictError, match="save id 'agree-001' was used for something else"):
        save_adjudication(session, scan, agreed(panel="Ada, Bo"))


def test_outdated_page_cannot_overwrite_a_consensus(session: Session, closed: Study) -> None:
    scan = find_scan(session, closed, number_of(closed, "scan-2"))
    save_adjudication(session, scan, agreed())

    with pytest.raises(ConflictError, match="adjudicated on another page meanwhile"):
        save_adjudication(session, scan, agreed("agree-002"))
    assert len(scan.adjudications) == 1


def test_training_reads_it_beside_the_readers(session: Session, closed: Study, tmp_path: Path) -> None:
    save_adjudication(session, find_scan(session, closed, number_of(closed, "scan-2")), agreed())
    save_adjudication(
        session, find_scan(session, closed, number_of(closed, "scan-1")), agreed(scores=None, cannot_rate="blurred")
    )
    (tmp_path / "scores.csv").write_text(scores_csv(closed), encoding="utf-8")

    scores = {one.scan_id: one.scores for one in read_cohort(tmp_path)}

    assert scores["scan-2"] == {"Ada": (4, 4, 4, 4), "Bo": (2, 2, 2, 2), ADJUDICATED: (4, 3, 2, 1)}
    assert scores["scan-1"] == {"Ada": (4, 4, 4, 4)}
    labels = json.loads(labels_json(closed))
    assert list(labels["scan-2"]["label"].values()) == [4, 3, 2, 1]
    assert (labels["scan-1"]["label"], labels["scan-0"]["label"]) == (0, 0)


def test_nobody_can_be_named_as_the_panel(session: Session, study: Study) -> None:
    with pytest.raises(RatingError, match="cannot be named 'Adjudicated'"):
        add_reader(session, study, "Adjudicated")


def test_while_a_study_is_open_nothing_is_seen(session: Session, closed: Study) -> None:
    reopen_study(closed)

    with pytest.raises(ConflictError, match="'Pilot' is open"):
        readings_of_study(closed)
    with pytest.raises(ConflictError, match="'Pilot' is open"):
        list_disputes(closed)
    with pytest.raises(ConflictError, match="'Pilot' is open"):
        find_scan(session, closed, 1)


def test_a_study_without_ratings_has_no_agreement(study: Study) -> None:
    close_study(study)

    with pytest.raises(RatingError, match="Nothing was rated in the study 'Pilot'"):
        readings_of_study(study)


def test_scans_of_another_study_are_not_there(session: Session, closed: Study) -> None:
    other = make_study(session, "Other", candidates(1), repeat_share=0, seed=0)

    for number in (99, other.scans[0].id):
        with pytest.raises(NotFoundError, match=f"'Pilot' has no scan {number}"):
            find_scan(session, closed, number)
