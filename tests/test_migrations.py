"""Databases of earlier versions, made by their code (tests/databases/make.py), opened by today's."""

import json
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select

from lgeqa import migrations
from lgeqa.database import Base, back_up, check_database, open_database, schema_of
from lgeqa.errors import OutputError
from lgeqa.migrations import latest_schema
from lgeqa.scales import SCALE_NAMES
from lgeqa.studies.export import history_csv
from lgeqa.studies.management import find_reader, list_studies
from lgeqa.studies.models import StudyScan
from lgeqa.web.home_folder import check_home
from lgeqa.web.models import ScanRow

DUMPS = sorted((Path(__file__).parent / "databases").glob("*.sql"))
#: Number of the schema after that of the code.
NEXT = latest_schema() + 1
Rows = dict[str, list[dict[str, Any]]]

#: A migration of SQLite's kind: a table that others refer to is made again.
CHANGED = f"""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "{NEXT}", "{NEXT - 1}"

def upgrade():
    with op.batch_alter_table("study") as study:
        study.add_column(sa.Column("purpose", sa.String, nullable=False, server_default="unknown"))
        study.alter_column("seed", type_=sa.String)
"""
FAILING = f"{CHANGED}    op.execute('INSERT INTO study (id) VALUES (NULL)')\n"
ORPHANING = f"{CHANGED}    op.execute('DELETE FROM reading')\n"


