"""Checking the labels and the split of a cohort: enough scans, of both classes, in every part."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lgeqa.attributes import NAMES
from lgeqa.cohort.case import Case
from lgeqa.cohort.findings import Finding, caution, error, named
from lgeqa.cohort.labels import LabelRule, check_labelled, is_labelled, labels_of
from lgeqa.cohort.saved import PARTS
from lgeqa.cohort.split import Split
from lgeqa.errors import CohortError

#: Labelled scans below which a validation or test part is called small.
FEW_SCANS = 10


@dataclass(frozen=True)
class Balance:
    """The classes of one part of a cohort, counted over the scans with a mask and a label.

    Attributes:
        part: `all`, `train`, `validation` or `test`.
        scans: how many there are.
        diagnostic: how many of them are diagnostic on each scale, in the order of `attributes.NAMES`.
    """

    part: str
    scans: int
    diagnostic: tuple[int, ...]

    @property
    def one_class(self) -> list[str]:
        """The scales on which all scans are of one class; empty where there are no scans."""
        pairs = zip(NAMES, self.diagnostic, strict=True)
        return [name for name, count in pairs if self.scans and count in {0, self.scans}]


def balances(cases: Sequence[Case], rule: LabelRule, split: Split) -> tuple[Balance, ...]:
    """The classes of the whole cohort and, unless `split` is empty, of each part."""
    usable = [case for case in cases if case.mask is not None and is_labelled(case, rule)]
    parts = PARTS if split else ()
    within = [(part, [case for case in usable if split.get(case.patient) == part]) for part in parts]
    return tuple(_balance(part, found, rule) for part, found in [("all", usable), *within])


def label_findings(cases: Sequence[Case], rule: LabelRule) -> Iterator[Finding]:
    """Masks and labels that are not there."""
    if maskless := [case.scan_id for case in cases if case.mask is None]:
        told = f"{len(maskless)} of {len(cases)} scans have no mask: {named(maskless)}."
        way = "Give each its mask of the left atrium"
        if len(maskless) == len(cases):
            yield error(f"{told} Nothing can be trained on. {way}.")
        else:
            yield caution(f"{told} Neither stage is trained on them. {way}, or leave them out.")
    if cases and not any(case.scores for case in cases):
        yield caution("No scan has scores. Only stage 1, the detector, can be trained on them.")
    try:
        check_labelled(cases, rule)
    except CohortError as fault:
        yield error(str(fault))


def split_findings(cases: Sequence[Case], rule: LabelRule, split: Split, where: str) -> Iterator[Finding]:
    """Patients with masks that a split leaves out, which training refuses, and patients that are not there."""
    absent = [case for case in cases if case.mask is not None and case.patient not in split]
    labelled = {case.patient for case in absent if is_labelled(case, rule)}
    if labelled:
        yield error(f"{where}: does not deal the labelled patient(s) {named(labelled)}. Draw a new split.")
    if unlabelled := {case.patient for case in absent} - labelled:
        yield caution(
            f"{where}: does not deal the unlabelled patient(s) {named(unlabelled)}. The detector, which learns from "
            "all scans with masks, cannot be trained with it. Draw a new split if it should be."
        )
    if gone := set(split) - {case.patient for case in cases}:
        yield caution(f"{where}: deals {len(gone)} patient(s) who are not in the cohort: {named(gone)}.")


def balance_findings(counted: Sequence[Balance]) -> Iterator[Finding]:
    """Parts with few scans or one class; `counted` is the whole cohort and then its parts."""
    whole, *parts = counted
    if whole.one_class:
        yield caution(_one_class(whole, "the cohort") + " Such a scale cannot be learnt: add scans of the other class.")
    for part in parts:
        if part.part != "train" and whole.scans and part.scans < FEW_SCANS:
            yield caution(
                f"{part.part}: {part.scans} labelled scan(s); figures over fewer than {FEW_SCANS} are mostly "
                "chance. Draw a larger part, or use folds."
            )
        if not set(part.one_class) <= set(whole.one_class):
            yield caution(_one_class(part, part.part) + " Draw the split anew with another seed, or a larger part.")


def _one_class(balance: Balance, name: str) -> str:
    return f"{name}: all {balance.scans} labelled scan(s) are of one class on {', '.join(balance.one_class)}."


def _balance(part: str, cases: Sequence[Case], rule: LabelRule) -> Balance:
    labels = np.array([labels_of(case, rule) for case in cases]).reshape(len(cases), len(NAMES))
    return Balance(part, len(cases), tuple(int(count) for count in labels.sum(axis=0)))
