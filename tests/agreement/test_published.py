"""Worked examples as they were published, with the figures that stand there."""

import numpy as np
import pytest

from lgeqa.agreement.statistics import Sample, alpha, icc, kappa, label_kappa
from lgeqa.bootstrap import Bootstrap

NAN = np.nan


def sample(scans: int) -> Sample:
    return Sample(np.arange(scans), Bootstrap(100))


def readings(table: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """The scores of two readers, from how often one gave i and the other j."""
    counts = np.array(table)
    a, b = np.indices(counts.shape)
    return np.repeat(a.ravel() + 1.0, counts.ravel()), np.repeat(b.ravel() + 1.0, counts.ravel())


def test_icc_of_shrout_and_fleiss() -> None:
    """Shrout and Fleiss 1979, Psychological Bulletin 86:420-428, tables 2 and 4: 6 targets, 4 judges, ICC(2,1) .29."""
    targets = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]

    figure = icc(np.array(targets, float).T, sample(6))

    assert figure.value == pytest.approx(0.29, abs=0.005)
    assert (figure.low, figure.high) == pytest.approx((0.019, 0.76), abs=0.005)  # as R's psych prints them


def test_alpha_of_krippendorff() -> None:
    """Krippendorff 2011, Computing Krippendorff's Alpha-Reliability, section D: 4 observers, 12 units, ordinal .815."""
    observers = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]

    assert alpha(np.array(observers), sample(12)).value == pytest.approx(0.815, abs=0.0005)


def test_weighted_kappa_of_sim_and_wright() -> None:
    """Sim and Wright 2005, Physical Therapy 85:257-268: spinal pain, none to severe, twice, quadratic weights: .67."""
    a, b = readings([[15, 3, 1, 1], [4, 18, 3, 2], [4, 5, 16, 4], [1, 2, 4, 17]])

    assert kappa(a, b, sample(len(a))).value == pytest.approx(0.67, abs=0.005)


def test_kappa_of_two_classes_of_sim_and_wright() -> None:
    """Ibidem: relevance of lateral shift, by two clinicians on 39 patients: .67."""
    a, b = readings([[22, 2], [4, 11]])

    assert label_kappa(a - 1, b - 1, sample(len(a))).value == pytest.approx(0.67, abs=0.005)
