"""Each measure against a twin that is written straight from its formula, with loops."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from torchmetrics.functional.classification import binary_calibration_error

from lgeqa.evaluation.metrics import METRICS, Metric, bin_of


def counts(labels: Sequence[bool], calls: Sequence[bool]) -> tuple[int, int, int, int]:
    tp = fp = tn = fn = 0
    for label, call in zip(labels, calls, strict=True):
        if label and call:
            tp += 1
        elif label:
            fn += 1
        elif call:
            fp += 1
        else:
            tn += 1
    return tp, fp, tn, fn


def share(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def naive_precision(labels: Sequence[bool], calls: Sequence[bool]) -> float:
    tp, fp, _, _ = counts(labels, calls)
    return share(tp, tp + fp)


def naive_recall(labels: Sequence[bool], calls: Sequence[bool]) -> float:
    tp, _, _, fn = counts(labels, calls)
    return share(tp, tp + fn)


def naive_f1(labels: Sequence[bool], calls: Sequence[bool]) -> float:
    tp, fp, _, fn = counts(labels, calls)
    return share(2 * tp, 2 * tp + fp + fn)


def naive_specificity(labels: Sequence[bool], calls: Sequence[bool]) -> float:
    _, fp, tn, _ = counts(labels, calls)
    return share(tn, tn + fp)


def naive_balanced(labels: Sequence[bool], calls: Sequence[bool]) -> float:
    return (naive_recall(labels, calls) + naive_specificity(labels, calls)) / 2


def naive_auroc(labels: Sequence[bool], ranks: Sequence[float]) -> float:
    won = pairs = 0.0
    for label, rank in zip(labels, ranks, strict=True):
        for other, below in zip(labels, ranks, strict=True):
            if label and not other:
                pairs += 1
                won += 1.0 if rank > below else 0.5 if rank == below else 0.0
    return share(won, pairs)


def naive_average_precision(labels: Sequence[bool], ranks: Sequence[float]) -> float:
    total, recall_before = 0.0, 0.0
    for threshold in sorted(set(ranks), reverse=True):
        calls = [rank >= threshold for rank in ranks]
        recall = naive_recall(labels, calls)
        total += (recall - recall_before) * naive_precision(labels, calls)
        recall_before = recall
    return total if any(labels) else math.nan


def naive_brier(labels: Sequence[bool], probabilities: Sequence[float]) -> float:
    return share(sum((p - y) ** 2 for y, p in zip(labels, probabilities, strict=True)), len(labels))


def naive_calibration_error(labels: Sequence[bool], probabilities: Sequence[float]) -> float:
    if not len(labels):
        return math.nan
    total = 0.0
    for b in range(10):
        held = [
            (y, p)
            for y, p in zip(labels, probabilities, strict=True)
            if b / 10 <= p < (b + 1) / 10 or (b == 9 and p == 1)
        ]
        if held:
            mean_label = sum(y for y, _ in held) / len(held)
            mean_probability = sum(p for _, p in held) / len(held)
            total += len(held) / len(labels) * abs(mean_label - mean_probability)
    return total


NAIVE: dict[str, Callable[..., float]] = {
    "precision": naive_precision,
    "recall": naive_recall,
    "f1": naive_f1,
    "specificity": naive_specificity,
    "balanced_accuracy": naive_balanced,
    "auroc": naive_auroc,
    "average_precision": naive_average_precision,
    "brier": naive_brier,
    "calibration_error": naive_calibration_error,
}


def drawn(seed: int, n: int, prevalence: float, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities; few steps make many ties, at the edges of bins and at 0 and 1."""
    rng = np.random.default_rng(seed)
    return rng.random(n) < prevalence, rng.integers(0, steps + 1, n) / steps


CASES = {
    "empty": (np.zeros(0, bool), np.zeros(0)),
    "one diagnostic": (np.array([True]), np.array([0.7])),
    "one poor": (np.array([False]), np.array([0.2])),
    "all diagnostic": drawn(0, 9, 1.1, 20),
    "none diagnostic": drawn(1, 9, -1, 20),
    "all equal": (np.array([True, False, True]), np.full(3, 0.5)),
    "all low": (np.array([True, False, True]), np.full(3, 0.1)),
    "none diagnostic, none called": (np.zeros(4, bool), np.full(4, 0.3)),
    "certain": (np.array([True, False, True, False]), np.array([1.0, 0.0, 0.0, 1.0])),
    **{f"ties {seed}": drawn(seed, 30, 0.5, 8) for seed in range(3)},
    **{f"fine {seed}": drawn(seed, 45, 0.3, 997) for seed in range(3)},
}


