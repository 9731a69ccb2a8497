from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from lgeqa.scales import SCALE_NAMES
from lgeqa.studies import export
from lgeqa.studies.adjudication import readings_of_study
from lgeqa.studies.errors import ConflictError, NotFoundError, RatingError
from lgeqa.studies.management import close_study, delete_study, make_study, remove_reader
from lgeqa.studies.models import PracticeRating, PracticeScan, Study
from lgeqa.studies.practice import PracticeWorklist, add_practice, mean_distance, save_practice
from lgeqa.studies.ratings import GivenScores
from lgeqa.studies.study_scans import PracticeCandidate, practice_of_folder
from lgeqa.studies.views import Progress, ReaderWorklist
from tests.images import volume, write_volume
from tests.studies.conftest import add_reader, candidates, rate_all

HEAD = "scan,patient,image,mask,reader,myocardium_nulling,sharpness,enhancement,quality\n"
EXPORTS = (export.scores_csv, export.ratings_csv, export.history_csv, export.labels_json, export.adjudications_csv)
KNOWN = ((4.0, 3.0, 2.5, None), (5.0, 5.0, 5.0, 1.0))


@pytest.fixture
def practised(session: Session) -> Study:
    """Two scans, two practice scans, and Ada to read them."""
    scans = candidates(4)
    study = make_study(session, "Pilot", scans[:2], repeat_share=0, seed=3)
    others = [replace(scan, sha256=f"{place}") for place, scan in enumerate(scans[2:], start=1)]
    practice = [PracticeCandidate(scan, known) for scan, known in zip(others, KNOWN, strict=True)]
    add_practice(study, practice, scans[:2])
    add_reader(session, study, "Ada")
    return study


def given(*scores: int) -> GivenScores:
    return dict(zip(SCALE_NAMES, scores, strict=True))


def test_feedback_tells_how_far_off_the_reader_is(session: Session, practised: Study) -> None:
    [ada] = practised.readers

    first = save_practice(session, ada, 1, given(4, 5, 2, 1))
    second = save_practice(session, ada, 2, given(5, 5, 5, 4))

    assert first.given == given(4, 5, 2, 1)
    assert first.mean_distance == pytest.approx(2.5 / 3)
    assert [first.known[name] for name in SCALE_NAMES] == [4, 3, 2.5, None]
    assert second.mean_distance == mean_distance(ada) == pytest.approx(5.5 / 7)
    assert [(scan.number, scan.done) for scan in PracticeWorklist.of(ada).scans] == [(1, True), (2, True)]


def test_first_scores_of_a_practice_scan_count(session: Session, practised: Study) -> None:
    [ada] = practised.readers
    first = save_practice(session, ada, 1, given(1, 1, 1, 1))

    again = save_practice(session, ada, 1, given(4, 3, 2, 1))

    assert again == first
    assert session.query(PracticeRating).count() == 1


def test_reader_and_owner_see_the_progress(session: Session, practised: Study) -> None:
    [ada] = practised.readers
    assert (ReaderWorklist.of(ada).practice_left, Progress.of(ada).practice_distance) == (2, None)

    save_practice(session, ada, 1, given(4, 3, 2, 1))

    assert ReaderWorklist.of(ada).practice_left == 1
    progress = Progress.of(ada)
    assert (progress.practised, progress.rated) == (1, 0)
    assert progress.practice_distance == pytest.approx(0.5 / 3)


def test_practice_is_in_no_export_and_no_agreement(session: Session, practised: Study) -> None:
    rate_all(session, practised, 0, 3)
    close_study(practised)
    texts = [made(practised) for made in EXPORTS]
    readings = readings_of_study(practised)
    practised.closed_at = None
    for number in (1, 2):
        save_practice(session, practised.readers[0], number, given(1, 1, 1, 1))
    close_study(practised)

    assert [made(practised) for made in EXPORTS] == texts
    assert readings_of_study(practised) == readings


def test_closed_study_takes_no_practice(session: Session, practised: Study) -> None:
    close_study(practised)

    with pytest.raises(ConflictError, match="'Pilot' is closed"):
        save_practice(session, practised.readers[0], 1, given(1, 1, 1, 1))


def test_practice_scan_that_does_not_exist(session: Session, practised: Study) -> None:
    with pytest.raises(NotFoundError, match="practice has no scan 3"):
        save_practice(session, practised.readers[0], 3, given(1, 1, 1, 1))


def test_practice_goes_with_its_reader_and_its_study(session: Session, practised: Study) -> None:
    save_practice(session, practised.readers[0], 1, given(1, 1, 1, 1))
    remove_reader(practised, 1)
    session.flush()
    assert session.query(PracticeRating).count() == 0

    delete_study(session, practised)
    session.flush()
    assert session.query(PracticeScan).count() == 0


def test_scan_of_the_study_cannot_be_practised(session: Session) -> None:
    scans = candidates(2)
    study = make_study(session, "Pilot", scans, repeat_share=0, seed=3)

    with pytest.raises(RatingError, match=r"In the practice and in the study: scan-1\. Take"):
        add_practice(study, [PracticeCandidate(scans[1], KNOWN[0])], scans)


def test_practice_comes_from_a_scored_cohort(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write_volume(tmp_path / name / "data.nrrd", volume((9, 16, 12), seed=ord(name)))
    rows = [
        "a,p,a/data.nrrd,,Ada,4,4,4,4",
        "a,p,a/data.nrrd,,Bo,5,4,3,",
        "b,q,b/data.nrrd,,Ada,1,2,3,4",
        "c,r,c/data.nrrd,,,,,,",
    ]
    (tmp_path / "scores.csv").write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")

    scans = practice_of_folder(tmp_path)

    assert [(scan.candidate.source.scan_id, scan.scores) for scan in scans] == [
        ("a", (4.5, 4, 3.5, 4)),
        ("b", (1, 2, 3, 4)),
    ]


def test_folder_without_scores_is_no_practice(tmp_path: Path) -> None:
    write_volume(tmp_path / "a" / "data.nrrd", volume((9, 16, 12), seed=1))
    (tmp_path / "scores.csv").write_text(f"{HEAD}a,p,a/data.nrrd,,,,,,\n", encoding="utf-8")

    with pytest.raises(RatingError, match=r"cannot be the practice\. no scan has scores"):
        practice_of_folder(tmp_path)
    with pytest.raises(RatingError, match="is not a folder"):
        practice_of_folder(tmp_path / "missing")


def test_worklist_marks_only_the_rated_scans(session: Session, practised: Study) -> None:
    [ada] = practised.readers
    save_practice(session, ada, 2, given(1, 1, 1, 1))

    assert [(scan.number, scan.done) for scan in PracticeWorklist.of(ada).scans] == [(1, False), (2, True)]
