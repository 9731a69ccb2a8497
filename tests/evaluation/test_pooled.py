"""Strategies over the same scans, each figure against loops over drawn patients."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lgeqa.bootstrap import SAME, Bootstrap, Estimate
from lgeqa.cohort import LabelRule
from lgeqa.errors import CohortError
from lgeqa.evaluation.out_of_fold import pool
from lgeqa.evaluation.predictions import LabelledResult, differences, scan_answers
from lgeqa.scales import SCALE_NAMES
from tests.evaluation.judged import DIAGNOSTIC, POOR, cohort, judged, record

RULE = LabelRule(reader="truth")
BOOTSTRAP = Bootstrap(200, seed=5)


def scored(seed: int = 0, patients: int = 12) -> list[LabelledResult]:
    """A cohort in which each scan has a file of its own."""
    return [
        replace(scan, case=replace(scan.case, image=Path(f"/cohort/{i:02}.nrrd")))
        for i, scan in enumerate(cohort(seed, patients))
    ]


def other(scans: Sequence[LabelledResult], seed: int = 1) -> list[LabelledResult]:
    """The same scans, judged by somebody else, with other numbers of slices."""
    rng = np.random.default_rng(seed)
    return [replace(scan, result=record(rng.random((3 + i % 3, 4)).tolist())) for i, scan in enumerate(scans)]


def brier(scan: LabelledResult, scale: int) -> list[float]:
    """Squared errors of the slices of a scan."""
    label = scan.label[scale] >= 3
    return [(getattr(one, f"p_{SCALE_NAMES[scale]}") - label) ** 2 for one in scan.result.slices]


def specificity(scans: Sequence[LabelledResult]) -> float:
    negative = [scan for scan in scans if scan.label[3] < 3]
    return sum(scan.result.verdict == "non-diagnostic" for scan in negative) / len(negative)


def slice_brier(scans: Sequence[LabelledResult]) -> float:
    return float(np.mean([error for scan in scans for error in brier(scan, 1)]))


@pytest.mark.parametrize(
    ("level", "scale", "metric", "measure"),
    [("scans", "quality", "specificity", specificity), ("slices", "sharpness", "brier", slice_brier)],
)
def test_difference_and_interval_equal_naive_paired_resamples(
    level: str, scale: str, metric: str, measure: Callable[[Sequence[LabelledResult]], float]
) -> None:
    one = scored(seed=4, patients=9)
    two = other(one)
    pooled = pool({"baseline": one, "multitask": two}, RULE, BOOTSTRAP)
    names = sorted({scan.case.patient for scan in one})
    values = []
    for counts in np.random.default_rng(5).multinomial(9, [1 / 9] * 9, 200):
        drawn = [patient for patient, count in zip(names, counts, strict=True) for _ in range(count)]
        first, second = (
            [scan for patient in drawn for scan in scans if scan.case.patient == patient] for scans in (one, two)
        )
        if any(scan.label[3] < 3 for scan in first):
            values.append(measure(second) - measure(first))
    figure = getattr(pooled.differences["multitask"], level)[scale][metric]
    assert figure.value == pytest.approx(measure(two) - measure(one))
    assert (figure.low, figure.high) == pytest.approx(tuple(np.percentile(values, [2.5, 97.5])))


def test_the_order_of_scans_does_not_matter() -> None:
    one = scored()
    two = other(one)
    shuffled = {"a": one[::-1], "b": two[5:] + two[:5]}
    assert pool(shuffled, RULE, BOOTSTRAP) == pool({"a": one, "b": two}, RULE, BOOTSTRAP)


def test_figures_are_of_all_scans_and_of_all_slices() -> None:
    one = scored()
    pooled = pool({"a": one, "b": other(one)}, RULE, BOOTSTRAP)
    assert (pooled.n_scans, pooled.n_slices, pooled.n_patients) == (24, 24 * 5, 12)
    assert pooled.label == "scores before reader noise (truth)"
    assert list(pooled.strategies) == ["a", "b"]
    assert list(pooled.differences) == ["b"]
    labels = np.array([scan.label[3] >= 3 for scan in one])
    p = np.array([scan.result.p_quality for scan in one])
    pairs = (p[labels][:, None] > p[~labels]).mean() + (p[labels][:, None] == p[~labels]).mean() / 2
    assert pooled.strategies["a"].scans["quality"]["auroc"].value == pytest.approx(pairs)
    assert pooled.strategies["a"].slices["sharpness"]["brier"].value == pytest.approx(slice_brier(one))
    two = pooled.strategies["b"].scans["quality"]["auroc"].value
    assert two is not None
    assert pooled.differences["b"].scans["quality"]["auroc"].value == pytest.approx(two - pairs)


def test_others_are_held_against_the_same_labels() -> None:
    one = scored()
    rows = pool({"a": one, "b": other(one)}, RULE, BOOTSTRAP).others
    assert [(row.who, row.n_scans) for row in rows] == [
        ("calling all diagnostic", 24),
        ("majority rule on the true attributes", 24),
        ("reader-1", 24),
        ("reader-2", 8),
    ]
    assert {row.against for row in rows} == {"truth"}


def test_scans_that_a_strategy_lacks_are_in_no_figure() -> None:
    one = scored()
    pooled = pool({"a": one[2:], "b": other(one)[:-1]}, RULE, BOOTSTRAP)
    assert pooled == pool({"a": one[2:-1], "b": other(one)[2:-1]}, RULE, BOOTSTRAP)
    assert pooled.n_scans == 21


def test_strategies_without_a_scan_in_common_are_refused() -> None:
    with pytest.raises(CohortError, match=r"No scan was assessed by every one of a, b\."):
        pool({"a": [judged("x", POOR)], "b": [judged("y", POOR)]}, RULE, BOOTSTRAP)


def test_equal_answers_do_not_differ_and_undefined_ones_say_why() -> None:
    scans = [judged(str(i), DIAGNOSTIC, 0.1 + i / 10) for i in range(6)]
    answers = scan_answers(scans, "quality")
    found = differences(answers, answers, BOOTSTRAP)
    assert found["f1"] == Estimate(value=0, caution=SAME)
    assert found["specificity"].undefined == "no scan is non-diagnostic"
    nobody = scan_answers([replace(scan, result=record([[0.1] * 4])) for scan in scans], "quality")
    for pair in ((answers, nobody), (nobody, answers)):
        assert differences(*pair, BOOTSTRAP)["precision"].undefined == "no scan was called diagnostic"
    mixed = scan_answers(cohort(), "quality")
    assert differences(mixed, replace(mixed, ranks=None, absent="not ranked"), BOOTSTRAP)["auroc"].undefined == (
        "not ranked"
    )


def test_each_is_compared_with_the_first_and_the_best() -> None:
    one = scored()
    judged = {"a": other(one), "b": one, "c": other(one, seed=2)}
    pooled = pool(judged, RULE, BOOTSTRAP)
    aurocs = {name: levels.scans["quality"]["auroc"].value or 0 for name, levels in pooled.strategies.items()}
    assert pooled.best == max(aurocs, key=aurocs.__getitem__) == "b"
    assert list(pooled.differences) == ["b", "c"]
    assert list(pooled.differences_to_best) == ["a", "c"]
    best_first = pool({"b": one, "c": judged["c"]}, RULE, BOOTSTRAP)
    assert pooled.differences_to_best["c"] == best_first.differences["c"]
    assert best_first.differences_to_best == best_first.differences