def given(metric: Metric, probabilities: np.ndarray) -> np.ndarray:
    return probabilities >= 0.5 if metric.takes == "calls" else probabilities


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
@pytest.mark.parametrize("case", CASES)
def test_a_measure_is_its_formula(metric: Metric, case: str) -> None:
    labels, probabilities = CASES[case]
    answers = given(metric, probabilities)
    value = metric(labels, answers)
    assert value == pytest.approx(NAIVE[metric.name](labels.tolist(), answers.tolist()), nan_ok=True)
    assert math.isnan(value) == bool(metric.why_undefined(labels, answers, "scan"))


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
@pytest.mark.parametrize("case", ["ties 0", "fine 1", "all equal", "certain"])
def test_counting_an_item_twice_is_having_it_twice(metric: Metric, case: str) -> None:
    labels, probabilities = CASES[case]
    answers = given(metric, probabilities)
    times = np.random.default_rng(4).integers(0, 3, (12, len(labels))).astype(float)
    times[0] = 0
    expected = [
        NAIVE[metric.name](np.repeat(labels, row.astype(int)).tolist(), np.repeat(answers, row.astype(int)).tolist())
        for row in times
    ]
    np.testing.assert_allclose(metric.measure(labels, answers, times), expected, rtol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_other_packages_agree(seed: int) -> None:
    labels, probabilities = drawn(seed, 60, 0.4, 12 if seed % 2 else 9973)
    by_name = {metric.name: metric for metric in METRICS}
    assert by_name["auroc"](labels, probabilities) == pytest.approx(roc_auc_score(labels, probabilities))
    expected = average_precision_score(labels, probabilities)
    assert by_name["average_precision"](labels, probabilities) == pytest.approx(expected)
    if seed % 2 == 0:  # torchmetrics has other rules for the edges of bins
        theirs = binary_calibration_error(torch.tensor(probabilities), torch.tensor(labels.astype(int)), n_bins=10)
        assert by_name["calibration_error"](labels, probabilities) == pytest.approx(float(theirs), abs=1e-6)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_the_better_direction(metric: Metric) -> None:
    labels = np.array([True, True, False, False, True])
    right, wrong = np.where(labels, 0.9, 0.1), np.where(labels, 0.1, 0.9)
    gain = metric(labels, given(metric, right)) - metric(labels, given(metric, wrong))
    assert gain > 0 if metric.better == "higher" else gain < 0


def test_calling_all_diagnostic_has_a_good_f1_and_nothing_else() -> None:
    labels = np.arange(20) % 2 == 0
    found = {metric.name: metric(labels, given(metric, np.ones(20))) for metric in METRICS}
    assert found["f1"] == pytest.approx(2 / 3)
    assert (found["recall"], found["specificity"], found["balanced_accuracy"], found["auroc"]) == (1, 0, 0.5, 0.5)


REASONS: list[tuple[str, Any, str]] = [
    ("precision", ([True, False], [0.1, 0.2]), "no slice was called diagnostic"),
    ("recall", ([False, False], [0.1, 0.9]), "no slice is diagnostic"),
    ("f1", ([False, False], [0.1, 0.2]), "no slice is diagnostic and none was called so"),
    ("specificity", ([True, True], [0.1, 0.9]), "no slice is non-diagnostic"),
    ("balanced_accuracy", ([True, True], [0.1, 0.9]), "no slice is non-diagnostic"),
    ("auroc", ([False, False], [0.1, 0.9]), "no slice is diagnostic"),
    ("average_precision", ([False, False], [0.1, 0.9]), "no slice is diagnostic"),
    ("brier", ([], []), "no slice has a label"),
    ("calibration_error", ([], []), "no slice has a label"),
]


@pytest.mark.parametrize(("name", "case", "reason"), REASONS)
def test_what_is_undefined_says_why(name: str, case: Any, reason: str) -> None:
    [metric] = [metric for metric in METRICS if metric.name == name]
    labels, probabilities = np.array(case[0], bool), np.array(case[1], float)
    assert math.isnan(metric(labels, given(metric, probabilities)))
    assert metric.why_undefined(labels, given(metric, probabilities), "slice") == reason


def test_all_measures_are_tested() -> None:
    assert {metric.name for metric in METRICS} == set(NAIVE) == {name for name, _, _ in REASONS}


def test_bins_are_of_equal_width_and_the_last_holds_1() -> None:
    assert bin_of(np.array([0, 0.09, 0.1, 0.89, 0.9, 0.99, 1])).tolist() == [0, 0, 1, 8, 9, 9, 9]
