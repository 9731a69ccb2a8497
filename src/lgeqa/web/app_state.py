"""State that the routes share: the queue, its files, and the model."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from fastapi import Path as InPath

from lgeqa.batch import OutputFolder
from lgeqa.database import Sessions
from lgeqa.inference.bundle import Bundle
from lgeqa.web.queue import Queue
from lgeqa.web.settings import ServeSettings


@dataclass(frozen=True)
class AppState:
    """A home folder that is served.

    Attributes:
        settings: Settings of the server.
        sessions: Sessions of the database.
        queue: Queue of scans.
        out: Pictures and masks, by the numbers of the scans.
        uploads: Folder of complete uploads.
        incoming: Folder of uploads in progress. A killed server leaves incomplete uploads there, for which no sender
            got a response. They are deleted at the next start.
        bundle: Model that assesses the scans.
    """

    settings: ServeSettings
    sessions: Sessions
    queue: Queue
    out: OutputFolder
    uploads: Path
    incoming: Path
    bundle: Bundle


def served(request: Request) -> AppState:
    """Return the state that the application serves."""
    state: AppState = request.app.state.served
    return state


AppStateDep = Annotated[AppState, Depends(served)]
#: Number of a study, a reader or a scan. Larger ones do not fit the database.
Number = Annotated[int, InPath(ge=0, le=2**31)]
