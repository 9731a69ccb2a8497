"""The server as a process: its token, its socket and its shutdown."""

import signal
import socket
from contextlib import nullcontext
from pathlib import Path

import typer
import uvicorn

from lgeqa.atomic_io import claimed
from lgeqa.database import back_up
from lgeqa.database_server import served_alone, server_url
from lgeqa.errors import OutputError, UsageError
from lgeqa.web.app import create_app
from lgeqa.web.home_folder import DATABASE, UPLOADS, check_home, make_home
from lgeqa.web.host_names import LOOPBACK, link_host
from lgeqa.web.settings import ServeSettings
from lgeqa.web.tokens import owner_token

#: Seconds that pending responses may take when the server is stopped.
_GRACE = 3


def run_server(home: Path, host: str, port: int, token_file: Path | None, settings: ServeSettings) -> None:
    """Serve a home folder until the process is stopped.

    Args:
        home: Folder of the database, uploads and results. It is created if it is missing.
        host: Address to listen on.
        port: Port to listen on. 0 takes a free one.
        token_file: File with the token of the owner. None for the token from the environment or the home folder.
        settings: Settings of the server.

    Raises:
        UsageError: The address cannot be listened on, or the token could be guessed.
        OutputError: The folder cannot be used, for instance because it is served already.
        BundleError: The model cannot be used.
    """
    make_home(home)
    token = owner_token(home, token_file)
    alone = served_alone(server_url(settings.database)) if settings.database else nullcontext()
    with claimed(home), alone, _listen(host, port) as listener:
        app = create_app(home, token, settings.changed({"hosts": [host, *settings.hosts]}, "lgeqa serve"))
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            proxy_headers=False,  # else X-Forwarded-For from this machine would pass for the address of the sender
            timeout_graceful_shutdown=_GRACE,
        )
        server = uvicorn.Server(config)
        _end_on_signals(server)
        if host not in LOOPBACK:
            typer.echo(f"lgeqa: {_exposed(host)}", err=True)
        typer.echo(f"Open http://{link_host(host)}:{listener.getsockname()[1]}/enter#token={token}")
        server.run(sockets=[listener])


def back_up_home(home: Path, copy: Path) -> None:
    """Copy the database of a home folder to a new file, even while it is served.

    Raises:
        OutputError: The database cannot be copied.
    """
    back_up(home / DATABASE, copy)
    typer.echo(f"The database is in {copy}. Copy {home / UPLOADS} as well, after it: it holds the uploaded scans.")


def tell_of_home(home: Path, token_file: Path | None, database: str | None = None) -> int:
    """Check everything that a server would use, print the results, and return the exit code."""
    checks = list(check_home(home, token_file, database))
    for check in checks:
        typer.echo(f"{check.what}: {check.wrong or 'in order'}")
    return OutputError.exit_code if any(check.wrong for check in checks) else 0


def _exposed(host: str) -> str:
    """Return the warning about a server that other machines can reach."""
    return (
        f"Listening on {host}: every machine of the network reaches this server, and the connection is not encrypted, "
        "so whoever reads along gets the token and the scans. Do this only in a network that you trust, or behind a "
        "proxy with TLS."
    )


def _end_on_signals(server: uvicorn.Server) -> None:
    """Shut the server down cleanly on a signal, even during its start. Uvicorn repeats the signal when it has ended."""

    def end(*_: object) -> None:
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise UsageError(
            f"{host}:{port}: cannot be listened on ({(error.strerror or str(error)).lower()}). Name another --port."
        ) from None
