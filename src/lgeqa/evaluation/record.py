"""Record of an evaluation, the content of `evaluation.json`. An undefined figure is null and has a reason."""

from html import escape
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import Field

from lgeqa.bootstrap import Estimate
from lgeqa.records import BundleStamp, Record, frame_of, table_html

if TYPE_CHECKING:
    from pandas import DataFrame


#: Figures by the name of their measure, in the order of `metrics.METRICS`.
Figures = dict[str, Estimate]


class ScaleFigures(Record):
    """Figures of the predictions on one scale.

    Attributes:
        n: Number of scans or slices.
        diagnostic: Number of scans or slices that are diagnostic by the label.
        figures: Estimate of each measure.
    """

    n: int
    diagnostic: int
    figures: Figures


class Comparison(Record):
    """Agreement of a model, a reader or a rule with labels of quality, scan by scan.

    Attributes:
        who: Model, reader or rule that is compared with the labels.
        against: Reader whose scores are the labels.
        on: Description of the evaluated scans that are compared.
        n_scans: Number of these scans.
        n_patients: Number of patients of these scans.
        figures: Estimate of each measure.
    """

    who: str
    against: str
    on: str
    n_scans: int
    n_patients: int
    figures: Figures


class Association(Record):
    """Association of the scores of an attribute with the scores of quality (Table 1 of the paper).

    Attributes:
        pearson: Correlation of the scores of 1 to 5.
        spearman: Correlation of the ranks of the scores, where equal scores share their mean rank.
        phi: Correlation of the binary labels.
    """

    pearson: Estimate
    spearman: Estimate
    phi: Estimate


class Excluded(Record):
    """A scan that is in no figure.

    Attributes:
        scan_id: Name of the scan in the table of predictions, or in the cohort if the table does not have it.
        why: Reason.
    """

    scan_id: str
    why: str


class Levels(Record):
    """Figures of each scale.

    Attributes:
        scans: Figures over scans, by scale.
        slices: Figures over slices, by scale. Each slice has the label of its scan.
    """

    scans: dict[str, Figures]
    slices: dict[str, Figures]


class Pooled(Record):
    """Evaluation of strategies on scans that each strategy was tested on once, by one of several trainings.

    Attributes:
        label: Description of the scores that are the labels.
        n_scans: Number of scans that every strategy assessed, which are in the figures.
        n_slices: Number of slices of these scans.
        n_patients: Number of patients of these scans.
        draws: Number of draws of the bootstrap over patients, which are the same for all strategies.
        seed: Random seed of the bootstrap over patients.
        strategies: Figures of each strategy.
        best: Strategy with the highest AUROC of quality over scans, the first of equals. The first strategy if no AUROC
            is defined.
        differences: Figures of each strategy except the first, minus the figures of the first.
        differences_to_best: Figures of each strategy except the best, minus the figures of the best.
        others: Comparisons of readers and rules with the same labels of quality, on the same scans.
    """

    label: str
    n_scans: int
    n_slices: int
    n_patients: int
    draws: int
    seed: int
    strategies: dict[str, Levels]
    best: str
    differences: dict[str, Levels]
    differences_to_best: dict[str, Levels]
    others: tuple[Comparison, ...]


#: Columns of the table of the figures.
_COLUMNS: Final = ("over", "scale", "measure", *Estimate.model_fields)


class Evaluation(Record):
    """Evaluation of a bundle on a cohort.

    Attributes:
        bundle: Bundle that was evaluated.
        bundle_labels: Kind of the scores that the bundle was trained on.
        cohorts: Folders of the cohorts, as the user named them.
        part: Description of the part of the cohorts that was evaluated.
        label: Description of the scores that are the labels.
        simulated: Whether scans or scores of the cohort are simulated.
        mask_source: Whether the atrium was detected or its mask was supplied.
        threshold: Probability of quality from which a slice counts as diagnostic.
        attribute_threshold: Probability from which a slice counts as diagnostic on the three attributes.
        n_scans: Number of scans in the figures.
        n_slices: Number of slices in the figures.
        n_patients: Number of patients in the figures.
        excluded: Scans that are not in the figures, with the reason.
        seen: Evaluated scans of patients whom a stage of the bundle was trained on, by stage. A stage is missing if it
            was not used, or if the bundle does not say what it was trained on.
        draws: Number of draws of the bootstrap over patients.
        seed: Random seed of the bootstrap over patients.
        scans: Figures of each scale over scans.
        slices: Figures of each scale over slices. Each slice has the label of its scan.
        comparisons: Comparisons of the model, readers and rules on the quality of scans.
        groups: Figures of quality over the scans of each value of the cohort's columns `site`, `scanner` and
            `field_strength_t`, by column and value. A column with fewer than two values is missing.
        associations: Association of each attribute with quality, in the labels.
        cautions: What to know before the figures are used, such as a network that is no better than a constant.
        versions: Versions of lgeqa, Python and the packages that were used.
        finished_at: Time in UTC, ISO 8601.
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
    seen: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    draws: int
    seed: int
    scans: dict[str, ScaleFigures]
    slices: dict[str, ScaleFigures]
    comparisons: tuple[Comparison, ...]
    groups: dict[str, dict[str, ScaleFigures]] = Field(default_factory=dict)
    associations: dict[str, Association]
    cautions: tuple[str, ...] = ()
    versions: dict[str, str]
    finished_at: str

    def __repr__(self) -> str:
        """Return the bundle and the numbers of scans and patients."""
        bundle = f"{self.bundle.name} {self.bundle.version}"
        return f"Evaluation({bundle} on {self.n_scans} scans of {self.n_patients} patients, labels: {self.label})"

    def to_frame(self) -> "DataFrame":
        """Return a data frame with a row for each figure, over scans and over slices, on each scale.

        Raises:
            MissingExtraError: The package pandas is not installed.
        """
        return frame_of(self._rows(), _COLUMNS)

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>{table_html(self._rows(), _COLUMNS)}"

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {"over": over, "scale": scale, "measure": measure, **figure.model_dump()}
            for over, scales in (("scans", self.scans), ("slices", self.slices))
            for scale, figures in scales.items()
            for measure, figure in figures.figures.items()
        ]
