"""Views of a study: for its owner, and for one reader, without anything that would unblind the reader."""

from typing import Literal, Self

from lgeqa.agreement.discrepancy_rule import DiscrepancyRule
from lgeqa.config import Frozen
from lgeqa.studies.models import Rating, Reader, Reading, Study
from lgeqa.studies.practice import mean_distance
from lgeqa.studies.ratings import GivenRating
from lgeqa.studies.scale_texts import DEFINED_SCALES, DefinedScale

ReadingState = Literal["open", "rated", "cannot_rate"]


class Progress(Frozen):
    """The progress of a reader, in counts only.

    Attributes:
        number: Number of the reader in the study.
        name: Name of the reader.
        readings: Number of all readings, including second ones.
        rated: Number of readings with scores.
        cannot_rate: Number of readings that the reader marked as impossible to rate.
        practised: Number of practice scans that the reader rated.
        practice_distance: Mean distance from the known scores of the practice. None before the first rating.
    """

    number: int
    name: str
    readings: int
    rated: int
    cannot_rate: int
    practised: int
    practice_distance: float | None

    @classmethod
    def of(cls, reader: Reader) -> Self:
        """Return the progress of `reader`."""
        states = [state_of(reading) for reading in reader.readings]
        return cls(
            number=reader.number,
            name=reader.name,
            readings=len(states),
            rated=states.count("rated"),
            cannot_rate=states.count("cannot_rate"),
            practised=len(reader.practice_ratings),
            practice_distance=mean_distance(reader),
        )


class StudyView(Frozen):
    """A study, as its owner sees it.

    Attributes:
        id: Number of the study.
        name: Unique name for display.
        seed: Random seed of the scans shown twice and of each reader's order.
        repeat_share: Share of the scans that each reader sees twice.
        made_at: Time of creation in UTC, ISO 8601.
        closed_at: Time of closing in UTC, ISO 8601. None while readers may rate.
        reopened_at: Time of the last reopening in UTC, ISO 8601. None if the study was never reopened.
        scans: Number of scans.
        practice_scans: Number of scans that each reader rates before the study.
        rule: Rule for the scans to adjudicate.
        readers: Progress of each reader.
    """

    id: int
    name: str
    seed: int
    repeat_share: float
    made_at: str
    closed_at: str | None
    reopened_at: str | None
    scans: int
    practice_scans: int
    rule: DiscrepancyRule
    readers: tuple[Progress, ...]

    @classmethod
    def of(cls, study: Study) -> Self:
        """Return the view of `study`."""
        same = ("id", "name", "seed", "repeat_share", "made_at", "closed_at", "reopened_at")
        return cls(
            **{name: getattr(study, name) for name in same},
            scans=len(study.scans),
            practice_scans=len(study.practice_scans),
            rule=study.discrepancy_rule,
            readers=tuple(map(Progress.of, study.readers)),
        )


class WorklistEntry(Frozen):
    """One scan in a reader's list.

    Attributes:
        number: Blind number of the scan.
        state: Whether the reader has rated the scan.
    """

    number: int
    state: ReadingState


class ReaderWorklist(Frozen):
    """The start page of a reader.

    Attributes:
        study: Name of the study.
        reader: Name of the reader.
        reader_id: Identifier of the reader, sent with every rating.
        closed: Whether the study is closed. If so, there are no readings.
        practice_left: Number of practice scans that the reader has not rated yet.
        readings: Readings in the reader's order.
        scales: The four scales with the meaning of each score.
    """

    study: str
    reader: str
    reader_id: int
    closed: bool
    practice_left: int
    readings: tuple[WorklistEntry, ...]
    scales: tuple[DefinedScale, ...] = DEFINED_SCALES

    @classmethod
    def of(cls, reader: Reader) -> Self:
        """Return the view of `reader`."""
        closed = reader.study.closed_at is not None
        readings = () if closed else reader.readings
        return cls(
            study=reader.study.name,
            reader=reader.name,
            reader_id=reader.id,
            closed=closed,
            practice_left=len(reader.study.practice_scans) - len(reader.practice_ratings),
            readings=tuple(WorklistEntry(number=reading.number, state=state_of(reading)) for reading in readings),
        )


class OwnRating(Frozen):
    """A reader's own rating of one scan.

    Attributes:
        number: Blind number of the scan.
        version: Version of the rating. 0 if there is none yet.
        rating: Latest rating. None if there is none yet.
    """

    number: int
    version: int
    rating: GivenRating | None

    @classmethod
    def of(cls, reading: Reading) -> Self:
        """Return the view of `reading`."""
        rating = reading.rating
        return cls(
            number=reading.number,
            version=rating.version if rating else 0,
            rating=_given_rating(rating) if rating else None,
        )


def state_of(reading: Reading) -> ReadingState:
    """Return whether a reading is open, rated, or marked as impossible to rate."""
    if reading.rating is None:
        return "open"
    return "cannot_rate" if reading.rating.cannot_rate else "rated"


def _given_rating(rating: Rating) -> GivenRating:
    return GivenRating(**{name: getattr(rating, name) for name in GivenRating.model_fields})
