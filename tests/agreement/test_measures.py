"""Each measure against a twin that does it by its formula, and where it is undefined."""

from collections.abc import Callable
from itertools import permutations

import numpy as np
import pytest

from lgeqa.agreement.statistics import (
    Sample,
    alpha,
    auroc,
    diagnostic_share,
    difference,
    exact_agreement,
    icc,
    kappa,
    label_kappa,
    same_side,
    sides,
)
from lgeqa.bootstrap import Bootstrap, Estimate, Numbers

RNG = np.random.default_rng(5)
TRUTH = RNG.integers(1, 6, 60)
A, B = (np.clip(TRUTH + RNG.integers(-1, 2, 60), 1, 5).astype(float) for _ in range(2))
PANEL = np.clip(TRUTH + RNG.integers(-1, 2, (3, 60)), 1, 5).astype(float)
NONE = np.empty(0)


def sample(scans: int, per_patient: int = 1, draws: int = 200) -> Sample:
    return Sample(np.arange(scans) // per_patient, Bootstrap(draws, 3))


def by_draws(measure: Callable[[np.ndarray], float], scans: int, per_patient: int = 1) -> tuple[float, float]:
    """Percentiles of a measure of the places of the scans that were drawn, patient by patient."""
    patients = scans // per_patient
    values = []
    for counts in np.random.default_rng(3).multinomial(patients, [1 / patients] * patients, 200):
        drawn = [scan for scan in range(scans) for _ in range(counts[scan // per_patient])]
        values.append(measure(np.array(drawn)))
    low, high = np.percentile(values, [2.5, 97.5])
    return low, high


def naive_kappa(a: Numbers, b: Numbers) -> float:
    observed = sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) / len(a)
    chance = sum((x - y) ** 2 for x in a for y in b) / len(a) ** 2
    return float(1 - observed / chance)


@pytest.mark.parametrize("halves", [False, True])
def test_kappa(halves: bool) -> None:
    a = np.minimum(A + 0.5 * (np.arange(60) % 2), 5) if halves else A

    figure = kappa(a, B, sample(60, 2))

    assert figure.value == pytest.approx(naive_kappa(a, B), abs=1e-12)
    assert (figure.low, figure.high) == pytest.approx(by_draws(lambda at: naive_kappa(a[at], B[at]), 60, 2))


def test_kappa_of_labels() -> None:
    a, b = sides(A), sides(B)
    same, chance = (a == b).mean(), a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean())

    assert label_kappa(a, b, sample(60)).value == pytest.approx((same - chance) / (1 - chance))


def test_score_of_3_is_diagnostic_and_2_5_is_not() -> None:
    assert sides(np.array([2.5, 3, 5, np.nan])).tolist()[:3] == [0, 1, 1]
    assert np.isnan(sides(np.array([np.nan])))


def naive_alpha(scores: Numbers) -> float:
    """By pairs: every ordered pair of scores of one scan, weighted by 1 / (its scores - 1)."""
    units = [[score for score in scan if not np.isnan(score)] for scan in scores.T]
    units = [unit for unit in units if len(unit) >= 2]
    pooled = [score for unit in units for score in unit]
    count = {score: pooled.count(score) for score in set(pooled)}

    def apart(x: float, y: float) -> float:
        low, high = min(x, y), max(x, y)
        between = sum(number for score, number in count.items() if low <= score <= high)
        return float(between - (count[x] + count[y]) / 2) ** 2

    observed = sum(apart(x, y) / (len(unit) - 1) for unit in units for x, y in permutations(unit, 2)) / len(pooled)
    chance = sum(apart(x, y) for x, y in permutations(pooled, 2)) / len(pooled) / (len(pooled) - 1)
    return 1 - observed / chance


@pytest.mark.slow
def test_alpha_with_scores_missing() -> None:
    scores = PANEL.copy()
    scores[0, ::3] = np.nan
    scores[1:, 5] = np.nan  # a scan that one reader scored does not count

    figure = alpha(scores, sample(60))

    assert figure.value == pytest.approx(naive_alpha(scores))
    kept = np.delete(scores, 5, axis=1)
    assert (figure.low, figure.high) == pytest.approx(by_draws(lambda at: naive_alpha(kept[:, at]), 59))


def naive_icc(scores: Numbers) -> float:
    """From the mean squares of a two-way analysis of variance."""
    k, n = scores.shape
    mean, by_scan, by_reader = scores.mean(), scores.mean(axis=0), scores.mean(axis=1)
    between_scans = k * sum((scan - mean) ** 2 for scan in by_scan) / (n - 1)
    between_readers = n * sum((reader - mean) ** 2 for reader in by_reader) / (k - 1)
    rest = sum((scores[i, j] - by_reader[i] - by_scan[j] + mean) ** 2 for i in range(k) for j in range(n))
    rest /= (n - 1) * (k - 1)
    return float((between_scans - rest) / (between_scans + (k - 1) * rest + k * (between_readers - rest) / n))


def test_icc_uses_scans_that_all_scored_and_falls_with_leniency() -> None:
    scores = PANEL.copy()
    scores[0, :10] = np.nan

    figure = icc(scores, sample(60))

    assert figure.value == pytest.approx(naive_icc(PANEL[:, 10:]))
    assert figure.low is not None
    assert figure.low < (figure.value or 0) < (figure.high or 0)
    assert figure.caution == ""
    lenient = icc(scores + np.array([[1.0], [0], [0]]), sample(60)).value
    assert (lenient or 0) < (figure.value or 0) - 0.05
    assert "scans of one patient" in icc(scores, sample(60, 2)).caution


def test_full_agreement_is_1_without_an_interval() -> None:
    whole = np.tile(A, (3, 1))

    assert icc(whole, sample(60)).caution == "no variance is left over: no interval"
    for figure in (
        icc(whole, sample(60)),
        kappa(A, A, sample(60)),
        alpha(whole, sample(60)),
        exact_agreement(A, A, sample(60)),
    ):
        assert figure.value == pytest.approx(1)
        assert (figure.low, figure.high) == (None, None)
        assert figure.caution


@pytest.mark.parametrize(("measure", "of"), [(exact_agreement, lambda score: score), (same_side, sides)])
def test_shares(measure: Callable[..., Estimate], of: Callable[[Numbers], Numbers]) -> None:
    a, b = of(A), of(B)

    figure = measure(a, b, sample(60, 3))

    assert figure.value == pytest.approx(sum(x == y for x, y in zip(a, b, strict=True)) / 60)
    assert (figure.low, figure.high) == pytest.approx(by_draws(lambda at: float((a[at] == b[at]).mean()), 60, 3))


def test_leniency() -> None:
    assert difference(np.array([4.0, 3]), np.array([3.0, 3.5]), sample(2)).value == pytest.approx(0.25)
    assert diagnostic_share(np.array([1, 0.5, 0]), sample(3)).value == pytest.approx(0.5)


def test_auroc() -> None:
    labels, probabilities = sides(A), np.round(np.clip(A / 5 + RNG.normal(0, 0.3, 60), 0, 1), 1)
    pairs = [(p, q) for p, x in zip(probabilities, labels, strict=True) if x
             for q, y in zip(probabilities, labels, strict=True) if not y]  # fmt: skip

    figure = auroc(labels, probabilities, sample(60))

    assert figure.value == pytest.approx(sum((p > q) + (p == q) / 2 for p, q in pairs) / len(pairs))
    assert (figure.low or 1) < (figure.value or 0) < (figure.high or 0)


ONE, SAME, TWO = np.array([3.0]), np.array([3.0, 3]), np.array([1.0, 0])


@pytest.mark.parametrize(
    ("figure", "reason"),
    [
        (kappa(NONE, NONE, sample(0)), "no scan was scored by both"),
        (kappa(ONE, ONE, sample(1)), "only one scan was scored by both"),
        (kappa(SAME, SAME, sample(2)), "all scores are 3"),
        (label_kappa(NONE, NONE, sample(0)), "no scan was scored by both"),
        (label_kappa(sides(SAME), sides(SAME), sample(2)), "all scans are on one side of 3"),
        (alpha(np.array([[3, np.nan], [np.nan, 3]]), sample(2)), "no scan was scored by two readers or more"),
        (alpha(np.array([[3, 2], [np.nan, 3]]), sample(2)), "only one scan was scored by two readers or more"),
        (alpha(np.array([SAME, SAME]), sample(2)), "all scores are 3"),
        (icc(np.array([TWO]), sample(2)), "only one reader scored scans"),
        (icc(np.array([[3, 2], [np.nan, 3]]), sample(2)), "only one scan was scored by all 2 readers"),
        (icc(np.array([[3, np.nan], [np.nan, 3]]), sample(2)), "no scan was scored by all 2 readers"),
        (icc(np.array([SAME, SAME]), sample(2)), "all scores are 3"),
        (exact_agreement(NONE, NONE, sample(0)), "no scan was scored by both"),
        (same_side(NONE, NONE, sample(0)), "no scan was scored by both"),
        (difference(NONE, NONE, sample(0)), "no scan was scored by both"),
        (diagnostic_share(NONE, sample(0)), "no scan was scored by both"),
        (auroc(NONE, NONE, sample(0)), "no scan was scored by both"),
        (auroc(np.ones(2), TWO, sample(2)), "all scans are on one side of 3"),
    ],
)
def test_what_is_undefined_says_why(figure: Estimate, reason: str) -> None:
    assert figure == Estimate(undefined=reason)


def test_readers_who_always_differ_agree_by_chance() -> None:
    figure = kappa(np.full(4, 2.0), np.full(4, 3.0), sample(4))

    assert figure.value == pytest.approx(0)


def test_two_scans_are_enough() -> None:
    assert kappa(np.array([1.0, 5]), np.array([2.0, 5]), sample(2)).value == pytest.approx(1 - 0.5 / 6.5)
    two_of_two = np.array([[1.0, 5], [2, 5]])
    assert icc(two_of_two, sample(2)).undefined == "two scans of two readers are too few"
    three = np.vstack([two_of_two, [[1, 5]]])
    assert icc(three, sample(2)).value == pytest.approx(naive_icc(three))
