"""Routes for agreement, for the owner of a closed study: the statistics and the adjudication."""

from collections.abc import Callable
from typing import Final, Literal

from fastapi import APIRouter, Depends, Response
from sqlalchemy import String, cast, select
from sqlalchemy.orm import Session

from lgeqa.agreement.compute import agree
from lgeqa.agreement.discrepancy_table import adjudication_table
from lgeqa.agreement.record import Agreement
from lgeqa.agreement.report import as_html, as_markdown, as_pdf
from lgeqa.bootstrap import Bootstrap
from lgeqa.config import Frozen
from lgeqa.database import JsonField
from lgeqa.records import BundleStamp, ScanResult
from lgeqa.studies import adjudication, management
from lgeqa.studies.adjudication import AdjudicationDetail, ConsensusRating, Listed, SentAdjudication
from lgeqa.studies.models import Study, writing
from lgeqa.web.agreement_jobs import AgreementJob
from lgeqa.web.app_state import AppState, AppStateDep, Number
from lgeqa.web.audit_routes import audited
from lgeqa.web.authorization import owner
from lgeqa.web.models import ScanRow
from lgeqa.web.rating_routes import SessionsDep, volume_of
from lgeqa.web.responses import Nifti, as_file, as_table

_FILES: Final[dict[str, Callable[[Agreement], str | bytes]]] = {
    "agreement.html": as_html,
    "agreement.pdf": as_pdf,
    "agreement.md": as_markdown,
    "agreement.json": lambda agreement: agreement.model_dump_json(indent=2) + "\n",
    "adjudicate.csv": adjudication_table,
}
FileName = Literal["agreement.html", "agreement.pdf", "agreement.md", "agreement.json", "adjudicate.csv"]
router = APIRouter(prefix="/api/studies/{study_id}", tags=["Agreement"], dependencies=[Depends(owner)])


class AgreementProgress(Frozen):
    """The progress of computing an agreement.

    Attributes:
        share: Share of the work that is done, 0 to 1.
        done: Whether it has ended, so that the agreement or the error is there at once.
    """

    share: float
    done: bool


@router.get("/agreement")
def show_agreement(study_id: Number, served: AppStateDep) -> Agreement:
    """Return the agreement among the readers of a closed study and the model, once it is computed."""
    return _job(study_id, served).result.result()


@router.get("/agreement/progress")
def show_progress(study_id: Number, served: AppStateDep) -> AgreementProgress:
    """Start to compute the agreement unless it is being or was computed, and return the progress."""
    job = _job(study_id, served)
    return AgreementProgress(share=job.share, done=job.result.done())


@router.get("/agreement/{file}", response_class=Response, dependencies=[audited("exported")])
def export_agreement(study_id: Number, file: FileName, served: AppStateDep) -> Response:
    """Export the agreement as a file: a page to read or print, the record, or the table of the scans to adjudicate."""
    content = _FILES[file](show_agreement(study_id, served))
    return as_table(content, file) if isinstance(content, str) and file.endswith(".csv") else as_file(content, file)


@router.get("/adjudication")
def list_disputes(study_id: Number, sessions: SessionsDep) -> list[Listed]:
    """List the scans of a closed study on which readers disagree, largest differences first, with any consensus.

    The model's result is left out, so that it does not sway the panel.
    """
    with sessions() as session:
        return adjudication.list_disputes(management.find_study(session, study_id))


@router.get("/adjudication/{number}")
def open_scan(study_id: Number, number: Number, sessions: SessionsDep) -> AdjudicationDetail:
    """Return each reader's rating of a scan, side by side, and every consensus so far."""
    with sessions() as session:
        study = management.find_study(session, study_id)
        return adjudication.open_scan(study, adjudication.find_scan(session, study, number))


@router.get("/adjudication/{number}/volume", response_class=Nifti)
def show_volume(study_id: Number, number: Number, served: AppStateDep) -> Response:
    """Return the scan as `.nii.gz`."""
    with served.sessions() as session:
        scan = adjudication.find_scan(session, management.find_study(session, study_id), number)
        return volume_of(scan, number, served)


@router.post("/adjudication/{number}", dependencies=[audited("study")])
def save_adjudication(
    study_id: Number, number: Number, sent: SentAdjudication, sessions: SessionsDep
) -> ConsensusRating:
    """Save the consensus of a panel, and keep the earlier ones. A repeated save id is stored only once."""
    with writing(sessions) as session:
        scan = adjudication.find_scan(session, management.find_study(session, study_id), number)
        return adjudication.save_adjudication(session, scan, sent)


def _job(study_id: int, served: AppState) -> AgreementJob:
    """Return the computation of the agreement of a closed study as it is now."""
    with served.sessions() as session:
        study = management.find_study(session, study_id)
        readings, source, rule = adjudication.readings_of_study(study), study.name, study.discrepancy_rule
        results = _results(session, study, served.bundle.stamp)

    def compute(on_progress: Callable[[float], None]) -> Agreement:
        return agree(readings, results, source, Bootstrap(), rule=rule, on_progress=on_progress)

    return served.agreements.job(study_id, (readings, source, rule, results), compute)


def _results(session: Session, study: Study, bundle: BundleStamp) -> dict[str, ScanResult]:
    """Return the results of the served model for the study's scans, which are matched by the hash of their files."""
    names = {scan.sha256: scan.scan_id for scan in study.scans}
    sha256 = cast(JsonField(ScanRow.result, "input_sha256"), String)
    records = session.scalars(select(ScanRow.result).where(sha256.in_(names)))
    results = [ScanResult.model_validate_json(record) for record in records if record]
    return {names[result.input_sha256]: result for result in results if result.bundle == bundle}