@pytest.fixture(params=DUMPS, ids=lambda dump: dump.stem)
def earlier(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A database of an earlier version, in a folder of its own."""
    return loaded(request.param, tmp_path)


def loaded(dump: Path, folder: Path) -> Path:
    path = folder / "lgeqa.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(dump.read_text(encoding="utf-8"))
    path.chmod(0o600)
    return path


def rows(path: Path) -> Rows:
    """Return every row of every table but alembic's own."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        names = [name for [name] in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {
            name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")]
            for name in names
            if name not in ("alembic_version", "sqlite_sequence")
        }


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Add a migration to those of the package."""

    def plant(text: str) -> None:
        folder = tmp_path / "100% migrations"
        copytree(Path(migrations.__file__).parent, folder, ignore=ignore_patterns("__pycache__"))
        (folder / "versions" / f"schema_{NEXT}.py").write_text(text, encoding="utf-8")
        monkeypatch.setattr(migrations, "_FOLDER", folder)

    return plant


def with_columns_of(before: Rows, after: Rows) -> Rows:
    """Return the tables and columns of `before` with the values of `after`. Schema 6 gathered scores in one column."""
    columns = {name: before[name][0].keys() if before[name] else () for name in before}
    return {name: [{column: spread(row)[column] for column in columns[name]} for row in after[name]] for name in before}


def spread(row: dict[str, Any]) -> dict[str, Any]:
    return {**dict.fromkeys(SCALE_NAMES), **json.loads(row.get("scores") or "{}"), **row}


def copies(path: Path) -> list[Path]:
    return sorted(path.parent.glob("lgeqa.schema-*"))


def differences(path: Path) -> list[Any]:
    """Return how the tables of a file differ from those that the code expects."""
    with open_database(path)() as session:
        return list(compare_metadata(MigrationContext.configure(session.connection()), Base.metadata))


def test_new_database_has_the_tables_of_the_code(tmp_path: Path) -> None:
    assert differences(tmp_path / "a.sqlite") == []
    assert len(Base.metadata.tables) == 12


def test_schema_numbers_follow_each_other() -> None:
    folder = Path(migrations.__file__).parent / "versions"

    assert {path.name for path in folder.glob("*.py")} == {f"schema_{n}.py" for n in range(2, latest_schema() + 1)}


def test_earlier_database_loses_nothing(earlier: Path) -> None:
    before = rows(earlier)

    assert differences(earlier) == []

    assert with_columns_of(before, rows(earlier)) == before
    assert check_database(earlier) == ""


def test_earlier_database_is_copied_before(earlier: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, schema = rows(earlier), schema_of(earlier)

    open_database(earlier)
    open_database(earlier)

    [copy] = copies(earlier)
    assert copy.name == f"lgeqa.schema-{schema}.sqlite"
    assert rows(copy) == before
    assert copy.stat().st_mode == earlier.stat().st_mode
    assert (
        capsys.readouterr().err.count(f"migrated from schema {schema} to {latest_schema()}. The copy before is {copy}")
        == 1
    )


def test_copy_in_place_of_the_file_is_migrated_again(tmp_path: Path) -> None:
    path = loaded(DUMPS[0], tmp_path)
    before = rows(path)
    open_database(path)
    copies(path)[0].rename(path)
    first = path.with_name("lgeqa.schema-1.sqlite")
    first.write_bytes(b"an earlier copy")

    open_database(path)

    assert [copy.name for copy in copies(path)] == ["lgeqa.schema-1-2.sqlite", "lgeqa.schema-1.sqlite"]
    assert rows(copies(path)[0]) == before
    assert first.read_bytes() == b"an earlier copy"


@pytest.mark.parametrize("name", ["schema-3", "schema-2", "shared-columns", "adjudication", "scans-and-studies"])
def test_content_of_earlier_database_is_served(name: str, tmp_path: Path) -> None:
    sessions = open_database(loaded(Path(__file__).parent / "databases" / f"{name}.sql", tmp_path))

    with sessions() as session:
        scans = session.scalars(select(ScanRow).order_by(ScanRow.id)).all()
        assert [scan.state for scan in scans] == ["done", "done", "working", "queued"]
        assert [scan.record and scan.record.status for scan in scans] == ["assessed", "failed", None, None]
        [study] = list_studies(session)
        assert [find_reader(session, token) for token in ("token-of-ann", "token-of-bo")] == [1, 2]
        ratings = [[[rating.version for rating in reading.ratings] for reading in r.readings] for r in study.readers]
        assert ratings == [[[1], [1], [1], [1]], [[1, 2], [], [], []]]
        consensus = session.get_one(StudyScan, 1).adjudication
        assert (consensus and consensus.panel) == (None if name == "scans-and-studies" else "Ann, Bo")
        assert len(history_csv(study).splitlines()) == 1 + 6


def test_scores_of_schema_5_are_gathered(tmp_path: Path) -> None:
    with open_database(loaded(Path(__file__).parent / "databases" / "schema-5.sql", tmp_path))() as session:
        [study] = list_studies(session)
        given = [[rating.scores for rating in reading.ratings] for reading in study.readers[1].readings]
        [practised] = study.practice_scans
        consensus = session.get_one(StudyScan, 1).adjudication
        [own] = study.readers[0].practice_ratings

        assert given == [[in_scales(1, 2, 3, 4), in_scales(2, 3, 4, 5)], [None], [], []]
        assert practised.scores == in_scales(4, 2.5, None, 3)
        assert own.scores == in_scales(2, 3, 4, 5)
        assert consensus
        assert consensus.scores == in_scales(3, 4, 5, 1)


def in_scales(*scores: float | None) -> dict[str, float | None]:
    return dict(zip(SCALE_NAMES, scores, strict=True))


def test_two_servers_migrate_once(tmp_path: Path) -> None:
    path = loaded(DUMPS[0], tmp_path)
    before = rows(path)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(open_database, [path] * 4))

    assert len(copies(path)) == 1
    assert with_columns_of(before, rows(path)) == before


def test_table_that_others_refer_to_can_change(tmp_path: Path, plant: Callable[[str], None]) -> None:
    path = loaded(DUMPS[0], tmp_path)
    before = rows(path)
    plant(CHANGED)

    with open_database(path)() as session:
        assert session.connection().exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1

    after = rows(path)
    assert {row["purpose"] for row in after["study"]} == {"unknown"}
    before["study"] = [{**row, "seed": str(row["seed"])} for row in before["study"]]
    assert with_columns_of(before, after) == before


def test_database_of_the_last_schema_is_migrated(tmp_path: Path, plant: Callable[[str], None]) -> None:
    path = loaded(DUMPS[0], tmp_path)
    open_database(path)
    plant(CHANGED)

    open_database(path)

    assert [copy.name for copy in copies(path)] == ["lgeqa.schema-1.sqlite", f"lgeqa.schema-{NEXT - 1}.sqlite"]
    assert rows(path)["study"][0]["purpose"] == "unknown"


@pytest.mark.parametrize(
    ("migration", "reason"),
    [
        (FAILING, r"NOT NULL constraint failed: study\.name"),
        (ORPHANING, "rows of rating have lost their owner"),
    ],
)
def test_failed_migration_changes_nothing(
    tmp_path: Path, plant: Callable[[str], None], migration: str, reason: str
) -> None:
    path = loaded(Path(__file__).parent / "databases" / "shared-columns.sql", tmp_path)
    content, before = path.read_bytes(), rows(path)
    plant(migration)

    with pytest.raises(
        OutputError, match=rf"cannot be migrated from schema 1 to {NEXT} \({reason}\), and is unchanged"
    ):
        open_database(path)

    assert path.read_bytes() == content
    assert rows(path) == before
    assert copies(path) == []


def test_database_of_a_later_version_is_refused(
    tmp_path: Path, plant: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lgeqa.sqlite"
    plant(CHANGED)
    open_database(path)
    monkeypatch.undo()
    content = path.read_bytes()

    with pytest.raises(
        OutputError, match=rf"later version of lgeqa \(schema {NEXT}, lgeqa \S+ has {NEXT - 1}\)\. Update lgeqa, "
    ):
        open_database(path)

    assert f"schema {NEXT}, this version of lgeqa has {NEXT - 1}" in check_database(path)
    assert path.read_bytes() == content


def test_database_before_its_migration_can_be_checked_and_copied(earlier: Path) -> None:
    before = rows(earlier)

    checks = list(check_home(earlier.parent, None))
    back_up(earlier, earlier.with_name("copy.sqlite"))

    assert [check.what for check in checks if not check.wrong][-2:] == [
        "database",
        f"schema {schema_of(earlier)}, which the next start migrates to {latest_schema()} after a copy",
    ]
    assert rows(earlier.with_name("copy.sqlite")) == rows(earlier) == before
