"""Faults as answers: a status and one sentence under `detail`."""

from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from lgeqa.errors import CohortError, LgeqaError
from lgeqa.rate.faults import ConflictError, NotThereError, RatingError

_STATUS: Final[dict[type[LgeqaError], int]] = {
    NotThereError: 404,
    ConflictError: 409,
    RatingError: 422,
    CohortError: 422,
}


def answer_faults(app: FastAPI) -> None:
    """Let these faults, and requests that do not have the form asked for, end in an answer that people can read."""

    def answer(_: Request, fault: Exception) -> JSONResponse:
        return JSONResponse(
            {"detail": str(fault)}, next(status for kind, status in _STATUS.items() if isinstance(fault, kind))
        )

    for kind in _STATUS:
        app.add_exception_handler(kind, answer)
    app.add_exception_handler(RequestValidationError, _answer_form)


def _answer_form(_: Request, fault: Exception) -> JSONResponse:
    """Without the value that was sent: it may be long, and no JSON."""
    assert isinstance(fault, RequestValidationError)
    told = [f"{'.'.join(map(str, one['loc'][1:])) or 'the request'}: {one['msg']}" for one in fault.errors()]
    return JSONResponse({"detail": "; ".join(told)}, 422)
