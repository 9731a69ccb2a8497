"""From cases and records to aligned arrays: what was answered, and what the label says."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lgeqa.attributes import DIAGNOSTIC_FROM, NAMES
from lgeqa.cohort import Case, Scores
from lgeqa.evaluate.metrics import METRICS, Flags, Metric
from lgeqa.evaluate.record import Figures
from lgeqa.intervals import Bootstrap, Figure, Numbers, with_interval
from lgeqa.records import FloatArray, IntArray, ScanResult
from lgeqa.score import vote

#: Probability from which a slice counts as diagnostic for an attribute; a bundle's threshold is for quality alone.
ATTRIBUTE_THRESHOLD = 0.5


@dataclass(frozen=True)
class Judged:
    """A scan that has a label and was assessed.

    Attributes:
        case: the scan in its cohort.
        result: its record, with the status `assessed`.
        label: the scores that count as true.
    """

    case: Case
    result: ScanResult
    label: Scores


@dataclass(frozen=True)
class Answers:
    """What someone answered on items whose label is known; all arrays are (n,).

    Attributes:
        labels: whether each item is diagnostic.
        patients: number of its patient, from 0 without gaps.
        calls: whether it was called diagnostic.
        ranks: higher is more diagnostic; None if there is no such order.
        probabilities: of being diagnostic; None if none are given.
        absent: why there are no ranks or probabilities.
        unit: what an item is.
    """

    labels: Flags
    patients: IntArray
    calls: Flags
    ranks: Numbers | None
    probabilities: Numbers | None
    absent: str = field(default="")
    unit: str = field(default="scan")

    def taken_by(self, metric: Metric) -> npt.NDArray[Any] | None:
        """The answers that a measure is of; None if there are none."""
        return {"calls": self.calls, "ranks": self.ranks, "probabilities": self.probabilities}[metric.takes]

    def why_undefined(self, metric: Metric) -> str:
        """The reason in words; empty where the measure is defined."""
        given = self.taken_by(metric)
        return self.absent if given is None else metric.why_undefined(self.labels, given, self.unit)

    def measure(self, metric: Metric, times: Numbers) -> Numbers:
        """A measure in each draw, (draws,), NaN where it is undefined; `times` (draws, n) is as in `metrics`."""
        given = self.taken_by(metric)
        return np.full(len(times), np.nan) if given is None else metric.measure(self.labels, given, times)


def measured(answers: Answers, bootstrap: Bootstrap) -> Figures:
    """Every measure of `answers`, with intervals."""
    return {
        metric.name: Figure(undefined=reason)
        if (reason := answers.why_undefined(metric))
        else with_interval(partial(answers.measure, metric), answers.patients, bootstrap)
        for metric in METRICS
    }


def differences(answers: Answers, first: Answers, bootstrap: Bootstrap) -> Figures:
    """Every measure of `answers` less that of `first`, with intervals from the same draws of patients for both.

    The two are of the same patients; they need not be of the same items.
    """
    return {metric.name: _difference(metric, answers, first, bootstrap) for metric in METRICS}


def scan_answers(scans: Sequence[Judged], scale: str) -> Answers:
    """The model's word on each scan: verdict and probability of the record for quality.

    For an attribute, the call is the mode of the slices' predictions with the tie rule of the verdict, and the
    probability is the mean over the slices.
    """
    calls = np.array([scan_call(scan.result, scale) for scan in scans], bool)
    probabilities = np.array([getattr(scan.result, f"p_{scale}") for scan in scans], float)
    return Answers(labels_of(scans, scale), patients_of(scans), calls, probabilities, probabilities)


def slice_answers(scans: Sequence[Judged], scale: str) -> Answers:
    """The model's word on each slice, against the label of its scan."""
    counts = [len(scan.result.slices) for scan in scans]
    voted = np.concatenate([slice_probabilities(scan.result, scale) for scan in scans] or [np.zeros(0, np.float32)])
    thresholds = np.array([slice_threshold(scan.result, scale) for scan in scans], np.float32)
    labels, patients = np.repeat(labels_of(scans, scale), counts), np.repeat(patients_of(scans), counts)
    probabilities = voted.astype(np.float64)
    return Answers(labels, patients, voted >= np.repeat(thresholds, counts), probabilities, probabilities, unit="slice")


def scan_call(result: ScanResult, scale: str) -> bool:
    """Whether the record calls the scan diagnostic on a scale."""
    if scale == "quality":
        return result.verdict == "diagnostic"
    return vote(slice_probabilities(result, scale), slice_threshold(result, scale)).verdict == "diagnostic"


def slice_threshold(result: ScanResult, scale: str) -> float:
    """Probability from which a slice counts as diagnostic on a scale."""
    return result.threshold or ATTRIBUTE_THRESHOLD if scale == "quality" else ATTRIBUTE_THRESHOLD


def slice_probabilities(result: ScanResult, scale: str) -> FloatArray:
    """Of each slice, from inferior to superior, in the precision in which they voted."""
    return np.array([getattr(one, f"p_{scale}") for one in result.slices], np.float32)


def labels_of(scans: Sequence[Judged], scale: str) -> Flags:
    """Whether each scan is diagnostic on a scale, by its label."""
    return diagnostic([scan.label for scan in scans], scale)


def diagnostic(scores: Sequence[Scores], scale: str) -> Flags:
    """Whether each of the scores is diagnostic on a scale."""
    return np.array([one[NAMES.index(scale)] for one in scores], float) >= DIAGNOSTIC_FROM


def patients_of(scans: Sequence[Judged]) -> IntArray:
    """Number of the patient of each scan, from 0 without gaps."""
    _, numbers = np.unique(np.array([scan.case.patient for scan in scans], str), return_inverse=True)
    return numbers.astype(np.int64)


def _difference(metric: Metric, answers: Answers, first: Answers, bootstrap: Bootstrap) -> Figure:
    if reason := answers.why_undefined(metric) or first.why_undefined(metric):
        return Figure(undefined=reason)
    n = len(answers.labels)

    def gain(times: Numbers) -> Numbers:
        return answers.measure(metric, times[:, :n]) - first.measure(metric, times[:, n:])

    return with_interval(gain, np.concatenate([answers.patients, first.patients]), bootstrap)
