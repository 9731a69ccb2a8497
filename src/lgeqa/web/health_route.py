"""Health check of the server for monitoring. It needs no token, so it reveals nothing about any scan."""

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Request, Response

from lgeqa.config import Frozen
from lgeqa.web.app_state import AppStateDep

router = APIRouter(tags=["health"])
_UNWELL: dict[int | str, dict[str, Any]] = {503: {"description": "The queue has stopped; the response says why."}}


class Health(Frozen):
    """The health of the server.

    Attributes:
        lgeqa: Version of the package.
        queue_alive: Whether all workers of the queue run, and none is in one step for longer than a scan may take.
        queue_fault: Reason why the queue has stopped, and the remedy. Empty while it runs.
        last_fault: Reason why the queue last stopped since the server started. Empty if it never did.
    """

    lgeqa: str
    queue_alive: bool
    queue_fault: str
    last_fault: str


@router.get("/health", responses=_UNWELL)
def show_health(request: Request, response: Response, served: AppStateDep) -> Health:
    """Report whether the queue is being processed. No token is needed, and the status is 503 if it has stopped."""
    workers = request.app.state.workers
    health = Health(
        lgeqa=version("lgeqa"),
        queue_alive=bool(workers and workers.alive),
        queue_fault=served.queue.standstill,
        last_fault=served.queue.last_standstill,
    )
    if not health.queue_alive or health.queue_fault:
        response.status_code = 503
    return health
