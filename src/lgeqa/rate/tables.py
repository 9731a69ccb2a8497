"""What is kept of a study: its scans, its readers, what each is to read, and every rating that was ever saved."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from sqlalchemy import JSON, ForeignKey, UniqueConstraint, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from lgeqa.attributes import NAMES
from lgeqa.database import Base, Sessions
from lgeqa.read import Source

#: What is deleted with its owner. Ratings and adjudications are not: the database then refuses to delete either.
_OWNED: Final = "all, delete-orphan"


class Study(Base):
    """Scans that several readers rate, blinded.

    Attributes:
        name: unique, for people.
        seed: of what is drawn: the scans shown twice and each reader's order.
        repeat_share: share of the scans that each reader sees twice.
        made_at, closed_at, reopened_at: UTC, ISO 8601; `closed_at` is None while readers may rate, `reopened_at` tells
            that it was closed before.
    """

    __tablename__ = "study"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    seed: Mapped[int]
    repeat_share: Mapped[float]
    made_at: Mapped[str]
    closed_at: Mapped[str | None] = mapped_column(default=None)
    reopened_at: Mapped[str | None] = mapped_column(default=None)
    scans: Mapped[list["StudyScan"]] = relationship(order_by="StudyScan.id", cascade=_OWNED)
    readers: Mapped[list["Reader"]] = relationship(order_by="Reader.number", back_populates="study", cascade=_OWNED)


class StudyScan(Base):
    """A scan of a study. The attributes `kind` to `mask` are those of `read.Source`.

    Attributes:
        scan_id: unique in the study; no reader gets to know it.
        patient: whose scan it is.
        sha256: of the scan's files when the study was made.
    """

    __tablename__ = "study_scan"
    __table_args__ = (UniqueConstraint("study_id", "scan_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    scan_id: Mapped[str]
    patient: Mapped[str]
    kind: Mapped[str]
    location: Mapped[str]
    files: Mapped[list[str]] = mapped_column(JSON)
    mask: Mapped[str | None]
    sha256: Mapped[str]
    adjudications: Mapped[list["Adjudication"]] = relationship(order_by="Adjudication.version", back_populates="scan")

    @property
    def adjudication(self) -> "Adjudication | None":
        """The one that counts: the last that was saved."""
        return self.adjudications[-1] if self.adjudications else None

    @property
    def source(self) -> Source:
        """What `read.read_scan` takes."""
        kind: Literal["volume", "dicom"] = "dicom" if self.kind == "dicom" else "volume"
        mask = Path(self.mask) if self.mask else None
        return Source(self.scan_id, kind, Path(self.location), tuple(map(Path, self.files)), mask)


class Reader(Base):
    """Who rates.

    Attributes:
        number: in the study, from 1.
        name: unique in the study.
        token_sha256: of the reader's secret token, which itself is not kept.
    """

    __tablename__ = "reader"
    __table_args__ = (UniqueConstraint("study_id", "number"), UniqueConstraint("study_id", "name"))
    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    number: Mapped[int]
    name: Mapped[str]
    token_sha256: Mapped[str] = mapped_column(unique=True)
    study: Mapped[Study] = relationship(back_populates="readers")
    readings: Mapped[list["Reading"]] = relationship(order_by="Reading.number", back_populates="reader", cascade=_OWNED)


class Reading(Base):
    """A place in a reader's order.

    Attributes:
        number: the blind number under which the reader knows the scan, from 1 in the order of reading.
        round: 1 for the reader's first reading of this scan, 2 for the second.
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
        """The one that counts: the last that was saved."""
        return self.ratings[-1] if self.ratings else None


class Saved:
    """Scores that somebody saved for a scan. None is ever changed or deleted; the last version counts.

    Attributes:
        save_id: made by the page, so that what is sent twice is kept once.
        version: 1 for the first that was saved, and so on.
        myocardium_nulling, sharpness, enhancement, quality: scores, 1 to 5; None where the scan cannot be rated.
        cannot_rate: why the scan cannot be rated; empty where it was.
        comment: free text.
        saved_at: UTC, ISO 8601.
    """

    save_id: Mapped[str]
    version: Mapped[int]
    myocardium_nulling: Mapped[int | None]
    sharpness: Mapped[int | None]
    enhancement: Mapped[int | None]
    quality: Mapped[int | None]
    cannot_rate: Mapped[str]
    comment: Mapped[str]
    saved_at: Mapped[str]

    @property
    def scores(self) -> dict[str, int] | None:
        """Scale name to score; None where the scan cannot be rated."""
        return None if self.cannot_rate else {name: getattr(self, name) for name in NAMES}


class Rating(Saved, Base):
    """One saved rating of a reading.

    Attributes:
        known: the version that the page knew of when it sent this one.
        seconds: that the reader looked at the scan.
    """

    __tablename__ = "rating"
    __table_args__ = (UniqueConstraint("reading_id", "save_id"), UniqueConstraint("reading_id", "version"))
    id: Mapped[int] = mapped_column(primary_key=True)
    reading_id: Mapped[int] = mapped_column(ForeignKey("reading.id"))
    known: Mapped[int]
    seconds: Mapped[float]
    reading: Mapped[Reading] = relationship(back_populates="ratings")


class Adjudication(Saved, Base):
    """What a panel agreed on for a scan whose readers differ.

    Attributes:
        panel: who agreed; empty if that was not said.
    """

    __tablename__ = "adjudication"
    __table_args__ = (UniqueConstraint("scan_id", "save_id"), UniqueConstraint("scan_id", "version"))
    id: Mapped[int] = mapped_column(primary_key=True)
    scan_id: Mapped[int] = mapped_column(ForeignKey("study_scan.id"))
    panel: Mapped[str]
    scan: Mapped[StudyScan] = relationship(back_populates="adjudications")


@contextmanager
def writing(sessions: Sessions) -> Iterator[Session]:
    """A transaction that no other writer comes between: what it reads still holds when it is committed."""
    with sessions.begin() as session:
        session.execute(text("BEGIN IMMEDIATE"))
        yield session


def now() -> str:
    """The time in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
