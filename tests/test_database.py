from pathlib import Path

import pytest
from sqlalchemy import text

from lgeqa.database import back_up, check_database, open_database
from lgeqa.errors import OutputError


def test_commit_survives_a_crash_and_writers_wait(tmp_path: Path) -> None:
    with open_database(tmp_path / "a.sqlite")() as session:
        settings = [session.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "foreign_keys")]
        waits = session.scalar(text("PRAGMA busy_timeout"))

    assert settings == ["wal", 2, 1]
    assert waits == 30_000


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    path.write_text("not a database, but long enough to be looked at" * 100)

    with pytest.raises(OutputError, match=r"a\.sqlite: is damaged .*\(file is not a database\)\. Leave it where it is"):
        open_database(path)


def filled(path: Path) -> Path:
    """Make a database with a table of some pages."""
    sessions = open_database(path)
    with sessions.begin() as session:
        session.execute(text("CREATE TABLE number (value TEXT)"))
        session.execute(text("CREATE INDEX value ON number (value)"))
        session.execute(
            text(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
                "INSERT INTO number SELECT i FROM n"
            )
        )
    sessions.kw["bind"].dispose()
    return path


def damaged(path: Path) -> Path:
    """Make one with a page in its middle that was lost."""
    content = bytearray(filled(path).read_bytes())
    content[8 * 4096 : 10 * 4096] = bytes(2 * 4096)
    path.write_bytes(content)
    return path


def test_damaged_database_is_refused_and_left_in_place(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"a\.sqlite: is damaged .* Leave it where it is.*backup") as told:
        open_database(damaged(tmp_path / "a.sqlite"))

    assert "move this file" not in str(told.value)


def test_file_is_for_its_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    path.touch(mode=0o644)
    path.chmod(0o644)
    with open_database(path).begin() as session:
        session.execute(text("CREATE TABLE number (value TEXT)"))

        assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}


def test_check_finds_a_damaged_file_and_changes_nothing(tmp_path: Path) -> None:
    whole, broken, old = filled(tmp_path / "a.sqlite"), damaged(tmp_path / "b.sqlite"), tmp_path / "c.sqlite"
    old.touch()
    before = [path.read_bytes() for path in (whole, broken, old)]

    assert check_database(whole) == ""
    assert check_database(broken)
    assert "schema 0" in check_database(old)
    assert "unable to open" in check_database(tmp_path / "none.sqlite")
    assert [path.read_bytes() for path in (whole, broken, old)] == before


def test_backup_while_others_write_is_whole(tmp_path: Path) -> None:
    path, copy = filled(tmp_path / "a b?.sqlite"), tmp_path / "copy.sqlite"
    sessions = open_database(path)
    with sessions.begin() as session:
        session.execute(text("INSERT INTO number VALUES ('committed')"))
    with sessions() as session:
        session.execute(text("INSERT INTO number VALUES ('not yet')"))
        back_up(path, copy)

    with open_database(copy)() as session:
        rows = session.execute(text("SELECT value FROM number WHERE NOT value GLOB '[0-9]*'")).all()
    assert [tuple(row) for row in rows] == [("committed",)]
    assert check_database(copy) == ""
    assert copy.stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob(".draft*"))


def test_backup_replaces_no_file_and_refuses_a_damaged_database(tmp_path: Path) -> None:
    whole, there = filled(tmp_path / "a.sqlite"), tmp_path / "there.sqlite"
    there.write_bytes(b"an earlier backup")

    with pytest.raises(OutputError, match=r"there\.sqlite: is there already"):
        back_up(whole, there)
    with pytest.raises(OutputError, match="is damaged"):
        back_up(damaged(tmp_path / "b.sqlite"), tmp_path / "new.sqlite")

    assert there.read_bytes() == b"an earlier backup"
    assert not (tmp_path / "new.sqlite").exists()
