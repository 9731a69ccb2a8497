"""Record and report of a calibration."""

from collections.abc import Iterator
from typing import Final

from lgeqa.bootstrap import Estimate, cell
from lgeqa.documents import Block, Heading, Paragraph, Table
from lgeqa.evaluation.metrics import METRICS
from lgeqa.evaluation.record import Excluded, ScaleFigures
from lgeqa.evaluation.report import excluded, number_form, titled
from lgeqa.inference.bundle.kept_out import OUTCOMES
from lgeqa.operating_point import OperatingPoint
from lgeqa.records import BundleStamp, Record
from lgeqa.scales import QUALITY_FIRST

#: Measures in the report. The record has all.
_SHOWN: Final = ("calibration_error", "brier", "auroc", "balanced_accuracy", "recall", "specificity")


class CalibrationReport(Record):
    """Calibration of a bundle on labelled scans.

    Attributes:
        source: Bundle that was calibrated.
        cohorts: Folders or tables of the cohorts, as the user named them.
        part: Description of the part of the cohorts that was used.
        label: Description of the scores that are the labels.
        n_scans: Number of scans that were used.
        n_patients: Number of patients of these scans.
        excluded: Scans that were not used, with the reason.
        methods: Method of calibration of each scale.
        chosen: How often each method was chosen without a fold, by scale.
        threshold_before: Probability of quality from which a slice counted as diagnostic.
        threshold: Probability of quality from which a slice counts as diagnostic.
        operating_point: Limits of the probability for the decision.
        outcomes: Decisions on the scans by calibrations that left each out, as shares, by name as in
            `lgeqa.inference.bundle.kept_out.OUTCOMES`.
        before: Figures of each scale over scans, by the bundle as it was.
        after: Figures of each scale over scans, by calibrations that left each scan out.
        cautions: What to know before the figures are used.
        folds: Number of folds of the outer and of the inner cross-validation.
        seed: Random seed of the folds and of the bootstrap over patients.
        draws: Number of draws of the bootstrap over patients.
        versions: Versions of lgeqa, Python and the packages that were used.
        finished_at: Time in UTC, ISO 8601.
    """

    source: BundleStamp
    cohorts: tuple[str, ...]
    part: str
    label: str
    n_scans: int
    n_patients: int
    excluded: tuple[Excluded, ...]
    methods: dict[str, str]
    chosen: dict[str, dict[str, int]]
    threshold_before: float
    threshold: float
    operating_point: OperatingPoint
    outcomes: dict[str, Estimate]
    before: dict[str, ScaleFigures]
    after: dict[str, ScaleFigures]
    cautions: tuple[str, ...]
    folds: int
    seed: int
    draws: int
    versions: dict[str, str]
    finished_at: str

    def __repr__(self) -> str:
        """Return the bundle, the numbers of scans and patients, and the threshold."""
        source = f"{self.source.name} {self.source.version}"
        return (
            f"CalibrationReport({source} on {self.n_scans} scans of {self.n_patients} patients, "
            f"threshold {self.threshold:.3f})"
        )


def report(of: CalibrationReport) -> Iterator[Block]:
    """Yield the report of a calibration."""
    yield Heading(f"Calibration of {of.source.name} {of.source.version}", level=1)
    yield from (Paragraph(caution, strong=True) for caution in of.cautions)
    yield Table(("", ""), list(_facts(of)))
    yield Heading("Scan by scan")
    yield Paragraph(
        f"Before: the bundle as it was. After: {of.folds} calibrations, each judged on the patients that it was "
        "neither fitted nor chosen on. The bundle itself is fitted on all scans. Intervals are of 95 %, from "
        f"{of.draws} bootstrap draws over patients, seed {of.seed}."
    )
    metrics = [metric for metric in METRICS if metric.name in _SHOWN]
    for scale in QUALITY_FIRST:
        before, after = of.before[scale.name], of.after[scale.name]
        yield Heading(scale.title, level=3)
        chosen = ", ".join(f"{method} {count}" for method, count in of.chosen[scale.name].items())
        yield Paragraph(
            f"{after.diagnostic} of {after.n} scans are diagnostic. Method: {of.methods[scale.name]} (without each "
            f"fold: {chosen})."
        )
        rows = [
            (
                titled(metric),
                cell(before.figures[metric.name], number_form(before)),
                cell(after.figures[metric.name], number_form(after)),
            )
            for metric in metrics
        ]
        yield Table(("", "Before", "After"), rows)
    yield Heading("Decisions")
    yield Paragraph(f"{of.operating_point.text} Another point can be chosen with `lgeqa operating-point`.")
    shares = [(title, cell(of.outcomes[name], ".1%")) for name, title in OUTCOMES.items()]
    yield Table(("Share of the scans", ""), shares)
    yield from excluded(of.excluded, "`calibration.json`")


def _facts(of: CalibrationReport) -> Iterator[tuple[str, str]]:
    yield "bundle", f"{of.source.name} {of.source.version}, SHA-256 {of.source.sha256[:12]}…"
    yield "cohort", ", ".join(f"`{cohort}`" for cohort in of.cohorts)
    yield "part", of.part
    yield "labels", of.label
    yield "scans", f"{of.n_scans} of {of.n_patients} patients; {len(of.excluded)} left out"
    yield "threshold of quality", f"{of.threshold_before:g} before, {of.threshold:.3f} now"
    yield "made", f"{of.finished_at} with lgeqa {of.versions['lgeqa']}"
