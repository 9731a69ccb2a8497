"""What one reader does: sees where they are, opens a scan, saves a rating."""

from collections.abc import Callable
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from lgeqa.attributes import HIGHEST_SCORE, LOWEST_SCORE
from lgeqa.errors import ReadError, ScanError
from lgeqa.rate.faults import ConflictError, NotThereError
from lgeqa.rate.studies import check_open
from lgeqa.rate.tables import Rating, Reader, Reading, Saved, StudyScan, now
from lgeqa.read import Source
from lgeqa.records import Scan

_DAY_S: Final = 24 * 3600
Score = Annotated[int, Field(strict=True, ge=LOWEST_SCORE, le=HIGHEST_SCORE)]


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GivenScores(_Form):
    """Whole scores from 1 to 5 on all four scales: a single reader gives no halves."""

    myocardium_nulling: Score
    sharpness: Score
    enhancement: Score
    quality: Score


class Given(_Form):
    """What is said of a scan: four scores, or why it cannot be rated.

    Attributes:
        scores: on all four scales; None if the scan cannot be rated.
        cannot_rate: the reason; empty where there are scores.
        comment: free text.
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
        """Whether `saved` says the same."""
        return (scores_of(saved), saved.cannot_rate, saved.comment) == (self.scores, self.cannot_rate, self.comment)


class Sent(Given):
    """What is said of a scan, on its way from a page.

    Attributes:
        save_id: made by the page anew for each save, and sent again with it if no answer came.
        known: version that the page knew of, 0 for none.
    """

    save_id: str = Field(min_length=8, max_length=64)
    known: int = Field(ge=0, le=2**31)

    def columns(self) -> dict[str, Any]:
        """Its part of the columns of `tables.Saved`."""
        scores = self.scores.model_dump() if self.scores else {}
        return scores | self.model_dump(include={"save_id", "cannot_rate", "comment"}) | {"saved_at": now()}


class GivenRating(Given):
    """What a reader says of a scan.

    Attributes:
        seconds: that the reader looked at the scan.
    """

    seconds: float = Field(0.0, ge=0, le=_DAY_S, allow_inf_nan=False)


class SentRating(GivenRating, Sent):
    """A rating on its way from a page.

    Attributes:
        reader_id: for whom the page was opened; another reader may have used the same browser since.
    """

    reader_id: int


class SavedRating(_Form):
    """What a page gets to know of a save.

    Attributes:
        version: of the rating.
        saved_at: UTC, ISO 8601.
        replaced: whether it took the place of a rating that the page did not know of, saved in another tab.
    """

    version: int
    saved_at: str
    replaced: bool


def scores_of(saved: Saved) -> GivenScores | None:
    """The scores that were saved; None where the scan cannot be rated."""
    return GivenScores(**saved.scores) if saved.scores else None


def find_person(session: Session, reader_id: int) -> Reader:
    """The reader, with the readings and their ratings at hand; raises NotThereError."""
    full = selectinload(Reader.readings).selectinload(Reading.ratings)
    reader = session.scalar(select(Reader).where(Reader.id == reader_id).options(full))
    if reader is None:
        raise NotThereError(f"There is no reader {reader_id}.")
    return reader


def find_reading(session: Session, reader_id: int, number: int) -> Reading:
    """A reading by its blind number, while the study is open.

    Raises:
        NotThereError: the reader has no such reading.
        ConflictError: the study is closed.
    """
    query = select(Reading).where(Reading.reader_id == reader_id, Reading.number == number)
    reading = session.scalar(query)
    if reading is None:
        raise NotThereError(f"There is no scan {number} for you in this study.")
    check_open(reading.reader.study)
    return reading


def save_rating(session: Session, reader_id: int, number: int, sent: SentRating) -> SavedRating:
    """Keep a rating as the one that counts; those before it are kept as well. What was kept before is not kept again.

    Args:
        session: opened by `tables.writing`.
        reader_id: who sends it.
        number: blind number of the scan.
        sent: the rating.

    Raises:
        NotThereError: the reader has no such reading.
        ConflictError: the study is closed, the page was opened by another reader, or the save id belongs to another
            rating.
    """
    if sent.reader_id != reader_id:
        raise ConflictError("This page was opened by another reader. Open your own link, and rate the scan again.")
    reading = find_reading(session, reader_id, number)
    rating = next((one for one in reading.ratings if one.save_id == sent.save_id), None)
    if rating is None:
        version = len(reading.ratings) + 1
        rating = Rating(version=version, known=sent.known, seconds=sent.seconds, **sent.columns())
        reading.ratings.append(rating)
        session.flush()
    elif not sent.is_kept_as(rating):
        raise ConflictError(f"The save id {sent.save_id!r} was used for another rating. Save under a new one.")
    return SavedRating(version=rating.version, saved_at=rating.saved_at, replaced=rating.version - 1 > rating.known)


def read_kept(kept: StudyScan, number: int, read: Callable[[Source], Scan]) -> Scan:
    """Read a scan from the files that its study was made with.

    Args:
        kept: the scan.
        number: by which it is known to whom it is shown.
        read: Reads a scan, as `read.read_scan` does.

    Raises:
        ReadError: the files are gone, or are not what they were. The message names no file.
    """
    try:
        scan = read(kept.source)
    except ScanError:
        raise ReadError(f"Scan {number} cannot be read now. Tell whoever runs the study.") from None
    if scan.sha256 != kept.sha256:
        raise ReadError(f"Scan {number} is not what it was any more. Tell whoever runs the study.")
    return scan
