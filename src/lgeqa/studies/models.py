"""Database tables of a study: its scans, its readers, their reading orders, and every rating ever saved."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, ForeignKey, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from lgeqa.agreement.discrepancy_rule import DiscrepancyRule
from lgeqa.database import Base, Sessions, SourceColumns, exclude_writers
from lgeqa.io import Source

#: Delete rows with their owner. Ratings and adjudications lack this: the database refuses to delete their owners.
_OWNED: Final = "all, delete-orphan"
#: Scores by scale, as JSON. No scores are SQL's NULL.
_SCORES: Final = JSON(none_as_null=True)


class Study(Base):
    """A set of scans that several readers rate, blinded.

    Attributes:
        name: Unique name for display.
        seed: Random seed of the scans shown twice and of each reader's order.
        repeat_share: Share of the scans that each reader sees twice.
        made_at: Time of creation in UTC, ISO 8601.
        closed_at: Time of closing in UTC, ISO 8601. None while readers may rate.
        reopened_at: Time of the last reopening in UTC, ISO 8601. None if the study was never reopened.
        rule: `DiscrepancyRule` as JSON.
        scans: Scans of the study.
        practice_scans: Scans with known scores that each reader rates before the study, by number.
        readers: Readers of the study, by number.
    """

    __tablename__ = "study"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    seed: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"))
    repeat_share: Mapped[float]
    made_at: Mapped[str]
    closed_at: Mapped[str | None] = mapped_column(default=None)
    reopened_at: Mapped[str | None] = mapped_column(default=None)
    rule: Mapped[dict[str, Any]] = mapped_column(JSON, default=lambda: DiscrepancyRule().model_dump())
    scans: Mapped[list["StudyScan"]] = relationship(order_by="StudyScan.id", cascade=_OWNED)
    practice_scans: Mapped[list["PracticeScan"]] = relationship(order_by="PracticeScan.number", cascade=_OWNED)
    readers: Mapped[list["Reader"]] = relationship(order_by="Reader.number", back_populates="study", cascade=_OWNED)

    @property
    def discrepancy_rule(self) -> DiscrepancyRule:
        """Rule for the scans to adjudicate."""
        return DiscrepancyRule(**self.rule)


class StudyScan(SourceColumns, Base):
    """A scan of a study.

    Attributes:
        scan_id: Name, unique in the study. No reader ever sees it.
        patient: Patient of the scan.
        mask: Path of the atrium mask, as in `io.Source`. None if there is no mask.
        sha256: Hash of the scan's files when the study was created.
        adjudications: Every consensus on the scan, by version.
    """

    __tablename__ = "study_scan"
    __table_args__ = (UniqueConstraint("study_id", "scan_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    scan_id: Mapped[str]
    patient: Mapped[str]
    mask: Mapped[str | None]
    sha256: Mapped[str]
    adjudications: Mapped[list["Adjudication"]] = relationship(order_by="Adjudication.version", back_populates="scan")

    @property
    def adjudication(self) -> "Adjudication | None":
        """The consensus that counts: the last one saved."""
        return self.adjudications[-1] if self.adjudications else None

    @property
    def source(self) -> Source:
        """The scan as `io.read_scan` takes it."""
        return self.source_of(self.scan_id, Path(self.mask) if self.mask else None)


class Reader(Base):
    """A person who rates the scans of a study.

    Attributes:
        number: Number in the study, from 1.
        name: Name, unique in the study.
        token_sha256: Hash of the reader's secret token, which itself is not stored.
        link_nonce: Random text from which, with the key of the server's owner, the token follows. None for a token
            that was drawn by an earlier version.
        study: Study of the reader.
        readings: Reading order, by number.
        practice_ratings: Ratings of practice scans, which are in no export.
    """

    __tablename__ = "reader"
    __table_args__ = (UniqueConstraint("study_id", "number"), UniqueConstraint("study_id", "name"))
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    number: Mapped[int]
    name: Mapped[str]
    token_sha256: Mapped[str] = mapped_column(unique=True)
    link_nonce: Mapped[str | None] = mapped_column(default=None)
    study: Mapped[Study] = relationship(back_populates="readers")
    readings: Mapped[list["Reading"]] = relationship(order_by="Reading.number", back_populates="reader", cascade=_OWNED)
    practice_ratings: Mapped[list["PracticeRating"]] = relationship(cascade=_OWNED)


class Reading(Base):
    """A place in a reader's order.

    Attributes:
        number: Blind number by which the reader knows the scan, from 1 in the reading order.
        round: 1 for the reader's first reading of this scan, 2 for the second.
        reader: Reader of the scan.
        scan: Scan to be read.
        ratings: Every rating of this reading, by version.
    """

    __tablename__ = "reading"
    __table_args__ = (UniqueConstraint("reader_id", "number"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    reader_id: Mapped[int] = mapped_column(ForeignKey("reader.id"))
    scan_id: Mapped[int] = mapped_column(ForeignKey("study_scan.id"))
    number: Mapped[int]
    round: Mapped[int]
    reader: Mapped[Reader] = relationship(back_populates="readings")
    scan: Mapped[StudyScan] = relationship()
    ratings: Mapped[list["Rating"]] = relationship(order_by="Rating.version", back_populates="reading")

    @property
    def rating(self) -> "Rating | None":
        """The rating that counts: the last one saved."""
        return self.ratings[-1] if self.ratings else None


class Saved:
    """Scores that were saved for a scan. No version is ever changed or deleted, and the last one counts.

    Attributes:
        save_id: Identifier that the page creates, so that a save that is sent twice is stored once.
        version: Number of the save, from 1.
        scores: Scores by scale, 1 to 5. None if the scan cannot be rated.
        cannot_rate: Reason why the scan cannot be rated. Empty if it was rated.
        comment: Free text.
        saved_at: Time of the save in UTC, ISO 8601.
    """

    save_id: Mapped[str]
    version: Mapped[int]
    scores: Mapped[dict[str, int] | None] = mapped_column(_SCORES)
    cannot_rate: Mapped[str]
    comment: Mapped[str]
    saved_at: Mapped[str]


class Rating(Saved, Base):
    """One saved rating of a reading.

    Attributes:
        known: Version that the page knew of when it sent this one.
        seconds: Time for which the reader looked at the scan, in seconds.
        reading: Reading that was rated.
    """

    __tablename__ = "rating"
    __table_args__ = (UniqueConstraint("reading_id", "save_id"), UniqueConstraint("reading_id", "version"))
    id: Mapped[int] = mapped_column(primary_key=True)
    reading_id: Mapped[int] = mapped_column(ForeignKey("reading.id"))
    known: Mapped[int]
    seconds: Mapped[float]
    reading: Mapped[Reading] = relationship(back_populates="ratings")


class Adjudication(Saved, Base):
    """The consensus of a panel on a scan whose readers disagree.

    Attributes:
        panel: Names of the people who agreed. Empty if they were not named.
        scan: Scan that was adjudicated.
    """

    __tablename__ = "adjudication"
    __table_args__ = (UniqueConstraint("scan_id", "save_id"), UniqueConstraint("scan_id", "version"))
    id: Mapped[int] = mapped_column(primary_key=True)
    scan_id: Mapped[int] = mapped_column(ForeignKey("study_scan.id"))
    panel: Mapped[str]
    scan: Mapped[StudyScan] = relationship(back_populates="adjudications")


class PracticeScan(SourceColumns, Base):
    """A scan with known scores, which readers rate before the study.

    Attributes:
        number: Number in the practice, from 1.
        sha256: Hash of the scan's files when the study was created.
        scores: Known scores by scale, 1 to 5. None on a scale without one.
    """

    __tablename__ = "practice_scan"
    __table_args__ = (UniqueConstraint("study_id", "number"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    number: Mapped[int]
    sha256: Mapped[str]
    scores: Mapped[dict[str, float | None]] = mapped_column(_SCORES)

    @property
    def source(self) -> Source:
        """The scan as `io.read_scan` takes it."""
        return self.source_of(str(self.number))


class PracticeRating(Base):
    """The scores that a reader gave to a practice scan.

    Attributes:
        scores: Scores by scale, 1 to 5.
        saved_at: Time of the save in UTC, ISO 8601.
        scan: Practice scan that was rated.
    """

    __tablename__ = "practice_rating"
    __table_args__ = (UniqueConstraint("reader_id", "scan_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    reader_id: Mapped[int] = mapped_column(ForeignKey("reader.id"))
    scan_id: Mapped[int] = mapped_column(ForeignKey("practice_scan.id"))
    scores: Mapped[dict[str, int]] = mapped_column(_SCORES)
    saved_at: Mapped[str]
    scan: Mapped[PracticeScan] = relationship()


@contextmanager
def writing(sessions: Sessions) -> Iterator[Session]:
    """Open a transaction that excludes other writers, so that what it reads still holds when it is committed."""
    with sessions.begin() as session:
        exclude_writers(session)
        yield session
