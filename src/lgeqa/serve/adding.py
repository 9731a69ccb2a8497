"""Routes that bring scans in: by upload, and by a path on the machine of the server."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Header, Request
from starlette.concurrency import run_in_threadpool

from lgeqa.errors import UploadError
from lgeqa.serve.access import owner
from lgeqa.serve.archives import Intake
from lgeqa.serve.listing import Filters, find
from lgeqa.serve.models import Added, Folder, Problem, line_of
from lgeqa.serve.queue import Upload
from lgeqa.serve.reading import look_through
from lgeqa.serve.served import Served, ServedIs
from lgeqa.serve.uploads import FILES, new_folder, receive, sources_in

router = APIRouter(prefix="/api", tags=["adding scans"], dependencies=[Depends(owner)])

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
    served: ServedIs,
    idempotency_key: Annotated[str | None, Header(min_length=8, max_length=80)] = None,
) -> Added:
    """Send scans: volumes, the files of DICOM series, or zip archives of them, as parts of `multipart/form-data`.

    A path in a file name is kept as folders below the upload. What is sent again with the same Idempotency-Key is
    not taken again: the answer names the scans of the first time.
    """
    with _kept_if_whole(new_folder(served.incoming)) as folder:
        intake = Intake(folder / FILES, served.settings)
        await receive(request.stream(), request.headers.get("content-type", ""), intake)
        return await run_in_threadpool(_take_in, served, intake, idempotency_key or uuid4().hex)


@router.post("/folders", status_code=201, responses={422: {"model": Problem}})
def open_folder(given: Folder, served: ServedIs) -> Added:
    """Add all scans of a file or folder on the machine of the server. They stay where they are.

    Scans that are in the list already stay as they are; the answer names them too.
    """
    path = Path(given.path).expanduser()
    if not path.is_absolute():
        raise UploadError(f"{given.path}: is not a full path. Give one from the root of the server's disk.")
    found = look_through(path, served.settings.timeout, skip=[served.out.path])
    faults = [source.fault for source in found if source.kind == "unusable"]
    scans = [source for source in found if source.kind != "unusable"]
    if not scans:
        raise UploadError(" ".join(faults[:3]) or f"{path}: holds no scans that are not the server's own.")
    return _added(served, served.queue.add(scans), faults)


def _take_in(served: Served, intake: Intake, key: str) -> Added:
    """Queue the scans of an upload that has come whole; the folder of a repetition is removed."""
    intake.unpack_all()
    come = intake.folder.parent
    with _kept_if_whole(served.uploads / come.name) as folder:
        come.rename(folder)
        scans, faults = sources_in(folder / FILES, served.settings.timeout)
        added = _added(served, served.queue.add(scans, Upload(folder.name, key)), faults)
        if folder.name not in served.queue.uploads():
            shutil.rmtree(folder)
    return added


def _added(served: Served, ids: list[int], faults: Sequence[str]) -> Added:
    with served.sessions() as session:
        return Added(scans=tuple(line_of(row) for row in find(session, Filters(id=ids))), refused=tuple(faults))


@contextmanager
def _kept_if_whole(folder: Path) -> Iterator[Path]:
    """The folder of an upload, removed with all that is in it if anything goes wrong."""
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
