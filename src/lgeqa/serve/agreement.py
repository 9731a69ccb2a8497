"""Agreement over HTTP, for the owner and once a study is closed: the figures, and the adjudication."""

from collections.abc import Callable
from typing import Final, Literal

from fastapi import APIRouter, Depends, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lgeqa.agreement.agree import agree
from lgeqa.agreement.markdown import page
from lgeqa.agreement.record import Agreement
from lgeqa.agreement.tables import adjudication_table
from lgeqa.intervals import Bootstrap
from lgeqa.rate import adjudicate, studies
from lgeqa.rate.adjudicate import Agreed, Listed, Opened, SentAdjudication
from lgeqa.rate.tables import Study, writing
from lgeqa.records import BundleStamp, ScanResult
from lgeqa.serve.access import owner
from lgeqa.serve.answers import Nifti, as_file, as_table
from lgeqa.serve.rating import SessionsAre, volume_of
from lgeqa.serve.served import Number, ServedIs
from lgeqa.serve.tables import ScanRow

_FILES: Final[dict[str, Callable[[Agreement], str]]] = {
    "agreement.md": page,
    "agreement.json": lambda agreement: agreement.model_dump_json(indent=2) + "\n",
    "adjudicate.csv": adjudication_table,
}
FileName = Literal["agreement.md", "agreement.json", "adjudicate.csv"]
router = APIRouter(prefix="/api/studies/{study_id}", tags=["Agreement"], dependencies=[Depends(owner)])


@router.get("/agreement")
def show_agreement(study_id: Number, served: ServedIs) -> Agreement:
    """How far the readers of a closed study agree, and the model among them; some seconds for a large study."""
    with served.sessions() as session:
        study = studies.find_study(session, study_id)
        given, source = adjudicate.readings_of_study(study), study.name
        results = _results(session, study, served.bundle.stamp)
    return agree(given, results, source, Bootstrap())


@router.get("/agreement/{file}", response_class=Response)
def export_agreement(study_id: Number, file: FileName, served: ServedIs) -> Response:
    """The same as a file: a page for people, the record, or the table of the scans to adjudicate."""
    text = _FILES[file](show_agreement(study_id, served))
    return as_table(text, file) if file == "adjudicate.csv" else as_file(text, file)


@router.get("/adjudication")
def list_disputes(study_id: Number, sessions: SessionsAre) -> list[Listed]:
    """The scans of a closed study whose readers differ, the farthest apart first, and what was agreed on.

    The model's word is left out, so that nobody agrees with it for its own sake.
    """
    with sessions() as session:
        return adjudicate.list_disputes(studies.find_study(session, study_id))


@router.get("/adjudication/{number}")
def open_scan(study_id: Number, number: Number, sessions: SessionsAre) -> Opened:
    """What each reader said of a scan, side by side, and what was agreed on."""
    with sessions() as session:
        study = studies.find_study(session, study_id)
        return adjudicate.open_scan(study, adjudicate.find_scan(session, study, number))


@router.get("/adjudication/{number}/volume", response_class=Nifti)
def show_volume(study_id: Number, number: Number, served: ServedIs) -> Response:
    """The scan as `.nii.gz`."""
    with served.sessions() as session:
        kept = adjudicate.find_scan(session, studies.find_study(session, study_id), number)
        return volume_of(kept, number, served)


@router.post("/adjudication/{number}")
def save_adjudication(study_id: Number, number: Number, sent: SentAdjudication, sessions: SessionsAre) -> Agreed:
    """Keep what a panel agreed on; what it agreed on before is kept too. The same save id is kept once."""
    with writing(sessions) as session:
        kept = adjudicate.find_scan(session, studies.find_study(session, study_id), number)
        return adjudicate.save_adjudication(session, kept, sent)


def _results(session: Session, study: Study, bundle: BundleStamp) -> dict[str, ScanResult]:
    """What the model that is served said of the study's scans, which are known by their bytes."""
    names = {scan.sha256: scan.scan_id for scan in study.scans}
    sha256 = func.json_extract(ScanRow.result, "$.input_sha256")
    found = session.scalars(select(ScanRow.result).where(sha256.in_(names)))
    results = [ScanResult.model_validate_json(result) for result in found if result]
    return {names[one.input_sha256]: one for one in results if one.bundle == bundle}
