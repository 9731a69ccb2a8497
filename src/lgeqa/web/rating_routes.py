"""Routes for rating: `/api/studies` for the owner, `/api/reading` for readers."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, HTTPException, Response
from pydantic import Field

from lgeqa.agreement.discrepancy_rule import DiscrepancyRule
from lgeqa.config import Frozen
from lgeqa.database import Sessions
from lgeqa.errors import ReadError
from lgeqa.studies import export, management, practice, ratings
from lgeqa.studies.models import PracticeScan, StudyScan, writing
from lgeqa.studies.ratings import SavedRating, SentRating
from lgeqa.studies.views import OwnRating, ReaderWorklist, StudyView
from lgeqa.web.app_state import AppState, AppStateDep, Number
from lgeqa.web.audit_routes import audited
from lgeqa.web.authorization import PrincipalDep, owner
from lgeqa.web.isolated_reading import candidates_of, practice_of, read_apart
from lgeqa.web.responses import Nifti, as_file, as_table
from lgeqa.web.volumes import scan_volume

_EXPORTS: Final = {
    "scores.csv": export.scores_csv,
    "ratings.csv": export.ratings_csv,
    "history.csv": export.history_csv,
    "labels.json": export.labels_json,
    "adjudications.csv": export.adjudications_csv,
}
#: Exports for spreadsheets. Training reads `scores.csv`, in which names and paths must stay unchanged.
_TABLES: Final = ("ratings.csv", "history.csv", "adjudications.csv")
ExportName = Literal["scores.csv", "ratings.csv", "history.csv", "labels.json", "adjudications.csv"]


class NewStudy(Frozen):
    """A study to be created.

    Attributes:
        name: Unique name for display.
        folder: Folder with the scans, on the server's machine.
        patients: CSV with the columns scan and patient. Empty for none.
        repeat_share: Share of the scans that each reader sees twice.
        seed: Random seed of the scans shown twice and of each reader's order.
        practice_folder: Folder of a cohort with scores, whose scans each reader rates before the study. Empty for none.
    """

    name: str
    folder: str
    patients: str = ""
    repeat_share: float = 0.2
    seed: int = Field(0, lt=2**63)
    practice_folder: str = ""


class MadeStudy(StudyView):
    """A study that was created.

    Attributes:
        left_out: Reason for each scan of the folder that is not in the study.
    """

    left_out: tuple[str, ...]


class NewReader(Frozen):
    """A reader to be added.

    Attributes:
        name: Name of the reader, unique in the study.
    """

    name: str


class ReaderLink(Frozen):
    """The access of a reader. The link is `/enter#token=` with the token, on this server.

    Attributes:
        number: Number of the reader in the study.
        name: Name of the reader.
        token: Secret token of the reader.
    """

    number: int
    name: str
    token: str


def sessions_of(served: AppStateDep) -> Sessions:
    """Return the database sessions of the application."""
    return served.sessions


def reader_id_of(person: PrincipalDep) -> int:
    """Return the `Reader.id` of the sender of a request.

    Raises:
        HTTPException: 403 for the owner, who has no reading order.
    """
    if person.reader_id is None:
        raise HTTPException(403, "Only a reader rates. Open a reader's link, best in a private window.")
    return person.reader_id


SessionsDep = Annotated[Sessions, Depends(sessions_of)]
ReaderDep = Annotated[int, Depends(reader_id_of)]
for_owner = APIRouter(prefix="/api/studies", tags=["Studies"], dependencies=[Depends(owner)])
for_readers = APIRouter(prefix="/api/reading", tags=["Reading"])


@for_owner.get("")
def list_studies(sessions: SessionsDep) -> list[StudyView]:
    """List all studies, the newest first."""
    with sessions() as session:
        return [StudyView.of(study) for study in management.list_studies(session)]


@for_owner.post("", status_code=201, dependencies=[audited("study")])
def make_study(new: NewStudy, served: AppStateDep) -> MadeStudy:
    """Create a study of the scans in a folder on the server's machine. Each scan is read once as a check."""
    timeout = served.settings.timeout
    scans, left_out = candidates_of(Path(new.folder), new.patients, timeout)
    practice_scans = practice_of(Path(new.practice_folder), timeout) if new.practice_folder else []
    with writing(served.sessions) as session:
        study = management.make_study(session, new.name, scans, repeat_share=new.repeat_share, seed=new.seed)
        practice.add_practice(study, practice_scans, scans)
        return MadeStudy(**StudyView.of(study).model_dump(), left_out=tuple(left_out))


@for_owner.get("/{study_id}")
def show_study(study_id: Number, sessions: SessionsDep) -> StudyView:
    """Return a study and the progress of its readers."""
    with sessions() as session:
        return StudyView.of(management.find_study(session, study_id))


@for_owner.delete("/{study_id}", status_code=204, dependencies=[audited("study")])
def delete_study(study_id: Number, sessions: SessionsDep) -> None:
    """Delete a study in which nobody has rated. The files of the scans are not deleted."""
    with writing(sessions) as session:
        management.delete_study(session, management.find_study(session, study_id))


