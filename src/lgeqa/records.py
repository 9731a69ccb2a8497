"""Data that passes between the subpackages: a scan as it was read, and the record of its result.

The axis order of every array is (slice, row, column). In an axial LPS volume the slice index increases towards
superior, the row index towards posterior and the column index towards the patient's left. Spacings are in millimetres
in the same order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from lgeqa.config import Frozen
from lgeqa.extras import require
from lgeqa.formatting import probability_text
from lgeqa.operating_point import OperatingPoint
from lgeqa.outcomes import SUCCEEDED, Decision, Provider, Severity, Status, Verdict
from lgeqa.scales import SCALE_NAMES

if TYPE_CHECKING:
    from pandas import DataFrame

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


#: Fields of a record that hold the probabilities of a scan.
_PROBABILITIES = ("probability", *(f"p_{name}" for name in SCALE_NAMES))


@dataclass(frozen=True)
class Grid:
    """Voxel grid of a volume as its file stores it, in ITK's terms.

    Attributes:
        size: Number of voxels along the file's axes (i, j, k), i fastest.
        spacing_mm: Voxel spacing along (i, j, k).
        origin_mm: LPS position of the centre of voxel (0, 0, 0).
        direction: Nine numbers, row-major. Column c is the LPS direction of axis c.
    """

    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    direction: tuple[float, ...]


@dataclass(frozen=True)
class Scan:
    """One volume in axial LPS order.

    Attributes:
        scan_id: Name that is unique in a run, made of file or folder names only.
        voxels: Grey levels, float32 (slice, row, column), in axial LPS order as described for the module.
        spacing_mm: Voxel spacing as (slice, row, column).
        slice_positions_mm: LPS z of each slice's centre, increasing.
        file_slices: Index of each slice along the slice axis of the file's own order.
        grid: Grid of the file, on which masks are written.
        source: Path of the file, or of the folder of a DICOM series.
        sha256: SHA-256 of the file's bytes, or of all files of the series in file-name order.
        warnings: Facts that a reader of the result should know.
        series: Number, images and first file of a DICOM series. Empty for a volume.
        acquisition: Settings of the acquisition. None if the file gives none of them.
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
    acquisition: "Acquisition | None" = None


class Record(Frozen):
    """Base class of records of results."""

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain Python values, as in its JSON file."""
        return self.model_dump(mode="json")


class SliceScores(Record):
    """One slice that holds the left atrium, and its four probabilities of being diagnostic.

    Attributes:
        index: Index along the slice axis of the file's own order, from 0.
        position_mm: LPS z of the slice's centre.
        atrium_area_mm2: Area of the blood-pool mask on the slice.
        p_myocardium_nulling: Probability of being diagnostic in myocardium nulling.
        p_sharpness: Probability of being diagnostic in sharpness.
        p_enhancement: Probability of being diagnostic in enhancement of aorta and valve.
        p_quality: Probability of being diagnostic in quality for fibrosis assessment.
        weight: Weight of the slice in the scan's probabilities, for a bundle that weighs slices by attention. The
            weights of a scan sum to 1. None if all slices count alike.
    """

    index: int
    position_mm: float
    atrium_area_mm2: float
    p_myocardium_nulling: float
    p_sharpness: float
    p_enhancement: float
    p_quality: float
    weight: float | None = None


class ScoreEstimate(Record):
    """Score of a scan on one scale, 1 to 5, as estimated by a bundle of the ordinal strategy.

    Attributes:
        expected: Expected score, the mean of its distribution.
        low: Lower end of the central interval of 80 % of its distribution, a whole score.
        high: Upper end of this interval, a whole score.
    """

    expected: float
    low: int
    high: int


class ProbabilityParts(Record):
    """The two probabilities that a bundle with a share of the measured reader averages on a scale.

    Attributes:
        network: Mean over the slices of the network's probability.
        measures: Probability by the measured reader. None if a measure that it needs is undefined, in which case the
            network decides alone.
    """

    network: float
    measures: float | None


class SliceMeasures(Record):
    """Image quality measures of one slice that holds the left atrium.

    Attributes:
        index: Index along the slice axis of the file's own order, from 0.
        position_mm: LPS z of the slice's centre.
        values: Value of each measure that is taken slice by slice, by name. None if it is undefined.
    """

    index: int
    position_mm: float
    values: dict[str, float | None]


class Measures(Record):
    """Image quality measures of one scan, as defined by `lgeqa.measures.MEASURES`.

    Attributes:
        values: Value of every measure by name, in the order of `MEASURES`. None if it is undefined.
        reasons: Reason why a measure is undefined, by name.
        places: Share of the reference scans with a lower value, 0 to 1, by name of each defined measure.
        slices: Measures of each slice that holds the atrium, from inferior to superior.
    """

    values: dict[str, float | None]
    reasons: dict[str, str] = Field({})
    places: dict[str, float] = Field({})
    slices: tuple[SliceMeasures, ...] = ()


class Finding(Record):
    """One observation that speaks against a verdict.

    Attributes:
        check: Name of the check in `lgeqa.inference.gate`.
        severity: Consequence: `refused` if no verdict can be given, `review` if a person should check the scan before
            its verdict is used.
        seen: Observation, in one sentence.
        remedy: Advice on what to do about it, in one sentence.
    """

    check: str
    severity: Severity
    seen: str
    remedy: str


class ReferenceLevels(Record):
    """Grey levels that both networks and all measures refer to, and how much the verdict depends on them.

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


