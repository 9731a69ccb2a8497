"""Checks on each request before its body is read: its sender, host name, origin and size."""

import asyncio
import sys
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from fastapi import HTTPException, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from sqlalchemy.exc import DatabaseError, DataError, OperationalError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lgeqa.batch import trace_of
from lgeqa.web.authorization import NO_TOKEN, Authenticator, without_token
from lgeqa.web.host_names import is_ours
from lgeqa.web.metrics import Metrics
from lgeqa.web.proxy import ProxyError
from lgeqa.web.settings import MEGABYTE, ServeSettings

#: Load nothing from other servers, and show no page in another page's frame. NiiVue has its font as data.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
#: Path prefixes that are open to everybody, and those that require a token. Pages ask for the token themselves.
_OPEN: Final = ("/static/", "/health")
_CLOSED: Final = ("/api/", "/openapi.json", "/metrics")
#: Maximum bytes of a body without a limit of its own, and of a new study, which contains a table of patients.
_BODY_BYTES: Final = MEGABYTE
_STUDY_BYTES: Final = 20 * MEGABYTE
#: Seconds that a sender has for each piece, and bytes of a piece.
PATIENCE_S: Final = 60.0
_PIECE_BYTES: Final = 64_000


class RequestGuard:
    """The outermost layer of the application.

    A request without a valid token is answered before any of its body is read, and so is one that announces a body
    that is too large. A body is counted while it arrives, and a sender that stalls is cut off.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request or let it in. Every error gets a response, without the contents of its message."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        bare = request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers
        start = time.monotonic()
        door = _Door(receive, send, scope["path"].startswith("/static/"), _limit(request), whole=bare)
        try:
            answer = await _refusal(request, door.limit) or self._app
            await answer(scope, door.receive, door.send)
        except Exception as error:  # noqa: BLE001
            if not door.status:
                await _apology(error)(scope, door.receive, door.send)
        finally:
            metrics: Metrics = scope["app"].state.served.metrics
            metrics.add_request(scope["method"], door.status, time.monotonic() - start)


async def _refusal(request: Request, limit: int) -> Response | None:
    """Return the response to a request that is refused, or None. An accepted request gets its `state.person`."""
    gate: Authenticator = request.app.state.gate
    path, host = request.scope["path"], request.headers.get("host", "")
    if not is_ours(host, _settings(request).hosts):
        return _problem(
            421, f"{host!r:.80}: is not a name of this server. To use it, start the server with --allow-host."
        )
    if _from_elsewhere(request):
        return _problem(403, "This request came from a page of another server.")
    request.state.person = None
    if path.startswith(_OPEN):
        return None
    link_token = request.query_params.get("token", "") if request.method == "GET" else ""
    if link_token and not path.startswith(_CLOSED):
        known = await run_in_threadpool(gate.person, link_token)
        return without_token(request, link_token) if known else RedirectResponse("/enter#refused", 303)
    request.state.person = await run_in_threadpool(gate.sender, request)
    if request.state.person is None and path.startswith(_CLOSED):
        return _problem(401, NO_TOKEN, {"WWW-Authenticate": "Bearer"})
    return _too_long(request, limit)


def _too_long(request: Request, limit: int) -> Response | None:
    """Return the response to a request whose announced body is larger than the limit, or None."""
    length = request.headers.get("content-length", "0")
    if not length.isdecimal():
        return _problem(400, f"Content-Length {length!r:.80}: is not a number of bytes.")
    return _problem(413, too_large(limit)) if int(length[:20]) > limit else None


def _apology(error: Exception) -> Response:
    """Return the response to an error, without the message of an unexpected one, which may contain a name."""
    if isinstance(error, ProxyError):
        return _problem(403, str(error))
    if isinstance(error, DataError):
        return _problem(422, "A number or a text does not fit the database. Send a shorter one, without NUL.")
    # A full disk or a damaged file; other errors of this family are bugs.
    if isinstance(error, DatabaseError) and type(error) in (DatabaseError, OperationalError):
        return _problem(
            503, f"The database cannot be used now ({error.orig}). Make room on the server's disk, then try again."
        )
    sys.stderr.write(f"{trace_of(error)}\nlgeqa: This is a bug in lgeqa. Please report it with the lines above.\n")
    return _problem(500, "A bug in lgeqa; the server's terminal shows where.")


def _limit(request: Request) -> int:
    """Return the maximum bytes of a body for this route."""
    limits = {"/api/uploads": _settings(request).upload_mb * MEGABYTE, "/api/studies": _STUDY_BYTES}
    return limits.get(request.scope["path"], _BODY_BYTES)


def _settings(request: Request) -> ServeSettings:
    settings: ServeSettings = request.app.state.served.settings
    return settings


def too_large(limit: int) -> str:
    """Return the message about a body with too many bytes."""
    return f"This has more than {limit / MEGABYTE:g} MB. Send fewer scans at a time, or open their folder instead."


@dataclass
class _Door:
    """The connection of one request: incoming bytes are counted and timed, responses get their headers.

    Attributes:
        from_client: Function that receives a message from the client.
        to_client: Function that sends a message to the client.
        is_static: Whether the browser may cache the response.
        limit: Maximum bytes of the body.
        whole: Whether the whole body has arrived.
        status: Status of the response, 0 until it begins.
    """

    from_client: Receive
    to_client: Send
    is_static: bool
    limit: int
    whole: bool
    status: int = 0
    _bytes: int = 0
    _until: float = 0.0
    _renewed_at: int = 0

    async def receive(self) -> Message:
        """Return the next piece of the body.

        Raises:
            HTTPException: 413 for a body that is too large, 408 for one that stalls.
        """
        if self.whole:  # the next message is the end of the connection, which may take long
            return await self.from_client()
        self._until = self._until or time.monotonic() + PATIENCE_S
        try:
            message = await asyncio.wait_for(self.from_client(), max(0.0, self._until - time.monotonic()))
        except TimeoutError:
            raise HTTPException(
                408, f"Less than {_PIECE_BYTES // 1000} kB came within {PATIENCE_S:g} s. Send it again."
            ) from None
        self._bytes += len(message.get("body", b""))
        self.whole = not message.get("more_body", False)
        if self._bytes > self.limit:
            raise HTTPException(413, too_large(self.limit))
        if self._bytes >= self._renewed_at + _PIECE_BYTES:
            self._renewed_at, self._until = self._bytes, time.monotonic() + PATIENCE_S
        return message

    async def send(self, message: Message) -> None:
        """Send a piece of the response, with the headers that isolate a page from other sites."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["Content-Security-Policy"] = _POLICY
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "no-referrer"
            if not self.is_static:
                headers["Cache-Control"] = "no-store"
            if not self.whole:
                headers["Connection"] = "close"  # nobody reads the rest of the body
        await self.to_client(message)


def _from_elsewhere(request: Request) -> bool:
    """Return whether a request that changes something comes from a page of another server, even on this machine."""
    origin = request.headers.get("origin")
    if request.method in ("GET", "HEAD") or not origin:
        return False
    try:
        return urlsplit(origin).netloc != request.headers["host"]
    except ValueError:
        return True


def _problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"detail": detail}, status, headers)
