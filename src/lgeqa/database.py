"""The one SQLite file of the web application: opened safely, its tables made by whoever keeps something in it."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from lgeqa.errors import OutputError
from lgeqa.writing import write_through

#: Rises when a table changes in a way that an older file does not fit.
SCHEMA: Final = 1
#: Seconds that a writer waits for another one.
_PATIENCE: Final = 30


class Base(DeclarativeBase):
    """What every table of the application derives from."""


Sessions = sessionmaker[Session]


def open_database(path: Path) -> Sessions:
    """Open the file, or make it, and make the tables that are missing.

    A transaction that was committed is on the disk, whatever happens to the process after it. Nobody but the user of
    this process can read the file. Import the modules that define tables before.

    Args:
        path: the SQLite file; its folder must be there.

    Raises:
        OutputError: it cannot be opened, is damaged or no database, or was made by another version of lgeqa.
    """
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": _PATIENCE})
    event.listen(engine, "connect", _prepare)
    try:
        path.touch(mode=0o600)
        path.chmod(0o600)  # also of one that an earlier version made; what SQLite puts beside it follows
        _check_schema(engine, path)
        _check_pages(engine, path)
        Base.metadata.create_all(engine)
    except OSError as fault:
        raise OutputError(
            f"{path}: cannot be used ({fault.strerror}). Make it writable, or name another folder."
        ) from None
    except OperationalError as fault:
        raise OutputError(
            f"{path}: cannot be used ({fault.orig}). Make room, make it writable, or name another folder."
        ) from None
    except DatabaseError as fault:
        raise _damaged(path, str(fault.orig)) from None
    return sessionmaker(engine, expire_on_commit=False)


def read_only(path: Path) -> sqlite3.Connection:
    """Connect to the file to read and never to write; raises sqlite3.Error where there is none."""
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=_PATIENCE)


def check_database(path: Path) -> str:
    """Look through all of the file and return what is wrong with it; empty for nothing. It is not changed."""
    try:
        with closing(read_only(path)) as connection:
            [found] = connection.execute("PRAGMA user_version").fetchone()
            [damage] = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as fault:
        return str(fault)
    if found != SCHEMA:
        return f"schema {found}, this version of lgeqa has {SCHEMA}"
    return "" if damage == "ok" else _one_line(damage)


def back_up(path: Path, copy: Path) -> None:
    """Copy the database to a new file, whole and consistent, also while a server writes into it.

    Raises:
        OutputError: The database is not there or is damaged, or the copy is there already or cannot be written.
    """
    if copy.exists():
        raise OutputError(f"{copy}: is there already. Name another file; a backup replaces none.")
    if damage := check_database(path):
        raise _damaged(path, damage)
    write_through(copy, lambda draft: _copy(path, draft))


def _copy(path: Path, draft: Path) -> None:
    draft.unlink(missing_ok=True)  # that of a backup that was killed
    draft.touch(mode=0o600)
    try:
        with (
            closing(read_only(path)) as source,
            closing(sqlite3.connect(draft)) as target,
        ):
            source.backup(target)
    except sqlite3.Error as fault:
        raise OSError(0, str(fault)) from None


def _check_pages(engine: Engine, path: Path) -> None:
    with engine.connect() as connection:
        found = str(connection.scalar(text("PRAGMA quick_check(1)")))
    if found != "ok":
        raise _damaged(path, _one_line(found))


def _one_line(words: str) -> str:
    return " ".join(words.split())


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
        found = connection.scalar(text("PRAGMA user_version"))
        if found not in (0, SCHEMA):
            raise OutputError(
                f"{path}: was made by another version of lgeqa (schema {found}, this one has {SCHEMA}). Export its "
                "results with that version, or name another folder."
            )
        connection.execute(text(f"PRAGMA user_version = {SCHEMA}"))