class Acquisition(Record):
    """Settings of the acquisition that the header of a scan gives. No date, time or identifier is among them.

    Attributes:
        inversion_time_ms: Inversion time.
        heart_rate_bpm: Heart rate, in beats a minute.
        field_strength_t: Field strength of the magnet.
        minutes_since_contrast: Minutes from the injection of contrast agent to the start of the scan.
        scanner: Manufacturer and model of the scanner. Empty if not given.
        software: Version of the scanner's software. Empty if not given.
    """

    inversion_time_ms: float | None = None
    heart_rate_bpm: float | None = None
    field_strength_t: float | None = None
    minutes_since_contrast: float | None = None
    scanner: str = ""
    software: str = ""


class Advice(Record):
    """Advice on one probable cause of a poor scan, as in `lgeqa.inference.advice.CAUSES`.

    Attributes:
        cause: Name of the cause.
        title: Display name of the cause.
        strength: Strength of the evidence, 0 to 1. It is no probability.
        seen: Evidence for the cause.
        change: Advice on what to change, with the setting of this scan if the header gives it.
        repeat: Worth of a repeat in this visit: `likely` or `unlikely` to help, or `unneeded`.
        reason: Reason for this worth.
        sources: Citations of the publications behind the advice.
    """

    cause: str
    title: str
    strength: float
    seen: str
    change: str
    repeat: Literal["likely", "unlikely", "unneeded"]
    reason: str
    sources: tuple[str, ...] = ()

    @property
    def outlook(self) -> str:
        """Whether a repeat helps, and why, in one sentence."""
        worth = self.repeat if self.repeat == "unneeded" else f"{self.repeat} to help"
        return f"A repeat in this visit is {worth}: {self.reason}."


class BundleStamp(Record):
    """Identity of the bundle that made a result.

    Attributes:
        name: Name of the model.
        version: Version of the model.
        sha256: SHA-256 of the bundle's `bundle.json`.
    """

    name: str
    version: str
    sha256: str


