"""The database of the web application: one SQLite file. Each module that stores data in it defines its own tables.

`database_server` has what a PostgreSQL server needs instead of the file.
"""

import sqlite3
import sys
from contextlib import closing
from importlib.metadata import version
from itertools import chain, count
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote

from sqlalchemy import JSON, URL, Connection, Engine, String, create_engine, event, func, select, text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from lgeqa.atomic_io import write_through
from lgeqa.errors import OutputError
from lgeqa.io import Source
from lgeqa.migrations import current_schema, latest_schema, upgrade

#: Seconds that a writer waits for another writer.
_PATIENCE: Final = 30
#: Number of the lock of PostgreSQL that writers wait for.
_WRITERS: Final = 19_581


class Base(DeclarativeBase):
    """Base class of all tables of the application."""


class SourceColumns:
    """Columns of a table of scans for the source of each scan.

    Attributes:
        kind: Kind of source, as in `io.Source`.
        location: Path of the scan, as in `io.Source`.
        files: Paths of the scan's files, as in `io.Source`.
    """

    kind: Mapped[Literal["volume", "dicom", "unusable"]] = mapped_column(String)
    location: Mapped[str]
    files: Mapped[list[str]] = mapped_column(JSON)

    @staticmethod
    def values_of(source: Source) -> dict[str, Any]:
        """Return the values of these columns for a source."""
        return {"kind": source.kind, "location": str(source.location), "files": [str(file) for file in source.files]}

    def source_of(self, scan_id: str, mask_path: Path | None = None, fault: str = "") -> Source:
        """Return the source that is stored in these columns, as `io.read_scan` takes it."""
        files = tuple(map(Path, self.files))
        return Source(scan_id, self.kind, Path(self.location), files, mask_path, fault)


Sessions = sessionmaker[Session]


def open_database(path: Path) -> Sessions:
    """Open or create the database file, and bring a file of an earlier schema to the latest one.

    A committed transaction is on the disk, whatever happens to the process afterwards. Only the user of this process
    can read the file. Before a file is migrated, it is copied to a new file beside it.

    Args:
        path: SQLite file. Its folder must exist.

    Raises:
        OutputError: The file cannot be opened, is damaged or not a database, was made by a later version of lgeqa, or
            cannot be migrated. It is unchanged then.
    """
    try:
        path.touch(mode=0o600)
        path.chmod(0o600)  # also for a file of an earlier version; SQLite's files beside it get the same mode
        _migrate(path)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be used ({error.strerror}). Make it writable, or name another folder."
        ) from None
    except OperationalError as error:
        raise OutputError(
            f"{path}: cannot be used ({error.orig}). Make room, make it writable, or name another folder."
        ) from None
    except DatabaseError as error:
        raise _damaged(path, str(error.orig)) from None
    return sessionmaker(_engine(path, foreign_keys=True), expire_on_commit=False)


