"""Rating over HTTP: `/api/studies` for the owner, `/api/reading` for readers."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, HTTPException, Response
from pydantic import BaseModel, ConfigDict, Field

from lgeqa.database import Sessions
from lgeqa.errors import ReadError
from lgeqa.rate import export, readings, studies
from lgeqa.rate.readings import SavedRating, SentRating
from lgeqa.rate.tables import StudyScan, writing
from lgeqa.rate.views import OwnRating, OwnReadings, StudyView
from lgeqa.serve.access import SomeoneIs, owner
from lgeqa.serve.answers import Nifti, as_file, as_table
from lgeqa.serve.reading import candidates_of, read_apart
from lgeqa.serve.served import Number, Served, ServedIs
from lgeqa.serve.volumes import scan_volume

_EXPORTS: Final = {
    "scores.csv": export.scores_csv,
    "ratings.csv": export.ratings_csv,
    "history.csv": export.history_csv,
    "labels.json": export.labels_json,
    "adjudications.csv": export.adjudications_csv,
}
#: Those for people. Training reads `scores.csv`, in which names and paths must stay what they are.
_TABLES: Final = ("ratings.csv", "history.csv", "adjudications.csv")
ExportName = Literal["scores.csv", "ratings.csv", "history.csv", "labels.json", "adjudications.csv"]


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NewStudy(_Form):
    """A study to be made.

    Attributes:
        name: for people.
        folder: with the scans, on the server's machine.
        patients: CSV with the columns scan and patient; empty for none.
        repeat_share: share of the scans that each reader sees twice.
        seed: of the draw.
    """

    name: str
    folder: str
    patients: str = ""
    repeat_share: float = 0.2
    seed: int = Field(0, lt=2**63)


class MadeStudy(StudyView):
    """A study that was made, and why scans of the folder are not in it."""

    left_out: tuple[str, ...]


class NewReader(_Form):
    """A reader to be added."""

    name: str


class ReaderLink(_Form):
    """How a reader gets in; told once. The address is `/read?token=` with the token, below that of the server."""

    number: int
    name: str
    token: str


def sessions_of(served: ServedIs) -> Sessions:
    """The database of the application."""
    return served.sessions


def reader_id_of(person: SomeoneIs) -> int:
    """`Reader.id` of who sent a request; 403 for the owner, who has no order to read in."""
    if person.reader_id is None:
        raise HTTPException(403, "Only a reader rates. Open a reader's link, best in a private window.")
    return person.reader_id


SessionsAre = Annotated[Sessions, Depends(sessions_of)]
ReaderIs = Annotated[int, Depends(reader_id_of)]
for_owner = APIRouter(prefix="/api/studies", tags=["Studies"], dependencies=[Depends(owner)])
for_readers = APIRouter(prefix="/api/reading", tags=["Reading"])


@for_owner.get("")
def list_studies(sessions: SessionsAre) -> list[StudyView]:
    """All studies, the newest first."""
    with sessions() as session:
        return [StudyView.of(study) for study in studies.list_studies(session)]


@for_owner.post("", status_code=201)
def make_study(new: NewStudy, served: ServedIs) -> MadeStudy:
    """Make a study of the scans in a folder on the server's machine. Each scan is read once to see that it can be."""
    scans, left_out = candidates_of(Path(new.folder), new.patients, served.settings.timeout)
    with writing(served.sessions) as session:
        study = studies.make_study(session, new.name, scans, repeat_share=new.repeat_share, seed=new.seed)
        return MadeStudy(**StudyView.of(study).model_dump(), left_out=tuple(left_out))


@for_owner.get("/{study_id}")
def show_study(study_id: Number, sessions: SessionsAre) -> StudyView:
    """A study and how far its readers are."""
    with sessions() as session:
        return StudyView.of(studies.find_study(session, study_id))


@for_owner.delete("/{study_id}", status_code=204)
def delete_study(study_id: Number, sessions: SessionsAre) -> None:
    """Take back a study in which nobody has rated. The scans stay where they lie."""
    with writing(sessions) as session:
        studies.delete_study(session, studies.find_study(session, study_id))


