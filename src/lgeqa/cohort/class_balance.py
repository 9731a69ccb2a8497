"""Checks of the labels and the split of a cohort: enough scans, of both classes, in every part."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lgeqa.cohort.case import Case
from lgeqa.cohort.findings import Finding, caution, error, named
from lgeqa.cohort.labels import LabelRule, check_labelled, is_labelled, labels_of
from lgeqa.cohort.split import Split
from lgeqa.cohort.split_io import PARTS
from lgeqa.errors import CohortError
from lgeqa.scales import SCALE_NAMES

#: Number of labelled scans below which a validation or test part is reported as small.
FEW_SCANS = 10


@dataclass(frozen=True)
class Balance:
    """Class counts of one part of a cohort, over the scans with a label.

    Attributes:
        part: Name of the part: `all`, `train`, `validation` or `test`.
        scans: Number of scans.
        labelled: Number of scans with a label on each scale, in the order of `scales.SCALE_NAMES`.
        diagnostic: Number of diagnostic scans on each scale, in the order of `scales.SCALE_NAMES`.
    """

    part: str
    scans: int
    labelled: tuple[int, ...]
    diagnostic: tuple[int, ...]

    @property
    def one_class(self) -> list[str]:
        """Scales on which all labelled scans are of one class, without those on which no scan has a label."""
        counts = zip(SCALE_NAMES, self.labelled, self.diagnostic, strict=True)
        return [name for name, labelled, count in counts if labelled and count in {0, labelled}]

    @property
    def no_label(self) -> list[str]:
        """Scales on which no scan has a label. Empty if there are no scans."""
        return [name for name, count in zip(SCALE_NAMES, self.labelled, strict=True) if self.scans and not count]


def balances(cases: Sequence[Case], rule: LabelRule, split: Split) -> tuple[Balance, ...]:
    """Count the classes of the whole cohort and, unless `split` is empty, of each part."""
    labelled = [case for case in cases if is_labelled(case, rule)]
    parts = PARTS if split else ()
    within = [(part, [case for case in labelled if split.get(case.patient) == part]) for part in parts]
    return tuple(_balance(part, members, rule) for part, members in [("all", labelled), *within])


def label_findings(cases: Sequence[Case], rule: LabelRule) -> Iterator[Finding]:
    """Yield a finding for missing masks, missing scores and missing labels."""
    if maskless := [case.scan_id for case in cases if case.mask is None]:
        summary = f"{len(maskless)} of {len(cases)} scans have no mask: {named(maskless)}."
        yield caution(
            f"{summary} Stage 1 is not trained on them, and for stage 2 the detector finds the atrium. Give masks if "
            "there are any."
        )
    if cases and not any(case.scores for case in cases):
        yield caution("No scan has scores. Only stage 1, the detector, can be trained on them.")
    try:
        check_labelled(cases, rule)
    except CohortError as problem:
        yield error(str(problem))


def split_findings(cases: Sequence[Case], rule: LabelRule, split: Split, where: str) -> Iterator[Finding]:
    """Yield findings for patients that a split leaves out, and for patients of the split that are not in the cohort.

    Training refuses a split that leaves out a patient whom it could learn from.
    """
    absent = [
        case for case in cases if case.patient not in split and (case.mask is not None or is_labelled(case, rule))
    ]
    labelled = {case.patient for case in absent if is_labelled(case, rule)}
    if labelled:
        yield error(f"{where}: has no part for the labelled patient(s) {named(labelled)}. Draw a new split.")
    if unlabelled := {case.patient for case in absent} - labelled:
        yield caution(
            f"{where}: has no part for the unlabelled patient(s) {named(unlabelled)}. The detector, which learns from "
            "all scans with masks, cannot be trained with it. Draw a new split if it should be."
        )
    if gone := set(split) - {case.patient for case in cases}:
        yield caution(f"{where}: deals {len(gone)} patient(s) who are not in the cohort: {named(gone)}.")


def balance_findings(counted: Sequence[Balance]) -> Iterator[Finding]:
    """Yield findings for parts with few scans or one class, where `counted` is the whole cohort and then its parts."""
    whole, *parts = counted
    if whole.no_label:
        yield caution(
            f"No scan has a label on {', '.join(whole.no_label)}. Nothing is learnt of these scales, so the trained "
            "network's answers on them mean nothing."
        )
    if whole.one_class:
        yield caution(_one_class(whole, "the cohort") + " Such a scale cannot be learnt: add scans of the other class.")
    for part in parts:
        if part.part != "train" and whole.scans and part.scans < FEW_SCANS:
            yield caution(
                f"{part.part}: {part.scans} labelled scan(s); figures over fewer than {FEW_SCANS} are mostly "
                "chance. Draw a larger part, or use folds."
            )
        if unlabelled := set(part.no_label) - set(whole.no_label):
            yield caution(
                f"{part.part}: no scan has a label on {named(unlabelled)}. Draw the split again with another seed, "
                "or a larger part."
            )
        if not set(part.one_class) <= set(whole.one_class):
            yield caution(_one_class(part, part.part) + " Draw the split again with another seed, or a larger part.")


def _one_class(balance: Balance, name: str) -> str:
    return f"{name}: all labelled scans are of one class on {', '.join(balance.one_class)}."


def _balance(part: str, cases: Sequence[Case], rule: LabelRule) -> Balance:
    labels = np.array([labels_of(case, rule) for case in cases]).reshape(len(cases), len(SCALE_NAMES))
    labelled, diagnostic = (~np.isnan(labels)).sum(axis=0), np.nansum(labels, axis=0)
    return Balance(part, len(cases), tuple(map(int, labelled)), tuple(map(int, diagnostic)))
