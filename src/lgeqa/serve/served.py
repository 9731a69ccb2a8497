"""What the routes work with: the queue, the files behind it, and the model."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from fastapi import Path as InPath

from lgeqa.batch import OutputFolder
from lgeqa.bundle import Bundle
from lgeqa.database import Sessions
from lgeqa.serve.queue import Queue
from lgeqa.serve.settings import ServeSettings


@dataclass(frozen=True)
class Served:
    """One home folder that is served.

    Attributes:
        settings: the owner's choices.
        sessions: of its database.
        queue: of its scans.
        out: pictures and masks, by the numbers of the scans.
        uploads: folder of what was sent.
        incoming: Folder of what is being sent. A server that was killed leaves halves there, which no sender was
            answered for; they are deleted at the next start.
        bundle: that assesses.
    """

    settings: ServeSettings
    sessions: Sessions
    queue: Queue
    out: OutputFolder
    uploads: Path
    incoming: Path
    bundle: Bundle


def served(request: Request) -> Served:
    """What the application serves."""
    found: Served = request.app.state.served
    return found


ServedIs = Annotated[Served, Depends(served)]
#: Of a study, a reader or a scan; larger ones do not fit the database.
Number = Annotated[int, InPath(ge=0, le=2**31)]
