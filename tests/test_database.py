from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from lgeqa.database import SCHEMA, open_database
from lgeqa.errors import OutputError


def test_a_committed_transaction_outlives_a_crash_and_two_writers_wait_for_each_other(tmp_path: Path) -> None:
    with open_database(tmp_path / "a.sqlite")() as session:
        settings = [session.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "foreign_keys")]
        waits = session.scalar(text("PRAGMA busy_timeout"))

    assert settings == ["wal", 2, 1]
    assert waits == 30_000


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    path.write_text("not a database, but long enough to be looked at" * 100)

    with pytest.raises(OutputError, match=r"a\.sqlite: cannot be used \(file is not a database\)"):
        open_database(path)


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(text(f"PRAGMA user_version = {SCHEMA + 1}"))
    engine.dispose()

    with pytest.raises(OutputError, match=rf"another version of lgeqa \(schema {SCHEMA + 1}, this one has {SCHEMA}\)"):
        open_database(path)
