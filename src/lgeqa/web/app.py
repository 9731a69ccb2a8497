"""The application: its pages, its HTTP interface, and the access to each."""

import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, PackageLoader, StrictUndefined

from lgeqa.batch import OutputFolder, ScanAssessor, open_pipeline
from lgeqa.config import reason_of
from lgeqa.errors import CohortError, LgeqaError, OutputError, QuotaError, TooLargeError, UploadError
from lgeqa.frontend.shared_files import SHARED
from lgeqa.inference.bundle import open_bundle
from lgeqa.measures import MEASURES
from lgeqa.reporting import ENDS
from lgeqa.scales import ATTRIBUTES, SCALES
from lgeqa.studies.errors import NotFoundError, RatingError
from lgeqa.threads import cores
from lgeqa.web import (
    agreement_routes,
    audit_routes,
    decision_routes,
    export_routes,
    health_route,
    metrics_route,
    practice_routes,
    rating_routes,
    scan_routes,
    sign_in_route,
    upload_routes,
)
from lgeqa.web.app_state import AppState
from lgeqa.web.audit import ACTIONS
from lgeqa.web.authorization import Authenticator, Principal, owner, person_of
from lgeqa.web.home_folder import INCOMING, SET_ASIDE, UPLOADS, open_home
from lgeqa.web.human_decisions import REASONS
from lgeqa.web.models import Role
from lgeqa.web.queue import Queue
from lgeqa.web.request_guard import RequestGuard
from lgeqa.web.settings import ServeSettings
from lgeqa.web.site_rule import SiteRule, forget_headers
from lgeqa.web.uploads import set_aside, unknown_in
from lgeqa.web.worker import QueueWorker, WorkerPool, pool_size
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
    "actions": ACTIONS,
    "attributes": {scale.name: scale.short_title for scale in ATTRIBUTES},
    "fields": {**{f"p_{scale.name}": scale.title for scale in SCALES}, **{m.name: m.title for m in MEASURES}},
    "reasons": REASONS,
}
_PAGES.globals["vocabulary"] = _VOCABULARY
_PAGES.policies["json.dumps_kwargs"] = {"sort_keys": False}
_ROUTERS = (
    scan_routes.router,
    decision_routes.router,
    upload_routes.router,
    export_routes.router,
    rating_routes.for_owner,
    rating_routes.for_readers,
    practice_routes.router,
    agreement_routes.router,
    audit_routes.router,
    metrics_route.router,
    sign_in_route.router,
)
#: Pages by their addresses: the file of each, and the role that it needs.
_PAGES_OF: Final[dict[str, tuple[str, Role | Literal["reader"]]]] = {
    "/": ("home.html", "viewer"),
    "/scans/{number}": ("scan.html", "viewer"),
    "/audit": ("audit.html", "owner"),
    "/interface": ("interface.html", "owner"),
    "/studies": ("studies.html", "owner"),
    "/studies/{study_id}": ("study.html", "owner"),
    "/studies/{study_id}/agreement": ("agreement.html", "owner"),
    "/studies/{study_id}/adjudication/{number}": ("adjudicate.html", "owner"),
    "/read": ("reader.html", "reader"),
    "/practice": ("practice.html", "reader"),
}
#: Status for errors that only the request can cause. Any other error is a conflict with the current state.
_STATUS: dict[type[Exception], int] = {
    TooLargeError: 413,
    QuotaError: 429,
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
    served = _served(home.absolute(), token, settings or ServeSettings())
    app = FastAPI(title="lgeqa", version=version("lgeqa"), openapi_url=None, lifespan=_lifespan)
    app.state.served = served
    app.state.gate = Authenticator(token, served.sessions, served.settings.proxy)
    app.state.workers = None
    app.add_middleware(RequestGuard)
    app.add_exception_handler(LgeqaError, _problem)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.mount("/static/shared", StaticFiles(directory=SHARED), name="shared")
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    app.get("/openapi.json", include_in_schema=False, dependencies=[Depends(owner)])(app.openapi)
    for router in _ROUTERS:
        app.include_router(router, responses={401: {"description": "A wrong or missing token."}})
    app.include_router(health_route.router)
    for path, (file, role) in _PAGES_OF.items():
        _add_page(app, path, file, role)
    app.get("/enter", include_in_schema=False)(lambda: HTMLResponse(_entrance(None)))
    return app


def _served(home: Path, token: str, settings: ServeSettings) -> AppState:
    out = OutputFolder(home, masks=True, pictures=True)
    sessions = open_home(home, settings.database)
    uploads, incoming = home / UPLOADS, home / INCOMING
    bundle = open_bundle(settings.bundle)
    SiteRule(settings.assess, bundle).decide_again(sessions)
    if not settings.show_headers:
        forget_headers(sessions)
    served = AppState(settings, sessions, Queue(sessions), out, uploads, incoming, bundle, token)
    served.metrics.count_scans(sessions)
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
    choices = served.settings.assess
    size = served.settings.workers or pool_size()
    open_assess = partial(open_pipeline, served.settings.bundle, max(1, cores() // size), choices)
    attempt = ScanAssessor.of(open_assess, served.bundle, choices, served.out)
    limits, headers = Limits(served.settings.timeout), served.settings.show_headers
    make = partial(QueueWorker, served.queue, attempt, served.uploads, limits, headers=headers, metrics=served.metrics)
    workers = app.state.workers = WorkerPool(make, size)
    workers.start()
    yield
    workers.stop()


def _problem(_: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, _STATUS.get(type(error), 409))


def _invalid_request(_: Request, error: Exception) -> Response:
    """Describe what is wrong with a request, without the values that were sent, which may not fit into JSON."""
    details = error.errors() if isinstance(error, RequestValidationError) else ()
    reasons = [f"{'.'.join(map(str, detail['loc'][1:])) or 'the request'}: {reason_of(detail)}" for detail in details]
    return JSONResponse({"detail": "; ".join(reasons)}, 422)


def _add_page(app: FastAPI, path: str, file: str, role: Role | Literal["reader"]) -> None:
    """Serve a page at `path` to people of a role, and others the page for the token. Owners see readers' pages too."""
    template = _PAGES.get_template(file)

    def page(request: Request) -> Response:
        person = person_of(request)
        if person is None:
            return HTMLResponse(_entrance(None), 401)
        if not (person.may("owner") or person.role == role if role == "reader" else person.may(role)):
            return HTMLResponse(_entrance(person), 403)

        def lacks(needed: Role) -> str:
            """Return the attribute that hides what the person may not use."""
            return "" if person.may(needed) else " hidden"

        return HTMLResponse(template.render(person=person, lacks=lacks))

    app.get(path, include_in_schema=False)(page)


def _entrance(person: Principal | None) -> str:
    """Return the page that asks for a token, of nobody or of a person who opened a page for others."""
    return _PAGES.get_template("token.html").render(person=person)
