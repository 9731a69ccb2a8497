"""What passes between the rooms: a scan as it was read, and the one form of a result.

Axis order of every array is (slice, row, column); in an axial LPS volume the slice index rises to superior, the
row index to posterior, the column index to the patient's left. Spacings are millimetres in the same order.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

Status = Literal["assessed", "measured", "not_assessable", "failed"]
Severity = Literal["refused", "review"]
Verdict = Literal["diagnostic", "non-diagnostic"]


@dataclass(frozen=True)
class Grid:
    """The voxel grid of a volume as its file stores it, in ITK's terms.

    Attributes:
        size: voxels along the file's axes (i, j, k), i fastest.
        spacing_mm: voxel spacing along (i, j, k).
        origin_mm: LPS position of the centre of voxel (0, 0, 0).
        direction: 9 numbers, row-major; column c is the LPS direction of axis c.
    """

    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    direction: tuple[float, ...]


@dataclass(frozen=True)
class Scan:
    """One volume, brought to axial LPS order.

    Attributes:
        scan_id: unique in a run, made of file or folder names only.
        voxels: float32 (slice, row, column), axial LPS as the module says.
        spacing_mm: (slice, row, column).
        slice_positions_mm: LPS z of each slice's centre, rising.
        file_slices: for each slice, its index along the slice axis of the file's own order.
        grid: the grid of the file, to write masks on.
        source: the file, or the folder of a DICOM series.
        sha256: of the file's bytes, or of all files of the series in file-name order.
        warnings: what a reader of the result should know.
        series: number, images and first file of a DICOM series; empty for a volume.
    """

    scan_id: str
    voxels: FloatArray
    spacing_mm: tuple[float, float, float]
    slice_positions_mm: tuple[float, ...]
    file_slices: tuple[int, ...]
    grid: Grid
    source: Path
    sha256: str
    warnings: tuple[str, ...] = field(default=())
    series: str = ""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SliceScores(_Record):
    """One slice that holds the left atrium, and the four probabilities of being diagnostic.

    Attributes:
        index: along the slice axis of the file's own order, from 0.
        position_mm: LPS z of the slice's centre.
        atrium_area_mm2: area of the blood-pool mask on the slice.
        p_*: probability of being diagnostic on each scale.
    """

    index: int
    position_mm: float
    atrium_area_mm2: float
    p_myocardium_nulling: float
    p_sharpness: float
    p_enhancement: float
    p_quality: float


class SliceMeasures(_Record):
    """Image quality measures of one slice that holds the left atrium.

    Attributes:
        index: Index along the slice axis of the file's own order, from 0.
        position_mm: LPS z of the slice's centre.
        values: Value of each measure that is taken slice by slice, by name. None where it is undefined.
    """

    index: int
    position_mm: float
    values: dict[str, float | None]


class Measures(_Record):
    """Image quality measures of one scan; `lgeqa.measure.MEASURES` defines each.

    Attributes:
        values: Value of every measure by name, in the order of `MEASURES`. None where it is undefined.
        reasons: Why a measure is undefined, by name.
        places: Share of the reference scans with a lower value, 0 to 1, by name of each defined measure.
        slices: Measures of each slice that holds the atrium, from inferior to superior.
    """

    values: dict[str, float | None]
    reasons: dict[str, str] = {}
    places: dict[str, float] = {}
    slices: tuple[SliceMeasures, ...] = ()


class Finding(_Record):
    """One thing that speaks against a verdict.

    Attributes:
        check: Name of the check in `lgeqa.gate`.
        severity: `refused` where no verdict can be given, `review` where a person should look before using it.
        seen: What was seen, in one sentence.
        remedy: What to do about it, in one sentence.
    """

    check: str
    severity: Severity
    seen: str
    remedy: str


class ReferenceLevels(_Record):
    """The grey levels that both networks and all measures refer to, and how much the verdict depends on them.

    Attributes:
        air: Grey level of air.
        blood: Grey level of the atrial blood pool.
        p_quality_if_lower: Probability of quality if the blood level were 5 % lower. None if not assessed.
        p_quality_if_higher: Probability of quality if the blood level were 5 % higher. None if not assessed.
    """

    air: float
    blood: float
    p_quality_if_lower: float | None = None
    p_quality_if_higher: float | None = None


class BundleStamp(_Record):
    """Which bundle made a result: its name, version and the SHA-256 of its `bundle.json`."""

    name: str
    version: str
    sha256: str


class ScanResult(_Record):
    """The result of one scan: the only form in which one exists.

    Attributes:
        scan_id: unique in a run, made of file or folder names only.
        status: `assessed`; `measured` (measures alone were asked for); `not_assessable` (read, but the gate refused it,
            for instance since no atrium was found); `failed`.
        verdict: mode of the slices' predictions; a tie goes by the mean probability. None unless assessed.
        probability: of the scan being diagnostic: mean of the slices' quality probabilities. The vote decides
            the verdict, so near .5 the two can differ.
        votes_diagnostic, votes_total: the vote of the slices.
        tie: whether the vote was even and the mean probability decided.
        p_*: mean over the slices of each probability.
        first_slice, last_slice: lowest and highest index, in the file's own order, of a slice with the atrium.
        n_slices: how many slices were scored.
        message: one line for people: the fault and the way out, or what to know.
        warnings: each thing to know, on its own.
        review: Whether a person should look before the verdict is used; `findings` says why.
        findings: What speaks against a verdict, refusals first.
        forced: Whether the verdict was given although the gate refused the scan.
        reference: Grey levels of air and blood, and what the probability would be at other ones.
        measures: Image quality measures. None where the scan could not be read.
        threshold: slice probability of quality from which a slice counts as diagnostic.
        mask_source: whether the atrium was detected or a mask was supplied.
        slices: each scored slice, from inferior to superior.
        source: path of the file, or of the folder of a DICOM series.
        series: number, images and first file of a DICOM series; empty for a volume, and where none could be read.
        input_sha256: of the file's bytes, or of all files of the series in file-name order.
        bundle: which model it was.
        versions: of lgeqa, Python and the packages that took part.
        finished_at: time in UTC, ISO 8601.
        seconds: time spent reading, detecting and scoring.
        fingerprint: hash of all that decided this record: files, bundle, settings, version. A run that goes on
            keeps a record only while its fingerprint is unchanged.
    """

    scan_id: str
    status: Status
    verdict: Verdict | None = None
    probability: float | None = None
    votes_diagnostic: int | None = None
    votes_total: int | None = None
    tie: bool | None = None
    p_myocardium_nulling: float | None = None
    p_sharpness: float | None = None
    p_enhancement: float | None = None
    p_quality: float | None = None
    first_slice: int | None = None
    last_slice: int | None = None
    n_slices: int | None = None
    message: str = ""
    warnings: tuple[str, ...] = ()
    review: bool = False
    findings: tuple[Finding, ...] = ()
    forced: bool = False
    reference: ReferenceLevels | None = None
    measures: Measures | None = None
    threshold: float | None = None
    mask_source: Literal["detected", "supplied"] | None = None
    slices: tuple[SliceScores, ...] = ()
    source: str = ""
    series: str = ""
    input_sha256: str = ""
    bundle: BundleStamp | None = None
    versions: dict[str, str] = {}
    finished_at: str = ""
    seconds: dict[str, float] = {}
    fingerprint: str = ""


#: Columns of `results.csv`, one row a scan, in this order.
CSV_COLUMNS = (
    "scan_id",
    "status",
    "verdict",
    "review",
    "probability",
    "votes_diagnostic",
    "votes_total",
    "tie",
    "p_myocardium_nulling",
    "p_sharpness",
    "p_enhancement",
    "p_quality",
    "first_slice",
    "last_slice",
    "n_slices",
    "message",
)
