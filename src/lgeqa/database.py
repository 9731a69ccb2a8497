"""The single SQLite file of the web application. Each module that stores data in it defines its own tables."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from lgeqa.atomic_io import write_through
from lgeqa.errors import OutputError

#: Version of the tables, raised when they change so that an older file does not fit.
SCHEMA: Final = 1
#: Seconds that a writer waits for another writer.
_PATIENCE: Final = 30


class Base(DeclarativeBase):
    """Base class of all tables of the application."""


Sessions = sessionmaker[Session]


def open_database(path: Path) -> Sessions:
    """Open or create the database file, and create the tables that are missing.

    A committed transaction is on the disk, whatever happens to the process afterwards. Only the user of this process
    can read the file. Import the modules that define tables before calling this function.

    Args:
        path: SQLite file. Its folder must exist.

    Raises:
        OutputError: The file cannot be opened, is damaged or not a database, or was made by another version of lgeqa.
    """
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": _PATIENCE})
    event.listen(engine, "connect", _prepare)
    try:
        path.touch(mode=0o600)
        path.chmod(0o600)  # also for a file of an earlier version; SQLite's files beside it get the same mode
        _check_schema(engine, path)
        _check_pages(engine, path)
        Base.metadata.create_all(engine)
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
    return sessionmaker(engine, expire_on_commit=False)


def read_only(path: Path) -> sqlite3.Connection:
    """Connect to the file for reading only.

    Raises:
        sqlite3.Error: The file does not exist.
    """
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=_PATIENCE)


def check_database(path: Path) -> str:
    """Check the whole file without changing it, and return what is wrong with it, empty for nothing."""
    try:
        with closing(read_only(path)) as connection:
            [version] = connection.execute("PRAGMA user_version").fetchone()
            [damage] = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        return str(error)
    if version != SCHEMA:
        return f"schema {version}, this version of lgeqa has {SCHEMA}"
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


def _check_pages(engine: Engine, path: Path) -> None:
    with engine.connect() as connection:
        result = str(connection.scalar(text("PRAGMA quick_check(1)")))
    if result != "ok":
        raise _damaged(path, _one_line(result))


def _one_line(message: str) -> str:
    return " ".join(message.split())


def _damaged(path: Path, damage: str) -> OutputError:
    return OutputError(
        f"{path}: is damaged or no database of lgeqa ({damage}). Leave it where it is, for it tells what the uploads "
        "are. Put a backup in its place (`lgeqa serve --backup` makes them), or name another folder."
    )


def _prepare(connection: Any, _: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _check_schema(engine: Engine, path: Path) -> None:
    with engine.begin() as connection:
        version = connection.scalar(text("PRAGMA user_version"))
        if version not in (0, SCHEMA):
            raise OutputError(
                f"{path}: was made by another version of lgeqa (schema {version}, this one has {SCHEMA}). Export its "
                "results with that version, or name another folder."
            )
        connection.execute(text(f"PRAGMA user_version = {SCHEMA}"))
