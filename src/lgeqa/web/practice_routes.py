"""Routes for the practice before a study, for readers."""

from fastapi import APIRouter, Response

from lgeqa.studies import practice, ratings
from lgeqa.studies.models import writing
from lgeqa.studies.practice import PracticeFeedback, PracticeWorklist
from lgeqa.studies.ratings import GivenScores
from lgeqa.web.app_state import AppStateDep, Number
from lgeqa.web.rating_routes import ReaderDep, SessionsDep, volume_of
from lgeqa.web.responses import Nifti

router = APIRouter(prefix="/api/practice", tags=["Practice"])


@router.get("")
def show_practice(reader_id: ReaderDep, sessions: SessionsDep) -> PracticeWorklist:
    """List the practice scans of the reader's study, and which of them the reader has rated."""
    with sessions() as session:
        return PracticeWorklist.of(ratings.find_person(session, reader_id))


@router.get("/{number}/volume", response_class=Nifti)
def show_volume(number: Number, reader_id: ReaderDep, served: AppStateDep) -> Response:
    """Return a practice scan as `.nii.gz` without any name."""
    with served.sessions() as session:
        scan = practice.find_practice_scan(session, ratings.find_person(session, reader_id), number)
        return volume_of(scan, number, served)


@router.post("/{number}")
def save_practice(number: Number, given: GivenScores, reader_id: ReaderDep, sessions: SessionsDep) -> PracticeFeedback:
    """Save the scores that the reader gave to a practice scan, and return the known ones. The first scores count."""
    with writing(sessions) as session:
        return practice.save_practice(session, ratings.find_person(session, reader_id), number, given)
