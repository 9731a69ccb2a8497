"""The work of one reader: finding their readings, opening a scan, and saving a rating."""

from collections.abc import Callable
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, Field, model_validator
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from lgeqa.config import Frozen
from lgeqa.errors import ReadError, ScanError
from lgeqa.formatting import utc_now
from lgeqa.io import Source
from lgeqa.records import Scan
from lgeqa.scales import HIGHEST_SCORE, LOWEST_SCORE, in_order
from lgeqa.studies.errors import ConflictError, NotFoundError
from lgeqa.studies.management import check_open
from lgeqa.studies.models import PracticeRating, PracticeScan, Rating, Reader, Reading, Saved, StudyScan

_DAY_S: Final = 24 * 3600
Score = Annotated[int, Field(strict=True, ge=LOWEST_SCORE, le=HIGHEST_SCORE)]


#: Whole scores from 1 to 5 on all scales. A single reader gives no half scores.
GivenScores = Annotated[dict[str, Score], AfterValidator(in_order)]


class Given(Frozen):
    """A judgement of a scan: four scores, or the reason why it cannot be rated.

    Attributes:
        scores: Scores on all four scales. None if the scan cannot be rated.
        cannot_rate: Reason why the scan cannot be rated. Empty if there are scores.
        comment: Free text.
    """

    scores: GivenScores | None = None
    cannot_rate: str = Field("", max_length=500)
    comment: str = Field("", max_length=5000)

    @model_validator(mode="after")
    def _scores_or_reason(self) -> Self:
        if (self.scores is None) != bool(self.cannot_rate.strip()):
            raise ValueError("give either all four scores or the reason why the scan cannot be rated")
        return self

    def is_kept_as(self, saved: Saved) -> bool:
        """Return whether `saved` has the same scores, reason and comment."""
        return (saved.scores, saved.cannot_rate, saved.comment) == (self.scores, self.cannot_rate, self.comment)


class Sent(Given):
    """A judgement of a scan, as a page sends it.

    Attributes:
        save_id: Identifier that the page creates for each save. It is the same if the page sends the save again
            because no response came.
        known: Latest version that the page knew of, 0 for none.
    """

    save_id: str = Field(min_length=8, max_length=64)
    known: int = Field(ge=0, le=2**31)

    def columns(self) -> dict[str, Any]:
        """Return the values of the columns of `models.Saved` that follow from this judgement."""
        return self.model_dump(include={"save_id", "scores", "cannot_rate", "comment"}) | {"saved_at": utc_now()}


class GivenRating(Given):
    """A reader's judgement of a scan.

    Attributes:
        seconds: Time for which the reader looked at the scan, in seconds.
    """

    seconds: float = Field(0.0, ge=0, le=_DAY_S, allow_inf_nan=False)


class SentRating(GivenRating, Sent):
    """A rating, as a page sends it.

    Attributes:
        reader_id: Identifier of the reader for whom the page was opened. Another reader may have used the same browser
            since.
    """

    reader_id: int


class SavedRating(Frozen):
    """The response to a page that saved a rating.

    Attributes:
        version: Version of the rating.
        saved_at: Time of the save in UTC, ISO 8601.
        replaced: Whether the rating replaced one that the page did not know of, saved in another tab.
    """

    version: int
    saved_at: str
    replaced: bool


def find_person(session: Session, reader_id: int) -> Reader:
    """Return a reader with all readings and ratings loaded.

    Raises:
        NotFoundError: No reader has this identifier.
    """
    readings = selectinload(Reader.readings).selectinload(Reading.ratings)
    practice = selectinload(Reader.practice_ratings).selectinload(PracticeRating.scan)
    reader = session.scalar(select(Reader).where(Reader.id == reader_id).options(readings, practice))
    if reader is None:
        raise NotFoundError(f"There is no reader {reader_id}.")
    return reader


def find_reading(session: Session, reader_id: int, number: int) -> Reading:
    """Return a reading of an open study by its blind number.

    Raises:
        NotFoundError: The reader has no such reading.
        ConflictError: The study is closed.
    """
    query = select(Reading).where(Reading.reader_id == reader_id, Reading.number == number)
    reading = session.scalar(query)
    if reading is None:
        raise NotFoundError(f"There is no scan {number} for you in this study.")
    check_open(reading.reader.study)
    return reading


def save_rating(session: Session, reader_id: int, number: int, sent: SentRating) -> SavedRating:
    """Save a rating as the one that counts, and keep the earlier ones.

    A rating that was saved before is not saved again.

    Args:
        session: Session opened by `models.writing`.
        reader_id: Identifier of the reader who sends the rating.
        number: Blind number of the scan.
        sent: Rating that the page sent.

    Raises:
        NotFoundError: The reader has no such reading.
        ConflictError: The study is closed, the page was opened by another reader, or the save id was used for another
            rating.
    """
    if sent.reader_id != reader_id:
        raise ConflictError("This page was opened by another reader. Open your own link, and rate the scan again.")
    reading = find_reading(session, reader_id, number)
    rating = next((saved for saved in reading.ratings if saved.save_id == sent.save_id), None)
    if rating is None:
        version = len(reading.ratings) + 1
        rating = Rating(version=version, known=sent.known, seconds=sent.seconds, **sent.columns())
        reading.ratings.append(rating)
        session.flush()
    elif not sent.is_kept_as(rating):
        raise ConflictError(f"The save id {sent.save_id!r} was used for another rating. Save under a new one.")
    return SavedRating(version=rating.version, saved_at=rating.saved_at, replaced=rating.version - 1 > rating.known)


def read_kept(kept: StudyScan | PracticeScan, number: int, read: Callable[[Source], Scan]) -> Scan:
    """Read a scan from the files with which its study was created.

    Args:
        kept: Scan of the study or its practice.
        number: Number by which the viewer knows the scan.
        read: Function that reads a scan, as `io.read_scan` does.

    Raises:
        ReadError: The files are missing or have changed. The message names no file.
    """
    try:
        scan = read(kept.source)
    except ScanError:
        raise ReadError(f"Scan {number} cannot be read now. Tell whoever runs the study.") from None
    if scan.sha256 != kept.sha256:
        raise ReadError(f"Scan {number} is not what it was any more. Tell whoever runs the study.")
    return scan
