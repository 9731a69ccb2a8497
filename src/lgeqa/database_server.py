"""A PostgreSQL server in place of the SQLite file: the same tables and migrations."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, func, make_url, select
from sqlalchemy.exc import ArgumentError, DatabaseError
from sqlalchemy.orm import sessionmaker

from lgeqa.database import Sessions
from lgeqa.errors import OutputError, UsageError
from lgeqa.extras import require
from lgeqa.migrations import current_schema, latest_schema, upgrade

#: Numbers of the locks for migrations, and for the one lgeqa that serves the database.
_MIGRATION: Final = 19_582
_SERVER: Final = 19_583


def server_url(text: str) -> URL:
    """Return the address of a PostgreSQL database, such as `postgresql://lgeqa@db.example.org/lgeqa`.

    Raises:
        UsageError: It is no such address.
        MissingExtraError: The driver is not installed.
    """
    try:
        url = make_url(text)
    except ArgumentError:
        raise UsageError("--database: is no URL. Write for instance postgresql://lgeqa@db.example.org/lgeqa") from None
    if url.get_backend_name() != "postgresql":
        raise UsageError(
            f"--database: {url.get_backend_name()} is not supported. Name a PostgreSQL database, or leave it out for a "
            "file in the home folder."
        )
    require("postgres", "a PostgreSQL database")
    return url.set(drivername="postgresql+psycopg")


def open_server(url: URL) -> Sessions:
    """Open a database, and bring it to the latest schema in one transaction.

    Raises:
        OutputError: The server cannot be reached, the database was made by a later version, or it cannot be migrated
            and is unchanged.
    """
    engine = _engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION)))  # another process waits here
            _check_schema(connection, url)
            if current_schema(connection) < latest_schema():
                upgrade(connection)
    except DatabaseError as error:
        raise _unusable(url, error) from None
    return sessionmaker(engine, expire_on_commit=False)


@contextmanager
def served_alone(url: URL) -> Iterator[None]:
    """Keep other servers from this database, whose queue has one server.

    Raises:
        OutputError: Another one serves it, or it cannot be reached.
    """
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            if not connection.scalar(select(func.pg_try_advisory_lock(_SERVER))):
                raise OutputError(f"{_shown(url)}: is served by another lgeqa. Stop it, or name another database.")
            connection.commit()  # the lock belongs to the connection, which need not stay in a transaction
            yield
    except DatabaseError as error:
        raise _unusable(url, error) from None
    finally:
        engine.dispose()


def check_server(url: URL) -> str:
    """Return what is wrong with a database, empty for nothing. It is not changed."""
    try:
        with _engine(url).connect() as connection:
            _check_schema(connection, url)
            schema = current_schema(connection)
    except DatabaseError as error:
        return str(_unusable(url, error))
    except OutputError as error:
        return str(error)
    return "" if schema == latest_schema() else f"schema {schema}; the next start migrates it to {latest_schema()}"


def _engine(url: URL) -> Engine:
    return create_engine(url, pool_pre_ping=True)


def _check_schema(connection: Connection, url: URL) -> None:
    if (schema := current_schema(connection)) > latest_schema():
        raise OutputError(
            f"{_shown(url)}: was made by a later version of lgeqa (schema {schema}, lgeqa {version('lgeqa')} has "
            f"{latest_schema()}). Update lgeqa, or name another database."
        )


def _shown(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=True)


def _unusable(url: URL, error: DatabaseError) -> OutputError:
    reason = " ".join(str(error.orig).split())
    return OutputError(f"{_shown(url)}: cannot be used ({reason}). See to the server, the name and the rights.")