@for_owner.post("/{study_id}/readers", status_code=201)
def add_reader(study_id: Number, new: NewReader, sessions: SessionsAre) -> ReaderLink:
    """Add a reader to an open study. The token is told this once and not kept."""
    with writing(sessions) as session:
        reader, token = studies.add_reader(session, studies.find_study(session, study_id), new.name)
        return ReaderLink(number=reader.number, name=reader.name, token=token)


@for_owner.delete("/{study_id}/readers/{number}")
def remove_reader(study_id: Number, number: Number, sessions: SessionsAre) -> StudyView:
    """Take back a reader who has rated nothing. The link opens nothing any more."""
    with writing(sessions) as session:
        study = studies.find_study(session, study_id)
        studies.remove_reader(study, number)
        return StudyView.of(study)


@for_owner.post("/{study_id}/readers/{number}/token")
def renew_token(study_id: Number, number: Number, sessions: SessionsAre) -> ReaderLink:
    """Give a reader a new token; the old one opens nothing any more."""
    with writing(sessions) as session:
        reader, token = studies.renew_token(studies.find_study(session, study_id), number)
        return ReaderLink(number=number, name=reader.name, token=token)


@for_owner.post("/{study_id}/close")
def close_study(study_id: Number, sessions: SessionsAre) -> StudyView:
    """End the rating. Readers see nothing more; the ratings can be had."""
    with writing(sessions) as session:
        study = studies.find_study(session, study_id)
        studies.close_study(study)
        return StudyView.of(study)


@for_owner.post("/{study_id}/reopen")
def reopen_study(study_id: Number, sessions: SessionsAre) -> StudyView:
    """Let readers go on. It is kept that the study was closed before."""
    with writing(sessions) as session:
        study = studies.find_study(session, study_id)
        studies.reopen_study(study)
        return StudyView.of(study)


@for_owner.get("/{study_id}/ratings")
def show_ratings(study_id: Number, sessions: SessionsAre) -> list[dict[str, Any]]:
    """The ratings of a closed study, as the rows of `ratings.csv`."""
    with sessions() as session:
        study = studies.find_study(session, study_id)
        studies.check_closed(study)
        return export.rating_rows(study)


@for_owner.get("/{study_id}/export/{file}", response_class=Response)
def export_study(study_id: Number, file: ExportName, sessions: SessionsAre) -> Response:
    """The ratings of a closed study as a file."""
    with sessions() as session:
        study = studies.find_study(session, study_id)
        studies.check_closed(study)
        text = _EXPORTS[file](study)
    return as_table(text, file) if file in _TABLES else as_file(text, file)


@for_readers.get("")
def show_readings(reader_id: ReaderIs, sessions: SessionsAre) -> OwnReadings:
    """The scans that the reader is to rate, by blind number, and the scales."""
    with sessions() as session:
        return OwnReadings.of(readings.find_person(session, reader_id))


@for_readers.get("/{number}")
def show_rating(number: Number, reader_id: ReaderIs, sessions: SessionsAre) -> OwnRating:
    """What the reader gave this scan before."""
    with sessions() as session:
        return OwnRating.of(readings.find_reading(session, reader_id, number))


@for_readers.get("/{number}/volume", response_class=Nifti)
def show_volume(number: Number, reader_id: ReaderIs, served: ServedIs) -> Response:
    """The scan as `.nii.gz` without any name."""
    with served.sessions() as session:
        return volume_of(readings.find_reading(session, reader_id, number).scan, number, served)


def volume_of(kept: StudyScan, number: int, served: Served) -> Nifti:
    """The volume of a scan of a study, which who looks at it knows by `number`; 503 if it cannot be read now."""
    read = partial(read_apart, timeout=served.settings.timeout)
    try:
        return Nifti(scan_volume(readings.read_kept(kept, number, read)))
    except ReadError as fault:
        raise HTTPException(503, str(fault)) from None


@for_readers.post("/{number}/ratings")
def save_rating(number: Number, sent: SentRating, reader_id: ReaderIs, sessions: SessionsAre) -> SavedRating:
    """Save a rating; once answered it is on the disk. Sent again with the same save id, it is kept once."""
    with writing(sessions) as session:
        return readings.save_rating(session, reader_id, number, sent)
