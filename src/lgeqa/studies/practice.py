"""Practice before a study: scans with known scores, of which a reader sees after each how far off they were.

Practice ratings are kept in a table of their own, so that no export and no agreement has them.
"""

from collections.abc import Sequence
from statistics import fmean
from typing import Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from lgeqa.config import Frozen
from lgeqa.formatting import utc_now
from lgeqa.scales import SCALE_NAMES
from lgeqa.studies.errors import NotFoundError, RatingError
from lgeqa.studies.management import check_open
from lgeqa.studies.models import PracticeRating, PracticeScan, Reader, Study
from lgeqa.studies.ratings import GivenScores
from lgeqa.studies.scale_texts import DEFINED_SCALES, DefinedScale
from lgeqa.studies.study_scans import Candidate, PracticeCandidate


class PracticeEntry(Frozen):
    """One scan of a reader's practice.

    Attributes:
        number: Number of the scan in the practice.
        done: Whether the reader has rated the scan.
    """

    number: int
    done: bool


class PracticeWorklist(Frozen):
    """The practice of a reader.

    Attributes:
        study: Name of the study.
        reader: Name of the reader.
        scans: Scans of the practice, in the order that is the same for all readers.
        scales: The four scales with the meaning of each score.
    """

    study: str
    reader: str
    scans: tuple[PracticeEntry, ...]
    scales: tuple[DefinedScale, ...] = DEFINED_SCALES

    @classmethod
    def of(cls, reader: Reader) -> Self:
        """Return the practice of `reader`."""
        done = {rating.scan_id for rating in reader.practice_ratings}
        return cls(
            study=reader.study.name,
            reader=reader.name,
            scans=tuple(
                PracticeEntry(number=scan.number, done=scan.id in done) for scan in reader.study.practice_scans
            ),
        )


class PracticeFeedback(Frozen):
    """The answer to a practice rating.

    Attributes:
        given: Scores by the reader. Those that were saved first count.
        known: Known scores of the scan, 1 to 5. None on a scale without one.
        mean_distance: Mean distance of the reader from the known scores, over all scales of all scans rated so far.
    """

    given: GivenScores
    known: dict[str, float | None]
    mean_distance: float


def add_practice(study: Study, scans: Sequence[PracticeCandidate], shown: Sequence[Candidate]) -> None:
    """Give a new study its practice scans.

    Args:
        study: Study without readers.
        scans: Practice scans.
        shown: Scans of the study.

    Raises:
        RatingError: A scan is in the study, too.
    """
    hashes = {scan.sha256 for scan in shown}
    if common := [scan.candidate.source.scan_id for scan in scans if scan.candidate.sha256 in hashes]:
        raise RatingError(
            f"In the practice and in the study: {', '.join(common[:5])}. Take them out of one of the two."
        )
    study.practice_scans = [
        PracticeScan(
            number=number,
            **PracticeScan.values_of(scan.candidate.source),
            sha256=scan.candidate.sha256,
            scores=dict(zip(SCALE_NAMES, scan.scores, strict=True)),
        )
        for number, scan in enumerate(scans, start=1)
    ]


def find_practice_scan(session: Session, reader: Reader, number: int) -> PracticeScan:
    """Return a practice scan of a reader's open study.

    Raises:
        ConflictError: The study is closed.
        NotFoundError: The practice has no scan with this number.
    """
    check_open(reader.study)
    where = (PracticeScan.study_id == reader.study_id, PracticeScan.number == number)
    scan = session.scalar(select(PracticeScan).where(*where))
    if scan is None:
        raise NotFoundError(f"The practice has no scan {number}.")
    return scan


def save_practice(session: Session, reader: Reader, number: int, given: GivenScores) -> PracticeFeedback:
    """Save the scores that a reader gave to a practice scan, unless there are some, and return the feedback.

    Raises:
        ConflictError: The study is closed.
        NotFoundError: The practice has no scan with this number.
    """
    scan = find_practice_scan(session, reader, number)
    rating = next((rating for rating in reader.practice_ratings if rating.scan is scan), None)
    if rating is None:
        rating = PracticeRating(scan=scan, saved_at=utc_now(), scores=given)
        reader.practice_ratings.append(rating)
        session.flush()
    return PracticeFeedback(given=rating.scores, known=scan.scores, mean_distance=mean_distance(reader) or 0.0)


def mean_distance(reader: Reader) -> float | None:
    """Return the mean distance of a reader from the known scores of the practice, or None before the first rating."""
    distances = [
        abs(rating.scores[name] - known)
        for rating in reader.practice_ratings
        for name, known in rating.scan.scores.items()
        if known is not None
    ]
    return fmean(distances) if distances else None
