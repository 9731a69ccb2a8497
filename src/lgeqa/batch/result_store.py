"""Store of the results in an output folder: one SQLite file, from which the tables and the report are written."""

import hashlib
import sqlite3
from collections.abc import Collection, Container, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, Final, NamedTuple, Self
from urllib.parse import quote

from lgeqa.batch.measures_csv import measures_line
from lgeqa.batch.output_folder import OutputFolder, lacks_dicom, record_text
from lgeqa.batch.tables import table_lines
from lgeqa.errors import OutputError
from lgeqa.outcomes import Decision, Status, Verdict
from lgeqa.records import ScanResult
from lgeqa.versions import versions

#: Place of a result that a run is about to replace.
_STALE: Final = -1
#: Rows of the store that are in memory at a time.
_ROWS: Final = 64


class StoredHead(NamedTuple):
    """What a run has to know of a stored result before it loads the record.

    Attributes:
        scan_id: Name of the scan.
        fingerprint: Fingerprint of everything that the record depends on. Empty if the files were gone.
        rule: Limits by which the scan got its decision, as text.
        status: Status of the record.
        verdict: Verdict of the record. None if it has none.
        decision: Decision of the record. None if it has none.
        source: Path of the scan. Empty if the record is de-identified.
        bundle: SHA-256 of the bundle. Empty if there was none.
        has_atrium: Whether an atrium was found.
        lacks_dicom: Whether DICOM results were wanted and could not be written.
        n_bytes: Size of the file of the record.
        place: Place of the scan in the last run, from 0. None if it was not of the run.
    """

    scan_id: str
    fingerprint: str
    rule: str
    status: Status
    verdict: Verdict | None
    decision: Decision | None
    source: str
    bundle: str
    has_atrium: int
    lacks_dicom: int
    n_bytes: int
    place: int | None

    @property
    def is_stale(self) -> bool:
        """Whether a run was about to replace the result when it ended."""
        return self.place == _STALE


_CREATE: Final = f"""
CREATE TABLE IF NOT EXISTS results (
  {", ".join(StoredHead._fields)}, digest, line, scores, measures, record, PRIMARY KEY (scan_id)
);
CREATE INDEX IF NOT EXISTS places ON results (place IS NULL, place, scan_id);
CREATE INDEX IF NOT EXISTS outcomes ON results (decision, verdict, status, place, scan_id);
CREATE TABLE IF NOT EXISTS writer (lgeqa);
"""


