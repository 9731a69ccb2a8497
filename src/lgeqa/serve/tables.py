"""What is kept of a scan that the application was given."""

import hashlib
from pathlib import Path
from typing import Final, Literal

from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, mapped_column

from lgeqa.database import Base
from lgeqa.read import Source
from lgeqa.records import ScanResult

State = Literal["queued", "working", "done"]
#: What a scan can come to: its verdict if it was assessed, else its status.
End = Literal["diagnostic", "non-diagnostic", "measured", "not_assessable", "failed"]

QUEUED: Final = "queued"
WORKING: Final = "working"
DONE: Final = "done"


class ScanRow(Base):
    """A scan, from its place in the queue to its result. The attributes `kind` to `fault` are those of `read.Source`.

    Attributes:
        id: never given twice.
        name: for people, unique; of file and folder names only.
        identity: hash of the paths of its files, so that none is taken twice.
        upload: folder below `uploads` that it came in; None if its files lie where the owner keeps them.
        upload_key: that the page sent with the upload.
        state: where it is on its way.
        takes: how often it was taken into work since it was last queued by a person.
        added_at, finished_at: UTC, ISO 8601.
        end: what it came to; None until it is done.
        probability: that of the result.
        result: the `ScanResult` as JSON.
        thumbnail: a small JPEG of a scan in which an atrium was found.
    """

    __tablename__ = "scan"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    identity: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    location: Mapped[str]
    files: Mapped[list[str]] = mapped_column(JSON)
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
        """What `read.read_scan` takes, under the number of this row: no file that is made of it bears its name."""
        kind: Literal["volume", "dicom", "unusable"] = "dicom" if self.kind == "dicom" else "volume"
        kind = "unusable" if self.kind == "unusable" else kind
        return Source(str(self.id), kind, Path(self.location), tuple(map(Path, self.files)), fault=self.fault)

    @property
    def record(self) -> ScanResult | None:
        """The result, once there is one."""
        return None if self.result is None else ScanResult.model_validate_json(self.result)


def identity_of(source: Source) -> str:
    """Hash of all paths of a scan."""
    paths = [source.location, *source.files]
    return hashlib.sha256("\0".join(map(repr, paths)).encode()).hexdigest()
