"""Migrations of the database of the web application: one file in `versions` for each schema since the second."""

from importlib import resources
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

_FOLDER = Path(str(resources.files("lgeqa.migrations")))


def latest_schema() -> int:
    """Return the number of the schema that this version of lgeqa uses."""
    return int(ScriptDirectory(_FOLDER).get_current_head() or 0)


def upgrade(connection: Connection) -> None:
    """Bring a database to the latest schema, within the transaction of the connection.

    Args:
        connection: Connection with a transaction in which foreign keys are not enforced, since SQLite changes most of
            a table by making it again. `PRAGMA foreign_key_check` shows whether all rows still have their owners.
    """
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    command.upgrade(config, "head")
    connection.exec_driver_sql(f"PRAGMA user_version = {latest_schema()}")
