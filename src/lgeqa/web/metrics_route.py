"""The figures of the server for Prometheus. A person of the role monitor may read them and nothing else."""

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST

from lgeqa.web.app_state import AppStateDep
from lgeqa.web.authorization import monitor

router = APIRouter(tags=["health"], dependencies=[Depends(monitor)])


@router.get("/metrics", response_class=Response)
def show_metrics(served: AppStateDep) -> Response:
    """Return scans by state, waiting and assessing times, requests and worker restarts, in the text of Prometheus."""
    return Response(served.metrics.text(), media_type=CONTENT_TYPE_LATEST)