def exclude_writers(session: Session) -> None:
    """Begin a transaction that others who call this wait for."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("BEGIN IMMEDIATE"))
    else:
        session.execute(select(func.pg_advisory_xact_lock(_WRITERS)))


class JsonField(FunctionElement[Any]):
    """The value at a path of names in a column of JSON text. Cast it, since databases differ in its type."""

    inherit_cache = True
    type = String()


@compiles(JsonField)
def _in_sqlite(element: JsonField, compiler: SQLCompiler, **options: Any) -> str:
    column, *names = (compiler.process(clause, **options) for clause in element.clauses)
    path = " || '.' || ".join(["'$'", *names])
    return f"json_extract({column}, {path})"


@compiles(JsonField, "postgresql")
def _in_postgresql(element: JsonField, compiler: SQLCompiler, **options: Any) -> str:
    column, *names = (compiler.process(clause, **options) for clause in element.clauses)
    return f"json_extract_path_text(CAST({column} AS JSON), {', '.join(names)})"


def read_only(path: Path) -> sqlite3.Connection:
    """Connect to the file for reading only.

    Raises:
        sqlite3.Error: The file does not exist.
    """
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=_PATIENCE)


def schema_of(path: Path) -> int:
    """Return the number of the schema of the file, 0 for an empty file.

    Raises:
        sqlite3.Error: The file does not exist, or is not a database.
    """
    with closing(read_only(path)) as connection:
        [schema] = connection.execute("PRAGMA user_version").fetchone()
    return int(schema)


def check_database(path: Path) -> str:
    """Check the whole file without changing it, and return what is wrong with it, empty for nothing."""
    try:
        schema = schema_of(path)
        with closing(read_only(path)) as connection:
            [damage] = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        return str(error)
    if not 0 < schema <= latest_schema():
        return f"schema {schema}, this version of lgeqa has {latest_schema()}"
    return "" if damage == "ok" else _one_line(damage)


def back_up(path: Path, copy: Path) -> None:
    """Copy the database to a new file, whole and consistent, even while a server writes to it.

    Raises:
        OutputError: The database is missing or damaged, or the copy already exists or cannot be written.
    """
    if copy.exists():
        raise OutputError(f"{copy}: is there already. Name another file; a backup replaces none.")
    if damage := check_database(path):
        raise _damaged(path, damage)
    write_through(copy, lambda draft: _copy(path, draft))


def _copy(path: Path, draft: Path) -> None:
    draft.unlink(missing_ok=True)  # left by a backup that was killed
    draft.touch(mode=0o600)
    try:
        with (
            closing(read_only(path)) as source,
            closing(sqlite3.connect(draft)) as target,
        ):
            source.backup(target)
    except sqlite3.Error as error:
        raise OSError(0, str(error)) from None


def _engine(path: Path, *, foreign_keys: bool) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": _PATIENCE})

    def prepare(connection: Any, _: object) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", f"foreign_keys={foreign_keys:d}"):
            connection.execute(f"PRAGMA {pragma}")

    event.listen(engine, "connect", prepare)
    return engine


def _migrate(path: Path) -> None:
    """Bring the file to the latest schema in one transaction, if it has another one."""
    engine = _engine(path, foreign_keys=False)
    try:
        with engine.begin() as connection:
            _check_pages(connection, path)
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # another process waits here, and then has nothing to do
            schema = current_schema(connection)
            if schema > latest_schema():
                raise OutputError(
                    f"{path}: was made by a later version of lgeqa (schema {schema}, lgeqa {version('lgeqa')} has "
                    f"{latest_schema()}). Update lgeqa, put the copy that the later version made of the earlier "
                    "file in its place, or name another folder."
                )
            if schema == 0:
                upgrade(connection)
            elif schema < latest_schema():
                _upgrade_with_copy(connection, path, schema)
    finally:
        engine.dispose()


def _upgrade_with_copy(connection: Connection, path: Path, schema: int) -> None:
    copy = _free_name(path.with_stem(f"{path.stem}.schema-{schema}"))
    write_through(copy, lambda draft: _copy(path, draft))
    try:
        upgrade(connection)
        orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        failure = f"rows of {orphans[0]} have lost their owner" if orphans else ""
    except DatabaseError as error:
        failure = str(error.orig)
    if failure:
        copy.unlink()
        raise OutputError(
            f"{path}: cannot be migrated from schema {schema} to {latest_schema()} ({failure}), and is unchanged. Make "
            "room if the disk is full. Otherwise use the earlier version of lgeqa, and report this as a bug."
        )
    sys.stderr.write(
        f"lgeqa: {path} was migrated from schema {schema} to {latest_schema()}. The copy before is {copy}.\n"
    )


def _free_name(path: Path) -> Path:
    """Return the path, with a number if there is such a file already."""
    names = chain([path], (path.with_stem(f"{path.stem}-{number}") for number in count(2)))
    return next(name for name in names if not name.exists())


def _check_pages(connection: Connection, path: Path) -> None:
    result = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one())
    if result != "ok":
        raise _damaged(path, _one_line(result))


def _one_line(message: str) -> str:
    return " ".join(message.split())


def _damaged(path: Path, damage: str) -> OutputError:
    return OutputError(
        f"{path}: is damaged or no database of lgeqa ({damage}). Leave it where it is, since it says what the uploads "
        "are. Put a backup in its place (`lgeqa serve --backup` makes them), or name another folder."
    )
