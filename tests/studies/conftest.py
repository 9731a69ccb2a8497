from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from lgeqa.database import Sessions, open_database
from lgeqa.io import Source
from lgeqa.scales import SCALE_NAMES
from lgeqa.studies import management
from lgeqa.studies.management import make_study
from lgeqa.studies.models import Reader, Study, writing
from lgeqa.studies.ratings import SentRating, save_rating
from lgeqa.studies.study_scans import Candidate


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return open_database(tmp_path / "a.sqlite")


@pytest.fixture
def session(sessions: Sessions) -> Iterator[Session]:
    with writing(sessions) as session:
        yield session


#: Secret of the owner, from which the links of readers follow.
KEY = "key-of-the-tests-of-studies"


def add_reader(session: Session, study: Study, name: str) -> tuple[Reader, str]:
    return management.add_reader(session, study, name, KEY)


def candidates(n: int) -> list[Candidate]:
    """Scans that nobody opens."""
    return [
        Candidate(
            Source(f"scan-{one}", "volume", Path(f"/scans/{one}.nrrd"), (Path(f"/scans/{one}.nrrd"),)), f"p{one}", "0"
        )
        for one in range(n)
    ]


@pytest.fixture
def study(session: Session) -> Study:
    """Four scans, two of them shown twice, and no reader."""
    return make_study(session, "Pilot", candidates(4), repeat_share=0.5, seed=3)


def sent(save_id: str = "save-0001", scores: object = (4, 3, 2, 5), **more: object) -> SentRating:
    """A rating as a page sends it."""
    given = dict(zip(SCALE_NAMES, scores, strict=True)) if isinstance(scores, tuple) else scores
    return SentRating.model_validate({"save_id": save_id, "reader_id": 1, "known": 0, "scores": given, **more})


def rate_all(session: Session, study: Study, reader: int, score: int) -> None:
    """Give every reading of a reader, by its place in the study's list, one score on all scales."""
    person = study.readers[reader]
    for one in person.readings:
        four = (score, score, score, score)
        save_rating(session, person.id, one.number, sent(f"save-{one.id:04}", four, reader_id=person.id))
