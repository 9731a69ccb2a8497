import numpy as np
import pytest

from lgeqa.measures import reference_scans
from lgeqa.reporting.batch_measures import BatchMeasure, batch_measures, robust_z
from lgeqa.reporting.presenter import ScanView
from tests.results import assessed, measured, unassessed

#: Noise of ten scans, the last far above the others.
NOISE = (9.0, 9.5, 10.0, 10.5, 11.0, 11.5, 12.0, 12.5, 13.0, 40.0)


def views(*noise: float | None) -> list[ScanView]:
    return [
        ScanView(assessed(f"scan {number}", measures=measured(0.5, noise_percent=value)), "report.html")
        for number, value in enumerate(noise)
    ]


def shown(name: str, *noise: float | None) -> BatchMeasure:
    found = batch_measures(views(*noise), reference_scans())
    return next(one for one in found if one.measure.name == name)


def test_robust_z_is_that_of_iglewicz_and_hoaglin() -> None:
    values = np.array([2.1, 2.6, 2.4, 2.5, 2.3, 2.1, 2.3, 2.6, 8.2, 8.3])  # their example
    expected = [0.6745 * (x - np.median(values)) / np.median(abs(values - np.median(values))) for x in values]
    assert robust_z(values.tolist()) == pytest.approx(expected)
    assert [abs(z) > 3.5 for z in robust_z(values.tolist())] == [False] * 8 + [True] * 2


@pytest.mark.parametrize("values", [[], list(range(7)), [1.0] * 7 + [5.0, 6.0]])
def test_robust_z_needs_eight_values_that_differ(values: list[float]) -> None:
    assert robust_z(values) == []


def test_outlier_is_named_with_its_direction() -> None:
    [outlier] = shown("noise_percent", *NOISE).outliers
    assert outlier.view.result.scan_id == "scan 9"
    assert outlier.text == "40.0 % of blood"
    assert outlier.words == "far above the others, worse (robust z +15.5)"


def test_outlier_below_is_better_where_lower_is() -> None:
    [outlier] = shown("noise_percent", *(50 - value for value in NOISE)).outliers
    assert outlier.words == "far below the others, better (robust z −15.5)"


def test_the_farthest_outlier_comes_first() -> None:
    found = shown("noise_percent", 30.0, *NOISE[:-1], 60.0, 10.2, 10.7).outliers
    assert [outlier.view.result.scan_id for outlier in found] == ["scan 10", "scan 0"]


def test_scans_with_an_undefined_value_are_left_out() -> None:
    row = shown("noise_percent", None, *NOISE)
    assert [view.result.scan_id for view in row.views] == [f"scan {number}" for number in range(1, 11)]
    assert row.median == pytest.approx(11.25)


def test_fewer_than_six_scans_with_measures_show_nothing() -> None:
    others = [ScanView(unassessed(str(number)), "report.html") for number in range(9)]
    assert batch_measures([*views(*NOISE[:5]), *others], reference_scans()) == []
    assert batch_measures([*views(*NOISE[:6]), *others], reference_scans())


def test_shifted_median_is_named() -> None:
    assert shown("noise_percent", *NOISE).shift == ""
    assert shown("noise_percent", *(90.0,) * 6).shift == "above"
    assert shown("noise_percent", *(0.0,) * 6).shift == "below"


def test_axis_holds_batch_and_reference_but_no_single_outlier() -> None:
    strip = shown("noise_percent", *(100.0 + value for value in range(30)), 900.0).strip
    assert strip.low == reference_scans().quantiles["noise_percent"][0]
    assert [strip.beyond(value) for value in (100.0, 125.0, 900.0)] == [0, 0, 1]
