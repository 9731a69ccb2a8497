"""Routes that show scans, delete them, and assess them again."""

import shutil
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Depends, Header, HTTPException, Query, Response

from lgeqa.errors import ReadError
from lgeqa.inference.attribution import heat_volume
from lgeqa.io import read_mask
from lgeqa.measures import Heart
from lgeqa.records import BoolArray, Scan
from lgeqa.reporting import ScanPictures
from lgeqa.scales import SCALE_NAMES, ScaleName
from lgeqa.studies.management import study_that_reads
from lgeqa.web import scan_queries, volumes
from lgeqa.web.app_state import AppState, AppStateDep, Number
from lgeqa.web.audit_routes import opened
from lgeqa.web.authorization import Principal, member, owner, viewer
from lgeqa.web.isolated_reading import read_apart
from lgeqa.web.models import DONE, ScanRow
from lgeqa.web.responses import Jpeg, Nifti
from lgeqa.web.schemas import Problem, ScanList, ScanPart, part_of

_ABSENT: dict[int | str, dict[str, Any]] = {404: {"model": Problem}}
_READ: dict[int | str, dict[str, Any]] = {409: {"model": Problem}}
router = APIRouter(prefix="/api/scans", tags=["scans"], dependencies=[Depends(viewer)])

BloodPart = Literal["aorta", "pools"]


@router.get(
    "", response_model=ScanList, responses={304: {"description": "Nothing changed since the answer with this ETag."}}
)
def list_scans(
    served: AppStateDep,
    query: Annotated[scan_queries.Query, Query()],
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """List one page of the scans that match the filters, and count all scans by state or final result."""
    version = served.queue.version
    tag = f'"{version}"'
    if if_none_match == tag:
        raise HTTPException(304, headers={"ETag": tag})

    def look_up() -> str:
        with served.sessions() as session:
            return scan_queries.look_up(session, query, version, served.queue.standstill).model_dump_json()

    content = served.list_answers.answer(version, query.model_dump_json(), look_up)
    return Response(content, media_type="application/json", headers={"ETag": tag})


@router.get("/{number}", dependencies=[opened], responses=_ABSENT)
def show_scan(served: AppStateDep, number: Number) -> ScanPart:
    """Return everything about one scan."""
    row = _row(served, number)
    pictures = served.out.load_pictures(str(number)) if row.state == DONE else None
    return part_of(row, explained=bool(pictures and pictures.slices and pictures.slices[0].maps))


@router.delete("/{number}", status_code=204, responses=_ABSENT | _READ)
def delete_scan(served: AppStateDep, number: Number, person: Annotated[Principal, Depends(owner)]) -> None:
    """Delete a scan and its result. Uploaded files are deleted too, other files stay where they are."""
    upload = _row(served, number).upload
    with served.sessions() as session:
        study = upload and study_that_reads(session, served.uploads / upload)
    if study:
        raise HTTPException(
            409, f"Scan {number} was uploaded, and the study {study.name!r} reads it from there: keep it."
        )
    folder = served.queue.remove(number, person.name)
    served.out.drop_sidecar_files(str(number))
    if folder:
        shutil.rmtree(served.uploads / folder, ignore_errors=True)


@router.post("/{number}/assessments", status_code=202, responses=_ABSENT)
def assess_again(served: AppStateDep, number: Number, person: Annotated[Principal, Depends(member)]) -> ScanPart:
    """Assess a scan again, for instance after its file or the model has changed."""
    _row(served, number)
    served.queue.assess_again(number, person.name, served.quota_of(person))
    return part_of(_row(served, number), explained=False)


@router.get("/{number}/thumbnail.jpg", response_class=Jpeg, responses=_ABSENT)
def show_thumbnail(served: AppStateDep, number: Number) -> Response:
    """Return a small picture of the slice with the largest area of the atrium."""
    thumbnail = _row(served, number).thumbnail
    if thumbnail is None:
        raise HTTPException(404, f"Scan {number} has no pictures: no atrium was found in it.")
    return Jpeg(thumbnail)


@router.get("/{number}/pictures", dependencies=[opened], responses=_ABSENT)
def show_pictures(served: AppStateDep, number: Number) -> ScanPictures:
    """Return pictures of the slices with the atrium, with its outline and the heat maps."""
    return _pictures(served, number)


@router.get("/{number}/volume.nii.gz", response_class=Nifti, dependencies=[opened], responses=_ABSENT)
def show_volume(served: AppStateDep, number: Number) -> Response:
    """Return the scan in axial LPS order."""
    return Nifti(volumes.scan_volume(_scan(served, _row(served, number))))


@router.get("/{number}/atrium.nii.gz", response_class=Nifti, responses=_ABSENT)
def show_atrium(served: AppStateDep, number: Number) -> Response:
    """Return the detected blood pool of the left atrium, 0 or 1, on the voxels of the volume."""
    row = _row(served, number)
    scan = _scan(served, row)
    return Nifti(volumes.mask_volume(_atrium(served, row, scan), scan))


@router.get("/{number}/blood/{part}.nii.gz", response_class=Nifti, responses=_ABSENT)
def show_blood(served: AppStateDep, number: Number, part: BloodPart) -> Response:
    """Return the descending aorta or the other blood pools of the measures, 0 or 1, on the voxels of the volume."""
    row = _row(served, number)
    scan = _scan(served, row)
    heart = Heart(scan.voxels, _atrium(served, row, scan), scan.spacing_mm)
    return Nifti(volumes.mask_volume(getattr(heart, part), scan))


@router.get("/{number}/heat/{scale}.nii.gz", response_class=Nifti, responses=_ABSENT)
def show_heat(served: AppStateDep, number: Number, scale: ScaleName) -> Response:
    """Return the attribution map of a scale's logit, on the voxels of the volume.

    Values above 0 speak for diagnostic, values below 0 against. The map is 0 on slices without the atrium, and outside
    the square that the network sees.
    """
    row = _row(served, number)
    maps = [picture.maps[SCALE_NAMES.index(scale)] for picture in _pictures(served, number).slices if picture.maps]
    if not maps:
        raise HTTPException(404, f"Scan {number} has no heat maps: the model does not give them.")
    scan = _scan(served, row)
    preparation = served.bundle.manifest.quality.preparation
    heat = heat_volume(np.array(maps, np.float32), _atrium(served, row, scan), scan.spacing_mm, preparation)
    return Nifti(volumes.heat_volume(heat, scan))


def _row(served: AppState, number: int) -> ScanRow:
    with served.sessions() as session:
        row = session.get(ScanRow, number)
    if row is None:
        raise HTTPException(404, f"There is no scan {number}. It may have been deleted.")
    return row


def _pictures(served: AppState, number: int) -> ScanPictures:
    row = _row(served, number)
    pictures = served.out.load_pictures(str(number)) if row.state == DONE else None
    if pictures is None:
        raise HTTPException(404, f"Scan {number} has no pictures: no atrium was found in it, or by another version.")
    return pictures


def _scan(served: AppState, row: ScanRow) -> Scan:
    """Return the scan as read from disk, if it is still the one that was assessed."""
    scan = read_apart(row.source, served.settings.timeout)
    if row.record and row.record.input_sha256 not in ("", scan.sha256):
        raise ReadError("The files of this scan have changed since it was assessed. Assess it again.")
    return scan


def _atrium(served: AppState, row: ScanRow, scan: Scan) -> BoolArray:
    path = served.out.mask_path(str(row.id))
    if row.state != DONE or not path.exists():
        raise HTTPException(404, f"Scan {row.id} has no atrium: none was found in it.")
    return read_mask(path, scan)
