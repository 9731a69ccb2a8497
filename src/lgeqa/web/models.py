"""Database tables of the scans in the application, of its people, and of what they decided and saw."""

import hashlib
from typing import Final, Literal

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, column_property, mapped_column

from lgeqa.database import Base, SourceColumns
from lgeqa.io import Source
from lgeqa.io.series_header import SeriesHeader
from lgeqa.records import ScanResult
from lgeqa.web.scan_summary import ScanSummary

State = Literal["queued", "working", "done"]
#: Final result of a scan: its verdict if it was assessed, else its status.
End = Literal["diagnostic", "non-diagnostic", "measured", "not_assessable", "failed"]

#: Decision of a person that counts.
HumanChoice = Literal["accept", "reject"]

QUEUED: Final = "queued"
WORKING: Final = "working"
DONE: Final = "done"
#: Name of whoever has the token of the server itself.
OWNER: Final = "owner"
#: Role of a person, from the one with the fewest rights to the one with all.
Role = Literal["monitor", "viewer", "member", "owner"]


class ScanRow(SourceColumns, Base):
    """A scan, from its place in the queue to its result.

    Attributes:
        id: Number of the scan, never used twice.
        name: Unique name for display, made of file and folder names only.
        identity: Hash of the paths of the scan's files, so that no scan is added twice.
        fault: Reason why the path cannot be used, as in `io.Source`.
        upload: Folder below `uploads` that contains the scan. None if the files belong to the owner.
        upload_key: Key that the page sent with the upload.
        state: State of the scan.
        takes: Number of times the scan was taken into work since a person last queued it.
        added_at: Time of adding in UTC, ISO 8601.
        queued_by: Name of the person who added the scan, or last had it assessed again.
        queued_at: Time since which the scan waits or waited, in seconds since 1970. None before schema 5.
        finished_at: Time of the result in UTC, ISO 8601. None until the scan is done.
        end: Final result. None until the scan is done.
        probability: Probability in the result.
        result: `ScanResult` as JSON. None until the scan is done.
        decision: Decision of the model in the result.
        summary: `ScanSummary` of the result as JSON. None until the scan is done.
        rule: Key of the `SiteRule` that decided on the scan again. None if none has yet.
        teaches: How much a person's decision would teach a training. None if unknown.
        human: Decision of a person that counts: `accept` or `reject`. None if there is none.
        urgent: Whether a person marked the scan as urgent.
        header: `SeriesHeader` as JSON. None for a volume, and where the user does not allow it.
        thumbnail: Small JPEG picture. None if no atrium was found.
        pictured: Whether there is a thumbnail.
    """

    __tablename__ = "scan"
    __table_args__ = (Index("ix_scan_queue", "state", "urgent", "queued_by", "id"), {"sqlite_autoincrement": True})
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    identity: Mapped[str] = mapped_column(unique=True)
    fault: Mapped[str]
    upload: Mapped[str | None] = mapped_column(index=True)
    upload_key: Mapped[str | None] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(index=True, default=QUEUED)
    takes: Mapped[int] = mapped_column(default=0)
    added_at: Mapped[str] = mapped_column(index=True)
    queued_by: Mapped[str] = mapped_column(default=OWNER, server_default=OWNER)
    queued_at: Mapped[float | None]
    finished_at: Mapped[str | None] = mapped_column(index=True)
    end: Mapped[str | None] = mapped_column(index=True)
    probability: Mapped[float | None]
    result: Mapped[str | None]
    thumbnail: Mapped[bytes | None] = mapped_column()
    pictured: Mapped[bool] = column_property(thumbnail.is_not(None))
    decision: Mapped[str | None] = mapped_column(index=True)
    summary: Mapped[str | None]
    rule: Mapped[str | None]
    teaches: Mapped[float | None]
    human: Mapped[str | None] = mapped_column(index=True)
    urgent: Mapped[bool] = mapped_column(default=False, server_default=false())
    header: Mapped[str | None]

    @property
    def source(self) -> Source:
        """The scan for `io.read_scan`, under the number of this row, so that no file made from it has its name."""
        return self.source_of(str(self.id), fault=self.fault)

    @property
    def record(self) -> ScanResult | None:
        """The result, or None until there is one."""
        return None if self.result is None else ScanResult.model_validate_json(self.result)

    @property
    def series_header(self) -> SeriesHeader | None:
        """The values of the DICOM header that the user allows, or None if there are none."""
        return None if self.header is None else SeriesHeader.model_validate_json(self.header)

    def keep(self, result: ScanResult) -> None:
        """Store a result, with everything that the list shows, filters and sorts by."""
        summary = ScanSummary.of(result)
        self.end, self.probability = result.verdict or result.status, result.probability
        self.decision, self.teaches = result.decision, summary.teaches
        self.result, self.summary = result.model_dump_json(), summary.model_dump_json()


class HumanDecision(Base):
    """A person's decision on a scan. The latest one counts, and the earlier ones stay.

    Attributes:
        save_id: Key that the page drew, the same for each repetition of one request.
        version: Number among the decisions on the scan, from 1.
        decision: `accept`, `reject`, or `withdrawn` if the scan is undecided again.
        reason: Reason for the decision. Empty for none.
        note: Further text. Empty for none.
        person: Name of the person, or the one that the owner of a server without people gave.
        decided_at: Time in UTC, ISO 8601.
        model_decision: Decision of the model at that time. None if it had none.
        model_probability: Probability of the model at that time. None if it had none.
    """

    __tablename__ = "scan_decision"
    __table_args__ = (UniqueConstraint("scan_id", "save_id"), UniqueConstraint("scan_id", "version"))
    id: Mapped[int] = mapped_column(primary_key=True)
    scan_id: Mapped[int] = mapped_column(ForeignKey("scan.id", ondelete="CASCADE"))
    save_id: Mapped[str]
    version: Mapped[int]
    decision: Mapped[str]
    reason: Mapped[str]
    note: Mapped[str]
    person: Mapped[str]
    decided_at: Mapped[str]
    model_decision: Mapped[str | None]
    model_probability: Mapped[float | None]


class Person(Base):
    """A person who uses the server.

    Attributes:
        name: Unique name, as decisions and the audit log show it.
        role: Role of the person.
        token_sha256: Hash of the person's token.
        added_at: Time of adding in UTC, ISO 8601.
    """

    __tablename__ = "person"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[Role] = mapped_column(String)
    token_sha256: Mapped[str] = mapped_column(unique=True)
    added_at: Mapped[str]


class AuditRow(Base):
    """An entry of the audit log. The database refuses to change or delete one.

    Attributes:
        at: Time in UTC, ISO 8601.
        person: Name of the person.
        action: What the person did.
        scan_id: Number of the scan, which may have been deleted since. None if it was about no single scan.
        scan_name: Name of the scan in the application. Empty if it was about no single scan.
        detail: Further facts. Empty for none.
    """

    __tablename__ = "audit_entry"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[str] = mapped_column(index=True)
    person: Mapped[str] = mapped_column(index=True)
    action: Mapped[str]
    scan_id: Mapped[int | None] = mapped_column(index=True)
    scan_name: Mapped[str]
    detail: Mapped[str]


def identity_of(source: Source) -> str:
    """Return a hash of all paths of a scan."""
    paths = [source.location, *source.files]
    return hashlib.sha256("\0".join(map(repr, paths)).encode()).hexdigest()
