from itertools import pairwise

import numpy as np
import pytest

from lgeqa.measures import reference_scans
from lgeqa.records import ScanResult
from lgeqa.reporting.batch_measures import BatchMeasure, batch_measures, measure_table, robust_z
from lgeqa.reporting.presenter import ScanLink
from tests.results import assessed, measured, unassessed

#: Noise of ten scans, the last far above the others.
NOISE = (9.0, 9.5, 10.0, 10.5, 11.0, 11.5, 12.0, 12.5, 13.0, 40.0)


def results(*noise: float | None) -> list[ScanResult]:
    return [
        assessed(f"scan {number}", measures=measured(0.5, noise_percent=value)) for number, value in enumerate(noise)
    ]


def over(batch: list[ScanResult]) -> list[BatchMeasure]:
    return batch_measures(measure_table(batch), lambda number: ScanLink(batch[number].scan_id), reference_scans())


def shown(name: str, *noise: float | None) -> BatchMeasure:
    return next(row for row in over(results(*noise)) if row.measure.name == name)


def test_robust_z_is_that_of_iglewicz_and_hoaglin() -> None:
    values = np.array([2.1, 2.6, 2.4, 2.5, 2.3, 2.1, 2.3, 2.6, 8.2, 8.3], np.float32)  # their example
    expected = [0.6745 * (x - np.median(values)) / np.median(abs(values - np.median(values))) for x in values]
    assert robust_z(values) == pytest.approx(expected, rel=1e-4)
    assert [abs(z) > 3.5 for z in robust_z(values)] == [False] * 8 + [True] * 2


@pytest.mark.parametrize("values", [[], list(range(7)), [1.0] * 7 + [5.0, 6.0]])
def test_robust_z_needs_eight_values_that_differ(values: list[float]) -> None:
    assert len(robust_z(np.array(values, np.float32))) == 0


def test_outlier_is_named_with_its_direction() -> None:
    [outlier] = shown("noise_percent", *NOISE).outliers(10)
    assert outlier.scan.scan_id == "scan 9"
    assert outlier.text == "40.0 % of blood"
    assert outlier.words == "far above the others, worse (robust z +15.5)"


def test_outlier_below_is_better_where_lower_is() -> None:
    [outlier] = shown("noise_percent", *(50 - value for value in NOISE)).outliers(10)
    assert outlier.words == "far below the others, better (robust z −15.5)"


def test_the_farthest_outlier_comes_first() -> None:
    found = shown("noise_percent", 30.0, *NOISE[:-1], 60.0, 10.2, 10.7).outliers(10)
    assert [outlier.scan.scan_id for outlier in found] == ["scan 10", "scan 0"]


def test_scans_with_an_undefined_value_are_left_out() -> None:
    row = shown("noise_percent", None, *NOISE)
    assert [scan.scan_id for scan, _, _ in row.dots] == [f"scan {number}" for number in range(1, 11)]
    assert row.median == pytest.approx(11.25)


def test_fewer_than_six_scans_with_measures_show_nothing() -> None:
    others = [unassessed(str(number)) for number in range(9)]
    assert over([*results(*NOISE[:5]), *others]) == []
    assert over([*results(*NOISE[:6]), *others])


def test_only_so_many_outliers_are_named_and_all_counted() -> None:
    row = shown("noise_percent", 60.0, *NOISE[:-1], 50.0, 70.0)
    assert [outlier.scan.scan_id for outlier in row.outliers(2)] == ["scan 11", "scan 0"]
    assert row.n_outliers == 3


def test_histogram_counts_every_scan_on_the_axis() -> None:
    row = shown("noise_percent", *NOISE, 900.0)
    counts = [int(column.title.split()[0]) for column in row.columns]
    assert sum(counts) == 11
    assert max(column.height for column in row.columns) == 100
    edges = [(column.left, column.left + column.width) for column in row.columns]
    assert all(right <= left + 0.02 for (_, right), (left, _) in pairwise(edges))
    assert row.columns[-1].title.startswith("1 scan from")
    assert edges[-1][1] == pytest.approx(row.strip.at(row.strip.high), abs=0.02)


def test_histogram_of_equal_values_is_one_column() -> None:
    [column] = next(row for row in over(results(*NOISE)) if row.strip.low == row.strip.high).columns
    assert (column.left, column.height) == (50, 100)
    assert column.width > 0
    assert column.title.startswith("10 scans")


def test_shifted_median_is_named() -> None:
    assert shown("noise_percent", *NOISE).shift == ""
    assert shown("noise_percent", *(90.0,) * 6).shift == "above"
    assert shown("noise_percent", *(0.0,) * 6).shift == "below"


def test_axis_holds_batch_and_reference_but_no_single_outlier() -> None:
    strip = shown("noise_percent", *(100.0 + value for value in range(30)), 900.0).strip
    assert strip.low == reference_scans().quantiles["noise_percent"][0]
    assert [strip.beyond(value) for value in (100.0, 125.0, 900.0)] == [0, 0, 1]
