"""The server as a process: its token, its socket, its end."""

import secrets
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import typer
import uvicorn

from lgeqa.errors import OutputError, UsageError
from lgeqa.serve.app import create_app
from lgeqa.serve.settings import ServeSettings

#: Of a token, before it is written as text.
_BYTES = 24
#: Seconds that answers under way may take when the server is told to end.
_GRACE = 3


def run_server(home: Path, host: str, port: int, token: str | None, settings: ServeSettings) -> None:
    """Serve until the process is told to stop.

    Args:
        home: as in `create_app`.
        host: address to listen on.
        port: to listen on; 0 takes a free one.
        token: of the owner; None to take the one that the home folder keeps.
        settings: the owner's choices.

    Raises:
        UsageError: the address cannot be listened on, or the folder is served already.
        OutputError: the folder cannot be used.
        BundleError: the model cannot be used.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        token = token or _kept_token(home / "token")
    except OSError as fault:
        raise OutputError(f"{home}: cannot be used ({fault.strerror}). Name another folder with --home.") from None
    with _served_once(home), _listen(host, port) as listener:
        app = create_app(home, token, settings)
        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=_GRACE)
        server = uvicorn.Server(config)
        _end_on_signals(server)
        typer.echo(f"Open http://{host}:{listener.getsockname()[1]}/?token={token}")
        server.run(sockets=[listener])


def _end_on_signals(server: uvicorn.Server) -> None:
    """Let the server end well, also while it still starts; uvicorn sends a signal once more when it has ended."""

    def end(*_: object) -> None:
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)


def _kept_token(path: Path) -> str:
    """The token that a folder keeps, so that a page stays open over a restart; drawn when it is not there."""
    if not path.is_file():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(_BYTES), encoding="utf-8")
    return path.read_text(encoding="utf-8").strip()


@contextmanager
def _served_once(home: Path) -> Iterator[None]:
    """Hold the folder, so that no second server takes scans that this one has in work.

    The lock ends with the process, whatever ends it. On Windows there is none.
    """
    with (home / "lock").open("w") as file:
        with suppress(ImportError):
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(
                    f"{home}: is served already. Open the link of that server, or name another folder with --home."
                ) from None
        yield


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as fault:
        raise UsageError(
            f"{host}:{port}: cannot be listened on ({(fault.strerror or str(fault)).lower()}). Name another --port."
        ) from None
