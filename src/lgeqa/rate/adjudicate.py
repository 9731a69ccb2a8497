"""Agreeing on scans whose readers differ: which they are, what each reader said, and what a panel makes of it."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from lgeqa.agreement.disputes import disputes_of
from lgeqa.agreement.panel import panel_of
from lgeqa.agreement.readings import Reading as Read
from lgeqa.agreement.record import Dispute
from lgeqa.attributes import NAMES
from lgeqa.rate.faults import ConflictError, NotThereError, RatingError
from lgeqa.rate.readings import GivenScores, Sent, scores_of
from lgeqa.rate.scales import DEFINED_SCALES, DefinedScale
from lgeqa.rate.studies import check_closed
from lgeqa.rate.tables import Adjudication, Rating, Study, StudyScan


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SentAdjudication(Sent):
    """What a panel agreed on, on its way from a page.

    Attributes:
        panel: who agreed.
    """

    panel: str = Field("", max_length=500)


class Agreed(_View):
    """What a panel agreed on.

    Attributes:
        version: 1 for the first time, and so on.
        scores: None if the scan cannot be rated.
        cannot_rate: why.
        comment, panel, saved_at: as in `tables.Adjudication`.
    """

    version: int
    scores: GivenScores | None
    cannot_rate: str
    comment: str
    panel: str
    saved_at: str

    @classmethod
    def of(cls, kept: Adjudication) -> Self:
        """The view of `kept`."""
        same = ("version", "cannot_rate", "comment", "panel", "saved_at")
        return cls(scores=scores_of(kept), **{name: getattr(kept, name) for name in same})


class Said(_View):
    """What one reader said of a scan.

    Attributes:
        reader: name.
        reading: 1, or 2 for a second reading.
        scores: None if the scan cannot be rated.
        cannot_rate: why.
        comment: free text.
    """

    reader: str
    reading: int
    scores: GivenScores | None
    cannot_rate: str
    comment: str

    @classmethod
    def of(cls, rating: Rating) -> Self:
        """The view of `rating`."""
        reader, number = rating.reading.reader.name, rating.reading.round
        same = {name: getattr(rating, name) for name in ("cannot_rate", "comment")}
        return cls(reader=reader, reading=number, scores=scores_of(rating), **same)


class Listed(_View):
    """A scan to adjudicate, and whether it was.

    Attributes:
        number: of the scan in the study.
        dispute: why, and what the readers gave.
        agreed: None as long as nothing is.
    """

    number: int
    dispute: Dispute
    agreed: Agreed | None


class Opened(_View):
    """All that a panel needs for one scan.

    Attributes:
        number, scan_id: of the scan.
        said: what each reader said, first readings before second ones.
        agreed: everything that was agreed on so far; the last counts.
        scales: with the meaning of each score.
    """

    number: int
    scan_id: str
    said: tuple[Said, ...]
    agreed: tuple[Agreed, ...]
    scales: tuple[DefinedScale, ...] = DEFINED_SCALES


def readings_of_study(study: Study) -> list[Read]:
    """Every reading of a closed study that was rated, or found impossible to rate.

    Raises:
        ConflictError: the study is open.
        RatingError: nothing was rated.
    """
    check_closed(study)
    rated = [one for reader in study.readers for one in reader.readings if one.rating]
    if not rated:
        raise RatingError(f"Nothing was rated in the study {study.name!r}.")
    return [
        Read(one.scan.scan_id, one.scan.patient, one.reader.name, one.round, _four(one.rating))
        for one in rated
        if one.rating
    ]


def list_disputes(study: Study) -> list[Listed]:
    """The scans to adjudicate, the farthest apart first, without the model's word; raises as `readings_of_study`."""
    by_name = {scan.scan_id: scan for scan in study.scans}
    listed = []
    for dispute in disputes_of(panel_of(readings_of_study(study)), {}):
        scan = by_name[dispute.scan_id]
        agreed = Agreed.of(scan.adjudication) if scan.adjudication else None
        listed.append(Listed(number=scan.id, dispute=dispute, agreed=agreed))
    return listed


def find_scan(session: Session, study: Study, number: int) -> StudyScan:
    """A scan of a closed study by its number.

    Raises:
        ConflictError: the study is open.
        NotThereError: it has no such scan.
    """
    check_closed(study)
    scan = session.get(StudyScan, number)
    if scan is None or scan.study_id != study.id:
        raise NotThereError(f"The study {study.name!r} has no scan {number}.")
    return scan


def open_scan(study: Study, scan: StudyScan) -> Opened:
    """What there is of a scan of a closed study."""
    readings = [one for reader in study.readers for one in reader.readings if one.scan_id == scan.id]
    said = [Said.of(one.rating) for one in sorted(readings, key=lambda one: one.round) if one.rating]
    agreed = tuple(map(Agreed.of, scan.adjudications))
    return Opened(number=scan.id, scan_id=scan.scan_id, said=tuple(said), agreed=agreed)


def save_adjudication(session: Session, scan: StudyScan, sent: SentAdjudication) -> Agreed:
    """Keep what a panel agreed on as what counts; what it agreed on before is kept as well.

    Args:
        session: opened by `tables.writing`.
        scan: of a closed study.
        sent: on its way from a page; what was kept before is not kept again.

    Raises:
        ConflictError: another page agreed on something that this one does not know, or the save id belongs to
            something else.
    """
    kept = next((one for one in scan.adjudications if one.save_id == sent.save_id), None)
    if kept is None:
        if sent.known != len(scan.adjudications):
            raise ConflictError("This scan was adjudicated on another page meanwhile. Reload to see how.")
        kept = Adjudication(version=sent.known + 1, panel=sent.panel, **sent.columns())
        scan.adjudications.append(kept)
        session.flush()
    elif not sent.is_kept_as(kept) or sent.panel != kept.panel:
        raise ConflictError(f"The save id {sent.save_id!r} was used for something else. Save under a new one.")
    return Agreed.of(kept)


def _four(rating: Rating | None) -> tuple[float, float, float, float] | None:
    scores = rating.scores if rating else None
    if scores is None:
        return None
    nulling, sharpness, enhancement, quality = (float(scores[name]) for name in NAMES)
    return nulling, sharpness, enhancement, quality