@for_owner.post("/{study_id}/readers", status_code=201, dependencies=[audited("study")])
def add_reader(study_id: Number, new: NewReader, served: AppStateDep) -> ReaderLink:
    """Add a reader to an open study. The token itself is not stored."""
    with writing(served.sessions) as session:
        study = management.find_study(session, study_id)
        reader, token = management.add_reader(session, study, new.name, served.link_key)
        return ReaderLink(number=reader.number, name=reader.name, token=token)


@for_owner.delete("/{study_id}/readers/{number}", dependencies=[audited("study")])
def remove_reader(study_id: Number, number: Number, sessions: SessionsDep) -> StudyView:
    """Remove a reader who has rated nothing. The reader's link becomes invalid."""
    with writing(sessions) as session:
        study = management.find_study(session, study_id)
        management.remove_reader(study, number)
        return StudyView.of(study)


@for_owner.get("/{study_id}/readers/{number}/token", dependencies=[audited("study")])
def show_token(study_id: Number, number: Number, served: AppStateDep) -> ReaderLink:
    """Return the token of a reader again. It is computed from the owner's token and a random text in the database."""
    with served.sessions() as session:
        study = management.find_study(session, study_id)
        reader, token = management.show_token(study, number, served.link_key)
        return ReaderLink(number=number, name=reader.name, token=token)


@for_owner.post("/{study_id}/readers/{number}/token", dependencies=[audited("study")])
def renew_token(study_id: Number, number: Number, served: AppStateDep) -> ReaderLink:
    """Give a reader a new token. The old one becomes invalid."""
    with writing(served.sessions) as session:
        study = management.find_study(session, study_id)
        reader, token = management.renew_token(study, number, served.link_key)
        return ReaderLink(number=number, name=reader.name, token=token)


@for_owner.put("/{study_id}/rule", dependencies=[audited("study")])
def change_rule(study_id: Number, rule: DiscrepancyRule, sessions: SessionsDep) -> StudyView:
    """Store the rule for the scans to adjudicate. Every consensus that was saved stays."""
    with writing(sessions) as session:
        study = management.find_study(session, study_id)
        management.change_rule(study, rule)
        return StudyView.of(study)


@for_owner.post("/{study_id}/close", dependencies=[audited("study")])
def close_study(study_id: Number, sessions: SessionsDep) -> StudyView:
    """Close a study. Readers see nothing more, and the ratings can be viewed and exported."""
    with writing(sessions) as session:
        study = management.find_study(session, study_id)
        management.close_study(study)
        return StudyView.of(study)


@for_owner.post("/{study_id}/reopen", dependencies=[audited("study")])
def reopen_study(study_id: Number, sessions: SessionsDep) -> StudyView:
    """Reopen a study for its readers. The study keeps a record that it was closed before."""
    with writing(sessions) as session:
        study = management.find_study(session, study_id)
        management.reopen_study(study)
        return StudyView.of(study)


@for_owner.get("/{study_id}/ratings")
def show_ratings(study_id: Number, sessions: SessionsDep) -> list[dict[str, Any]]:
    """Return the ratings of a closed study, as the rows of `ratings.csv`."""
    with sessions() as session:
        study = management.find_study(session, study_id)
        management.check_closed(study)
        return export.rating_rows(study)


@for_owner.get("/{study_id}/export/{file}", response_class=Response, dependencies=[audited("exported")])
def export_study(study_id: Number, file: ExportName, sessions: SessionsDep) -> Response:
    """Export the ratings of a closed study as a file."""
    with sessions() as session:
        study = management.find_study(session, study_id)
        management.check_closed(study)
        text = _EXPORTS[file](study)
    return as_table(text, file) if file in _TABLES else as_file(text, file)


@for_readers.get("")
def show_readings(reader_id: ReaderDep, sessions: SessionsDep) -> ReaderWorklist:
    """List the scans that the reader is to rate, by blind number, and the scales."""
    with sessions() as session:
        return ReaderWorklist.of(ratings.find_person(session, reader_id))


@for_readers.get("/{number}")
def show_rating(number: Number, reader_id: ReaderDep, sessions: SessionsDep) -> OwnRating:
    """Return the reader's latest rating of a scan."""
    with sessions() as session:
        return OwnRating.of(ratings.find_reading(session, reader_id, number))


@for_readers.get("/{number}/volume", response_class=Nifti)
def show_volume(number: Number, reader_id: ReaderDep, served: AppStateDep) -> Response:
    """Return the scan as `.nii.gz` without any name."""
    with served.sessions() as session:
        return volume_of(ratings.find_reading(session, reader_id, number).scan, number, served)


def volume_of(kept: StudyScan | PracticeScan, number: int, served: AppState) -> Nifti:
    """Return the volume of a scan of a study or its practice, which its viewer knows by `number`.

    Raises:
        HTTPException: 503 if the scan cannot be read now.
    """
    read = partial(read_apart, timeout=served.settings.timeout)
    try:
        return Nifti(scan_volume(ratings.read_kept(kept, number, read)))
    except ReadError as error:
        raise HTTPException(503, str(error)) from None


@for_readers.post("/{number}/ratings")
def save_rating(number: Number, sent: SentRating, reader_id: ReaderDep, sessions: SessionsDep) -> SavedRating:
    """Save a rating, which is on disk once the response arrives. A repeated save id is stored only once."""
    with writing(sessions) as session:
        return ratings.save_rating(session, reader_id, number, sent)
