"""Checking a cohort before any training: everything that is wrong with it at once."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lgeqa.cohort.authors import absent_images
from lgeqa.cohort.balance import Balance, balance_findings, balances, label_findings, split_findings
from lgeqa.cohort.case import Case
from lgeqa.cohort.findings import Finding, caution, error
from lgeqa.cohort.images import inspect, repeats
from lgeqa.cohort.labels import LabelRule, is_labelled
from lgeqa.cohort.read import gather_cohort, table_of
from lgeqa.cohort.saved import read_split
from lgeqa.cohort.split import Split
from lgeqa.errors import CohortError

Follow = Callable[[Sequence[Case]], Iterable[Case]]


@dataclass(frozen=True)
class CohortReport:
    """What a check tells.

    Attributes:
        scans: in all cohorts together.
        patients: of these scans.
        masked: scans with a mask, which stage 1 is trained on.
        scored: scans that anybody scored.
        labelled: scans with a label by the rule.
        usable: scans with a mask and a label, which stage 2 is trained on.
        readers: the scans that each reader scored, `truth` and `label` among them.
        balances: classes of the usable scans: of the whole, and of each part where a split is given.
        errors: what stands in the way of training, or would make its figures wrong.
        cautions: what one should know.
    """

    scans: int
    patients: int
    masked: int
    scored: int
    labelled: int
    usable: int
    readers: dict[str, int]
    balances: tuple[Balance, ...]
    errors: tuple[str, ...]
    cautions: tuple[str, ...]


def check_cohort(
    cohorts: Sequence[Path], rule: LabelRule, split: Path | None = None, follow: Follow = iter
) -> CohortReport:
    """Read every table, scan and mask of the cohorts, and collect all that is wrong.

    Args:
        cohorts: as for `read_cohort`; a patient's name means the same patient in all of them.
        rule: that labels are made by.
        split: a saved split to check the cohorts against.
        follow: passes the scans on while they are read, for instance to show progress.

    Raises:
        MissingExtraError: a table is Parquet, and PyArrow is not installed.
    """
    found: list[Finding] = []
    cases: list[Case] = []
    for cohort in cohorts:
        read, faults = gather_cohort(cohort)
        cases += read
        found += [*map(error, faults), *(_layout_findings(cohort) if read else ())]
    inspected = [inspect(case) for case in follow(cases)]
    found += [finding for one in inspected for finding in one.findings]
    found += label_findings(cases, rule)
    dealt: Split = {}
    if split:
        try:
            dealt = read_split(split)
            found += split_findings(cases, rule, dealt, str(split))
        except CohortError as fault:
            found.append(error(str(fault)))
    counted = balances(cases, rule, dealt)
    found += [*repeats(inspected, dealt), *balance_findings(counted)]
    return _report(cases, rule, counted, found)


def _layout_findings(cohort: Path) -> Iterator[Finding]:
    """What the authors' layout leaves open; nothing for a table."""
    if table_of(cohort):
        return
    yield caution(
        f"{cohort}: in this layout each scan is taken as a patient of its own. If a person was scanned twice, give the "
        "patients in a scores.csv, or a split may part them."
    )
    try:
        absent = absent_images(cohort)
    except CohortError:  # told by reading the cohort
        return
    for image in absent:
        yield error(f"{image}: is not there, but has a mask or labels. Add the scan, or remove what speaks of it.")


def _report(
    cases: Sequence[Case], rule: LabelRule, counted: tuple[Balance, ...], found: Sequence[Finding]
) -> CohortReport:
    return CohortReport(
        scans=len(cases),
        patients=len({case.patient for case in cases}),
        masked=sum(case.mask is not None for case in cases),
        scored=sum(bool(case.scores) for case in cases),
        labelled=sum(is_labelled(case, rule) for case in cases),
        usable=counted[0].scans,
        readers=dict(sorted(Counter(reader for case in cases for reader in case.scores).items())),
        balances=counted,
        errors=tuple(finding.text for finding in found if finding.level == "error"),
        cautions=tuple(finding.text for finding in found if finding.level == "caution"),
    )
