"""`lgeqa serve`: the local web application."""

from pathlib import Path
from typing import Annotated

import typer


def serve(
    home: Annotated[
        Path, typer.Option("--home", metavar="FOLDER", help="Keeps scans, results and ratings; made if missing.")
    ] = Path("lgeqa-home"),
    host: Annotated[str, typer.Option(help="Address to listen on; the default lets nobody else in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8765,
    token: Annotated[
        str | None, typer.Option(help="Token of the owner; else one that is drawn and kept in the home folder.")
    ] = None,
) -> None:
    """Open a page in the browser where scans are dropped, judged, looked at and rated.

    Prints a link that holds the token. Whatever was queued when the server ended is done when it starts again.
    """
    from lgeqa.extras import require

    require("web", "lgeqa serve")
    from lgeqa.serve.run import run_server

    run_server(home, host, port, token)
