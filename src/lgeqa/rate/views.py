"""What is told of a study: to its owner, and to one reader, who gets to know nothing that would unblind."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from lgeqa.rate.readings import GivenRating, scores_of
from lgeqa.rate.scales import DEFINED_SCALES, DefinedScale
from lgeqa.rate.tables import Rating, Reader, Reading, Study

ReadingState = Literal["open", "rated", "cannot_rate"]


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class Progress(_View):
    """How far a reader is; counts and nothing else.

    Attributes:
        number, name: of the reader.
        readings: that the reader has in all, second ones too.
        rated: with scores.
        cannot_rate: of which the reader says that the scan cannot be rated.
    """

    number: int
    name: str
    readings: int
    rated: int
    cannot_rate: int

    @classmethod
    def of(cls, reader: Reader) -> Self:
        """The progress of `reader`."""
        states = [state_of(one) for one in reader.readings]
        return cls(
            number=reader.number,
            name=reader.name,
            readings=len(states),
            rated=states.count("rated"),
            cannot_rate=states.count("cannot_rate"),
        )


class StudyView(_View):
    """A study for its owner.

    Attributes:
        id, name, seed, repeat_share, made_at, closed_at, reopened_at: as in `tables.Study`.
        scans: how many.
        readers: each one's progress.
    """

    id: int
    name: str
    seed: int
    repeat_share: float
    made_at: str
    closed_at: str | None
    reopened_at: str | None
    scans: int
    readers: tuple[Progress, ...]

    @classmethod
    def of(cls, study: Study) -> Self:
        """The view of `study`."""
        same = ("id", "name", "seed", "repeat_share", "made_at", "closed_at", "reopened_at")
        return cls(
            **{name: getattr(study, name) for name in same},
            scans=len(study.scans),
            readers=tuple(map(Progress.of, study.readers)),
        )


class OwnReading(_View):
    """One scan in a reader's list: its blind number, and whether the reader has rated it."""

    number: int
    state: ReadingState


class OwnReadings(_View):
    """What a reader sees first.

    Attributes:
        study: name of the study.
        reader: name of the reader.
        reader_id: goes with every rating that is sent.
        closed: whether the study is; then there are no readings.
        readings: in the reader's order.
        scales: with the meaning of each score.
    """

    study: str
    reader: str
    reader_id: int
    closed: bool
    readings: tuple[OwnReading, ...]
    scales: tuple[DefinedScale, ...] = DEFINED_SCALES

    @classmethod
    def of(cls, reader: Reader) -> Self:
        """The view of `reader`."""
        closed = reader.study.closed_at is not None
        readings = () if closed else reader.readings
        return cls(
            study=reader.study.name,
            reader=reader.name,
            reader_id=reader.id,
            closed=closed,
            readings=tuple(OwnReading(number=one.number, state=state_of(one)) for one in readings),
        )


class OwnRating(_View):
    """A reader's own rating of one scan.

    Attributes:
        number: blind number of the scan.
        version: of the rating; 0 if there is none yet.
        rating: None if there is none yet.
    """

    number: int
    version: int
    rating: GivenRating | None

    @classmethod
    def of(cls, reading: Reading) -> Self:
        """The view of `reading`."""
        rating = reading.rating
        return cls(
            number=reading.number, version=rating.version if rating else 0, rating=_given(rating) if rating else None
        )


def state_of(reading: Reading) -> ReadingState:
    """Whether it was rated."""
    if reading.rating is None:
        return "open"
    return "cannot_rate" if reading.rating.cannot_rate else "rated"


def _given(rating: Rating) -> GivenRating:
    return GivenRating(
        scores=scores_of(rating), cannot_rate=rating.cannot_rate, comment=rating.comment, seconds=rating.seconds
    )
