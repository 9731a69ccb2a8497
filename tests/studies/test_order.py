from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from lgeqa.studies.reading_order import Place, draw_order, draw_repeated

SIZES = [(1, 0.0), (2, 0.5), (2, 1.0), (3, 0.4), (5, 1.0), (7, 0.3), (20, 0.2), (20, 1.0), (61, 0.5)]


def gaps(order: list[Place]) -> list[int]:
    """Places between the two readings of each scan that is shown twice."""
    places: dict[int, list[int]] = {}
    for place, one in enumerate(order):
        places.setdefault(one.scan, []).append(place)
    return [second - first for first, second in (pair for pair in places.values() if len(pair) == 2)]


@pytest.mark.parametrize(("n", "share"), SIZES)
@pytest.mark.parametrize("seed", range(5))
def test_each_scan_is_there_and_the_repeated_ones_twice(n: int, share: float, seed: int) -> None:
    repeated = draw_repeated(seed, n, share)
    order = draw_order(seed, 1, n, repeated)

    assert Counter(one.scan for one in order if one.round == 1) == Counter(range(n))
    assert sorted(one.scan for one in order if one.round == 2) == repeated
    assert len(repeated) == len(set(repeated)) == round(share * n)


@pytest.mark.parametrize(("n", "share"), SIZES)
@pytest.mark.parametrize("seed", range(20))
def test_second_readings_come_late_after_the_first(n: int, share: float, seed: int) -> None:
    order = draw_order(seed, 1, n, draw_repeated(seed, n, share))
    half = len(order) // 2

    assert all(place >= half for place, one in enumerate(order) if one.round == 2)
    assert all(gap >= max(2, len(order) / 4) for gap in gaps(order))
    assert all(one.scan != after.scan for one, after in pairwise(order))


def test_gaps_before_second_readings_differ() -> None:
    assert len(set(gaps(draw_order(0, 1, 40, draw_repeated(0, 40, 0.5))))) > 5


def test_reading_order_depends_on_seed_and_reader_number_only() -> None:
    repeated = draw_repeated(1, 12, 0.25)
    orders = [draw_order(1, reader, 12, repeated) for reader in (1, 2, 3)]

    assert orders[1] == draw_order(1, 2, 12, repeated)
    assert orders[0] != orders[1] != orders[2] != orders[0]
    assert draw_order(2, 1, 12, repeated) != orders[0]


def test_each_scan_is_as_likely_at_the_start_as_any_other() -> None:
    """Without repeated scans; chi-square with 9 degrees of freedom is below 27.9 in 999 of 1000 cases."""
    n, draws = 10, 2000
    starts = np.bincount([draw_order(seed, 1, n, [])[0].scan for seed in range(draws)], minlength=n)

    assert ((starts - draws / n) ** 2 / (draws / n)).sum() < 27.9


def test_which_scans_are_repeated_is_chance() -> None:
    counts = np.bincount([scan for seed in range(2000) for scan in draw_repeated(seed, 10, 0.3)], minlength=10)

    assert counts.min() > 500
    assert counts.max() < 700


def test_small_share_is_one_scan_and_zero_is_none() -> None:
    assert len(draw_repeated(0, 8, 0.01)) == 1
    assert draw_repeated(0, 8, 0.0) == []
