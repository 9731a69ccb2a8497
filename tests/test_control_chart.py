"""Control charts: what changes they find, and how often they are wrong."""

import numpy as np
import pytest

from lgeqa.control_chart import BASELINE, WIDTH, control_chart


def test_average_and_limits_follow_their_definition() -> None:
    values = np.array([1.0, 3.0, 2.0, 6.0, 2.0])
    chart = control_chart(values, baseline=3)
    assert chart is not None
    assert chart.centre == 2
    assert chart.averages == pytest.approx([2.4, 2.36])
    first = WIDTH * 1.0 * np.sqrt(0.1 / 1.9 * (1 - 0.9**2) + 0.1**2 / 3)
    assert chart.half_widths[0] == pytest.approx(first)
    assert chart.baseline == 3


def test_missing_values_are_left_out() -> None:
    values = np.array([1.0, np.nan, 3.0, 2.0, 6.0])
    chart = control_chart(values, baseline=3)
    assert chart is not None
    assert list(chart.values) == [1, 3, 2, 6]
    assert control_chart(values[:4], baseline=3) is None


def test_change_is_outside_until_it_ends() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=160)
    values[60:100] += 3
    chart = control_chart(values)
    assert chart is not None
    assert chart.outside[60 - BASELINE + 8]
    assert chart.since is None
    short = control_chart(values[:90])
    assert short is not None
    assert short.since is not None
    assert 60 <= short.since <= 68


@pytest.mark.parametrize(("shift", "least", "most"), [(0.0, 0.01, 0.06), (1.0, 0.9, 1.0)])
def test_share_of_series_outside_within_100_values(shift: float, least: float, most: float) -> None:
    rng = np.random.default_rng(1)
    series = rng.normal(size=(1000, BASELINE + 100))
    series[:, BASELINE:] += shift
    charts = [control_chart(values) for values in series]
    assert least < np.mean([chart is not None and chart.outside.any() for chart in charts]) <= most


def test_constant_series_stays_inside() -> None:
    chart = control_chart(np.full(200, 0.66))
    assert chart is not None
    assert not chart.outside.any()


def test_constant_baseline_finds_the_first_other_value() -> None:
    chart = control_chart(np.array([1.0] * 30 + [1.0, 0.0]))
    assert chart is not None
    assert list(chart.outside) == [False, True]


def test_change_starts_at_the_first_value_outside() -> None:
    chart = control_chart(np.array([1.0] * 30 + [1.0, 0.0, 0.0]))
    assert chart is not None
    assert chart.since == 31
