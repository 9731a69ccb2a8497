"""Adjudication of the scans on which readers disagree: which scans, what each reader said, and the consensus."""

from typing import Self

from pydantic import Field
from sqlalchemy.orm import Session

from lgeqa.agreement.discrepancies import disputes_of
from lgeqa.agreement.rating_matrix import panel_of
from lgeqa.agreement.ratings import Reading as Read
from lgeqa.agreement.record import Dispute
from lgeqa.cohort import Scores
from lgeqa.config import Frozen
from lgeqa.scales import SCALE_NAMES
from lgeqa.studies.errors import ConflictError, NotFoundError, RatingError
from lgeqa.studies.management import check_closed
from lgeqa.studies.models import Adjudication, Rating, Study, StudyScan
from lgeqa.studies.ratings import GivenScores, Sent
from lgeqa.studies.scale_texts import DEFINED_SCALES, DefinedScale


class SentAdjudication(Sent):
    """The consensus of a panel, as a page sends it.

    Attributes:
        panel: Names of the people who agreed.
    """

    panel: str = Field("", max_length=500)


class ConsensusRating(Frozen):
    """The consensus of a panel on one scan.

    Attributes:
        version: Number of the consensus, from 1.
        scores: Scores on all four scales. None if the scan cannot be rated.
        cannot_rate: Reason why the scan cannot be rated. Empty if it was rated.
        comment: Free text.
        panel: Names of the people who agreed. Empty if they were not named.
        saved_at: Time of the save in UTC, ISO 8601.
    """

    version: int
    scores: GivenScores | None
    cannot_rate: str
    comment: str
    panel: str
    saved_at: str

    @classmethod
    def of(cls, kept: Adjudication) -> Self:
        """Return the view of `kept`."""
        return cls(**{name: getattr(kept, name) for name in cls.model_fields})


class ReaderRating(Frozen):
    """The rating of a scan by one reader.

    Attributes:
        reader: Name of the reader.
        reading: Number of the reading: 1, or 2 for a second reading.
        scores: Scores on all four scales. None if the scan cannot be rated.
        cannot_rate: Reason why the scan cannot be rated. Empty if it was rated.
        comment: Free text.
    """

    reader: str
    reading: int
    scores: GivenScores | None
    cannot_rate: str
    comment: str

    @classmethod
    def of(cls, rating: Rating) -> Self:
        """Return the view of `rating`."""
        reader, number = rating.reading.reader.name, rating.reading.round
        same = {name: getattr(rating, name) for name in ("scores", "cannot_rate", "comment")}
        return cls(reader=reader, reading=number, **same)


class Listed(Frozen):
    """A scan to adjudicate, with its consensus if there is one.

    Attributes:
        number: Number of the scan in the study.
        dispute: Reason for the adjudication, and the readers' scores.
        agreed: Latest consensus. None until there is one.
    """

    number: int
    dispute: Dispute
    agreed: ConsensusRating | None


class AdjudicationDetail(Frozen):
    """Everything that a panel needs for one scan.

    Attributes:
        number: Number of the scan in the study.
        scan_id: Name of the scan.
        said: Rating by each reader, first readings before second ones.
        apart: Scales on which the readers differ too much, by the rule of the study.
        agreed: Every consensus so far. The last one counts.
        scales: The four scales with the meaning of each score.
    """

    number: int
    scan_id: str
    said: tuple[ReaderRating, ...]
    apart: tuple[str, ...]
    agreed: tuple[ConsensusRating, ...]
    scales: tuple[DefinedScale, ...] = DEFINED_SCALES


def readings_of_study(study: Study) -> list[Read]:
    """Return every reading of a closed study that was rated or marked as impossible to rate.

    Raises:
        ConflictError: The study is open.
        RatingError: Nothing was rated.
    """
    check_closed(study)
    rated = [reading for reader in study.readers for reading in reader.readings if reading.rating]
    if not rated:
        raise RatingError(f"Nothing was rated in the study {study.name!r}.")
    return [
        Read(reading.scan.scan_id, reading.scan.patient, reading.reader.name, reading.round, _scores(reading.rating))
        for reading in rated
        if reading.rating
    ]


def list_disputes(study: Study) -> list[Listed]:
    """Return the scans to adjudicate, those with the largest differences first, without the model's result.

    Raises:
        ConflictError: The study is open.
        RatingError: Nothing was rated.
    """
    by_name = {scan.scan_id: scan for scan in study.scans}
    listed = []
    for dispute in _disputes(study):
        scan = by_name[dispute.scan_id]
        agreed = ConsensusRating.of(scan.adjudication) if scan.adjudication else None
        listed.append(Listed(number=scan.id, dispute=dispute, agreed=agreed))
    return listed


def find_scan(session: Session, study: Study, number: int) -> StudyScan:
    """Return a scan of a closed study by its number.

    Raises:
        ConflictError: The study is open.
        NotFoundError: The study has no scan with this number.
    """
    check_closed(study)
    scan = session.get(StudyScan, number)
    if scan is None or scan.study_id != study.id:
        raise NotFoundError(f"The study {study.name!r} has no scan {number}.")
    return scan


def open_scan(study: Study, scan: StudyScan) -> AdjudicationDetail:
    """Return everything that a panel needs for one scan of a closed study."""
    readings = [reading for reader in study.readers for reading in reader.readings if reading.scan_id == scan.id]
    ratings = [reading.rating for reading in sorted(readings, key=lambda reading: reading.round) if reading.rating]
    return AdjudicationDetail(
        number=scan.id,
        scan_id=scan.scan_id,
        said=tuple(map(ReaderRating.of, ratings)),
        apart=next((dispute.apart for dispute in _disputes(study) if dispute.scan_id == scan.scan_id), ()),
        agreed=tuple(map(ConsensusRating.of, scan.adjudications)),
    )


def save_adjudication(session: Session, scan: StudyScan, sent: SentAdjudication) -> ConsensusRating:
    """Save the consensus of a panel as the one that counts, and keep the earlier ones.

    Args:
        session: Session opened by `models.writing`.
        scan: Scan of a closed study.
        sent: Consensus that a page sent. If it was saved before, it is not saved again.

    Raises:
        ConflictError: Another page saved a consensus that this page does not know of, or the save id was used for
            a different one.
    """
    saved = next((adjudication for adjudication in scan.adjudications if adjudication.save_id == sent.save_id), None)
    if saved is None:
        if sent.known != len(scan.adjudications):
            raise ConflictError("This scan was adjudicated on another page meanwhile. Reload to see how.")
        saved = Adjudication(version=sent.known + 1, panel=sent.panel, **sent.columns())
        scan.adjudications.append(saved)
        session.flush()
    elif not sent.is_kept_as(saved) or sent.panel != saved.panel:
        raise ConflictError(f"The save id {sent.save_id!r} was used for something else. Save under a new one.")
    return ConsensusRating.of(saved)


def _disputes(study: Study) -> tuple[Dispute, ...]:
    return disputes_of(panel_of(readings_of_study(study)), {}, study.discrepancy_rule)


def _scores(rating: Rating) -> Scores | None:
    """Return the scores of a rating in the order of `scales.SCALE_NAMES`, or None if the scan cannot be rated."""
    scores = rating.scores
    return tuple(float(scores[name]) for name in SCALE_NAMES) if scores else None
