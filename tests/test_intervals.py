import math
from functools import partial

import numpy as np
import pytest
from pydantic import ValidationError

from lgeqa import bootstrap as module
from lgeqa.bootstrap import SAME, Bootstrap, Estimate, with_interval
from lgeqa.evaluation.metrics import brier, precision, recall
from lgeqa.roc import auroc

RNG = np.random.default_rng(3)
LABELS = RNG.random(30) < 0.5
PROBABILITIES = np.clip(LABELS * 0.3 + RNG.random(30) * 0.7, 0, 1)
SINGLE = np.arange(30)


def test_the_interval_is_the_percentiles_of_naive_draws() -> None:
    patients = np.array([0, 0, 1, 2, 2, 2, 3, 4, 5, 5])
    labels, ranks = LABELS[:10], PROBABILITIES[:10]
    figure = with_interval(partial(auroc, labels, ranks), patients, Bootstrap(300, seed=8))

    values = []
    for counts in np.random.default_rng(8).multinomial(6, [1 / 6] * 6, 300):
        chosen = [
            i for patient, count in enumerate(counts) for _ in range(count) for i in np.flatnonzero(patients == patient)
        ]
        pairs = [(ranks[i], ranks[j]) for i in chosen for j in chosen if labels[i] and not labels[j]]
        if pairs:
            values.append(sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs))
    assert (figure.low, figure.high) == pytest.approx(tuple(np.percentile(values, [2.5, 97.5])))
    assert figure.caution == f"interval without the {300 - len(values)} of 300 draws in which it is undefined"


def test_scans_of_a_patient_come_together() -> None:
    """Six equal scans of each patient know no more than one: drawing scans would make the interval less than half."""
    once = with_interval(partial(brier, LABELS, PROBABILITIES), SINGLE, Bootstrap())
    labels, probabilities = np.repeat(LABELS, 6), np.repeat(PROBABILITIES, 6)
    together = with_interval(partial(brier, labels, probabilities), np.repeat(SINGLE, 6), Bootstrap())
    apart = with_interval(partial(brier, labels, probabilities), np.arange(180), Bootstrap())

    assert (together.value, together.low, together.high) == pytest.approx((once.value, once.low, once.high))
    assert None not in {together.low, together.high, apart.low, apart.high}
    assert (together.high or 0) - (together.low or 0) > 2 * ((apart.high or 0) - (apart.low or 0))


def test_the_interval_of_a_share_is_the_one_of_the_textbook() -> None:
    labels = np.arange(400) < 300
    figure = with_interval(partial(recall, np.ones(400, bool), labels), np.arange(400), Bootstrap(4000))
    half = 1.96 * math.sqrt(0.75 * 0.25 / 400)
    assert figure.value == 0.75
    assert (figure.low, figure.high) == pytest.approx((0.75 - half, 0.75 + half), abs=0.005)


def test_the_same_seed_gives_the_same_and_another_another() -> None:
    first, again, other = (
        with_interval(partial(auroc, LABELS, PROBABILITIES), SINGLE, Bootstrap(200, seed)) for seed in (1, 1, 2)
    )
    assert first == again
    assert first.value == other.value
    assert first.low != other.low or first.high != other.high


def test_blocks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = with_interval(partial(auroc, LABELS, PROBABILITIES), SINGLE, Bootstrap(100))
    monkeypatch.setattr(module, "_BLOCK", 70)
    assert [len(block) for block in Bootstrap(5).times(SINGLE)] == [2, 2, 1]
    assert with_interval(partial(auroc, LABELS, PROBABILITIES), SINGLE, Bootstrap(100)) == whole


def test_one_patient_gives_no_interval() -> None:
    figure = with_interval(partial(auroc, LABELS, PROBABILITIES), np.zeros(30, int), Bootstrap())
    assert figure.value is not None
    assert (figure.low, figure.high, figure.caution) == (None, None, "one patient only: no interval")


def test_undefined_draws_are_reported() -> None:
    calls = SINGLE == 4
    figure = with_interval(partial(precision, np.ones(30, bool) & (SINGLE < 5), calls), SINGLE, Bootstrap(500))
    assert figure.caution == SAME  # of the draws that hold the one call

    def rarely(times: np.ndarray) -> np.ndarray:
        return np.where(times[:, 0] == 1, times[:, 1], math.nan)

    figure = with_interval(rarely, SINGLE, Bootstrap(500))
    undefined = sum(int((times[:, 0] != 1).sum()) for times in Bootstrap(500).times(SINGLE))
    assert figure == Estimate(value=1, caution=f"undefined in {undefined} of 500 draws: no interval")


def test_a_figure_of_one_has_no_interval_of_no_width() -> None:
    figure = with_interval(partial(auroc, LABELS, LABELS.astype(float)), SINGLE, Bootstrap())
    assert figure == Estimate(value=1, caution=SAME)


@pytest.mark.parametrize("values", [{}, {"value": 0.5, "undefined": "no scan"}, {"value": math.nan}])
def test_a_figure_has_a_value_or_a_reason(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=r"a value or a reason|finite"):
        Estimate.model_validate(values)
    assert '"value":null' in Estimate(undefined="no scan is diagnostic").model_dump_json()
