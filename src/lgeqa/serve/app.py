"""The application, put together: pages, the HTTP interface, and who may use which."""

from functools import partial
from importlib import resources
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.base import RequestResponseEndpoint

from lgeqa.database import open_database
from lgeqa.rate import studies
from lgeqa.serve import agreement, rating
from lgeqa.serve.access import Gate, token_of, without_token
from lgeqa.serve.faults import answer_faults

PAGES = Path(__file__).parent / "pages"
#: Colours and type, shared with the report.
_BASE_STYLE = Path(str(resources.files("lgeqa.report"))) / "templates" / "base.css"
#: Nothing from elsewhere is loaded, and no page stands in another's frame.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


def create_app(home: Path, token: str) -> FastAPI:
    """The application over one folder.

    Args:
        home: keeps the database, uploads and results; made if missing.
        token: of the owner.

    Raises:
        OutputError: the folder or its database cannot be used.
    """
    home.mkdir(parents=True, exist_ok=True)
    app = FastAPI(title="lgeqa", version=version("lgeqa"), docs_url=None, redoc_url=None)
    app.state.home = home
    app.state.sessions = open_database(home / "lgeqa.sqlite")
    app.state.gate = Gate(token, partial(_find_reader, app))
    app.middleware("http")(_guard)
    app.get("/static/base.css", include_in_schema=False)(lambda: FileResponse(_BASE_STYLE))
    app.mount("/static", StaticFiles(directory=PAGES / "static"), name="static")
    _add_page(app, "/", "home.html")
    _add_page(app, "/studies", "studies.html")
    _add_page(app, "/studies/{study_id}", "study.html")
    _add_page(app, "/studies/{study_id}/agreement", "agreement.html")
    _add_page(app, "/studies/{study_id}/adjudication/{number}", "adjudicate.html")
    _add_page(app, "/read", "read.html")
    app.include_router(rating.for_owner)
    app.include_router(rating.for_readers)
    app.include_router(agreement.router)
    answer_faults(app)
    return app


async def _guard(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Take the token out of a page's address, and send the headers that keep a page to itself."""
    given = request.query_params.get("token")
    gate: Gate = request.app.state.gate
    if given and request.method == "GET" and gate.person(given):
        answer: Response = without_token(request, given)
    else:
        answer = await call_next(request)
    answer.headers["Content-Security-Policy"] = _POLICY
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "no-referrer"
    if not request.url.path.startswith("/static/"):
        answer.headers["Cache-Control"] = "no-store"
    return answer


def _add_page(app: FastAPI, path: str, file: str) -> None:
    """Serve a page at `path` to whoever has a token; else the page that asks for one."""

    def page(request: Request) -> Response:
        gate: Gate = request.app.state.gate
        if gate.person(token_of(request)) is None:
            return HTMLResponse((PAGES / "token.html").read_text(encoding="utf-8"), 401)
        return FileResponse(PAGES / file)

    app.get(path, include_in_schema=False)(page)


def _find_reader(app: FastAPI, token: str) -> int | None:
    with app.state.sessions() as session:
        return studies.find_reader(session, token)
