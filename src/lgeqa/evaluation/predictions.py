"""Conversion of cases and records to aligned arrays of answers and labels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lgeqa.bootstrap import Bootstrap, Estimate, Numbers, numbered, with_interval
from lgeqa.cohort import Case, Scores
from lgeqa.evaluation.metrics import METRICS, Flags, Metric
from lgeqa.evaluation.record import Figures
from lgeqa.inference.vote import scan_call, slice_probabilities, slice_threshold
from lgeqa.records import IntArray, ScanResult
from lgeqa.scales import DIAGNOSTIC_FROM, SCALE_NAMES


@dataclass(frozen=True)
class LabelledResult:
    """A scan that has a label of quality and was assessed.

    Attributes:
        case: Scan in its cohort.
        result: Record of the scan, with the status `assessed`.
        label: Scores that count as true. NaN on an attribute without a score.
    """

    case: Case
    result: ScanResult
    label: Scores


@dataclass(frozen=True)
class Predictions:
    """Answers of a model, a reader or a rule on items with a known label, as arrays (n,).

    Attributes:
        labels: Whether each item is diagnostic.
        patients: Number of each item's patient, from 0 without gaps.
        calls: Whether each item was called diagnostic.
        ranks: Order of the items, where higher is more diagnostic. None if there is no such order.
        probabilities: Probability that each item is diagnostic. None if there are no probabilities.
        absent: Reason why there are no ranks or probabilities.
        unit: Name of an item, `scan` or `slice`.
    """

    labels: Flags
    patients: IntArray
    calls: Flags
    ranks: Numbers | None
    probabilities: Numbers | None
    absent: str = field(default="")
    unit: str = field(default="scan")

    def taken_by(self, metric: Metric) -> npt.NDArray[Any] | None:
        """Return the answers that a measure takes, or None if there are none."""
        return {"calls": self.calls, "ranks": self.ranks, "probabilities": self.probabilities}[metric.takes]

    def why_undefined(self, metric: Metric) -> str:
        """Return the reason why a measure is undefined, or an empty string if it is defined."""
        values = self.taken_by(metric)
        return self.absent if values is None else metric.why_undefined(self.labels, values, self.unit)

    def measure(self, metric: Metric, times: Numbers) -> Numbers:
        """Compute a measure in each draw, (draws,), NaN where undefined, with `times` (draws, n) as in `metrics`."""
        values = self.taken_by(metric)
        return np.full(len(times), np.nan) if values is None else metric.measure(self.labels, values, times)


def measured(answers: Predictions, bootstrap: Bootstrap) -> Figures:
    """Compute every measure of `answers`, with intervals."""
    return {
        metric.name: Estimate(undefined=reason)
        if (reason := answers.why_undefined(metric))
        else with_interval(partial(answers.measure, metric), answers.patients, bootstrap)
        for metric in METRICS
    }


def differences(answers: Predictions, first: Predictions, bootstrap: Bootstrap) -> Figures:
    """Compute every measure of `answers` minus the same measure of `first`, with intervals.

    The intervals use the same draws of patients for both. The two have the same patients, but may have different items.
    """
    return {metric.name: _difference(metric, answers, first, bootstrap) for metric in METRICS}


def scan_answers(scans: Sequence[LabelledResult], scale: str) -> Predictions:
    """Return the model's answer on each scan that has a label on the scale.

    For quality, this is the verdict and the probability of the record. For an attribute, the call is the mode of the
    slices' predictions with the tie rule of the verdict, and the probability is the mean over the slices.
    """
    scans = labelled_on(scans, scale)
    calls = np.array([scan_call(scan.result, scale) for scan in scans], bool)
    probabilities = np.array([getattr(scan.result, f"p_{scale}") for scan in scans], float)
    return Predictions(labels_of(scans, scale), patients_of(scans), calls, probabilities, probabilities)


def slice_answers(scans: Sequence[LabelledResult], scale: str) -> Predictions:
    """Return the model's answer on each slice of the scans that have a label on the scale, with this label."""
    scans = labelled_on(scans, scale)
    counts = [len(scan.result.slices) for scan in scans]
    voted = np.concatenate([slice_probabilities(scan.result, scale) for scan in scans] or [np.zeros(0, np.float32)])
    thresholds = np.array([slice_threshold(scan.result, scale) for scan in scans], np.float32)
    labels, patients = np.repeat(labels_of(scans, scale), counts), np.repeat(patients_of(scans), counts)
    probabilities = voted.astype(np.float64)
    return Predictions(
        labels, patients, voted >= np.repeat(thresholds, counts), probabilities, probabilities, unit="slice"
    )


def labelled_on(scans: Sequence[LabelledResult], scale: str) -> list[LabelledResult]:
    """Return the scans that have a label on a scale."""
    return [scan for scan in scans if not math.isnan(scan.label[SCALE_NAMES.index(scale)])]


def labels_of(scans: Sequence[LabelledResult], scale: str) -> Flags:
    """Return whether each scan is diagnostic on a scale, by its label, which must be there."""
    return diagnostic([scan.label for scan in scans], scale)


def diagnostic(scores: Sequence[Scores], scale: str) -> Flags:
    """Return whether each of the scores is diagnostic on a scale."""
    return np.array([values[SCALE_NAMES.index(scale)] for values in scores], float) >= DIAGNOSTIC_FROM


def patients_of(scans: Sequence[LabelledResult]) -> IntArray:
    """Return the number of each scan's patient, from 0 without gaps."""
    return numbered([scan.case.patient for scan in scans])


def _difference(metric: Metric, answers: Predictions, first: Predictions, bootstrap: Bootstrap) -> Estimate:
    if reason := answers.why_undefined(metric) or first.why_undefined(metric):
        return Estimate(undefined=reason)
    n = len(answers.labels)

    def gain(times: Numbers) -> Numbers:
        return answers.measure(metric, times[:, :n]) - first.measure(metric, times[:, n:])

    return with_interval(gain, np.concatenate([answers.patients, first.patients]), bootstrap)
