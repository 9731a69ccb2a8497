"""Whether the server works, for whoever watches over it; needs no token, so it tells nothing of any scan."""

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from lgeqa.serve.served import ServedIs

router = APIRouter(tags=["health"])
_UNWELL: dict[int | str, dict[str, Any]] = {503: {"description": "The queue stands still; the answer tells why."}}


class Health(BaseModel):
    """How the server does.

    Attributes:
        lgeqa: Version of the package.
        queue_alive: Whether the queue is worked through.
        queue_fault: Why it stands still now, and what helps; empty where it goes on.
        last_fault: Why it stood still last since the server started; empty for never.
    """

    model_config = ConfigDict(frozen=True)
    lgeqa: str
    queue_alive: bool
    queue_fault: str
    last_fault: str


@router.get("/health", responses=_UNWELL)
def show_health(request: Request, response: Response, served: ServedIs) -> Health:
    """Tell whether the queue is worked through, without a token. The status is 503 where it is not."""
    worker = request.app.state.worker
    health = Health(
        lgeqa=version("lgeqa"),
        queue_alive=bool(worker and worker.alive),
        queue_fault=served.queue.standstill,
        last_fault=served.queue.last_standstill,
    )
    if not health.queue_alive or health.queue_fault:
        response.status_code = 503
    return health
