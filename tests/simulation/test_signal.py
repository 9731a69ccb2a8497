"""Signal of the inversion recovery, against closed forms and a loop straight from the formula."""

import math

import numpy as np
import pytest

from lgeqa.errors import ConfigError, UsageError
from lgeqa.simulation.signal import Sequence, inversion_for, inversion_recovery, null_time, signed_inversion_recovery
from lgeqa.simulation.tissue import PROPERTIES, Tissue


def naive(t1: float, density: float, ti: float, tr: float, f: float = 1.0) -> float:
    return density * (1 - (1 + f) * math.exp(-ti / t1) + f * math.exp(-tr / t1))


@pytest.mark.parametrize("ti", [120.0, 270.0, 600.0])
@pytest.mark.parametrize("tr", [700.0, 1000.0, 2000.0])
def test_formula(ti: float, tr: float) -> None:
    t1 = np.array([[200.0, 450.0, 4000.0]])
    density = np.array([[0.3], [1.0]])
    sequence = Sequence(inversion_time_ms=ti, repetition_ms=tr)
    expected = np.array([[naive(t, d, ti, tr) for t in t1[0]] for d in density[:, 0]])
    np.testing.assert_allclose(signed_inversion_recovery(t1, density, sequence), expected, rtol=1e-12)
    np.testing.assert_allclose(inversion_recovery(t1, density, sequence), np.abs(expected), rtol=1e-12)


def test_weak_pulse_leaves_some_of_the_magnetisation_upright() -> None:
    sequence = Sequence(inversion_time_ms=270, efficiency=0.4)
    assert signed_inversion_recovery(450.0, 0.8, sequence) == pytest.approx(naive(450, 0.8, 270, 1000, 0.4), rel=1e-12)
    assert signed_inversion_recovery(450.0, 1.0, Sequence(inversion_time_ms=270, efficiency=0)) > 0.4


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("wanted", [0.0, 0.2, 0.5])
def test_inversion_gives_the_ratio_that_was_asked_for(wanted: float, early: bool) -> None:
    inversion_ms = inversion_for(wanted, (450.0, 325.0), 1000.0, early=early)
    muscle, blood = inversion_recovery((450.0, 325.0), 1.0, Sequence(inversion_time_ms=inversion_ms))
    assert muscle / blood == pytest.approx(wanted, abs=1e-6)
    null_ms = null_time(450.0, 1000.0)
    assert inversion_ms == pytest.approx(null_ms) or (inversion_ms < null_ms) is early


def test_a_ratio_that_no_late_inversion_gives_is_the_most() -> None:
    most = inversion_for(1.5, (450.0, 325.0), 1000.0, early=False)
    assert most == inversion_for(2.0, (450.0, 325.0), 1000.0, early=False) == 3 * null_time(450.0, 1000.0)


@pytest.mark.parametrize("t1", [250.0, 450.0, 900.0])
@pytest.mark.parametrize("tr", [800.0, 1000.0, 1600.0])
def test_nothing_is_left_at_the_null_time(t1: float, tr: float) -> None:
    sequence = Sequence(inversion_time_ms=null_time(t1, tr), repetition_ms=tr)
    assert inversion_recovery(t1, 1.0, sequence) == pytest.approx(0, abs=1e-12)


def test_null_time_of_a_full_recovery_is_t1_times_ln_2() -> None:
    assert null_time(300.0, 1e6) == pytest.approx(300 * math.log(2))


def test_sign_turns_at_the_null_time() -> None:
    null = null_time(450.0, 1000.0)
    assert signed_inversion_recovery(450.0, 1.0, Sequence(inversion_time_ms=null - 20)) < 0
    assert signed_inversion_recovery(450.0, 1.0, Sequence(inversion_time_ms=null + 20)) > 0


def test_tissues_are_as_on_a_good_scan() -> None:
    null = null_time(PROPERTIES[Tissue.MYOCARDIUM].t1_ms, 1000.0)
    level = {
        tissue: float(inversion_recovery(p.t1_ms, p.density, Sequence(inversion_time_ms=null)))
        for tissue, p in PROPERTIES.items()
    }
    assert level[Tissue.FIBROSIS] > 1.2 * level[Tissue.BLOOD]
    assert level[Tissue.VALVE] > level[Tissue.BLOOD] > 2 * level[Tissue.WALL]
    assert level[Tissue.BLOOD] > 3 * level[Tissue.MUSCLE]
    assert level[Tissue.LUNG] < 0.2 * level[Tissue.BLOOD]
    assert level[Tissue.AIR] == 0


def test_every_tissue_has_its_properties() -> None:
    assert set(PROPERTIES) == set(Tissue)
    assert [int(tissue) for tissue in Tissue] == list(range(len(Tissue)))


def test_times_that_make_no_signal_are_refused() -> None:
    with pytest.raises(UsageError, match="T1 of -5 ms"):
        inversion_recovery([300.0, -5.0], 1.0, Sequence(inversion_time_ms=270))
    with pytest.raises(UsageError, match="T1 of 0 ms"):
        null_time(0.0, 1000.0)
    with pytest.raises(UsageError, match="the repetition time of -1 ms"):
        null_time(300.0, -1.0)
    with pytest.raises(UsageError, match="T1 of nan ms"):
        null_time(math.nan, 1000.0)


@pytest.mark.parametrize("values", [{"inversion_time_ms": 0}, {"inversion_time_ms": 270, "fat_signal": 1.5}, {}])
def test_settings_out_of_range_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=r"inversion_time_ms|fat_signal"):
        Sequence.of(values)
