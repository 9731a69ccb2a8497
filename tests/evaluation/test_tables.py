import math

import numpy as np
import pytest
from scipy import stats

from lgeqa.bootstrap import Bootstrap, Estimate
from lgeqa.evaluation.paper_tables import pearson, spearman, table_1, table_2

RNG = np.random.default_rng(0)
SCORES = RNG.integers(2, 11, (40, 4)) / 2
TIMES = RNG.integers(0, 3, (15, 40)).astype(float)


def naive_pearson(x: list[float], y: list[float]) -> float:
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    both = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return both / math.sqrt(sum((a - mean_x) ** 2 for a in x) * sum((b - mean_y) ** 2 for b in y))


def test_pearson_and_spearman_in_each_draw() -> None:
    x, y = SCORES[:, 0], SCORES[:, 3]
    repeated = [(np.repeat(x, row.astype(int)), np.repeat(y, row.astype(int))) for row in TIMES]
    np.testing.assert_allclose(pearson(x, y, TIMES), [naive_pearson(a.tolist(), b.tolist()) for a, b in repeated])
    np.testing.assert_allclose(spearman(x, y, TIMES), [stats.spearmanr(a, b).statistic for a, b in repeated])


def test_correlations_of_what_does_not_vary_are_undefined() -> None:
    times = np.array([[1.0, 1, 0, 0], [1, 1, 1, 1], [0, 5, 0, 0]])
    x, y = np.array([1 / 3, 1 / 3, 5, 2]), np.array([1.0, 2, 3, 4])
    for found in (pearson(x, y, times), spearman(y, x, times)):
        assert np.isnan(found).tolist() == [True, False, True]


def test_table_1_has_the_three_attributes_against_quality() -> None:
    quality = SCORES[:, 3]
    scores = np.column_stack([quality, 6 - quality, SCORES[:, 2], quality])
    found = table_1(scores, np.arange(40), Bootstrap(200))
    assert list(found) == ["myocardium_nulling", "sharpness", "enhancement"]
    assert [found["myocardium_nulling"].pearson.value, found["sharpness"].spearman.value] == pytest.approx([1, -1])
    third = found["enhancement"]
    assert third.pearson.value == pytest.approx(np.corrcoef(SCORES[:, 2], quality)[0, 1])
    assert third.spearman.value == pytest.approx(stats.spearmanr(SCORES[:, 2], quality).statistic)
    assert third.phi.value == pytest.approx(np.corrcoef(SCORES[:, 2] >= 3, quality >= 3)[0, 1])
    assert third.pearson.low is not None
    assert third.pearson.value is not None
    assert third.pearson.low < third.pearson.value


def test_table_1_says_what_does_not_vary() -> None:
    scores = np.array([[3.0, 1, 4, 4], [3, 2, 5, 5], [3, 4, 4, 3]])
    found = table_1(scores, np.arange(3), Bootstrap(100))
    assert found["myocardium_nulling"].pearson.undefined == "all scores of myocardium_nulling are the same"
    assert found["sharpness"].phi.undefined == "all labels of quality are the same"
    assert found["enhancement"].spearman.value is not None


def test_table_1_takes_the_scans_with_both_scores() -> None:
    scores = SCORES.copy()
    scores[::2, 0], scores[5, 3], scores[:, 1] = np.nan, np.nan, np.nan
    both = [i for i in range(1, 40, 2) if i != 5]
    found = table_1(scores, np.arange(40), Bootstrap(200))
    expected = table_1(SCORES[both], np.arange(len(both)), Bootstrap(200))
    assert found["myocardium_nulling"] == expected["myocardium_nulling"]
    assert found["sharpness"].phi.undefined == "no scan has both scores"


def figures(**own: Estimate) -> dict[str, Estimate]:
    """All measures of one iteration; .5 unless told."""
    return {name: Estimate(value=0.5) for name in NINE} | own


NINE = (
    "precision", "recall", "f1", "specificity", "balanced_accuracy", "auroc", "average_precision", "brier",
    "calibration_error",
)  # fmt: skip


def test_table_2_is_mean_and_deviation_over_iterations() -> None:
    found = table_2([figures(f1=Estimate(value=value)) for value in (0.6, 0.7, 0.8, 0.9)])
    assert tuple(found) == NINE
    assert found["f1"].mean == pytest.approx(0.75)
    assert found["f1"].sd == pytest.approx((((0.15**2) * 2 + (0.05**2) * 2) / 3) ** 0.5)
    assert (found["f1"].n, found["f1"].of) == (4, 4)


def test_table_2_leaves_out_what_is_undefined_and_says_so() -> None:
    nothing = figures(specificity=Estimate(undefined="no scan is non-diagnostic"))
    half = table_2([nothing, figures(specificity=Estimate(value=0.4))])["specificity"]
    assert (half.mean, half.sd, half.n, half.of) == (0.4, None, 1, 2)
    none = table_2([nothing])["specificity"]
    assert (none.mean, none.sd, none.n, none.of) == (None, None, 0, 1)