class ScanResult(Record):
    """Record of one scan, the only form in which a result exists.

    Attributes:
        scan_id: Name that is unique in a run, made of file or folder names only, or a pseudonym.
        status: Outcome: `assessed`, `measured` (only measures were requested), `not_assessable` (read, but refused by
            the gate, for instance because no atrium was found) or `failed`.
        verdict: Mode of the slices' predictions. The mean probability decides a tie. With a bundle that weighs slices
            by attention, the side of the threshold on which `probability` lies. None unless assessed.
        decision: Proposal for the scan: `accept` to use it, `repeat` to acquire it again, `review` for a person to
            decide. None for a scan that was measured only or that failed.
        reasons: Reasons for the decision, one sentence each.
        probability: Probability that the scan is diagnostic, the mean of the slices' quality probabilities. The vote
            decides the verdict, so near .5 the two can differ. With a bundle that weighs slices by attention, this
            and the next means are of the slices' logits, by weight.
        votes_diagnostic: Number of slices that vote diagnostic.
        votes_total: Number of slices that vote.
        tie: Whether the vote was even, so that the probability decided.
        p_myocardium_nulling: Mean over the slices of the probability of myocardium nulling.
        p_sharpness: Mean over the slices of the probability of sharpness.
        p_enhancement: Mean over the slices of the probability of enhancement.
        p_quality: Mean over the slices of the probability of quality.
        first_slice: Lowest index, in the file's own order, of a slice with the atrium.
        last_slice: Highest index, in the file's own order, of a slice with the atrium.
        n_slices: Number of scored slices.
        message: One line of text: the error and its remedy, or what to know about the scan.
        warnings: Things to know about the scan, one per entry.
        review: Whether a person should check the scan before the verdict is used. `findings` says why.
        findings: Observations that speak against a verdict, refusals first.
        forced: Whether the verdict was given although the gate refused the scan.
        advice: Probable causes of a poor scan and what to change, the strongest evidence first.
        acquisition: Settings of the acquisition. None if the file gives none of them.
        reference: Grey levels of air and blood, and the probability at other blood levels.
        measures: Image quality measures. None if the scan could not be read.
        threshold: Slice probability of quality from which a slice counts as diagnostic.
        operating_point: Limits of the probability for the decision.
        mask_source: Source of the atrium mask: `detected` or `supplied`.
        slices: Scores of each scored slice, from inferior to superior.
        scores: Estimated score on each scale, by name. Empty unless the bundle estimates scores.
        parts: Parts of the probability on each scale, by name. Empty unless the measured reader has a share in it.
        source: Path of the file, or of the folder of a DICOM series. Empty in a de-identified record.
        series: Number, images and first file of a DICOM series. Empty for a volume, if none could be read, and in a
            de-identified record.
        input_sha256: SHA-256 of the file's bytes, or of all files of the series in file-name order. In a de-identified
            record its HMAC-SHA-256 by the secret key.
        mask_sha256: The same of the mask's file. Empty unless the mask was supplied in a file.
        bundle: Identity of the bundle that made the result.
        provider: What ran the networks: `cpu`, `cuda` or `openvino`. None if no bundle took part.
        versions: Versions of lgeqa, Python and the packages that took part.
        finished_at: Time in UTC, ISO 8601. Empty in a de-identified record.
        seconds: Seconds spent on reading, detecting, measuring and scoring, by step.
        fingerprint: Hash of everything that decided this record: files, bundle, settings and version. A run that
            continues keeps a record only if its fingerprint is unchanged.
    """

    scan_id: str
    status: Status
    verdict: Verdict | None = None
    decision: Decision | None = None
    reasons: tuple[str, ...] = ()
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
    advice: tuple[Advice, ...] = ()
    acquisition: Acquisition | None = None
    reference: ReferenceLevels | None = None
    measures: Measures | None = None
    threshold: float | None = None
    operating_point: OperatingPoint | None = None
    mask_source: Literal["detected", "supplied"] | None = None
    slices: tuple[SliceScores, ...] = ()
    scores: dict[str, ScoreEstimate] = Field({})
    parts: dict[str, ProbabilityParts] = Field({})
    source: str = ""
    series: str = ""
    input_sha256: str = ""
    mask_sha256: str = ""
    bundle: BundleStamp | None = None
    provider: Provider | None = None
    versions: dict[str, str] = Field({})
    finished_at: str = ""
    seconds: dict[str, float] = Field({})
    fingerprint: str = ""

    def __repr__(self) -> str:
        """Return the name and the outcome of the scan."""
        if self.verdict is None:
            return f"ScanResult({self.scan_id!r}: {self.status})"
        votes = f"{self.votes_diagnostic} of {self.votes_total} slices"
        outcome = f"{self.verdict}, {self.decision}, probability {probability_text(self.probability)}"
        return f"ScanResult({self.scan_id!r}: {outcome}, {votes})"

    def _repr_html_(self) -> str:
        facts = {
            "decision": self.decision,
            "reasons": " ".join(self.reasons),
            "verdict": self.verdict or self.status,
            **({name: probability_text(getattr(self, name)) for name in _PROBABILITIES} if self.verdict else {}),
            "findings": " ".join(finding.seen for finding in self.findings),
            "message": self.message,
        }
        rows = "".join(f"<tr><th>{name}</th><td>{escape(fact)}</td></tr>" for name, fact in facts.items() if fact)
        return f"<table><caption>{escape(self.scan_id)}</caption>{rows}</table>"

    def to_frame(self) -> "DataFrame":
        """Return a data frame of the scored slices, with a row for each.

        Raises:
            MissingExtraError: The package pandas is not installed.
        """
        return frame_of([scores.model_dump() for scores in self.slices], list(SliceScores.model_fields))

    @property
    def is_deidentified(self) -> bool:
        """Return whether the record names neither the scan nor its place, and `scan_id` is a pseudonym."""
        return not self.source

    @property
    def has_atrium(self) -> bool:
        """Return whether an atrium was found in the scan, which then has a verdict or an atrial volume."""
        measures = self.measures.values if self.measures else {}
        return self.status == "assessed" or measures.get("atrium_volume_ml") is not None

    @property
    def succeeded(self) -> bool:
        """Return whether the scan was assessed or, where only measures were requested, measured."""
        return self.status in SUCCEEDED


def table_html(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Return rows as an HTML table for a notebook, with empty cells for None."""
    lines = ["".join(f"<th>{name}</th>" for name in columns)]
    lines += ["".join(f"<td>{_cell(row[name])}</td>" for name in columns) for row in rows]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.2f}" if isinstance(value, float) else escape(str(value))


def frame_of(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> "DataFrame":
    """Return rows as a data frame that has at least the given columns.

    Raises:
        MissingExtraError: The package pandas is not installed.
    """
    require("agreement", "a data frame")
    import pandas as pd

    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=list(columns))
