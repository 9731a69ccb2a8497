"""Decisions of people on scans: how they are saved, and their export as a table and as labels for a training."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lgeqa.cohort.table_io import COLUMNS, SERIES
from lgeqa.config import Frozen
from lgeqa.formatting import utc_now
from lgeqa.outcomes import Decision
from lgeqa.studies.export import series_name
from lgeqa.table_text import csv_text
from lgeqa.web.audit import record
from lgeqa.web.authorization import Principal
from lgeqa.web.models import HumanChoice, HumanDecision, ScanRow

#: Score of quality that stands for a decision in a cohort: the middle of the scores on its side of 3.
LABEL_SCORES: Final[dict[HumanChoice, int]] = {"accept": 4, "reject": 2}
#: Reasons for a rejection that the page offers, in the order of their keys.
REASONS: Final = (
    *("Myocardium not nulled", "Not sharp", "Weak enhancement", "Artefact on the atrium", "Atrium not covered"),
    *("Not a left-atrial LGE scan", "Other"),
)
#: Columns of `decisions.csv`: one row for each decision, including those that a later one replaced.
DECISION_COLUMNS: Final = (
    *("scan", "version", "counts", "decision", "reason", "note", "person", "decided_at"),
    *("model_decision", "model_probability", "model_decision_now", "model_probability_now", "verdict_now"),
)
Text = Annotated[str, StringConstraints(strip_whitespace=True)]


class SentDecision(Frozen):
    """A decision as a page sends it.

    Attributes:
        save_id: Key that the page drew, the same for each repetition of one request.
        decision: Decision, or `withdrawn` if the scan is undecided again.
        reason: Reason for the decision. Empty for none.
        note: Further text. Empty for none.
        person: Name that the owner of a server without people gives. Ignored where the sender has a name.
    """

    save_id: Annotated[str, Field(min_length=8, max_length=64)]
    decision: Literal["accept", "reject", "withdrawn"]
    reason: Annotated[Text, Field(max_length=100)] = ""
    note: Annotated[Text, Field(max_length=2000)] = ""
    person: Annotated[Text, Field(max_length=100)] = ""


class SavedDecision(Frozen):
    """A decision of a person on a scan.

    Attributes:
        version: Number among the decisions on the scan, from 1. The last one counts.
        decision: Decision, or `withdrawn` if the scan was undecided again.
        reason: Reason for the decision. Empty for none.
        note: Further text. Empty for none.
        person: Name of the person, or `owner`.
        decided_at: Time in UTC, ISO 8601.
        model_decision: Decision of the model at that time. None if it had none.
        model_probability: Probability of the model at that time. None if it had none.
    """

    version: int
    decision: Literal["accept", "reject", "withdrawn"]
    reason: str
    note: str
    person: str
    decided_at: str
    model_decision: Decision | None
    model_probability: float | None


class Urgency(Frozen):
    """Whether a scan is urgent.

    Attributes:
        urgent: Whether the scan comes before others.
    """

    urgent: bool


def decide(session: Session, row: ScanRow, sent: SentDecision, person: Principal) -> None:
    """Save a decision on a scan, unless it was saved already. The session must exclude other writers."""
    latest = session.scalar(select(func.max(HumanDecision.version)).where(HumanDecision.scan_id == row.id)) or 0
    known = select(HumanDecision.id).where(HumanDecision.scan_id == row.id, HumanDecision.save_id == sent.save_id)
    if session.scalar(known) is not None:
        return
    session.add(
        HumanDecision(
            scan_id=row.id,
            version=latest + 1,
            **sent.model_dump(exclude={"person"}),
            person=person.name if person.is_named else sent.person or person.name,
            decided_at=utc_now(),
            model_decision=row.decision,
            model_probability=row.probability,
        )
    )
    record(session, person.name, "decided", row, sent.decision)
    row.human = None if sent.decision == "withdrawn" else sent.decision


def decisions_on(session: Session, number: int) -> list[SavedDecision]:
    """Return all decisions on a scan, the latest first."""
    query = select(HumanDecision).where(HumanDecision.scan_id == number).order_by(HumanDecision.version.desc())
    return list(map(_saved, session.scalars(query)))


def _saved(row: HumanDecision) -> SavedDecision:
    return SavedDecision.model_validate({name: getattr(row, name) for name in SavedDecision.model_fields})


def decisions_csv(session: Session, rows: Sequence[ScanRow]) -> str:
    """Return all decisions on these scans, with those of the model then and now."""
    return csv_text(DECISION_COLUMNS, (_cells(row, saved, latest) for row, saved, latest in _decided(session, rows)))


def labels_csv(session: Session, rows: Sequence[ScanRow]) -> str:
    """Return the table of a cohort with a row for each of these scans on which a person has decided.

    The decision becomes a score of quality, 4 or 2, with the person as the reader. Other scales have no score.
    """
    return csv_text(
        (*COLUMNS, SERIES),
        (
            (
                *(row.name, _patient(row), row.location, "", saved.person, "", "", "", LABEL_SCORES[row.human]),
                series_name(row),
            )
            for row, saved, is_latest in _decided(session, rows)
            if is_latest and row.human in LABEL_SCORES
        ),
    )


def _decided(session: Session, rows: Sequence[ScanRow]) -> Iterator[tuple[ScanRow, SavedDecision, bool]]:
    """Yield each decision with its scan, and whether it is the latest one on the scan."""
    scans = {row.id: row for row in rows}
    query = select(HumanDecision).order_by(HumanDecision.scan_id, HumanDecision.version)
    decisions = [decision for decision in session.scalars(query) if decision.scan_id in scans]
    latest = {decision.scan_id: decision.version for decision in decisions}
    for decision in decisions:
        yield scans[decision.scan_id], _saved(decision), decision.version == latest[decision.scan_id]


def _cells(row: ScanRow, saved: SavedDecision, is_latest: bool) -> tuple[Any, ...]:
    then = (saved.person, saved.decided_at, saved.model_decision or "", _number(saved.model_probability))
    now = (row.decision or "", _number(row.probability), row.end or "")
    texts = (saved.decision, saved.reason, saved.note)
    return (row.name, saved.version, str(is_latest).lower(), *texts, *then, *now)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _patient(row: ScanRow) -> str:
    """Return the patient of a scan, or the scan itself where the patient is not known, since a cohort needs one."""
    return (row.series_header.patient if row.series_header else "") or row.name
