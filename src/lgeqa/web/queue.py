"""The queue of scans in the database: committed changes survive the server, and no scan is in it twice."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Condition
from typing import Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from lgeqa.database import Sessions
from lgeqa.errors import QuotaError
from lgeqa.formatting import utc_now
from lgeqa.io import Source
from lgeqa.io.series_header import SeriesHeader
from lgeqa.records import ScanResult
from lgeqa.web.audit import record
from lgeqa.web.models import DONE, OWNER, QUEUED, WORKING, ScanRow, identity_of

#: Maximum number of times a scan is taken into work if its process, or the server, ends each time.
MOST_TAKES = 3
#: Values that are reset when a scan is queued again.
_REQUEUED: Final = {
    "state": QUEUED,
    "takes": 0,
    "finished_at": None,
    "end": None,
    "probability": None,
    "result": None,
    "decision": None,
    "summary": None,
    "rule": None,
    "teaches": None,
}


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
        waited_s: Seconds that the scan waited. None if unknown, and for another try.
        is_worn_out: Whether the server ended each of the maximum number of times that the scan was tried.
    """

    number: int
    source: Source
    upload: str | None
    waited_s: float | None = None
    is_worn_out: bool = False


class Queue:
    """The scans of one database.

    Attributes:
        last_standstill: Reason for the latest standstill since the server started. Empty if there was none.
    """

    def __init__(self, sessions: Sessions) -> None:
        """Open the queue, and requeue scans that an earlier server left in progress."""
        self._sessions = sessions
        self._changed = Condition()
        self._boot, self._changes = secrets.token_hex(4), 0
        self._standstills: dict[object, str] = {}
        self.last_standstill = ""
        self._turns: dict[str, int] = {}
        with self._sessions.begin() as session:
            session.execute(update(ScanRow).where(ScanRow.state == WORKING).values(state=QUEUED))

    @property
    def version(self) -> str:
        """Version that differs after each change, and from all versions of an earlier server."""
        return f"{self._boot}-{self._changes}"

    @property
    def standstill(self) -> str:
        """Reason why a worker of the queue has stopped, and the remedy. Empty while all of them run."""
        return next(filter(None, list(self._standstills.values())), "")

    def stand_still(self, worker: object, why: str) -> None:
        """Keep why a worker has stopped, empty when it continues."""
        if why != self._standstills.get(worker, ""):
            self._standstills[worker], self.last_standstill = why, why or self.last_standstill
            self.announce()

    def add(
        self,
        sources: Sequence[Source],
        upload: Upload | None = None,
        person: str = OWNER,
        quota: int | None = None,
    ) -> list[int]:
        """Queue scans of a person and return the numbers of all of them, including those that are there already.

        An upload with a known key is a repetition: its scans stay unchanged, and `upload` is not used.

        Raises:
            QuotaError: More scans of the person than `quota` would wait. None is added then.
        """
        with self._changed, self._sessions.begin() as session:
            if upload and (known := session.scalars(select(ScanRow.id).where(ScanRow.upload_key == upload.key)).all()):
                return list(known)
            ids = [self._add(session, source, person, upload) for source in sources]
            _check_quota(session, person, quota)
        self.announce()
        return ids

    def take(self) -> QueuedScan | None:
        """Take the next scan into work and return it, or return None if none waits.

        Urgent scans come first. Then it is the turn of the person with the fewest scans in work, among those of the
        one whose last turn was the longest ago. A person's scans come in the order in which they were added.
        """
        with self._changed, self._sessions.begin() as session:
            row = self._next(session)
            if row is None:
                return None
            row.state, row.takes = WORKING, row.takes + 1
            waited = time.time() - row.queued_at if row.queued_at and row.takes == 1 else None
            self._turns[row.queued_by] = max(self._turns.values(), default=0) + 1
        self.announce()
        return QueuedScan(row.id, row.source, row.upload, waited, is_worn_out=row.takes > MOST_TAKES)

    def finish(
        self, number: int, result: ScanResult, thumbnail: bytes | None = None, header: SeriesHeader | None = None
    ) -> bool:
        """Store the result of a scan in progress, or return False if it was deleted or queued again meanwhile."""
        with self._sessions.begin() as session:
            row = session.get(ScanRow, number)
            if row is None or row.state != WORKING:
                return False
            named = result.model_copy(update={"scan_id": row.name})
            row.state, row.finished_at, row.thumbnail = DONE, utc_now(), thumbnail
            row.header = header.model_dump_json() if header else None
            row.keep(named)
        self.announce()
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
        self.announce()
        return True

    def assess_again(self, number: int, person: str = OWNER, quota: int | None = None) -> bool:
        """Queue a finished scan again for a person, or return False if it is not finished.

        Raises:
            QuotaError: More scans of the person than `quota` would wait.
        """
        values = _REQUEUED | {"queued_by": person, "queued_at": time.time()}
        change = update(ScanRow).where(ScanRow.id == number, ScanRow.state == DONE).values(**values)
        with self._changed, self._sessions.begin() as session:
            row = session.scalar(change.returning(ScanRow))
            if row:
                record(session, person, "assess again", row)
                _check_quota(session, person, quota)
        self.announce()
        return row is not None

    def remove(self, number: int, person: str = OWNER) -> str | None:
        """Delete a scan, and return the folder of its upload if no other scan uses it."""
        with self._changed, self._sessions.begin() as session:
            row = session.scalar(delete(ScanRow).where(ScanRow.id == number).returning(ScanRow))
            if row:
                record(session, person, "deleted", row)
            folder = row and row.upload
            other = folder and session.scalar(select(ScanRow.id).where(ScanRow.upload == folder).limit(1))
        self.announce()
        return None if other else folder

    def uploads(self) -> set[str]:
        """Return the folders of all uploads that contain scans."""
        with self._sessions() as session:
            return {folder for folder in session.scalars(select(ScanRow.upload).distinct()) if folder}

    def announce(self) -> None:
        """Give the list a new version, and wake those who wait for one."""
        with self._changed:
            self._changes += 1
            self._changed.notify_all()

    def wait(self, version: str, seconds: float) -> None:
        """Wait until something has changed since `version`, or until the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self.version != version, seconds)

    def _next(self, session: Session) -> ScanRow | None:
        """Return the scan whose turn it is, or None if none waits."""
        waits = ScanRow.state == QUEUED
        is_urgent = session.scalar(select(ScanRow.urgent).where(waits).order_by(ScanRow.urgent.desc()).limit(1))
        if is_urgent is None:
            return None
        people = session.scalars(select(ScanRow.queued_by).where(waits, ScanRow.urgent == is_urgent).distinct()).all()
        in_work = dict(
            session.execute(
                select(ScanRow.queued_by, func.count()).where(ScanRow.state == WORKING).group_by(ScanRow.queued_by)
            ).all()
        )
        person = min(people, key=lambda name: (in_work.get(name, 0), self._turns.get(name, 0), name))
        theirs = (waits, ScanRow.urgent == is_urgent, ScanRow.queued_by == person)
        return session.scalar(select(ScanRow).where(*theirs).order_by(ScanRow.id).limit(1))

    def _add(self, session: Session, source: Source, person: str, upload: Upload | None) -> int:
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
            added_at=utc_now(),
            queued_by=person,
            queued_at=time.time(),
        )
        session.add(row)
        session.flush()
        record(session, person, "added", row)
        return row.id


def _check_quota(session: Session, person: str, quota: int | None) -> None:
    waiting = select(func.count()).where(ScanRow.state == QUEUED, ScanRow.queued_by == person)
    if quota is not None and (n_waiting := session.scalar(waiting) or 0) > quota:
        raise QuotaError(
            f"{n_waiting} scans of {person} would wait, and {quota} may at once. Send fewer, wait until some are done, "
            "or have the server started with a higher --quota."
        )


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
