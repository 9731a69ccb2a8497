"""The application, put together: pages, the HTTP interface, and who may use which."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.middleware.base import RequestResponseEndpoint

from lgeqa.batch import Attempt, OutputFolder, open_pipeline, trace_of
from lgeqa.bundle import open_bundle
from lgeqa.config import reason_of
from lgeqa.database import Sessions, open_database
from lgeqa.errors import CohortError, LgeqaError, TooLargeError, UploadError
from lgeqa.pipeline import AssessSettings
from lgeqa.rate.faults import NotThereError, RatingError
from lgeqa.rate.studies import find_reader
from lgeqa.serve import adding, agreement, exports, rating, scans
from lgeqa.serve.access import Gate, owner, token_of, without_token
from lgeqa.serve.queue import Queue
from lgeqa.serve.served import Served
from lgeqa.serve.settings import ServeSettings
from lgeqa.serve.uploads import clear_away
from lgeqa.serve.worker import QueueWorker

_PAGES = Environment(
    loader=PackageLoader("lgeqa.serve", "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_STATIC = Path(str(resources.files("lgeqa.serve"))) / "pages" / "static"
#: Colours and type, shared with the report.
_BASE_STYLE = Path(str(resources.files("lgeqa.report"))) / "templates" / "base.css"
#: Nothing from elsewhere is loaded, and no page stands in another's frame. NiiVue has its font as data.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
_ROUTERS = (scans.router, adding.router, exports.router, rating.for_owner, rating.for_readers, agreement.router)
#: Pages of the owner, and their files.
_OWNER_PAGES = {
    "/": "home.html",
    "/scans/{number}": "scan.html",
    "/interface": "interface.html",
    "/studies": "studies.html",
    "/studies/{study_id}": "study.html",
    "/studies/{study_id}/agreement": "agreement.html",
    "/studies/{study_id}/adjudication/{number}": "adjudicate.html",
}
#: How faults that are nobody's but the request's are answered; any other one is in conflict with what is there.
_STATUS: dict[type[Exception], int] = {
    TooLargeError: 413,
    UploadError: 422,
    NotThereError: 404,
    RatingError: 422,
    CohortError: 422,
}


def create_app(home: Path, token: str, settings: ServeSettings | None = None) -> FastAPI:
    """The application over one folder.

    Args:
        home: keeps the database, uploads and results; made if missing.
        token: of the owner.
        settings: the owner's choices.

    Raises:
        OutputError: the folder or its database cannot be used.
        BundleError: the model cannot be used.
    """
    served = _served(home.absolute(), settings or ServeSettings())
    app = FastAPI(title="lgeqa", version=version("lgeqa"), openapi_url=None, lifespan=_lifespan)
    app.state.served = served
    app.state.gate = Gate(token, partial(_find_reader, served.sessions))
    app.middleware("http")(_guard)
    app.add_exception_handler(LgeqaError, _told)
    app.add_exception_handler(RequestValidationError, _unlike_the_form)
    app.get("/static/base.css", include_in_schema=False)(lambda: FileResponse(_BASE_STYLE))
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    app.get("/openapi.json", include_in_schema=False, dependencies=[Depends(owner)])(app.openapi)
    for router in _ROUTERS:
        app.include_router(router, responses={401: {"description": "A wrong or missing token."}})
    for path, file in _OWNER_PAGES.items():
        _add_page(app, path, file)
    _add_page(app, "/read", "read.html", for_readers=True)
    return app


def _served(home: Path, settings: ServeSettings) -> Served:
    out = OutputFolder(home, masks=True, pictures=True)
    sessions = open_database(home / "lgeqa.sqlite")
    served = Served(settings, sessions, Queue(sessions), out, home / "uploads", open_bundle(settings.bundle))
    clear_away(served.uploads, served.queue.uploads())
    return served


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Work through the queue for as long as the application is served."""
    served: Served = app.state.served
    choices = AssessSettings()
    open_assess = partial(open_pipeline, served.settings.bundle, os.cpu_count() or 1, choices)
    preparation = served.bundle.manifest.quality.preparation
    attempt = Attempt(open_assess, served.bundle.stamp, preparation, choices, served.out)
    worker = QueueWorker(served.queue, attempt, served.uploads)
    worker.start()
    yield
    worker.stop()


async def _guard(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Take the token out of a page's address, and send the headers that keep a page to itself."""
    given = request.query_params.get("token")
    gate: Gate = request.app.state.gate
    if given and request.method == "GET" and gate.person(given):
        answer: Response = without_token(request, given)
    elif _from_elsewhere(request):
        answer = JSONResponse({"detail": "This request came from a page of another server."}, 403)
    else:
        answer = await _answer(request, call_next)
    answer.headers["Content-Security-Policy"] = _POLICY
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "no-referrer"
    if not request.url.path.startswith("/static/"):
        answer.headers["Cache-Control"] = "no-store"
    return answer


def _from_elsewhere(request: Request) -> bool:
    """Whether a page of another server, perhaps on this machine, makes the browser change something here."""
    origin = request.headers.get("origin")
    return request.method not in ("GET", "HEAD") and bool(origin) and urlsplit(origin).netloc != request.url.netloc


async def _answer(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """The answer; of a fault of ours only the place is told, for its message may hold the name of a file."""
    try:
        return await call_next(request)
    except Exception as fault:  # noqa: BLE001
        sys.stderr.write(
            f"{trace_of(fault)}\nlgeqa: This is a fault of lgeqa. Please report it with the lines above.\n"
        )
        return JSONResponse({"detail": "A fault of lgeqa; the server's terminal shows where."}, 500)


def _told(_: Request, fault: Exception) -> Response:
    return JSONResponse({"detail": str(fault)}, _STATUS.get(type(fault), 409))


def _unlike_the_form(_: Request, fault: Exception) -> Response:
    """Without the values that were sent, which may be no JSON."""
    wrong = fault.errors() if isinstance(fault, RequestValidationError) else ()
    told = [f"{'.'.join(map(str, one['loc'][1:])) or 'the request'}: {reason_of(one)}" for one in wrong]
    return JSONResponse({"detail": "; ".join(told)}, 422)


def _add_page(app: FastAPI, path: str, file: str, *, for_readers: bool = False) -> None:
    """Serve a page at `path` to the owner, or to readers too; to anybody else the page that asks for a token."""
    shown, asking = (_PAGES.get_template(name).render() for name in (file, "token.html"))

    def page(request: Request) -> Response:
        gate: Gate = request.app.state.gate
        person = gate.person(token_of(request))
        if person is None or not (person.is_owner or for_readers):
            return HTMLResponse(asking, 403 if person else 401)
        return HTMLResponse(shown)

    app.get(path, include_in_schema=False)(page)


def _find_reader(sessions: Sessions, token: str) -> int | None:
    with sessions() as session:
        return find_reader(session, token)
