"""The server as a process: its token, its socket, its end."""

import secrets
import socket
from pathlib import Path

import typer
import uvicorn

from lgeqa.errors import OutputError, UsageError
from lgeqa.serve.app import create_app

#: Of a token, before it is written as text.
_BYTES = 24


def run_server(home: Path, host: str, port: int, token: str | None) -> None:
    """Serve until the process is told to stop.

    Args:
        home: as in `create_app`.
        host: address to listen on.
        port: to listen on; 0 takes a free one.
        token: of the owner; None to take the one that the home folder keeps.

    Raises:
        UsageError: the address cannot be listened on.
        OutputError: the folder cannot be used.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        token = token or _kept_token(home / "token")
    except OSError as fault:
        raise OutputError(f"{home}: cannot be used ({fault.strerror}). Name another folder with --home.") from None
    app = create_app(home, token)
    listener = _listen(host, port)
    typer.echo(f"Open http://{host}:{listener.getsockname()[1]}/?token={token}")
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listener])


def _kept_token(path: Path) -> str:
    """The token that a folder keeps, so that a page stays open over a restart; drawn when it is not there."""
    if not path.is_file():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(_BYTES), encoding="utf-8")
    return path.read_text(encoding="utf-8").strip()


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as fault:
        raise UsageError(
            f"{host}:{port}: cannot be listened on ({(fault.strerror or str(fault)).lower()}). Name another --port."
        ) from None
