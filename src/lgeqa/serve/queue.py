"""The queue of scans, kept in the database: what was committed survives the server, and nothing is in it twice."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Condition

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from lgeqa.database import Sessions
from lgeqa.read import Source
from lgeqa.records import ScanResult
from lgeqa.serve.tables import DONE, QUEUED, WORKING, ScanRow, identity_of

#: How often a scan is taken into work whose process, or whose server, ends each time.
MOST_TAKES = 3
#: What queuing a scan again sets back.
_AFRESH = {"state": QUEUED, "takes": 0, "finished_at": None, "end": None, "probability": None, "result": None}


@dataclass(frozen=True)
class Upload:
    """Where uploaded scans lie.

    Attributes:
        folder: name of the folder below `uploads`.
        key: that the page made, the same for each repetition of one upload.
    """

    folder: str
    key: str


class Queue:
    """The scans of one database.

    Attributes:
        last_standstill: Why nothing could be taken or kept last since the server started; empty for never.
    """

    def __init__(self, sessions: Sessions) -> None:
        """Open the queue; what was in work when an earlier server ended is queued again, unless that was too often."""
        self._sessions = sessions
        self._changed = Condition()
        self._boot, self._changes = secrets.token_hex(4), 0
        self._standstill = self.last_standstill = ""
        cut_off = (ScanRow.state == WORKING, ScanRow.takes < MOST_TAKES)
        with self._sessions.begin() as session:
            session.execute(update(ScanRow).where(*cut_off).values(state=QUEUED))

    @property
    def version(self) -> str:
        """Differs after each change, also from those of an earlier server."""
        return f"{self._boot}-{self._changes}"

    @property
    def standstill(self) -> str:
        """Why nothing can be taken or kept now, and what helps; empty where the queue goes on."""
        return self._standstill

    @standstill.setter
    def standstill(self, why: str) -> None:
        if why != self._standstill:
            self._standstill, self.last_standstill = why, why or self.last_standstill
            self._tell()

    def worn_out(self) -> list[Source]:
        """Return the scans in work that nothing was kept of as often as a scan is tried: servers ended over them."""
        query = select(ScanRow).where(ScanRow.state == WORKING, ScanRow.takes >= MOST_TAKES).order_by(ScanRow.id)
        with self._sessions() as session:
            return [row.source for row in session.scalars(query)]

    def add(self, sources: Sequence[Source], upload: Upload | None = None) -> list[int]:
        """Queue scans; the numbers of all, also of those that are there already.

        An upload whose key was seen is a repetition: its scans stay as they are, and `upload` is not used.
        """
        with self._changed, self._sessions.begin() as session:
            if upload and (known := session.scalars(select(ScanRow.id).where(ScanRow.upload_key == upload.key)).all()):
                return list(known)
            ids = [self._add(session, source, upload) for source in sources]
        self._tell()
        return ids

    def take(self) -> Source | None:
        """The next scan, now in work; None if none waits. Its `scan_id` is its number."""
        first = select(ScanRow.id).where(ScanRow.state == QUEUED).order_by(ScanRow.id).limit(1).scalar_subquery()
        change = update(ScanRow).where(ScanRow.id == first).values(state=WORKING, takes=ScanRow.takes + 1)
        with self._sessions.begin() as session:
            row: ScanRow | None = session.scalar(change.returning(ScanRow))
        if row is None:
            return None
        self._tell()
        return row.source

    def finish(self, number: int, result: ScanResult, thumbnail: bytes | None = None) -> bool:
        """Keep the result of a scan in work; False if it was deleted or queued anew meanwhile."""
        with self._sessions.begin() as session:
            row = session.get(ScanRow, number)
            if row is None or row.state != WORKING:
                return False
            named = result.model_copy(update={"scan_id": row.name})
            row.state, row.finished_at, row.thumbnail = DONE, _now(), thumbnail
            row.end, row.probability = named.verdict or named.status, named.probability
            row.result = named.model_dump_json()
        self._tell()
        return True

    def put_back(self, number: int, *, counts: bool = True) -> bool:
        """Queue a scan again whose work was cut off; False if that happened too often, or it is not in work.

        Args:
            number: of the scan.
            counts: whether the scan may be the reason; a server that is told to end is not.
        """
        with self._sessions.begin() as session:
            row = session.get(ScanRow, number)
            if row is None or row.state != WORKING or (counts and row.takes >= MOST_TAKES):
                return False
            row.state, row.takes = QUEUED, row.takes if counts else row.takes - 1
        self._tell()
        return True

    def assess_again(self, number: int) -> bool:
        """Queue a scan that is done; False if it is queued or in work anyway."""
        change = update(ScanRow).where(ScanRow.id == number, ScanRow.state == DONE).values(**_AFRESH)
        with self._sessions.begin() as session:
            queued = session.execute(change.returning(ScanRow.id)).first() is not None
        self._tell()
        return queued

    def remove(self, number: int) -> str | None:
        """Forget a scan; the folder of its upload if no other scan lies there."""
        with self._changed, self._sessions.begin() as session:
            row = session.scalar(delete(ScanRow).where(ScanRow.id == number).returning(ScanRow))
            folder = row and row.upload
            left = folder and session.scalar(select(ScanRow.id).where(ScanRow.upload == folder).limit(1))
        self._tell()
        return None if left else folder

    def uploads(self) -> set[str]:
        """The folders of all uploads that scans lie in."""
        with self._sessions() as session:
            return {folder for folder in session.scalars(select(ScanRow.upload).distinct()) if folder}

    def wait(self, version: str, seconds: float) -> None:
        """Return when something has changed since `version`, or when the time is over."""
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
            kind=source.kind,
            location=str(source.location),
            files=[str(path) for path in source.files],
            fault=source.fault,
            upload=upload and upload.folder,
            upload_key=upload and upload.key,
            added_at=_now(),
        )
        session.add(row)
        session.flush()
        return row.id

    def _tell(self) -> None:
        with self._changed:
            self._changes += 1
            self._changed.notify_all()


def _free_name(session: Session, name: str) -> str:
    """Return `name`, or with a number behind it that makes it unique, found in a number of looks that grows slowly."""

    def taken(number: int) -> bool:
        candidate = name if number == 1 else f"{name}-{number}"
        return session.scalar(select(ScanRow.id).where(ScanRow.name == candidate)) is not None

    free = 1
    while taken(free):
        free *= 2
    low = free // 2  # is taken, or 0
    while free - low > 1:
        middle = (low + free) // 2
        low, free = (middle, free) if taken(middle) else (low, middle)
    return name if free == 1 else f"{name}-{free}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
