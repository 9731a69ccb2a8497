"""The queue of scans in the database: committed changes survive the server, and no scan is in it twice."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Condition

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from lgeqa.database import Sessions
from lgeqa.io import Source
from lgeqa.records import ScanResult
from lgeqa.web.models import DONE, QUEUED, WORKING, ScanRow, identity_of

#: Maximum number of times a scan is taken into work if its process, or the server, ends each time.
MOST_TAKES = 3
#: Values that are reset when a scan is queued again.
_REQUEUED = {"state": QUEUED, "takes": 0, "finished_at": None, "end": None, "probability": None, "result": None}


@dataclass(frozen=True)
class Upload:
    """The upload that scans came with.

    Attributes:
        folder: Name of the folder below `uploads`.
        key: Key that the page created, the same for each repetition of one upload.
    """

    folder: str
    key: str


@dataclass(frozen=True)
class QueuedScan:
    """A scan that was taken into work.

    Attributes:
        number: Number of the scan in the list.
        source: Location of the scan, under a name for the files that are made from it.
        upload: Folder below `uploads` that contains the scan. None if the files belong to the owner.
    """

    number: int
    source: Source
    upload: str | None


class Queue:
    """The scans of one database.

    Attributes:
        last_standstill: Reason for the latest standstill since the server started. Empty if there was none.
    """

    def __init__(self, sessions: Sessions) -> None:
        """Open the queue, and requeue scans that an earlier server left in progress, unless tried too often."""
        self._sessions = sessions
        self._changed = Condition()
        self._boot, self._changes = secrets.token_hex(4), 0
        self._standstill = self.last_standstill = ""
        cut_off = (ScanRow.state == WORKING, ScanRow.takes < MOST_TAKES)
        with self._sessions.begin() as session:
            session.execute(update(ScanRow).where(*cut_off).values(state=QUEUED))

    @property
    def version(self) -> str:
        """Version that differs after each change, and from all versions of an earlier server."""
        return f"{self._boot}-{self._changes}"

    @property
    def standstill(self) -> str:
        """Reason why the queue has stopped, and the remedy. Empty while it runs."""
        return self._standstill

    @standstill.setter
    def standstill(self, why: str) -> None:
        if why != self._standstill:
            self._standstill, self.last_standstill = why, why or self.last_standstill
            self._notify()

    def worn_out(self) -> list[QueuedScan]:
        """Return the scans in progress that were tried the maximum number of times and ended servers each time."""
        query = select(ScanRow).where(ScanRow.state == WORKING, ScanRow.takes >= MOST_TAKES).order_by(ScanRow.id)
        with self._sessions() as session:
            return list(map(_queued_scan, session.scalars(query)))

    def add(self, sources: Sequence[Source], upload: Upload | None = None) -> list[int]:
        """Queue scans and return the numbers of all of them, including those that are there already.

        An upload with a known key is a repetition: its scans stay unchanged, and `upload` is not used.
        """
        with self._changed, self._sessions.begin() as session:
            if upload and (known := session.scalars(select(ScanRow.id).where(ScanRow.upload_key == upload.key)).all()):
                return list(known)
            ids = [self._add(session, source, upload) for source in sources]
        self._notify()
        return ids

    def take(self) -> QueuedScan | None:
        """Take the next scan into work and return it, or return None if none waits."""
        first = select(ScanRow.id).where(ScanRow.state == QUEUED).order_by(ScanRow.id).limit(1).scalar_subquery()
        change = update(ScanRow).where(ScanRow.id == first).values(state=WORKING, takes=ScanRow.takes + 1)
        with self._sessions.begin() as session:
            row: ScanRow | None = session.scalar(change.returning(ScanRow))
        if row is None:
            return None
        self._notify()
        return _queued_scan(row)

    def finish(self, number: int, result: ScanResult, thumbnail: bytes | None = None) -> bool:
        """Store the result of a scan in progress, or return False if it was deleted or queued again meanwhile."""
        with self._sessions.begin() as session:
            row = session.get(ScanRow, number)
            if row is None or row.state != WORKING:
                return False
            named = result.model_copy(update={"scan_id": row.name})
            row.state, row.finished_at, row.thumbnail = DONE, _now(), thumbnail
            row.end, row.probability = named.verdict or named.status, named.probability
            row.result = named.model_dump_json()
        self._notify()
        return True

    def requeue(self, number: int, *, counts: bool = True) -> bool:
        """Queue an interrupted scan again, or return False if that happened too often or it is not in progress.

        Args:
            number: Number of the scan.
            counts: Whether the scan may be the reason for the interruption, which is false if the server is stopped.
        """
        with self._sessions.begin() as session:
            row = session.get(ScanRow, number)
            if row is None or row.state != WORKING or (counts and row.takes >= MOST_TAKES):
                return False
            row.state, row.takes = QUEUED, row.takes if counts else row.takes - 1
        self._notify()
        return True

    def assess_again(self, number: int) -> bool:
        """Queue a finished scan again, or return False if it is not finished."""
        change = update(ScanRow).where(ScanRow.id == number, ScanRow.state == DONE).values(**_REQUEUED)
        with self._sessions.begin() as session:
            queued = session.execute(change.returning(ScanRow.id)).first() is not None
        self._notify()
        return queued

    def remove(self, number: int) -> str | None:
        """Delete a scan, and return the folder of its upload if no other scan uses it."""
        with self._changed, self._sessions.begin() as session:
            row = session.scalar(delete(ScanRow).where(ScanRow.id == number).returning(ScanRow))
            folder = row and row.upload
            other = folder and session.scalar(select(ScanRow.id).where(ScanRow.upload == folder).limit(1))
        self._notify()
        return None if other else folder

    def uploads(self) -> set[str]:
        """Return the folders of all uploads that contain scans."""
        with self._sessions() as session:
            return {folder for folder in session.scalars(select(ScanRow.upload).distinct()) if folder}

    def wait(self, version: str, seconds: float) -> None:
        """Wait until something has changed since `version`, or until the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self.version != version, seconds)

    def _add(self, session: Session, source: Source, upload: Upload | None) -> int:
        identity = identity_of(source)
        known = session.scalar(select(ScanRow.id).where(ScanRow.identity == identity))
        if known is not None:
            return known
        row = ScanRow(
            name=_free_name(session, source.scan_id),
            identity=identity,
            **ScanRow.values_of(source),
            fault=source.fault,
            upload=upload and upload.folder,
            upload_key=upload and upload.key,
            added_at=_now(),
        )
        session.add(row)
        session.flush()
        return row.id

    def _notify(self) -> None:
        with self._changed:
            self._changes += 1
            self._changed.notify_all()


def _queued_scan(row: ScanRow) -> QueuedScan:
    return QueuedScan(row.id, row.source, row.upload)


def _free_name(session: Session, name: str) -> str:
    """Return `name`, with a number appended if it is taken. The number of queries grows with its logarithm."""

    def taken(number: int) -> bool:
        candidate = name if number == 1 else f"{name}-{number}"
        return session.scalar(select(ScanRow.id).where(ScanRow.name == candidate)) is not None

    free = 1
    while taken(free):
        free *= 2
    low = free // 2  # taken, or 0
    while free - low > 1:
        middle = (low + free) // 2
        low, free = (middle, free) if taken(middle) else (low, middle)
    return name if free == 1 else f"{name}-{free}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
