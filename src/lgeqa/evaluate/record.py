"""The record of an evaluation: what `evaluation.json` holds. What is undefined is null and says why."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from lgeqa.intervals import Figure
from lgeqa.records import BundleStamp


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


#: Name of a measure to its figure, in the order of `metrics.METRICS`.
Figures = dict[str, Figure]


class ScaleFigures(_Record):
    """How one scale was predicted.

    Attributes:
        n: scans or slices.
        diagnostic: how many of them are, by the label.
        figures: each measure.
    """

    n: int
    diagnostic: int
    figures: Figures


class Comparison(_Record):
    """How someone's word on quality agrees with labels, scan by scan.

    Attributes:
        who: the model, a reader, or a rule.
        against: whose scores are the labels.
        on: which of the evaluated scans, in words.
        n_scans, n_patients: how many.
        figures: each measure.
    """

    who: str
    against: str
    on: str
    n_scans: int
    n_patients: int
    figures: Figures


class Association(_Record):
    """How the scores of an attribute go with those of quality (Table 1 of the paper).

    Attributes:
        pearson: correlation of the scores of 1 to 5.
        spearman: correlation of their ranks; equal scores share a mean rank.
        phi: correlation of the binary labels.
    """

    pearson: Figure
    spearman: Figure
    phi: Figure


class Excluded(_Record):
    """A scan that is in no figure.

    Attributes:
        scan_id: as in the table of predictions, or in the cohort if it is not there.
        why: in words.
    """

    scan_id: str
    why: str


class Levels(_Record):
    """Figures of each scale.

    Attributes:
        scans: over scans.
        slices: over slices; each slice has the label of its scan.
    """

    scans: dict[str, Figures]
    slices: dict[str, Figures]


class Pooled(_Record):
    """How well strategies judge scans that each of them was tested on once, by one of several trainings.

    Attributes:
        label: whose scores are the labels.
        n_scans, n_slices, n_patients: that every strategy assessed, and that are in the figures.
        draws, seed: of the bootstrap over patients, the same draws for all.
        strategies: figures of each.
        differences: of each strategy but the first: its figures less those of the first.
        others: quality by others, over the same scans against the same labels.
    """

    label: str
    n_scans: int
    n_slices: int
    n_patients: int
    draws: int
    seed: int
    strategies: dict[str, Levels]
    differences: dict[str, Levels]
    others: tuple[Comparison, ...]


class Evaluation(_Record):
    """How well a bundle judges a cohort.

    Attributes:
        bundle: which model.
        bundle_labels: what its training scores were.
        cohorts: the folders, as they were named.
        part: which part of them, in words.
        label: whose scores are the labels.
        simulated: whether scans or scores of the cohort are simulated.
        mask_source: whether the atrium was detected or given.
        threshold: slice probability of quality from which a slice counts as diagnostic.
        attribute_threshold: the same for the three attributes.
        n_scans, n_slices, n_patients: that are in the figures.
        excluded: scans that are not in the figures, and why.
        draws, seed: of the bootstrap over patients.
        scans: figures of each scale over scans.
        slices: figures of each scale over slices; each slice has the label of its scan.
        comparisons: quality by others and against others, over scans.
        associations: of each attribute with quality, in the labels.
        versions: of lgeqa, Python and the packages that took part.
        finished_at: time in UTC, ISO 8601.
    """

    bundle: BundleStamp
    bundle_labels: Literal["simulated", "measured", "expert"]
    cohorts: tuple[str, ...]
    part: str
    label: str
    simulated: bool
    mask_source: Literal["detected", "supplied"]
    threshold: float
    attribute_threshold: float
    n_scans: int
    n_slices: int
    n_patients: int
    excluded: tuple[Excluded, ...]
    draws: int
    seed: int
    scans: dict[str, ScaleFigures]
    slices: dict[str, ScaleFigures]
    comparisons: tuple[Comparison, ...]
    associations: dict[str, Association]
    versions: dict[str, str]
    finished_at: str
