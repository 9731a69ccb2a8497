import math

import numpy as np
import pytest

from lgeqa.evaluate.quality import auroc, f1, specificity, with_interval

LABELS = np.array([True, True, True, False, False])


def naive_auroc(labels: np.ndarray, scores: np.ndarray) -> float:
    pairs = [(p, n) for p in scores[labels] for n in scores[~labels]]
    return sum(1.0 if p > n else 0.5 if p == n else 0.0 for p, n in pairs) / len(pairs)


@pytest.mark.parametrize("seed", range(5))
def test_auroc_counts_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, scores = rng.random(40) < 0.4, rng.integers(0, 6, 40).astype(float)
    assert auroc(labels, scores) == pytest.approx(naive_auroc(labels, scores))


def test_auroc_of_one_class_is_undefined() -> None:
    assert math.isnan(auroc(np.ones(3, bool), np.arange(3.0)))
    assert math.isnan(auroc(np.zeros(3, bool), np.arange(3.0)))


def test_f1_and_specificity() -> None:
    called = np.array([True, True, False, True, False])
    assert f1(LABELS, called) == pytest.approx(4 / 6)
    assert specificity(LABELS, called) == pytest.approx(0.5)
    assert specificity(LABELS, np.ones(5, bool)) == 0


def test_undefined_is_nan() -> None:
    assert math.isnan(f1(np.zeros(2, bool), np.zeros(2, bool)))
    assert math.isnan(specificity(np.ones(2, bool), np.ones(2, bool)))


def test_the_interval_grows_when_patients_bring_several_scans() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(rng.random(30) < 0.5, 6)
    scores = np.repeat(rng.normal(size=30), 6) + labels
    together = with_interval(auroc, labels, scores, np.repeat(np.arange(30), 6).astype(str).tolist(), rng)
    apart = with_interval(auroc, labels, scores, np.arange(180).astype(str).tolist(), rng)
    assert together.value == apart.value == pytest.approx(auroc(labels, scores))
    assert together.low < together.value < together.high
    assert together.high - together.low > 1.5 * (apart.high - apart.low)
