"""Routes that add scans: by upload, or by a path on the server's machine."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Header, Request
from starlette.concurrency import run_in_threadpool

from lgeqa.errors import UploadError
from lgeqa.web.app_state import AppState, AppStateDep
from lgeqa.web.archives import Intake
from lgeqa.web.authorization import Principal, member, owner
from lgeqa.web.isolated_reading import look_through
from lgeqa.web.queue import Upload
from lgeqa.web.scan_queries import Filters, find
from lgeqa.web.schemas import Added, Folder, Problem, line_of
from lgeqa.web.uploads import FILES, new_folder, receive, sources_in

router = APIRouter(prefix="/api", tags=["adding scans"])

_FILES: dict[str, Any] = {
    "type": "object",
    "properties": {"file": {"type": "array", "items": {"type": "string", "format": "binary"}}},
    "required": ["file"],
}
_BODY = {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FILES}}}}


@router.post(
    "/uploads",
    status_code=201,
    responses={413: {"model": Problem}, 422: {"model": Problem}},
    openapi_extra=_BODY,
)
async def upload(
    request: Request,
    served: AppStateDep,
    person: Annotated[Principal, Depends(member)],
    idempotency_key: Annotated[str | None, Header(min_length=8, max_length=80)] = None,
) -> Added:
    """Upload volumes, the files of DICOM series, or zip archives of them, as parts of `multipart/form-data`.

    A path in a file name becomes folders below the upload. An upload that is repeated with the same Idempotency-Key
    adds no scans: the response lists those of the first upload.
    """
    with _removed_on_error(new_folder(served.incoming)) as folder:
        intake = Intake(folder / FILES, served.settings)
        await receive(request.stream(), request.headers.get("content-type", ""), intake)
        return await run_in_threadpool(_take_in, served, intake, person, idempotency_key or uuid4().hex)


@router.post("/folders", status_code=201, responses={422: {"model": Problem}})
def open_folder(given: Folder, served: AppStateDep, person: Annotated[Principal, Depends(owner)]) -> Added:
    """Add all scans of a file or folder on the server's machine. Their files stay where they are.

    Scans that are already in the list stay unchanged. The response lists them too.
    """
    path = Path(given.path).expanduser()
    if not path.is_absolute():
        raise UploadError(f"{given.path}: is not a full path. Give one from the root of the server's disk.")
    sources = look_through(path, served.settings.timeout, skip=[served.out.path])
    reasons = [source.fault for source in sources if source.kind == "unusable"]
    scans = [source for source in sources if source.kind != "unusable"]
    if not scans:
        raise UploadError(" ".join(reasons[:3]) or f"{path}: holds no scans that are not the server's own.")
    return _added(served, served.queue.add(scans, None, person.name), reasons)


def _take_in(served: AppState, intake: Intake, person: Principal, key: str) -> Added:
    """Queue the scans of a complete upload, and remove its folder if it is a repetition."""
    intake.unpack_all()
    incoming = intake.folder.parent
    with _removed_on_error(served.uploads / incoming.name) as folder:
        incoming.rename(folder)
        scans, reasons = sources_in(folder / FILES, served.settings.timeout)
        added = _added(
            served, served.queue.add(scans, Upload(folder.name, key), person.name, served.quota_of(person)), reasons
        )
        if folder.name not in served.queue.uploads():
            shutil.rmtree(folder)
    return added


def _added(served: AppState, ids: list[int], reasons: Sequence[str]) -> Added:
    with served.sessions() as session:
        return Added(scans=tuple(line_of(row) for row in find(session, Filters(id=ids))), refused=tuple(reasons))


@contextmanager
def _removed_on_error(folder: Path) -> Iterator[Path]:
    """Yield the folder of an upload, and remove it with its contents if anything goes wrong."""
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
