import math

import numpy as np
import pytest

from lgeqa.evaluation.detection import SliceCounts, count_slices, dice


def mask(*held: int) -> np.ndarray:
    field = np.zeros((6, 4, 4), bool)
    field[list(held), :2] = True
    return field


def test_dice_of_halves() -> None:
    assert dice(mask(1, 2), mask(1, 2)) == 1
    assert dice(mask(1, 2), mask(2, 3)) == pytest.approx(0.5)
    assert dice(mask(1), mask(4)) == 0


def test_dice_of_nothing_is_undefined() -> None:
    assert math.isnan(dice(mask(), mask()))


def test_slices_are_counted() -> None:
    counts = count_slices(mask(1, 2, 3), mask(2, 3, 4))
    assert counts == SliceCounts(true_positive=2, false_positive=1, false_negative=1, true_negative=2)
    assert counts.f1 == pytest.approx(4 / 6)
    # Two called in vain, one missed; and the sum keeps each kind apart.
    other = count_slices(mask(1, 2, 3), mask(3, 4))
    assert other == SliceCounts(true_positive=1, false_positive=2, false_negative=1, true_negative=2)
    assert counts + other == SliceCounts(true_positive=3, false_positive=3, false_negative=2, true_negative=4)
    assert (counts + count_slices(mask(0), mask(0))).f1 == pytest.approx(6 / 8)


def test_f1_of_nothing_is_undefined() -> None:
    assert math.isnan(count_slices(mask(), mask()).f1)
