"""Record of an agreement, the content of `agreement.json`. An undefined figure is null and has a reason."""

from html import escape
from typing import TYPE_CHECKING, Any, Final, Literal

from lgeqa.agreement.discrepancy_rule import DiscrepancyRule
from lgeqa.bootstrap import Estimate
from lgeqa.records import BundleStamp, Record, frame_of, table_html

if TYPE_CHECKING:
    from pandas import DataFrame


class ReaderCount(Record):
    """Number of scans that a reader read.

    Attributes:
        reader: Name of the reader.
        scored: Number of scans with scores.
        refused: Number of scans that the reader said cannot be rated.
        repeated: Number of scans that the reader read twice.
    """

    reader: str
    scored: int
    refused: int
    repeated: int


class Pair(Record):
    """Agreement between two readings of the same scans, by two readers or by one reader twice.

    Attributes:
        a: First reader.
        b: Second reader, the same as `a` for a reader's repeated readings.
        n: Number of scans that were scored in both readings.
        refused: Number of scans that were read in both readings and cannot be rated by one or both. They are in no
            figure.
        kappa: Kappa of the scores, with quadratic weights.
        label_kappa: Kappa of the sides of 3.
        exact: Share of the scans with the same score.
        same_side: Share of the scans on the same side of 3.
    """

    a: str
    b: str
    n: int
    refused: int
    kappa: Estimate
    label_kappa: Estimate
    exact: Estimate
    same_side: Estimate


class Leniency(Record):
    """A reader's scores compared with those by the other readers, on the scans that another reader scored too.

    Attributes:
        reader: Name of the reader.
        n: Number of these scans.
        difference: Mean over these scans of the reader's score minus the mean score of the others.
        diagnostic: Share of these scans that the reader calls diagnostic.
        others_diagnostic: Mean over these scans of the share of the other readers who call the scan diagnostic.
    """

    reader: str
    n: int
    difference: Estimate
    diagnostic: Estimate
    others_diagnostic: Estimate


class ModelPair(Record):
    """Agreement of the model's verdicts with a reader's labels, on the scans that have both.

    Attributes:
        against: Name of the reader, or `majority`: more than half of a scan's readers call it diagnostic.
        n: Number of scans.
        label_kappa: Kappa of the sides of 3.
        same_side: Share of the scans on the same side of 3.
        auroc: AUROC of the model's probability.
        diagnostic: Share of the scans that the model calls diagnostic.
        others_diagnostic: Share of the scans that the reader calls diagnostic.
    """

    against: str
    n: int
    label_kappa: Estimate
    same_side: Estimate
    auroc: Estimate
    diagnostic: Estimate
    others_diagnostic: Estimate


class ScaleAgreement(Record):
    """Agreement of the readers on one scale, by the first reading of each scan.

    Attributes:
        n: Number of scans that two or more readers scored.
        n_complete: Number of scans that all readers scored. The ICC is computed on these scans.
        alpha: Krippendorff's alpha for ordinal scores.
        icc: ICC(2,1).
        pairs: Agreement of each pair of readers.
        repeats: Agreement of the two readings by each reader who read scans twice.
        leniency: Leniency of each reader.
        measured: Agreement of the measured reader's whole scores with each reader. Empty without such scores. The
            measured reader is in no other figure.
        model: Agreement of the model with each reader and with their majority. Empty without results.
    """

    n: int
    n_complete: int
    alpha: Estimate
    icc: Estimate
    pairs: tuple[Pair, ...]
    repeats: tuple[Pair, ...]
    leniency: tuple[Leniency, ...]
    measured: tuple[Pair, ...]
    model: tuple[ModelPair, ...]


class Dispute(Record):
    """A scan that the readers should agree on.

    Attributes:
        rank: Rank from 1, with the largest disagreement first.
        scan_id: Name of the scan.
        reasons: Reasons why the scan should be adjudicated.
        spread: Largest range of scores on any scale.
        apart: Scales on which the readers differ too much, by the rule.
        readings: Scores of each reader in the order of `scales.SCALE_NAMES`. None on a scale
            without a score, and in place of all scores if the reader cannot rate the scan.
        verdict: Verdict of the model. None without one.
        probability: Probability by the model. None without a verdict.
    """

    rank: int
    scan_id: str
    reasons: tuple[str, ...]
    spread: float
    apart: tuple[str, ...]
    readings: dict[str, tuple[float | None, ...] | None]
    verdict: Literal["diagnostic", "non-diagnostic"] | None = None
    probability: float | None = None


#: Columns of the table of the figures.
_COLUMNS: Final = ("scale", "coefficient", *Estimate.model_fields)


class Agreement(Record):
    """Agreement of the readers of a study, and of the model with them.

    Attributes:
        source: Cohort or table of ratings, as the user named it.
        simulated: Whether the readers are simulated.
        n_scans: Number of scans that at least one reader read.
        n_patients: Number of patients of these scans.
        n_shared: Number of scans that two or more readers read.
        readers: Readers and the number of scans that each read.
        scales: Figures of each scale by name, in the order of `scales.SCALE_NAMES`.
        rule: Rule for the scans to adjudicate.
        disputes: Scans to adjudicate.
        bundle: Model that is compared with the readers. None without one.
        n_judged: Number of scans that were read and have a verdict by the model.
        draws: Number of draws of the bootstrap over patients.
        seed: Random seed of the bootstrap over patients.
        versions: Versions of lgeqa, Python and the packages that were used.
        finished_at: Time in UTC, ISO 8601.
    """

    source: str
    simulated: bool
    n_scans: int
    n_patients: int
    n_shared: int
    readers: tuple[ReaderCount, ...]
    scales: dict[str, ScaleAgreement]
    rule: DiscrepancyRule
    disputes: tuple[Dispute, ...]
    bundle: BundleStamp | None
    n_judged: int
    draws: int
    seed: int
    versions: dict[str, str]
    finished_at: str

    def __repr__(self) -> str:
        """Return the numbers of readers, scans and scans to adjudicate."""
        return f"Agreement({len(self.readers)} readers, {self.n_scans} scans, {len(self.disputes)} to adjudicate)"

    def to_frame(self) -> "DataFrame":
        """Return a data frame of the agreement of all readers, with a row for each scale and coefficient.

        Raises:
            MissingExtraError: The package pandas is not installed.
        """
        return frame_of(self._rows(), _COLUMNS)

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>{table_html(self._rows(), _COLUMNS)}"

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {"scale": scale, "coefficient": name, **getattr(figures, name).model_dump()}
            for scale, figures in self.scales.items()
            for name in ("alpha", "icc")
        ]
