"""Database table of the scans in the application."""

import hashlib
from typing import Final, Literal

from sqlalchemy.orm import Mapped, mapped_column

from lgeqa.database import Base, SourceColumns
from lgeqa.io import Source
from lgeqa.records import ScanResult

State = Literal["queued", "working", "done"]
#: Final result of a scan: its verdict if it was assessed, else its status.
End = Literal["diagnostic", "non-diagnostic", "measured", "not_assessable", "failed"]

QUEUED: Final = "queued"
WORKING: Final = "working"
DONE: Final = "done"


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
        finished_at: Time of the result in UTC, ISO 8601. None until the scan is done.
        end: Final result. None until the scan is done.
        probability: Probability in the result.
        result: `ScanResult` as JSON. None until the scan is done.
        thumbnail: Small JPEG picture. None if no atrium was found.
    """

    __tablename__ = "scan"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    identity: Mapped[str] = mapped_column(unique=True)
    fault: Mapped[str]
    upload: Mapped[str | None] = mapped_column(index=True)
    upload_key: Mapped[str | None] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(index=True, default=QUEUED)
    takes: Mapped[int] = mapped_column(default=0)
    added_at: Mapped[str] = mapped_column(index=True)
    finished_at: Mapped[str | None] = mapped_column(index=True)
    end: Mapped[str | None] = mapped_column(index=True)
    probability: Mapped[float | None]
    result: Mapped[str | None]
    thumbnail: Mapped[bytes | None]

    @property
    def source(self) -> Source:
        """The scan for `io.read_scan`, under the number of this row, so that no file made from it has its name."""
        return self.source_of(str(self.id), fault=self.fault)

    @property
    def record(self) -> ScanResult | None:
        """The result, or None until there is one."""
        return None if self.result is None else ScanResult.model_validate_json(self.result)


def identity_of(source: Source) -> str:
    """Return a hash of all paths of a scan."""
    paths = [source.location, *source.files]
    return hashlib.sha256("\0".join(map(repr, paths)).encode()).hexdigest()
