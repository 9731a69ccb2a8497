"""The record of an agreement: what `agreement.json` holds. What is undefined is null and says why."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from lgeqa.intervals import Figure
from lgeqa.records import BundleStamp


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReaderCount(_Record):
    """How much somebody read.

    Attributes:
        reader: their name.
        scored: scans with scores.
        refused: scans that the reader said cannot be rated.
        repeated: scans that the reader read twice.
    """

    reader: str
    scored: int
    refused: int
    repeated: int


class Pair(_Record):
    """How two readings of the same scans agree: of two readers, or the first and the second of one.

    Attributes:
        a, b: the readers; the same one twice for a reader's own repeats.
        n: scans that were scored in both.
        refused: scans that were read in both, and that cannot be rated by one or both; they are in no figure.
        kappa: with quadratic weights, of the scores.
        label_kappa: of the sides of 3.
        exact: share with the same score.
        same_side: share on the same side of 3.
    """

    a: str
    b: str
    n: int
    refused: int
    kappa: Figure
    label_kappa: Figure
    exact: Figure
    same_side: Figure


class Leniency(_Record):
    """How a reader scores beside the others, on the scans that another reader scored too.

    Attributes:
        reader: their name.
        n: such scans.
        difference: mean of the reader's score less the mean of the others'.
        diagnostic: share that the reader calls diagnostic.
        others_diagnostic: mean over these scans of the share of the others who call them diagnostic.
    """

    reader: str
    n: int
    difference: Figure
    diagnostic: Figure
    others_diagnostic: Figure


class ModelPair(_Record):
    """How the model's verdicts go with a reader's labels, on the scans that have both.

    Attributes:
        against: the reader, or `majority`: more than half of a scan's readers call it diagnostic.
        n: scans.
        label_kappa: of the sides of 3.
        same_side: share on the same side.
        auroc: of the model's probability.
        diagnostic: share that the model calls diagnostic.
        others_diagnostic: share that the reader calls so.
    """

    against: str
    n: int
    label_kappa: Figure
    same_side: Figure
    auroc: Figure
    diagnostic: Figure
    others_diagnostic: Figure


class ScaleAgreement(_Record):
    """How readers agree on one scale, by each scan's first reading.

    Attributes:
        n: scans that two readers or more scored.
        n_complete: scans that all readers scored; the ICC is of these.
        alpha: Krippendorff's, ordinal.
        icc: ICC(2,1).
        pairs: each two readers.
        repeats: each reader who read scans twice.
        leniency: each reader.
        measured: Whole scores of the measured reader, who is in no other figure, against each reader; empty without.
        model: the model against each reader and their majority; empty without results.
    """

    n: int
    n_complete: int
    alpha: Figure
    icc: Figure
    pairs: tuple[Pair, ...]
    repeats: tuple[Pair, ...]
    leniency: tuple[Leniency, ...]
    measured: tuple[Pair, ...]
    model: tuple[ModelPair, ...]


class Dispute(_Record):
    """A scan that the readers should agree on.

    Attributes:
        rank: from 1, the farthest apart first.
        scan_id: name of the scan.
        reasons: why, in words.
        spread: the largest range of scores on any scale.
        readings: scores of each reader in the order of `attributes.NAMES`; nothing where it cannot be rated.
        verdict: the model's; nothing without one.
        probability: the model's.
    """

    rank: int
    scan_id: str
    reasons: tuple[str, ...]
    spread: float
    readings: dict[str, tuple[float, float, float, float] | None]
    verdict: Literal["diagnostic", "non-diagnostic"] | None = None
    probability: float | None = None


class Agreement(_Record):
    """How far the readers of a study agree, and the model among them.

    Attributes:
        source: the cohort or table of ratings, as it was named.
        simulated: whether the readers are simulated.
        n_scans: scans that anybody read.
        n_patients: patients of these.
        n_shared: scans that two readers or more read.
        readers: each, and how much.
        scales: name of each scale to its figures, in the order of `attributes.NAMES`.
        disputes: scans to adjudicate.
        bundle: the model among the readers; nothing without one.
        n_judged: scans that were read and that the model has a verdict on.
        draws, seed: of the bootstrap over patients.
        versions: of lgeqa, Python and the packages that took part.
        finished_at: time in UTC, ISO 8601.
    """

    source: str
    simulated: bool
    n_scans: int
    n_patients: int
    n_shared: int
    readers: tuple[ReaderCount, ...]
    scales: dict[str, ScaleAgreement]
    disputes: tuple[Dispute, ...]
    bundle: BundleStamp | None
    n_judged: int
    draws: int
    seed: int
    versions: dict[str, str]
    finished_at: str
