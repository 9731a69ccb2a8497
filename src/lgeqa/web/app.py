"""The application: its pages, its HTTP interface, and the access to each."""

import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib import resources
from importlib.metadata import version
from pathlib import Path

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, PackageLoader, StrictUndefined

from lgeqa.batch import OutputFolder, ScanAssessor, open_pipeline
from lgeqa.config import reason_of
from lgeqa.database import Sessions, open_database
from lgeqa.errors import CohortError, LgeqaError, OutputError, TooLargeError, UploadError
from lgeqa.frontend.shared_files import SHARED
from lgeqa.inference.bundle import open_bundle
from lgeqa.inference.pipeline import AssessSettings
from lgeqa.reporting import ENDS
from lgeqa.scales import SCALES
from lgeqa.studies.errors import NotFoundError, RatingError
from lgeqa.studies.management import find_reader
from lgeqa.threads import cores
from lgeqa.web import agreement_routes, export_routes, health_route, rating_routes, scan_routes, upload_routes
from lgeqa.web.app_state import AppState
from lgeqa.web.authorization import Authenticator, owner, person_of, token_of
from lgeqa.web.home_folder import DATABASE, INCOMING, SET_ASIDE, UPLOADS
from lgeqa.web.queue import Queue
from lgeqa.web.request_guard import RequestGuard
from lgeqa.web.settings import ServeSettings
from lgeqa.web.uploads import set_aside, unknown_in
from lgeqa.web.worker import QueueWorker
from lgeqa.workers import Limits

_PAGES = Environment(
    loader=PackageLoader("lgeqa.web", "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_STATIC = Path(str(resources.files("lgeqa.web"))) / "pages" / "static"
#: Names that scripts of the pages show.
_VOCABULARY = {
    "scales": {scale.name: scale.title for scale in SCALES},
    "outcomes": ENDS,
    "states": {"queued": "waiting", "working": "being assessed"},
}
_PAGES.globals["vocabulary"] = _VOCABULARY
_PAGES.policies["json.dumps_kwargs"] = {"sort_keys": False}
_ROUTERS = (
    scan_routes.router,
    upload_routes.router,
    export_routes.router,
    rating_routes.for_owner,
    rating_routes.for_readers,
    agreement_routes.router,
)
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
#: Status for errors that only the request can cause. Any other error is a conflict with the current state.
_STATUS: dict[type[Exception], int] = {
    TooLargeError: 413,
    UploadError: 422,
    NotFoundError: 404,
    RatingError: 422,
    CohortError: 422,
}


def create_app(home: Path, token: str, settings: ServeSettings | None = None) -> FastAPI:
    """Create the application for one home folder.

    Args:
        home: Folder of the database, uploads and results. It is created if it is missing.
        token: Token of the owner.
        settings: Settings of the server. None for the defaults.

    Raises:
        OutputError: The folder or its database cannot be used.
        BundleError: The model cannot be used.
    """
    served = _served(home.absolute(), settings or ServeSettings())
    app = FastAPI(title="lgeqa", version=version("lgeqa"), openapi_url=None, lifespan=_lifespan)
    app.state.served = served
    app.state.gate = Authenticator(token, partial(_find_reader, served.sessions))
    app.state.worker = None
    app.add_middleware(RequestGuard)
    app.add_exception_handler(LgeqaError, _problem)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.mount("/static/shared", StaticFiles(directory=SHARED), name="shared")
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    app.get("/openapi.json", include_in_schema=False, dependencies=[Depends(owner)])(app.openapi)
    for router in _ROUTERS:
        app.include_router(router, responses={401: {"description": "A wrong or missing token."}})
    app.include_router(health_route.router)
    for path, file in _OWNER_PAGES.items():
        _add_page(app, path, file)
    _add_page(app, "/read", "reader.html", for_readers=True)
    return app


def _served(home: Path, settings: ServeSettings) -> AppState:
    out = OutputFolder(home, masks=True, pictures=True)
    sessions = open_database(home / DATABASE)
    uploads, incoming = home / UPLOADS, home / INCOMING
    served = AppState(settings, sessions, Queue(sessions), out, uploads, incoming, open_bundle(settings.bundle))
    try:
        shutil.rmtree(incoming, ignore_errors=True)
        uploads.mkdir(exist_ok=True)
        if unknown := unknown_in(uploads, served.queue.uploads()):
            place = set_aside(unknown, home / SET_ASIDE)
            sys.stderr.write(
                f"lgeqa: {len(unknown)} uploads that the database does not know were moved to {place}. Nothing was "
                "deleted; look at them, and delete that folder or send them again.\n"
            )
    except OSError as error:
        raise OutputError(f"{uploads}: cannot be used ({error.strerror}). Make room and make it writable.") from None
    return served


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Process the queue while the application is served."""
    served: AppState = app.state.served
    choices = AssessSettings()
    open_assess = partial(open_pipeline, served.settings.bundle, cores(), choices)
    preparation = served.bundle.manifest.quality.preparation
    attempt = ScanAssessor(open_assess, served.bundle.stamp, preparation, choices, served.out)
    worker = app.state.worker = QueueWorker(served.queue, attempt, served.uploads, Limits(served.settings.timeout))
    worker.start()
    yield
    worker.stop()


def _problem(_: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, _STATUS.get(type(error), 409))


def _invalid_request(_: Request, error: Exception) -> Response:
    """Describe what is wrong with a request, without the values that were sent, which may not fit into JSON."""
    details = error.errors() if isinstance(error, RequestValidationError) else ()
    reasons = [f"{'.'.join(map(str, detail['loc'][1:])) or 'the request'}: {reason_of(detail)}" for detail in details]
    return JSONResponse({"detail": "; ".join(reasons)}, 422)


def _add_page(app: FastAPI, path: str, file: str, *, for_readers: bool = False) -> None:
    """Serve a page at `path` to the owner and, with `for_readers`, to readers. Others get the page for the token."""
    html = _PAGES.get_template(file).render()
    asking = {wrong: _PAGES.get_template("token.html").render(wrong=wrong) for wrong in (False, True)}

    def page(request: Request) -> Response:
        person = person_of(request)
        if person is None or not (person.is_owner or for_readers):
            return HTMLResponse(
                asking[bool(request.query_params.get("token") or token_of(request))], 403 if person else 401
            )
        return HTMLResponse(html)

    app.get(path, include_in_schema=False)(page)


def _find_reader(sessions: Sessions, token: str) -> int | None:
    with sessions() as session:
        return find_reader(session, token)
