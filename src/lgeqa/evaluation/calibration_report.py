"""Record and report of a calibration."""

from collections.abc import Iterator
from typing import Final

from lgeqa.bootstrap import Estimate, cell
from lgeqa.evaluation.markdown_report import number_form
from lgeqa.evaluation.metrics import METRICS
from lgeqa.evaluation.record import Excluded, ScaleFigures
from lgeqa.inference.bundle.kept_out import OUTCOMES
from lgeqa.operating_point import OperatingPoint
from lgeqa.records import BundleStamp, Record
from lgeqa.scales import QUALITY_FIRST
from lgeqa.table_text import markdown_table

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


def page(report: CalibrationReport) -> str:
    """Return the report as Markdown."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: CalibrationReport) -> Iterator[str]:
    yield f"# Calibration of {report.source.name} {report.source.version}\n"
    yield from (f"**{caution}**\n" for caution in report.cautions)
    yield markdown_table(("", ""), list(_facts(report)))
    yield "\n## Scan by scan\n"
    yield (
        f"Before: the bundle as it was. After: {report.folds} calibrations, each judged on the patients that it was "
        "neither fitted nor chosen on. The bundle itself is fitted on all scans. Intervals are of 95 %, from "
        f"{report.draws} bootstrap draws over patients, seed {report.seed}.\n"
    )
    metrics = [metric for metric in METRICS if metric.name in _SHOWN]
    for scale in QUALITY_FIRST:
        before, after = report.before[scale.name], report.after[scale.name]
        yield f"\n### {scale.title}\n"
        chosen = ", ".join(f"{method} {count}" for method, count in report.chosen[scale.name].items())
        yield (
            f"{after.diagnostic} of {after.n} scans are diagnostic. Method: {report.methods[scale.name]} (without each "
            f"fold: {chosen}).\n"
        )
        rows = [
            (
                f"{metric.title}{' (lower is better)' if metric.better == 'lower' else ''}",
                cell(before.figures[metric.name], number_form(before)),
                cell(after.figures[metric.name], number_form(after)),
            )
            for metric in metrics
        ]
        yield markdown_table(("", "Before", "After"), rows)
    yield "\n## Decisions\n"
    yield f"{report.operating_point.text} Another point can be chosen with `lgeqa operating-point`.\n"
    shares = [(title, cell(report.outcomes[name], ".1%")) for name, title in OUTCOMES.items()]
    yield markdown_table(("Share of the scans", ""), shares)
    if report.excluded:
        yield f"\n## Left out: {len(report.excluded)} scans\n"
        yield from (f"- `{scan.scan_id}`: {scan.why}" for scan in report.excluded)


def _facts(report: CalibrationReport) -> Iterator[tuple[str, str]]:
    yield "bundle", f"{report.source.name} {report.source.version}, SHA-256 {report.source.sha256[:12]}…"
    yield "cohort", ", ".join(f"`{cohort}`" for cohort in report.cohorts)
    yield "part", report.part
    yield "labels", report.label
    yield "scans", f"{report.n_scans} of {report.n_patients} patients; {len(report.excluded)} left out"
    yield "threshold of quality", f"{report.threshold_before:g} before, {report.threshold:.3f} now"
    yield "made", f"{report.finished_at} with lgeqa {report.versions['lgeqa']}"
