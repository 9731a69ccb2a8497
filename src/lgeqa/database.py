"""The one SQLite file of the web application: opened safely, its tables made by whoever keeps something in it."""

from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from lgeqa.errors import OutputError

#: Rises when a table changes in a way that an older file does not fit.
SCHEMA: Final = 1
#: Seconds that a writer waits for another one.
_PATIENCE: Final = 30


class Base(DeclarativeBase):
    """What every table of the application derives from."""


Sessions = sessionmaker[Session]


def open_database(path: Path) -> Sessions:
    """Open the file, or make it, and make the tables that are missing.

    A transaction that was committed is on the disk, whatever happens to the process after it. Import the modules
    that define tables before.

    Args:
        path: the SQLite file; its folder must be there.

    Raises:
        OutputError: it cannot be opened, is no database, or was made by another version of lgeqa.
    """
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": _PATIENCE})
    event.listen(engine, "connect", _prepare)
    try:
        _check_schema(engine, path)
        Base.metadata.create_all(engine)
    except DatabaseError as fault:
        raise OutputError(
            f"{path}: cannot be used ({fault.orig}). Name another folder, or move this file away."
        ) from None
    return sessionmaker(engine, expire_on_commit=False)


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
