"""The home folder of a server: restricted to its user, and checked."""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lgeqa.database import Sessions, check_database, open_database, read_only, schema_of
from lgeqa.database_server import check_server, open_server, server_url
from lgeqa.errors import LgeqaError, OutputError
from lgeqa.migrations import latest_schema
from lgeqa.web.tokens import owner_token
from lgeqa.web.uploads import unknown_in

DATABASE: Final = "lgeqa.sqlite"
UPLOADS: Final = "uploads"
INCOMING: Final = "incoming"
SET_ASIDE: Final = "set-aside"
#: Mode bits that give others than the user access to a file or folder.
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def make_home(home: Path) -> None:
    """Create the folder or use an existing one, so that only the user of this process has access.

    Raises:
        OutputError: The folder cannot be created, or others may use it and lgeqa must not close it.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_open(home):
            _check_own(home)
            home.chmod(0o700)
    except OSError as error:
        raise OutputError(f"{home}: cannot be used ({error.strerror}). Name another folder with --home.") from None


def _check_own(home: Path) -> None:
    """Raise OutputError for a folder with other contents, which closing would make inaccessible to others."""
    if any(home.iterdir()) and not any((home / name).exists() for name in (DATABASE, "token")):
        raise OutputError(
            f"{home}: can be used by others and holds something else than scans of lgeqa. Name a folder of its own "
            f"with --home, or close this one to others: chmod 700 {home}"
        )


def _is_open(path: Path) -> bool:
    return os.name == "posix" and bool(path.stat().st_mode & _OTHERS)


@dataclass(frozen=True)
class Checked:
    """One check of a home folder.

    Attributes:
        what: Name of the thing that was checked.
        wrong: Problem and its remedy. Empty if there is no problem.
    """

    what: str
    wrong: str = ""


def open_home(home: Path, database: str | None = None) -> Sessions:
    """Open the database of a home folder: its file, or the PostgreSQL database with this URL.

    Raises:
        OutputError: The database cannot be used.
        UsageError: The URL is no address of a PostgreSQL database.
    """
    return open_server(server_url(database)) if database else open_database(home / DATABASE)


def check_home(home: Path, token_file: Path | None, database: str | None = None) -> Iterator[Checked]:
    """Check everything that a server would use, without changing it."""
    if not home.is_dir():
        yield Checked(f"folder {home}", "is not there. The server makes it at its first start.")
        return
    yield Checked(f"folder {home}", f"can be used by others. chmod 700 {home}" if _is_open(home) else "")
    yield _check_token(home, token_file)
    if database:
        yield Checked("database", check_server(server_url(database)))
        return
    damage = check_database(home / DATABASE)
    yield Checked("database", damage and f"{damage}. Put a backup in its place, and leave the uploads where they are.")
    if damage:
        return
    if (schema := schema_of(home / DATABASE)) < latest_schema():
        yield Checked(f"schema {schema}, which the next start migrates to {latest_schema()} after a copy")
    else:
        yield from _check_uploads(home)


def _check_token(home: Path, token_file: Path | None) -> Checked:
    try:
        owner_token(home, token_file, draw=False)
    except LgeqaError as error:
        return Checked("token", str(error))
    path = home / "token"
    if path.exists() and _is_open(path):
        return Checked("token", f"can be read by others. chmod 600 {path}")
    return Checked("token")


def _check_uploads(home: Path) -> Iterator[Checked]:
    with closing(read_only(home / DATABASE)) as connection:
        query = "SELECT id, upload, files FROM scan WHERE upload IS NOT NULL ORDER BY id"
        rows = connection.execute(query).fetchall()
    lost = [str(number) for number, _, files in rows if not all(Path(file).exists() for file in json.loads(files))]
    unknown = unknown_in(home / UPLOADS, {upload for _, upload, _ in rows})
    missing = (
        f"files are missing of the scans {', '.join(lost[:10])}{' and others' if lost[10:] else ''}. Bring them back "
        "from a copy of the folder, or delete these scans on the page."
    )
    moved = f"{len(unknown)}. The next start moves them to {home / SET_ASIDE}; nothing is deleted."
    yield Checked(f"uploads of {len(rows)} scans", missing if lost else "")
    yield Checked("uploads that the database does not know", moved if unknown else "")
