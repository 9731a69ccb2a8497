"""Kept-out answers of a calibration, and operating points by a promise."""

import numpy as np
import pytest

from lgeqa.bootstrap import Bootstrap
from lgeqa.errors import CohortError, ConfigError
from lgeqa.inference.bundle.kept_out import KeptOut, outcome_text
from lgeqa.operating_point import OperatingPoint

POINT = OperatingPoint(accept_from=0.8, repeat_below=0.2)


def kept_out(**changes: tuple[object, ...]) -> KeptOut:
    fields: dict[str, object] = {
        "probabilities": (0.1, 0.15, 0.5, 0.6, 0.8, 0.9, 0.95, 0.99),
        "diagnostic": (False, True, False, True, False, True, True, True),
        "may_accept": (True,) * 7 + (False,),
        "may_repeat": (True,) * 8,
        "patients": (0, 1, 2, 3, 4, 5, 6, 7),
    }
    return KeptOut.of(fields | changes)


def test_outcomes_count_decisions() -> None:
    outcomes = kept_out().outcomes(POINT, Bootstrap(200))
    assert {name: estimate.value for name, estimate in outcomes.items()} == {
        "accepted": 3 / 8,
        "poor_accepted": 1 / 8,
        "reviewed": 3 / 8,
        "repeated": 2 / 8,
        "good_repeated": 1 / 8,
    }
    low, high = outcomes["accepted"].low, outcomes["accepted"].high
    assert low is not None
    assert high is not None
    assert low < 3 / 8 < high
    assert outcome_text(outcomes) == (
        "Of 100 scans like these, 38 are accepted (12 of them poor), 38 sent to review, and 25 are to be repeated "
        "(12 of them good)."
    )


def test_risk_coverage_accepts_equal_probabilities_at_once() -> None:
    curve = kept_out(probabilities=(0.1, 0.1, 0.5, 0.6, 0.8, 0.9, 0.9, 0.9)).risk_coverage()
    assert curve == [(3 / 8, 0), (4 / 8, 1 / 4), (5 / 8, 1 / 5), (6 / 8, 2 / 6), (1.0, 3 / 8)]


def test_reliability_bins_hold_all_scans() -> None:
    bins = list(kept_out().reliability(4))
    assert list(bins[0]) == pytest.approx([0.125, 0.5, 2])
    assert sum(n for _, _, n in bins) == 8


def test_fields_of_other_lengths_are_refused() -> None:
    with pytest.raises(ConfigError, match="8 scans have other numbers of diagnostic"):
        kept_out(diagnostic=(True,))


def sample(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    labels = rng.uniform(size=n) < 0.5
    return 1 / (1 + np.exp(-rng.normal(np.where(labels, 1.0, -1.0), 1.5))), labels


@pytest.mark.parametrize("risk", [0.05, 0.1, 0.25])
def test_promise_holds_for_each_class(risk: float) -> None:
    """Over many calibration sets the mean error of each class is at most the promise, and not far below."""
    rng = np.random.default_rng(0)
    wrong = []
    for _ in range(400):
        point = OperatingPoint.of_promise(*sample(rng, 120), risk)
        shares, labels = sample(rng, 500)
        wrong.append(((shares[~labels] >= point.accept_from).mean(), (shares[labels] < point.repeat_below).mean()))
    poor, good = np.mean(wrong, axis=0)
    assert risk - 0.02 < poor < risk + 0.005
    assert risk - 0.02 < good < risk + 0.005


def test_classes_apart_leave_no_review() -> None:
    shares = np.linspace(0.01, 0.99, 40)
    point = OperatingPoint.of_promise(shares, shares > 0.5, 0.1)
    assert point.accept_from == point.repeat_below == pytest.approx(0.5, abs=0.05)


def test_promise_with_too_few_scans_is_refused() -> None:
    labels = np.arange(20) >= 8
    with pytest.raises(CohortError, match="at least 9 scans of each class, and there are 12 diagnostic and 8 others"):
        OperatingPoint.of_promise(np.linspace(0, 1, 20), labels, 0.1)
    assert OperatingPoint.of_promise(np.linspace(0, 1, 20), labels, 0.12).accept_from > 0.36


def test_promise_with_too_few_good_scans_is_refused() -> None:
    with pytest.raises(CohortError, match="there are 8 diagnostic and 12 others"):
        OperatingPoint.of_promise(np.linspace(0, 1, 20), np.arange(20) >= 12, 0.1)


def test_promise_uses_all_errors_that_it_allows() -> None:
    """A risk of .29 among 99 + 1 scans is 29 ranks, although .29 times 100 is less than 29 in floating point."""
    poor, good = np.linspace(0, 0.8, 99), np.linspace(0.2, 1, 99)
    point = OperatingPoint.of_promise(np.append(poor, good), np.arange(198) >= 99, 0.29)
    assert ((poor >= point.accept_from).sum(), (good < point.repeat_below).sum()) == (28, 28)


def test_probability_at_the_lower_limit_is_reviewed() -> None:
    outcomes = kept_out(probabilities=(0.1, 0.2, 0.5, 0.6, 0.8, 0.9, 0.95, 0.99)).outcomes(POINT, Bootstrap(100))
    assert (outcomes["repeated"].value, outcomes["good_repeated"].value) == (1 / 8, 0)


def test_doubtful_scan_is_not_repeated() -> None:
    outcomes = kept_out(may_repeat=(False,) + (True,) * 7).outcomes(POINT, Bootstrap(100))
    assert (outcomes["repeated"].value, outcomes["reviewed"].value) == (1 / 8, 4 / 8)


def test_interval_resamples_patients() -> None:
    apart = kept_out().outcomes(POINT, Bootstrap(500))["accepted"]
    together = kept_out(patients=(0, 0, 0, 0, 1, 1, 1, 1)).outcomes(POINT, Bootstrap(500))["accepted"]
    assert together.value == apart.value
    assert (together.low, together.high) == pytest.approx((0, 3 / 4))
    assert (apart.low, apart.high) != (together.low, together.high)


def test_reliability_has_no_empty_bin() -> None:
    assert [n for _, _, n in kept_out().reliability(20)] == [1] * 8
