"""Migrations of the database of the web application: one file in `versions` for each schema since the second."""

from importlib import resources
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

_FOLDER = Path(str(resources.files("lgeqa.migrations")))


def latest_schema() -> int:
    """Return the number of the schema that this version of lgeqa uses."""
    return int(ScriptDirectory(_FOLDER).get_current_head() or 0)


def current_schema(connection: Connection) -> int:
    """Return the number of the schema of a database, 0 for an empty one."""
    if connection.dialect.name == "sqlite":  # files of schema 1 have no other mark
        return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    return int(MigrationContext.configure(connection).get_current_revision() or 0)


def upgrade(connection: Connection) -> None:
    """Bring a database to the latest schema, within the transaction of the connection.

    Args:
        connection: Connection with a transaction in which SQLite does not enforce foreign keys, since it changes most
            of a table by making it again. `PRAGMA foreign_key_check` shows whether all rows still have their owners.
    """
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    command.upgrade(config, "head")
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA user_version = {latest_schema()}")