class ResultStore(Collection[ScanResult]):
    """Results of an output folder, one for each scan, which survive a kill at any moment.

    Adding one takes the same time however many there are, and an iteration has only a few in memory. In a `with` block
    this process alone uses the file. After it results can still be read.

    Args:
        out: Output folder.
    """

    def __init__(self, out: OutputFolder) -> None:
        self._out = out
        self._file: sqlite3.Connection | None = None
        self._shown = "1"

    def __enter__(self) -> Self:
        """Open the store for writing. One that is new, or of another version, is filled from the records in the folder.

        Raises:
            OutputError: The file is damaged, in use or cannot be written.
        """
        with self._output_errors(), self._closed_on_failure():
            self._file = sqlite3.connect(self._out.store, isolation_level=None, check_same_thread=False)
            # One process needs no shared memory, which network disks lack.
            for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"):
                self._file.execute(f"PRAGMA {pragma}")
            self._file.executescript(_CREATE)
            with self._transaction():
                writer = (versions()["lgeqa"],)
                if self._file.execute("SELECT lgeqa FROM writer").fetchone() != writer:
                    self._file.execute("DELETE FROM results")
                    self._file.execute("DELETE FROM writer")
                    for result in self._out.load_all():
                        self.add(result, "", None)
                    self._file.execute("INSERT INTO writer VALUES (?)", writer)
        return self

    def __exit__(self, *_: object) -> None:
        """Close the store, so that it is one file."""
        with self._output_errors(), self._connected() as file:
            file.execute("PRAGMA journal_mode = DELETE")
            file.close()
        self._file = None

    def heads(self) -> Iterator[StoredHead]:
        """Yield what is to be known of each result without its record."""
        return map(StoredHead._make, self._rows(f"SELECT {', '.join(StoredHead._fields)} FROM results"))

    def load(self, scan_id: str) -> ScanResult:
        """Return the record of a scan that is in the store."""
        ((record,),) = self._rows("SELECT record FROM results WHERE scan_id = ?", scan_id)
        return ScanResult.model_validate_json(record)

    def find(
        self, decision: Decision | None = None, verdict: Verdict | None = None, status: Status | None = None
    ) -> Iterator[str]:
        """Yield the names of the scans with an outcome, in order. None stands for any. Stale results are left out."""
        wanted = {"decision": decision, "verdict": verdict, "status": status}
        values = {name: value for name, value in wanted.items() if value}
        condition = " AND ".join([f"place IS NOT {_STALE}", *(f"{name} = ?" for name in values)])
        return (scan_id for (scan_id,) in self._in_order("scan_id", condition, *values.values()))

    def add(self, result: ScanResult, rule: str, place: int | None) -> None:
        """Add a result, or replace that of its scan.

        Args:
            result: Result.
            rule: Limits by which it was decided, as text.
            place: Place of the scan in the run, from 0. None if it is not of the run.

        Raises:
            OutputError: The file cannot be written.
        """
        record = record_text(result).encode()
        head = StoredHead(
            result.scan_id,
            result.fingerprint,
            rule,
            result.status,
            result.verdict,
            result.decision,
            result.source,
            result.bundle.sha256 if result.bundle else "",
            result.has_atrium,
            lacks_dicom(result),
            len(record),
            place,
        )
        row = (
            *head,
            hashlib.sha256(record).hexdigest(),
            *table_lines(result),
            measures_line(result),
            record.decode(),
        )
        with self._output_errors(), self._connected() as file:
            file.execute(f"INSERT OR REPLACE INTO results VALUES ({', '.join('?' * len(row))})", row)

    def remove(self, scan_id: str) -> None:
        """Remove the result of a scan.

        Raises:
            OutputError: The file cannot be written.
        """
        with self._output_errors(), self._connected() as file:
            file.execute("DELETE FROM results WHERE scan_id = ?", (scan_id,))

    def arrange(self, places: Mapping[str, int], valid: Container[str], *, with_others: bool) -> None:
        """Set what the tables and the report have: the scans of a run in order, and then all others by name or none.

        Args:
            places: Place of each scan of the run, from 0, by name.
            valid: Names of those whose stored results stay valid. Those of the others are not shown until replaced.
            with_others: Whether the results of all other scans are shown.

        Raises:
            OutputError: The file cannot be written.
        """
        self._shown = f"place IS NOT {_STALE}" if with_others else "place >= 0"
        values = ((name, place if name in valid else _STALE) for name, place in places.items())
        with self._output_errors(), self._connected() as file, self._transaction():
            file.execute("CREATE TEMP TABLE wanted (scan_id PRIMARY KEY, place)")
            file.executemany("INSERT INTO wanted VALUES (?, ?)", values)
            # A row that keeps its place is not written again, since a row is as large as its record.
            place = "(SELECT wanted.place FROM wanted WHERE wanted.scan_id = results.scan_id)"
            file.execute(f"UPDATE results SET place = {place} WHERE place IS NOT {place}")
            file.execute("DROP TABLE wanted")

    def has_scores(self) -> bool:
        """Return whether a result has estimated scores."""
        ((found,),) = self._rows(f"SELECT EXISTS (SELECT 1 FROM results WHERE scores != '' AND {self._shown})")
        return bool(found)

    def lines(self) -> Iterator[tuple[str, str, str]]:
        """Yield of each result both parts of its line, as from `table_lines`, and that of the measures."""
        return self._in_order("line, scores, measures")

    def __len__(self) -> int:
        """Return the number of results."""
        ((count,),) = self._rows(f"SELECT COUNT(*) FROM results WHERE {self._shown}")
        return int(count)

    def __iter__(self) -> Iterator[ScanResult]:
        """Load the results one after another."""
        return (ScanResult.model_validate_json(record) for (record,) in self._in_order("record"))

    def __contains__(self, result: object) -> bool:
        """Return whether a result is in the store."""
        return any(result == one for one in self)

    def marks(self) -> Iterator[tuple[str, str]]:
        """Yield the name of each scan in order and the SHA-256 of its record, without loading the record."""
        return self._in_order("scan_id, digest")

    def _in_order(self, columns: str, condition: str = "1", *values: object) -> Iterator[Any]:
        """Yield columns of the results: first the scans of the run in order, then the others by name."""
        order = "place IS NULL, place, scan_id"
        query = f"SELECT {columns} FROM results WHERE {self._shown} AND {condition} ORDER BY {order}"
        return self._rows(query, *values)

    def _rows(self, query: str, *values: object) -> Iterator[Any]:
        """Yield the rows of a query, a few of them in memory at a time."""
        with self._output_errors(), self._connected() as file, closing(file.execute(query, values)) as cursor:
            while rows := cursor.fetchmany(_ROWS):
                yield from rows

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """Yield the file as it is open, or else open to be read."""
        if self._file:
            yield self._file
        else:
            with closing(sqlite3.connect(f"file:{quote(str(self._out.store.absolute()))}?mode=ro", uri=True)) as file:
                yield file

    @contextmanager
    def _closed_on_failure(self) -> Iterator[None]:
        """Close the file, which else stays locked, if the block fails."""
        try:
            yield
        except BaseException:
            if self._file:
                self._file.close()
            self._file = None
            raise

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Store all changes of the block or none."""
        with self._connected() as file:
            file.execute("BEGIN")
            try:
                yield
            except BaseException:
                file.execute("ROLLBACK")
                raise
            file.execute("COMMIT")

    @contextmanager
    def _output_errors(self) -> Iterator[None]:
        """Raise OutputError for what SQLite cannot do with the file."""
        try:
            yield
        except sqlite3.Error as error:
            raise OutputError(
                f"{self._out.store}: cannot be used ({error}). If no other run works in the folder and its disk is not "
                "full, remove this file: the next run makes it again from the records."
            ) from None
