"""`lgeqa serve`: the local web application."""

import os
from pathlib import Path
from typing import Annotated

import typer

from lgeqa.threads import ONE_THREAD


def serve(
    home: Annotated[
        Path, typer.Option("--home", metavar="FOLDER", help="Keeps scans, results and ratings; made if missing.")
    ] = Path("lgeqa-home"),
    bundle: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Trained model to use instead of the one in the package.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; the default lets nobody else in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8765,
    token: Annotated[
        str | None, typer.Option(help="Token of the owner; else one that is drawn and kept in the home folder.")
    ] = None,
    upload_mb: Annotated[
        int, typer.Option(metavar="MB", min=1, help="Most megabytes that one upload may have.")
    ] = 1000,
    unpacked_mb: Annotated[
        int, typer.Option(metavar="MB", min=1, help="Most megabytes that an uploaded zip archive may hold, unpacked.")
    ] = 4000,
    archive_files: Annotated[
        int, typer.Option(metavar="N", min=1, help="Most files that an uploaded zip archive may hold.")
    ] = 10_000,
) -> None:
    """Open a page in the browser where scans are dropped, judged, looked at and rated.

    Prints a link that holds the token. Whatever was queued when the server ended is done when it starts again.
    """
    os.environ.update(ONE_THREAD)
    from lgeqa.extras import require

    require("web", "lgeqa serve")
    from lgeqa.serve.run import run_server
    from lgeqa.serve.settings import ServeSettings

    limits = {"upload_mb": upload_mb, "unpacked_mb": unpacked_mb, "archive_files": archive_files}
    run_server(home, host, port, token, ServeSettings.of({"bundle": bundle, **limits}, "lgeqa serve"))
