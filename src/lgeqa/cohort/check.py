"""Check of a cohort before training, which reports everything that is wrong at once."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lgeqa.cohort.case import Case
from lgeqa.cohort.class_balance import Balance, balance_findings, balances, label_findings, split_findings
from lgeqa.cohort.findings import Finding, caution, error
from lgeqa.cohort.image_checks import inspect, repeats
from lgeqa.cohort.labels import LabelRule, is_labelled, settled_rule
from lgeqa.cohort.paper_layout import absent_images
from lgeqa.cohort.read import gather_cohort, table_of
from lgeqa.cohort.split import Split
from lgeqa.cohort.split_io import read_split
from lgeqa.errors import CohortError

Follow = Callable[[Sequence[Case]], Iterable[Case]]


@dataclass(frozen=True)
class CohortReport:
    """Result of a check.

    Attributes:
        scans: Number of scans in all cohorts together.
        patients: Number of patients of these scans.
        masked: Number of scans with a mask, which stage 1 is trained on.
        scored: Number of scans with scores by at least one reader.
        rule: Rule that derives the labels, which fits the scores if `auto` was asked for.
        labelled: Number of scans with a label by the rule on at least one scale.
        readers: Number of scans that each reader scored, including `truth` and `label`.
        balances: Class counts of the labelled scans, for the whole cohort, and for each part if a split is given.
        errors: Findings that prevent training or would make its figures wrong.
        cautions: Findings that do not prevent training.
    """

    scans: int
    patients: int
    masked: int
    scored: int
    rule: LabelRule
    labelled: int
    readers: dict[str, int]
    balances: tuple[Balance, ...]
    errors: tuple[str, ...]
    cautions: tuple[str, ...]


def check_cohort(
    cohorts: Sequence[Path], rule: LabelRule, split: Path | None = None, follow: Follow = iter
) -> CohortReport:
    """Read every table, scan and mask of the cohorts, and collect all errors and cautions.

    Args:
        cohorts: Paths of the cohorts, as for `read_cohort`. A patient's name means the same patient in all cohorts.
        rule: Rule that derives the labels.
        split: Saved split to check the cohorts against.
        follow: Function that yields the scans while they are read, for instance to show progress.

    Raises:
        MissingExtraError: A table is Parquet, and PyArrow is not installed.
    """
    findings: list[Finding] = []
    cases: list[Case] = []
    for cohort in cohorts:
        read, messages = gather_cohort(cohort)
        cases += read
        findings += [*map(error, messages), *(_layout_findings(cohort) if read else ())]
    rule = settled_rule(cases, rule)
    inspected = [inspect(case) for case in follow(cases)]
    findings += [finding for scan in inspected for finding in scan.findings]
    findings += label_findings(cases, rule)
    parts: Split = {}
    if split:
        try:
            parts = read_split(split)
            findings += split_findings(cases, rule, parts, str(split))
        except CohortError as problem:
            findings.append(error(str(problem)))
    counted = balances(cases, rule, parts)
    findings += [*repeats(inspected, parts), *balance_findings(counted)]
    return _report(cases, rule, counted, findings)


def _layout_findings(cohort: Path) -> Iterator[Finding]:
    """Yield findings on what the authors' layout does not specify, and none for a table."""
    if table_of(cohort):
        return
    yield caution(
        f"{cohort}: in this layout each scan is taken as a patient of its own. If a person was scanned twice, give the "
        "patients in a scores.csv, or a split may part them."
    )
    try:
        absent = absent_images(cohort)
    except CohortError:  # reported when the cohort was read
        return
    for image in absent:
        yield error(f"{image}: is not there, but has a mask or labels. Add the scan, or remove what speaks of it.")


def _report(
    cases: Sequence[Case], rule: LabelRule, counted: tuple[Balance, ...], findings: Sequence[Finding]
) -> CohortReport:
    return CohortReport(
        scans=len(cases),
        patients=len({case.patient for case in cases}),
        masked=sum(case.mask is not None for case in cases),
        scored=sum(bool(case.scores) for case in cases),
        rule=rule,
        labelled=sum(is_labelled(case, rule) for case in cases),
        readers=dict(sorted(Counter(reader for case in cases for reader in case.scores).items())),
        balances=counted,
        errors=tuple(finding.text for finding in findings if finding.level == "error"),
        cautions=tuple(finding.text for finding in findings if finding.level == "caution"),
    )
