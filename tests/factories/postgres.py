"""A PostgreSQL server of its own for tests, on loopback, in a temporary folder, of a user without privileges."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy

from tests.factories.listener import free_port

#: Where Debian puts the programs of the server, one folder for each version.
_DEBIAN = Path("/usr/lib/postgresql")
#: Users that run the server if the tests run as root, which it refuses.
_USERS = ("postgres", "nobody")


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a server, and yield the URL of its database `postgres`. Skip the test if it is not installed."""
    programs = _programs()
    user = _user()
    folder = Path(tempfile.mkdtemp(prefix="lgeqa-postgres-", dir="/tmp"))
    try:
        if user:
            os.chown(folder, user.pw_uid, user.pw_gid)
        data, port = folder / "data", free_port()
        _run(user, programs / "initdb", "-D", data, "-U", "lgeqa", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8")
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= -c fsync=off"
        control = (programs / "pg_ctl", "-D", data, "-l", folder / "log", "-w")
        _run(user, *control, "-o", options, "start")
        try:
            yield f"postgresql://lgeqa@127.0.0.1:{port}/postgres"
        finally:
            _run(user, *control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def new_database(server: str, name: str) -> str:
    """Create a database on a server, and return its URL."""
    engine = sqlalchemy.create_engine(server.replace("://", "+psycopg://"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f'CREATE DATABASE "{name}"'))
    engine.dispose()
    return f"{server.rpartition('/')[0]}/{name}"


def _programs() -> Path:
    pytest.importorskip("psycopg", reason="needs the extra postgres")
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(_DEBIAN.glob("*/bin"))
    if not folders or os.name != "posix":
        pytest.skip("needs a PostgreSQL server (apt-get install postgresql)")
    return folders[-1]


def _user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next(known[name] for name in _USERS if name in known)


def _run(user: pwd.struct_passwd | None, *command: str | Path) -> None:
    rights = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    # Its log goes to a file: the server would hold a pipe open after the command has ended.
    subprocess.run(
        command,
        check=True,
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=120,
        **rights,  # type: ignore[call-overload]
    )
